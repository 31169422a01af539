"""Translates libcurl's error numbers into errors of msnpauth.

curl's own text is never shown: it quotes addresses that contain a proxy's password, and text of the
server. It is only searched for OpenSSL's constants and a few phrases of curl itself.
"""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass

import pycurl

from ..core.errors import ConnectionFailed, LocalProtocolError, RemoteProtocolError, SignInError
from ..core.tickets.exchange import Request
from ..net.names import network_error
from ..net.proxies import environment_proxy, proxy_out_of_reach, proxy_refusal, unknown_proxy
from ..net.tls import CertificateFault, certificate_error, tls_error
from .common import closed_early, not_http, too_late

__all__ = ["Facts", "curl_error"]

# Numbers that pycurl has no names for; they never change (libcurl-errors(3)).
_E_PROXY = 97
_E_TOO_LARGE = 100
_E_PEER_CERTIFICATE = 51  # before libcurl 7.62; 60 since then

_NOT_HTTP = frozenset(
    {pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_FTP_WEIRD_SERVER_REPLY, pycurl.E_BAD_CONTENT_ENCODING,
     pycurl.E_HTTP2}
)  # fmt: skip
_CLOSED = frozenset(
    {pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_PARTIAL_FILE}
)
_BAD_CHUNK = re.compile(r"(?i)chunk|hex|malformed encoding")
_OPENSSL = re.compile(r"error:[0-9A-Fa-f]+:[^:]*:[^:]*:([A-Za-z0-9 _/]{1,60})")
_TLS_WORDS = re.compile(
    r"(?i)wrong version number|packet length too long|unsupported protocol|handshake failure"
    r"|protocol version|no shared cipher|unexpected message|record layer failure|http request"
)
_WRONG_NAME = re.compile(r"(?i)subject name|target host")
_BAD_PROXY = re.compile(r"(?i)unsupported proxy|proxy (scheme|syntax|name)|bad proxy")

_SENTENCES: dict[int, tuple[str, str | None]] = {
    pycurl.E_SSL_CACERT_BADFILE: (
        "the certificates to trust cannot be read",
        "check ca_file=, or SSL_CERT_FILE and SSL_CERT_DIR",
    ),
    pycurl.E_OUT_OF_MEMORY: ("there is not enough memory", None),
    pycurl.E_FAILED_INIT: ("curl could not be set up", None),
}


@dataclass(frozen=True)
class Facts:
    """Data of curl about an exchange that failed.

    Attributes:
        number: curl's error number, `CURLE_…`.
        words: curl's own text: searched, never shown.
        verify_result: OpenSSL's number for a certificate; 0 where the chain was right.
        errno: the system's number for the last connection that failed; 0 for none.
        connect_code: the HTTP status of a proxy's answer to CONNECT; 0 where there was none.
    """

    number: int
    words: str
    verify_result: int
    errno: int
    connect_code: int

    @classmethod
    def of(cls, error: BaseException, curl: pycurl.Curl) -> Facts:
        """Return the data of an error that `perform` returned, and of its handle."""
        number, words = [*error.args, 0, ""][:2] if error.args else (0, "")
        return cls(
            number if isinstance(number, int) else 0,
            words if isinstance(words, str) else "",
            curl.getinfo(pycurl.SSL_VERIFYRESULT),
            curl.getinfo(pycurl.OS_ERRNO),
            curl.getinfo(pycurl.HTTP_CONNECTCODE),
        )

    @property
    def is_plain_end(self) -> bool:
        """True when the connection ended without a TLS close_notify."""
        return self.number == pycurl.E_RECV_ERROR and "unexpected eof" in self.words


def curl_error(facts: Facts, request: Request, timeout: float) -> SignInError:
    """Return the error of msnpauth for an error of curl."""
    step, server, number = request.step, request.url.origin, facts.number
    if number == pycurl.E_OPERATION_TIMEDOUT:
        return too_late(request, timeout)
    if (error := _proxy_error(facts, request)) is not None:
        return error
    if number in (pycurl.E_PEER_FAILED_VERIFICATION, _E_PEER_CERTIFICATE):
        return _certificate(facts, request)
    if number == pycurl.E_SSL_CONNECT_ERROR:
        return tls_error(_tls_reason(facts.words), step, server)
    if number in _NOT_HTTP or (number == pycurl.E_RECV_ERROR and _BAD_CHUNK.search(facts.words)):
        return not_http(request)
    if number in _CLOSED:
        # Under TLS 1.3 a server refuses a client after the handshake, when curl reads already.
        reason = _tls_reason(facts.words)
        return tls_error(reason, step, server) if "ALERT" in reason else closed_early(request)
    if number == _E_TOO_LARGE:
        return RemoteProtocolError("headers without end", step=step, server=server)
    if number == pycurl.E_COULDNT_RESOLVE_HOST:
        # curl does not report whether the resolver answered: an unknown name is assumed.
        return network_error(socket.gaierror(socket.EAI_NONAME, ""), step, server)
    if number == pycurl.E_COULDNT_CONNECT:
        return _no_connection(facts, request)
    text, hint = _SENTENCES.get(number, (f"curl failed (its error {number})", None))
    return ConnectionFailed(text, step=step, server=server, hint=hint)


def _no_connection(facts: Facts, request: Request) -> SignInError:
    """Return the error for a failed connection: to the proxy, if there is one."""
    step, server = request.step, request.url.origin
    if facts.errno:
        error = network_error(OSError(facts.errno, os.strerror(facts.errno)), step, server)
    else:
        error = ConnectionFailed("no connection could be made", step=step, server=server)
    if (proxy := environment_proxy(request.url)) is not None:
        return proxy_out_of_reach(proxy, error.text, request)
    return error


def _proxy_error(facts: Facts, request: Request) -> SignInError | None:
    step, server = request.step, request.url.origin
    proxy = environment_proxy(request.url)
    if _BAD_PROXY.search(facts.words):
        name = proxy.variable if proxy and proxy.variable else "the environment"
        return LocalProtocolError(
            f"curl cannot use the proxy that {name} names",
            step=step,
            server=server,
            hint="give it as http://host:port, or socks5h://host:port",
            finding="MA-PRX-07",
        )
    if facts.number == pycurl.E_COULDNT_RESOLVE_PROXY:
        return unknown_proxy(proxy, request)
    if facts.number == _E_PROXY or facts.connect_code >= 300:
        return proxy_refusal(proxy, facts.connect_code, request)
    return None


def _certificate(facts: Facts, request: Request) -> SignInError:
    code = facts.verify_result
    fault = CertificateFault.of(code)
    if fault is CertificateFault.OTHER and _WRONG_NAME.search(facts.words):
        fault, code = CertificateFault.WRONG_NAME, 0  # curl compares names by itself
    return certificate_error(fault, request.step, request.url.origin, code)


def _tls_reason(words: str) -> str:
    """Return OpenSSL's constant out of curl's words."""
    match = _OPENSSL.search(words)
    reason = match[1] if match else ""
    if not match and (found := _TLS_WORDS.search(words)):
        reason = found[0]
    return reason.strip().upper().replace(" ", "_").replace("/", "_")

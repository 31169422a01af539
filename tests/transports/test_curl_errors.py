"""What libcurl's numbers mean (libcurl-errors(3)), and that its own words are never shown."""

from __future__ import annotations

import errno
from typing import Any

import pycurl
import pytest

from msnpauth import (
    CertificateRejected,
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    SignInError,
    SignInTimeout,
)
from msnpauth.core.errors import Step
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from msnpauth.net.tls import CertificateFault, certificate_error, tls_error
from msnpauth.transports.curl_errors import Facts, curl_error

REQUEST = Request("GET", Url.parse("https://login.example/login2.srf"), step=Step.LOGIN)
SECRET = "hunter2"
UNKNOWN = "curl failed (its error {})"


def facts(number: int, words: str = "", **others: int) -> Facts:
    return Facts(number, words, **{"verify_result": 0, "errno": 0, "connect_code": 0, **others})


def error_of(number: int, words: str = "", **others: int) -> SignInError:
    error = curl_error(facts(number, words, **others), REQUEST, 2.5)
    assert (error.step, error.server) == (Step.LOGIN, "https://login.example")
    return error


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@proxy.example:3128")


@pytest.mark.parametrize(
    ("number", "words", "kind", "text"),
    [
        (28, "Operation timed out after 2500 ms", SignInTimeout, "no answer within 2.5 seconds"),
        (1, "Received HTTP/0.9 when not allowed", RemoteProtocolError, "the answer is not HTTP/1.1"),
        (8, "Weird server reply", RemoteProtocolError, "the answer is not HTTP/1.1"),
        (61, "Unrecognized content encoding", RemoteProtocolError, "the answer is not HTTP/1.1"),
        (16, "", RemoteProtocolError, "the answer is not HTTP/1.1"),
        (56, "Illegal or missing hexadecimal sequence", RemoteProtocolError, "the answer is not HTTP/1.1"),
        (56, "chunk hex-length char not a hex digit: 0x7a", RemoteProtocolError, "the answer is not HTTP/1.1"),
        (56, "Malformed encoding found in chunked-encoding", RemoteProtocolError, "the answer is not HTTP/1.1"),
        (56, "Connection reset by peer", ConnectionFailed, "the connection was closed before the answer"),
        (56, "", ConnectionFailed, "the connection was closed before the answer"),
        (52, "Empty reply from server", ConnectionFailed, "the connection was closed before the answer"),
        (55, "Send failure: Broken pipe", ConnectionFailed, "the connection was closed before the answer"),
        (18, "transfer closed with 5 bytes remaining", ConnectionFailed, "the connection was closed before the answer"),
        (100, "Too large response headers", RemoteProtocolError, "headers without end"),
        (7, "Failed to connect", ConnectionFailed, "no connection could be made"),
        (77, "error setting certificate verify locations", ConnectionFailed, "the certificates to trust cannot be read"),
        (27, "", ConnectionFailed, "there is not enough memory"),
        (2, "", ConnectionFailed, "curl could not be set up"),
        (42, "", ConnectionFailed, UNKNOWN.format(42)),
        (0, "", ConnectionFailed, UNKNOWN.format(0)),
    ],
)  # fmt: skip
def test_what_a_number_means(number: int, words: str, kind: type[SignInError], text: str) -> None:
    error = error_of(number, words)
    assert (type(error), error.text) == (kind, text)


def test_a_host_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msnpauth.net.names._is_offline", lambda: False)
    error = error_of(6, "Could not resolve host: login.example")
    assert (type(error), error.text) == (ConnectionFailed, "there is no such host name")


@pytest.mark.parametrize(
    ("number", "text", "finding"),
    [
        (errno.ECONNREFUSED, "connection refused", "MA-NET-04"),
        (errno.EHOSTUNREACH, "no route to host", "MA-NET-06"),
        (errno.EMFILE, "too many open files", "MA-NET-10"),
    ],
)
def test_why_no_connection_could_be_made(number: int, text: str, finding: str) -> None:
    error = error_of(7, "", errno=number)
    assert (type(error), error.text, error.finding) == (ConnectionFailed, text, finding)


def test_the_certificates_to_trust_have_a_hint() -> None:
    assert "ca_file=" in error_of(77).hint


# --- certificates and TLS ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [60, 51])
@pytest.mark.parametrize(
    ("verify_result", "words", "fault", "code"),
    [
        (10, "SSL certificate problem: certificate has expired", CertificateFault.EXPIRED, 10),
        (18, "self-signed certificate", CertificateFault.SELF_SIGNED, 18),
        (20, "unable to get local issuer certificate", CertificateFault.UNKNOWN_AUTHORITY, 20),
        (0, "SSL: no alternative certificate subject name matches target host name 'x'", CertificateFault.WRONG_NAME, 0),
        (0, "certificate subject name '*.example' does not match", CertificateFault.WRONG_NAME, 0),
        (1, "SSL certificate problem: unspecified", CertificateFault.OTHER, 1),
        (10, "subject name", CertificateFault.EXPIRED, 10),
    ],
)  # fmt: skip
def test_why_a_certificate_was_not_accepted(
    number: int, verify_result: int, words: str, fault: CertificateFault, code: int
) -> None:
    """OpenSSL's number says it; curl compares names by itself, and has no number for them."""
    error = error_of(number, words, verify_result=verify_result)
    expected = certificate_error(fault, Step.LOGIN, "https://login.example", code)
    assert isinstance(error, CertificateRejected)
    assert (error.text, error.finding) == (expected.text, expected.finding)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("OpenSSL/3.0.15: error:0A00010B:SSL routines::wrong version number", "WRONG_VERSION_NUMBER"),
        ("error:1408F10B:SSL routines:ssl3_get_record:wrong version number", "WRONG_VERSION_NUMBER"),
        ("error:0A000410:SSL routines::ssl/tls alert handshake failure", "SSL_TLS_ALERT_HANDSHAKE_FAILURE"),
        ("error:0A000438:SSL routines::ssl/tls alert internal error", "SSL_TLS_ALERT_INTERNAL_ERROR"),
        ("TLS connect error: unsupported protocol", "UNSUPPORTED_PROTOCOL"),
        ("SSL connection: Wrong Version Number", "WRONG_VERSION_NUMBER"),
        (f"{SECRET} is not a word of OpenSSL", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_why_there_is_no_tls(words: str, reason: str) -> None:
    error = error_of(35, words)
    expected = tls_error(reason, Step.LOGIN, "https://login.example")
    assert (type(error), str(error), error.finding) == (
        type(expected),
        str(expected),
        expected.finding,
    )


# --- proxies -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    ("number", "others", "finding"),
    [
        (5, {}, "MA-PRX-03"),
        (7, {"errno": errno.ECONNREFUSED}, "MA-PRX-04"),
        (7, {}, "MA-PRX-04"),
        (56, {"connect_code": 407}, "MA-PRX-01"),
        (56, {"connect_code": 403}, "MA-PRX-02"),
        (22, {"connect_code": 502}, "MA-PRX-02"),
        (97, {}, "MA-PRX-02"),
    ],
)
def test_a_proxy_is_named(number: int, others: dict[str, int], finding: str) -> None:
    error = error_of(number, f"Proxy user:{SECRET}@proxy.example", **others)
    assert (type(error), error.finding) == (ConnectionFailed, finding)
    assert "proxy.example:3128 (of https_proxy)" in error.text
    assert SECRET not in f"{error}{error!r}"
    code = others.get("connect_code")
    assert error.code == code


@pytest.mark.usefixtures("proxied")
def test_behind_a_proxy_that_let_us_through_the_server_is_to_blame() -> None:
    error = error_of(52, "Empty reply from server", connect_code=200)
    assert error.text == "the connection was closed before the answer"


@pytest.mark.parametrize(
    "words",
    [
        "Unsupported proxy scheme for 'ftp://x'",
        "Unsupported proxy syntax in 'x'",
        "Unsupported proxy 'x'",
    ],
)
@pytest.mark.parametrize("number", [5, 7, 97])
def test_a_proxy_of_an_unknown_kind(
    proxied: None, number: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = error_of(number, f"{words} {SECRET}")
    assert (type(error), error.finding) == (LocalProtocolError, "MA-PRX-07")
    assert error.text == "curl cannot use the proxy that https_proxy names"
    monkeypatch.delenv("https_proxy")
    assert error_of(number, words).text == "curl cannot use the proxy that the environment names"


@pytest.mark.usefixtures("proxied")
def test_a_time_out_is_one_behind_a_proxy_too() -> None:
    assert isinstance(error_of(28, "", connect_code=407), SignInTimeout)


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_proxied", [False, True])
def test_curls_own_words_are_never_shown(is_proxied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """They quote the address with a proxy's password in it, and what a server said."""
    if is_proxied:
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@proxy.example:3128")
    words = [
        f"http://user:{SECRET}@proxy.example",
        f"error:0A000086:SSL routines::{SECRET}: {SECRET}",
        f"chunk hex {SECRET}",
        f"unsupported proxy {SECRET}",
        f"subject name {SECRET}",
    ]
    for number in range(110):
        for text in words:
            error = error_of(number, text)
            if number != pycurl.E_SSL_CONNECT_ERROR:  # OpenSSL's constant is quoted
                assert SECRET not in f"{error!r}{error}".lower()


# --- facts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "number", "words"),
    [
        (pycurl.error(7, "Failed to connect"), 7, "Failed to connect"),
        (pycurl.error(7), 7, ""),
        (pycurl.error(), 0, ""),
        (pycurl.error("seven", 7), 0, ""),
        (RuntimeError("something else"), 0, ""),
    ],
)
def test_what_is_taken_of_an_error(error: Exception, number: int, words: str) -> None:
    curl: Any = pycurl.Curl()
    assert Facts.of(error, curl) == facts(number, words)
    curl.close()


@pytest.mark.parametrize(
    ("number", "words", "is_plain"),
    [
        (56, "OpenSSL SSL_read: SSL_ERROR_SYSCALL, unexpected eof while reading", True),
        (56, "Connection reset by peer", False),
        (35, "unexpected eof while reading", False),
    ],
)
def test_an_end_without_a_good_bye(number: int, words: str, is_plain: bool) -> None:
    assert facts(number, words).is_plain_end is is_plain


def test_a_client_certificate_that_is_wanted_after_the_handshake() -> None:
    words = (
        "OpenSSL SSL_read: OpenSSL/3.0.15: error:0A00045C:SSL routines::tlsv13 alert certificate"
        " required, errno 0"
    )
    request = Request("GET", Url.parse("https://a.example/"))
    error = curl_error(Facts(pycurl.E_RECV_ERROR, words, 0, 0, 0), request, 5)
    assert error.finding == "MA-TLS-16"

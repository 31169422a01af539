"""libcurl as the carrier, for its proxies, SOCKS and settings in the environment (`[curl]`)."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from typing import Any

import pycurl

from ..core.errors import (
    CertificateRejected,
    ConnectionFailed,
    RemoteProtocolError,
    SignInError,
    SignInTimeout,
)
from ..core.http import MAX_BODY, MAX_HEADER, Request, Response
from .base import AsyncTransport, Transport

__all__ = ["AsyncCurlTransport", "CurlTransport"]

_CERTIFICATE = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE, 51})
# CURLOPT_SUPPRESS_CONNECT_HEADERS (libcurl 7.54), which pycurl has no name for: a proxy's own
# answer is not the server's.
_SUPPRESS_CONNECT_HEADERS = 265

_TOO_LARGE = 100  # CURLE_TOO_LARGE, without a name as well
_NOT_HTTP = frozenset({1, 8})  # HTTP/0.9, and what curl calls a weird server reply


class CurlTransport(Transport):
    """A curl handle, kept with its connections."""

    def __init__(self, ca_file: str | os.PathLike[str] | None = None) -> None:
        self._ca_file = None if ca_file is None else os.fspath(ca_file)
        self._curl: pycurl.Curl | None = pycurl.Curl()
        self._busy = threading.Lock()
        self._aborted = False

    def fetch(self, request: Request, timeout: float) -> Response:
        with self._busy:
            if self._curl is None:
                self._curl = pycurl.Curl()
            self._aborted = False
            answer = _Answer(request)
            self._set_up(self._curl, request, timeout, answer)
            try:
                self._curl.perform()
            except pycurl.error as error:
                # Stopping behind the headers is how a body that nobody wants is declined.
                if not answer.complete:
                    raise _error(error, request, timeout, answer) from None
            return answer.response()

    def close(self) -> None:
        self._aborted = True  # curl asks about once a second whether to go on
        if self._busy.acquire(timeout=2.0):
            try:
                if self._curl is not None:
                    self._curl.close()
                    self._curl = None
            finally:
                self._busy.release()

    def _set_up(self, curl: Any, request: Request, timeout: float, answer: _Answer) -> None:
        curl.reset()
        curl.setopt(pycurl.URL, str(request.url))
        curl.setopt(pycurl.PATH_AS_IS, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout * 1000)))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(timeout * 1000)))
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        self._trust(curl)
        # An empty header takes away what curl adds of its own.
        headers = [name + b": " + value for name, value in request.all_headers()]
        curl.setopt(pycurl.HTTPHEADER, [*headers, b"Accept:", b"Expect:"])
        if request.method == "POST":
            curl.setopt(pycurl.POST, 1)
            curl.setopt(pycurl.POSTFIELDS, request.body)
        curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
        curl.setopt(pycurl.HEADERFUNCTION, answer.on_header)
        curl.setopt(pycurl.WRITEFUNCTION, answer.on_body)
        curl.setopt(pycurl.NOPROGRESS, 0)
        curl.setopt(pycurl.XFERINFOFUNCTION, lambda *_: 1 if self._aborted else 0)

    def _trust(self, curl: Any) -> None:
        if self._ca_file is not None:
            curl.setopt(pycurl.CAINFO, self._ca_file)
            curl.setopt(pycurl.CAPATH, "/dev/null" if os.name == "posix" else "NUL")
            return
        # A libcurl that came in a wheel does not know where this system keeps its certificates.
        paths = ssl.get_default_verify_paths()
        if paths.cafile:
            curl.setopt(pycurl.CAINFO, paths.cafile)
        elif paths.capath:
            curl.setopt(pycurl.CAPATH, paths.capath)
        else:
            curl.setopt(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)


class _Answer:
    """What curl's callbacks have collected."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._size = 0
        self.complete = False
        self.fault = ""

    def on_header(self, line: bytes) -> int | None:
        self._size += len(line)
        if self._size > MAX_HEADER:
            self.fault = "headers without end"
            return -1
        if line.startswith(b"HTTP/"):
            words = line.split(None, 2)
            self._status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
            self._headers.clear()
        elif line.strip():
            name, _, value = line.partition(b":")
            self._headers.append((name.strip(), value.strip(b" \t\r\n")))
        elif self._status >= 200:
            return self._on_end_of_headers()
        return None

    def _on_end_of_headers(self) -> int | None:
        self.complete = not self._request.wants_body
        empty = any(n.lower() == b"content-length" and v == b"0" for n, v in self._headers)
        return None if empty or self._request.wants_body else -1

    def on_body(self, data: bytes) -> int | None:
        self._body += data
        if len(self._body) > MAX_BODY:
            self.fault = f"a body of more than {MAX_BODY} bytes"
            return -1
        return None

    def response(self) -> Response:
        return Response.from_raw(self._status, self._headers, bytes(self._body))


def _error(error: pycurl.error, request: Request, timeout: float, answer: _Answer) -> SignInError:
    number = error.args[0]
    step, server = request.step, request.url.origin
    words = str(error.args[1]) if len(error.args) > 1 and error.args[1] else "connection lost"
    if answer.fault:
        return RemoteProtocolError(answer.fault, step=step, server=server)
    if number == _TOO_LARGE:
        return RemoteProtocolError("headers without end", step=step, server=server)
    if number == pycurl.E_OPERATION_TIMEDOUT:
        return SignInTimeout(f"no answer within {timeout:g} seconds", step=step, server=server)
    if number in _CERTIFICATE:
        return CertificateRejected(
            f"the server's certificate was rejected: {words}", step=step, server=server
        )
    if number in _NOT_HTTP:
        return RemoteProtocolError("the answer is not HTTP/1.1", step=step, server=server)
    if number in (pycurl.E_GOT_NOTHING, pycurl.E_RECV_ERROR, pycurl.E_PARTIAL_FILE):
        words = "the connection was closed before the answer"
    return ConnectionFailed(words[:1].lower() + words[1:], step=step, server=server)


class AsyncCurlTransport(AsyncTransport):
    """The same in a thread: curl tells when it is done, not asyncio."""

    def __init__(self, ca_file: str | os.PathLike[str] | None = None) -> None:
        self._transport = CurlTransport(ca_file)

    async def fetch(self, request: Request, timeout: float) -> Response:
        try:
            return await asyncio.to_thread(self._transport.fetch, request, timeout)
        except asyncio.CancelledError:
            self._transport._aborted = True
            raise

    async def close(self) -> None:
        await asyncio.to_thread(self._transport.close)

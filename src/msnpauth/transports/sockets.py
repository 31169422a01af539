"""The default carrier: plain sockets, the standard library's TLS, and h11."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.http import ClientConnection, Request, Response
from ..core.lines import NeedData
from ..core.urls import Url
from ..deadline import Deadline
from ..network import network_error
from ..sync.network import connect_tcp
from .base import Transport

__all__ = ["SocketsTransport"]

_CHUNK = 16 * 1024


class SocketsTransport(Transport):
    """One connection at a time, kept for the next request to the same host."""

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self._context = ssl_context
        self._sock: ssl.SSLSocket | None = None
        self._http = ClientConnection()
        self._origin = ""
        self._closed = False
        self._adopting = threading.Lock()

    def fetch(self, request: Request, timeout: float) -> Response:
        deadline = Deadline(timeout)
        kept = self._is_open(request.url)
        if not kept:
            self._open(request.url, deadline, request.step)
        try:
            return self._exchange(request, deadline)
        except ConnectionFailed:
            # A kept connection may have been closed from afar before the request got there.
            if not kept or self._http.started or self._closed:
                raise
            self._open(request.url, deadline, request.step)
            return self._exchange(request, deadline)

    def prepare(self, url: Url, timeout: float) -> None:
        if not self._is_open(url):
            self._open(url, Deadline(timeout), Step.LOGIN)

    def close(self) -> None:
        with self._adopting:
            self._closed = True
        self._drop()

    def _is_open(self, url: Url) -> bool:
        return self._sock is not None and self._origin == url.origin and self._http.reusable

    def _open(self, url: Url, deadline: Deadline, step: Step) -> None:
        self._drop()
        raw = connect_tcp(url.address, deadline, step)
        try:
            raw.settimeout(deadline.check(step, url.origin))
            sock = self._context.wrap_socket(
                raw, server_hostname=url.host, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            raw.close()
            raise network_error(error, step, url.origin) from None
        self._adopt(sock, url, step)
        try:
            sock.do_handshake()
        except OSError as error:
            self._drop()
            if isinstance(error, TimeoutError):
                raise deadline.passed(step, url.origin) from None
            raise network_error(error, step, url.origin) from None

    def _adopt(self, sock: ssl.SSLSocket, url: Url, step: Step) -> None:
        """Make the connection this object's own, unless it was closed meanwhile."""
        with self._adopting:
            if self._closed:
                sock.close()
                raise ConnectionFailed("the transport is closed", step=step, server=url.origin)
            self._sock = sock
        self._http = ClientConnection()
        self._origin = url.origin

    def _exchange(self, request: Request, deadline: Deadline) -> Response:
        sock = self._sock
        if sock is None:  # closed by another thread
            text = "the transport is closed"
            raise ConnectionFailed(text, step=request.step, server=request.url.origin)
        try:
            sock.settimeout(deadline.check(request.step, request.url.origin))
            sock.sendall(self._http.send(request))
            while True:
                answer = self._http.receive(sock.recv(_CHUNK))
                if not isinstance(answer, NeedData):
                    break
                sock.settimeout(deadline.check(request.step, request.url.origin))
        except SignInError:
            self._drop()
            raise
        except TimeoutError:
            self._drop()
            raise deadline.passed(request.step, request.url.origin) from None
        except OSError as error:
            self._drop()
            raise network_error(error, request.step, request.url.origin) from None
        if isinstance(answer, SignInError):
            self._drop()
            raise answer
        if not self._http.reusable:
            self._drop()
        return answer

    def _drop(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            # Wakes a thread that waits in recv, which closing alone does not.
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            sock.close()

"""The default carrier: plain sockets, the standard library's TLS, and h11."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.tickets.exchange import Request, Response
from ..core.tickets.http import ClientConnection
from ..core.urls import Url
from ..core.wire.lines import NeedData
from ..net.deadline import Deadline
from ..net.names import network_error
from ..net.sockets import Connecting, shut_down
from ..net.tls import ContextSource
from ..watch import SILENT, Watch
from .base import Transport
from .common import check_request, source
from .kept import Age

__all__ = ["SocketsTransport"]

_CHUNK = 16 * 1024


class SocketsTransport(Transport):
    """One connection at a time, kept for the next request to the same host.

    Args:
        ssl_context: TLS settings, or what returns them for each new connection.
        watch: is told how connections are made.
        clock: seconds, for the age of a kept connection.
    """

    def __init__(
        self,
        ssl_context: ssl.SSLContext | ContextSource,
        watch: Watch = SILENT,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = source(ssl_context)
        self._watch = watch
        self._age = Age(clock)
        self._sock: ssl.SSLSocket | None = None
        self._connecting: Connecting | None = None
        self._http = ClientConnection()
        self._origin = ""
        self._closed = False
        self._adopting = threading.Lock()
        self._busy = threading.Lock()

    def fetch(self, request: Request, timeout: float) -> Response:
        check_request(request)
        deadline = Deadline(timeout)
        with self._in_use(deadline, request.step, request.url):
            if self._is_open(request.url):
                response = self._exchange(request, deadline, is_kept=True)
                if response is not None:
                    return response
                # The server had closed the kept connection, or a router had forgotten it, before
                # a byte of an answer came. The request is sent once more. Nothing is changed by
                # one that does arrive twice: each of them asks for a ticket, and a second ticket
                # does not take the first away.
            self._open(request.url, deadline, request.step)
            response = self._exchange(request, deadline, is_kept=False)
            assert response is not None  # only a kept connection is given up so
            return response

    def prepare(self, url: Url, timeout: float) -> None:
        deadline = Deadline(timeout)
        with self._in_use(deadline, Step.LOGIN, url):
            if not self._is_open(url):
                self._open(url, deadline, Step.LOGIN)

    def close(self) -> None:
        with self._adopting:
            self._closed = True
            connecting, sock = self._connecting, self._sock
        if connecting is not None:
            connecting.cancel()
        if sock is not None:
            shut_down(sock)
        self._drop_if_idle()

    @contextmanager
    def _in_use(self, deadline: Deadline, step: Step, url: Url) -> Iterator[None]:
        """Let one thread at a time in. The one that is in closes what `close` has ended."""
        if not self._busy.acquire(timeout=max(0.0, deadline.remaining())):
            raise deadline.passed(step, url.origin)
        try:
            yield
        except BaseException:
            self._drop()  # nobody will read the rest of the answer
            raise
        finally:
            self._busy.release()
            if self._closed:
                self._drop_if_idle()

    def _drop_if_idle(self) -> None:
        if self._busy.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._busy.release()

    def _is_open(self, url: Url) -> bool:
        if self._sock is None or self._origin != url.origin or not self._http.reusable:
            return False
        return not self._age.is_too_old and _is_quiet(self._sock)

    def _open(self, url: Url, deadline: Deadline, step: Step) -> None:
        """Connect.

        Raises:
            SignInError: as `fetch`.
        """
        self._drop()
        try:
            self._connect(url, deadline, step)
            return
        except SignInError as problem:
            error = problem
        except Exception as problem:  # noqa: BLE001 - the boundary: what comes out of here is ours
            error = _ours(problem, deadline, step, url)
        raise self._closed_error(step, url) if self._closed else error

    def _connect(self, url: Url, deadline: Deadline, step: Step) -> None:
        connecting = Connecting(url.address, deadline, step, url.origin, watch=self._watch)
        with self._adopting:
            if self._closed:
                raise self._closed_error(step, url)
            self._connecting = connecting
        try:
            raw = connecting.run()
        finally:
            self._connecting = None
        try:
            sock = self._context().wrap_socket(
                raw, server_hostname=url.host, do_handshake_on_connect=False
            )
        except BaseException:
            raw.close()
            raise
        with self._adopting:
            self._sock = sock  # from here on `close` finds it
            is_closed = self._closed
        if is_closed:
            raise self._closed_error(step, url)
        sock.settimeout(deadline.check(step, url.origin))
        began = time.monotonic()
        sock.do_handshake()
        self._watch.secured(url.origin, sock.version(), began)
        self._http = ClientConnection()
        self._origin = url.origin
        self._age.used()

    def _exchange(self, request: Request, deadline: Deadline, *, is_kept: bool) -> Response | None:
        """Send a request and return the answer; None when a kept connection was not there any more.

        Raises:
            SignInError: as `fetch`.
        """
        try:
            return self._answer(request, deadline, is_kept=is_kept)
        except SignInError as problem:
            error = problem
        except Exception as problem:  # noqa: BLE001 - the boundary: what comes out of here is ours
            error = _ours(problem, deadline, request.step, request.url)
        if self._closed:
            raise self._closed_error(request.step, request.url)
        was_there = self._http.started or deadline.remaining() <= 0
        if is_kept and not was_there and isinstance(error, ConnectionFailed | TimeoutError):
            return None
        raise error

    def _answer(self, request: Request, deadline: Deadline, *, is_kept: bool) -> Response:
        sock = self._sock
        assert sock is not None  # fetch opens it first
        step, server = request.step, request.url.origin
        sock.settimeout(deadline.check(step, server))
        for _ in map(sock.sendall, _pieces(self._http.send(request))):
            sock.settimeout(deadline.check(step, server))
        if is_kept:
            sock.settimeout(self._age.patience(deadline.check(step, server)))
        while isinstance(answer := self._http.receive(sock.recv(_CHUNK)), NeedData):
            sock.settimeout(deadline.check(step, server))
        if isinstance(answer, SignInError):
            raise answer
        self._age.used()
        if not self._http.reusable:
            self._drop()
        return answer

    def _closed_error(self, step: Step, url: Url) -> ConnectionFailed:
        text = "the transport is closed"
        return ConnectionFailed(text, step=step, server=url.origin, hint="make another")

    def _drop(self) -> None:
        with self._adopting:
            sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()


def _ours(problem: Exception, deadline: Deadline, step: Step, url: Url) -> SignInError:
    if isinstance(problem, TimeoutError) and problem.errno is None:  # the socket's own time-out
        return deadline.passed(step, url.origin)
    return network_error(problem, step, url.origin)


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut a request into TLS records, so that the deadline is looked at between them."""
    for at in range(0, len(data), _CHUNK):
        yield data[at : at + _CHUNK]


def _is_quiet(sock: ssl.SSLSocket) -> bool:
    """True when nothing has come since the last answer.

    The end of the connection may have come, or bytes that nobody asked for and that would be taken
    for the next answer. What belongs to TLS alone, such as its session tickets, does not count.
    """
    try:
        sock.settimeout(0)
        sock.recv(1)
    except (ssl.SSLWantReadError, BlockingIOError):
        return True
    except (OSError, ValueError):
        return False
    return False

"""The default carrier: plain sockets, TLS on them, and h11."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.secrets import Secret
from ..core.tickets.exchange import Request, Response
from ..core.tickets.http import ClientConnection
from ..core.urls import Url
from ..core.wire.lines import NeedData
from ..net.deadline import Deadline
from ..net.names import network_error
from ..net.sockets import Connecting, shut_down
from ..net.tls import ContextSource
from ..net.tls_socket import TlsSocket
from ..watch import SILENT, Watch
from .base import Transport
from .common import check_request, closed, source
from .kept import Age

if TYPE_CHECKING:
    import ssl

__all__ = ["SocketsTransport"]


class SocketsTransport(Transport):
    """One connection at a time, kept for the next request to the same host.

    Args:
        ssl_context: TLS settings, or a function that returns them for each new connection.
        watch: receives a report of each connection that is made.
        clock: returns seconds, for the age of a kept connection.
        fast_open: send the first TLS message together with the SYN, where that is possible.
    """

    def __init__(
        self,
        ssl_context: ssl.SSLContext | ContextSource,
        watch: Watch = SILENT,
        *,
        clock: Callable[[], float] = time.monotonic,
        fast_open: bool = False,
    ) -> None:
        self._context = source(ssl_context)
        self._fast_open = fast_open
        self._watch = watch
        self._age = Age(clock)
        self._sock: TlsSocket | None = None
        self._connecting: Connecting | None = None
        self._http: ClientConnection  # it is set whenever there is a connection
        self._origin = ""
        self._trusted: ssl.SSLContext | None = None
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
                # the first byte of an answer arrived. The request is sent once more. A request
                # that arrives twice does no harm: each one asks for a ticket, and a second ticket
                # does not invalidate the first.
            self._open(request.url, deadline, request.step, request)
            response = self._exchange(request, deadline, is_kept=False)
            assert response is not None  # None comes only from a kept connection
            return response

    def prepare(self, url: Url, timeout: float) -> None:
        deadline = Deadline(timeout)
        with self._in_use(deadline, Step.LOGIN, url):
            if not self._is_open(url):
                self._open(url, deadline, Step.LOGIN)
                assert self._sock is not None  # it is open now
                self._sock.flush(partial(deadline.check, Step.LOGIN, url.origin))

    def close(self) -> None:
        with self._adopting:
            self._closed = True
            connecting, sock = self._connecting, self._sock
        if self._drop_if_idle():
            return
        if connecting is not None:
            connecting.cancel()
        if sock is not None:
            shut_down(sock.sock)
        self._drop_if_idle()

    @contextmanager
    def _in_use(self, deadline: Deadline, step: Step, url: Url) -> Iterator[None]:
        """Let in one thread at a time. That thread closes the connection after a `close`."""
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

    def _drop_if_idle(self) -> bool:
        is_idle = self._busy.acquire(blocking=False)
        if is_idle:
            try:
                self._drop()
            finally:
                self._busy.release()
        return is_idle

    def _is_open(self, url: Url) -> bool:
        if self._sock is None or self._origin != url.origin or not self._http.reusable:
            return False
        # A changed file of authorities makes a new context, which may no longer trust the server.
        is_trusted = self._context() is self._trusted
        return is_trusted and not self._age.is_too_old and self._sock.is_quiet()

    def _open(self, url: Url, deadline: Deadline, step: Step, first: Request | None = None) -> None:
        """Connect; the first request goes with the last message of the handshake, at a `flush`.

        Raises:
            SignInError: as `fetch`.
        """
        for offer in (True, False):
            self._drop()
            try:
                self._connect(url, deadline, step, first, offer=offer)
                return
            except SignInError as problem:
                error = problem
            except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave
                error = _ours(problem, deadline, step, url)
            # `close` does not drop the connection while this thread holds `_busy`.
            if self._closed or self._sock is None or not self._sock.was_session_to_blame(error):
                break
        raise closed(step, url) if self._closed else error

    def _connect(
        self, url: Url, deadline: Deadline, step: Step, first: Request | None, *, offer: bool
    ) -> None:
        connecting = Connecting(
            *(url.address, deadline, step, url.origin),
            watch=self._watch,
            fast_open=self._fast_open,
        )
        with self._adopting:
            if self._closed:
                raise closed(step, url)
            self._connecting = connecting
        try:
            raw = connecting.run()
        finally:
            self._connecting = None
        try:
            context = self._context()
            sock = TlsSocket.over(raw, context, url.address, offer=offer)
        except BaseException:
            raw.close()
            raise
        with self._adopting:
            self._sock = sock  # from here on `close` finds it
            is_closed = self._closed
        if is_closed:
            raise closed(step, url)
        began = time.monotonic()
        self._http = ClientConnection()
        sock.shake_hands(
            partial(deadline.check, step, url.origin),
            partial(_words, self._http, first) if first else None,
        )
        self._watch.secured(url.origin, sock.version, began)
        self._origin, self._trusted = url.origin, context
        self._age.used()

    def _exchange(self, request: Request, deadline: Deadline, *, is_kept: bool) -> Response | None:
        """Send a request and return the answer; None when a kept connection had already ended.

        Raises:
            SignInError: as `fetch`.
        """
        try:
            return self._answer(request, deadline, is_kept=is_kept)
        except SignInError as problem:
            error = problem
        except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave
            error = _ours(problem, deadline, request.step, request.url)
        if self._closed:
            raise closed(request.step, request.url)
        was_there = self._http.started or deadline.remaining() <= 0
        if is_kept and not was_there and isinstance(error, ConnectionFailed | TimeoutError):
            return None
        raise error

    def _answer(self, request: Request, deadline: Deadline, *, is_kept: bool) -> Response:
        sock = self._sock
        assert sock is not None  # fetch opens it first
        patience = partial(deadline.check, request.step, request.url.origin)
        at_first = patience
        if is_kept:
            sock.write(self._http.send(request), patience)
            left = patience()
            if (limit := self._age.patience(left)) < left:
                at_first = partial(Deadline(limit).check, request.step, request.url.origin)
        else:
            sock.flush(patience)  # the request was passed to TLS when the connection was made
        data = sock.read(at_first)
        while isinstance(answer := self._http.receive(data), NeedData):
            data = sock.read(patience)
        if isinstance(answer, SignInError):
            raise answer
        self._age.used()
        sock.keep_session()
        if not self._http.reusable:
            self._drop()
        return answer

    def _drop(self) -> None:
        with self._adopting:
            sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()


def _words(http: ClientConnection, request: Request) -> Secret:
    """Return the bytes of a request as a secret, decoded as Latin-1."""
    return Secret(http.send(request).decode("latin-1"))


def _ours(problem: Exception, deadline: Deadline, step: Step, url: Url) -> SignInError:
    if isinstance(problem, TimeoutError) and problem.errno is None:  # the socket's own time-out
        return deadline.passed(step, url.origin)
    return network_error(problem, step, url.origin)

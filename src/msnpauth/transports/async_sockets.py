"""The default carrier for asyncio: TLS over asyncio's plain TCP transports, and h11."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.tickets.exchange import Request, Response
from ..core.tickets.http import ClientConnection
from ..core.urls import Url
from ..core.wire.lines import NeedData
from ..net.deadline import Deadline
from ..net.names import network_error
from ..net.streams import open_tls
from ..net.tls import ContextSource
from ..net.tls_stream import TlsStream
from ..watch import SILENT, Watch
from .base import AsyncTransport
from .common import check_request, closed, source
from .kept import Age
from .limits import Limits

__all__ = ["AsyncSocketsTransport"]


class AsyncSocketsTransport(AsyncTransport):
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
        self._stream: TlsStream | None = None
        self._http: ClientConnection  # it is set whenever there is a connection
        self._origin = ""
        self._trusted: ssl.SSLContext | None = None
        self._closed = False
        self._limits = Limits()
        self._busy = asyncio.Lock()

    async def fetch(self, request: Request, timeout: float) -> Response:
        check_request(request)
        deadline = Deadline(timeout)
        try:
            async with self._limited(deadline):
                return await self._fetch(request, deadline)
        except SignInError as problem:
            error = problem
        except TimeoutError:
            error = deadline.passed(request.step, request.url.origin)
        except BaseException:  # cancelled: nobody will read the rest
            self._drop()
            raise
        self._drop()
        raise closed(request.step, request.url) if self._closed else error

    async def prepare(self, url: Url, timeout: float) -> None:
        deadline = Deadline(timeout)
        try:
            async with self._limited(deadline):
                if not self._is_open(url):
                    await self._open(url, deadline, Step.LOGIN)
                return
        except SignInError as problem:
            error = problem
        except TimeoutError:
            error = deadline.passed(Step.LOGIN, url.origin)
        raise closed(Step.LOGIN, url) if self._closed else error

    async def close(self) -> None:
        self._closed = True
        self._limits.end()
        self._drop()

    @asynccontextmanager
    async def _limited(self, deadline: Deadline) -> AsyncIterator[None]:
        """Let in one task at a time, until the deadline passes or `close` is called."""
        async with self._limits.within(deadline.remaining()), self._busy:
            yield

    async def _fetch(self, request: Request, deadline: Deadline) -> Response:
        if self._is_open(request.url):
            response = await self._exchange(request, deadline, is_kept=True)
            if response is not None:
                return response
            # The server had closed the kept connection, or a router had forgotten it, before the
            # first byte of an answer arrived. The request is sent once more. A request that
            # arrives twice does no harm: each one asks for a ticket, and a second ticket does not
            # invalidate the first.
        await self._open(request.url, deadline, request.step)
        response = await self._exchange(request, deadline, is_kept=False)
        assert response is not None  # None comes only from a kept connection
        return response

    def _is_open(self, url: Url) -> bool:
        if self._stream is None or not self._stream.is_quiet():
            return False
        if self._origin != url.origin or not self._http.reusable or self._age.is_too_old:
            return False
        # A changed file of authorities makes a new context, which may no longer trust the server.
        return self._context() is self._trusted

    async def _open(self, url: Url, deadline: Deadline, step: Step) -> None:
        self._drop()
        if self._closed:
            raise closed(step, url)
        context = self._context()
        self._stream = await open_tls(
            *(url.address, deadline, step, context),
            server=url.origin,
            watch=self._watch,
            fast_open=self._fast_open,
        )
        self._http = ClientConnection()
        self._origin, self._trusted = url.origin, context
        self._age.used()

    async def _exchange(
        self, request: Request, deadline: Deadline, *, is_kept: bool
    ) -> Response | None:
        """Send a request and return the answer; None when a kept connection had already ended.

        Raises:
            SignInError: as `fetch`.
            TimeoutError: the deadline passed.
        """
        try:
            return await self._answer(request, deadline, is_kept=is_kept)
        except SignInError as problem:
            error = problem
        except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave
            if isinstance(problem, TimeoutError) and problem.errno is None:
                error = deadline.passed(request.step, request.url.origin)
            else:
                error = network_error(problem, request.step, request.url.origin)
        was_there = self._http.started or deadline.remaining() <= 0 or self._closed
        if is_kept and not was_there and isinstance(error, ConnectionFailed | TimeoutError):
            return None
        raise error

    async def _answer(self, request: Request, deadline: Deadline, *, is_kept: bool) -> Response:
        stream = self._stream
        assert stream is not None  # fetch opens it first
        patience = self._age.patience(deadline.remaining()) if is_kept else None
        async with asyncio.timeout(patience) as limit:
            stream.write(self._http.send(request))
            await stream.drain()
            while isinstance(answer := self._http.receive(await stream.read()), NeedData):
                limit.reschedule(None)  # the server answers: from now on only the deadline counts
        if isinstance(answer, SignInError):
            raise answer
        self._age.used()
        stream.keep_session()
        if not self._http.reusable:
            self._drop()
        return answer

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.abort()

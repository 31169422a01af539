"""The default carrier for asyncio: its streams, the standard library's TLS, and h11."""

from __future__ import annotations

import asyncio
import ssl

from ..aio.network import open_streams
from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.http import ClientConnection, Request, Response
from ..core.lines import NeedData
from ..core.urls import Url
from ..deadline import Deadline
from ..network import network_error
from .base import AsyncTransport

__all__ = ["AsyncSocketsTransport"]

_CHUNK = 16 * 1024


class AsyncSocketsTransport(AsyncTransport):
    """One connection at a time, kept for the next request to the same host."""

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self._context = ssl_context
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._http = ClientConnection()
        self._origin = ""

    async def fetch(self, request: Request, timeout: float) -> Response:
        deadline = Deadline(timeout)
        kept = self._is_open(request.url)
        if not kept:
            await self._open(request.url, deadline, request.step)
        try:
            return await self._exchange(request, deadline)
        except ConnectionFailed:
            if not kept or self._http.started:
                raise
            await self._open(request.url, deadline, request.step)
            return await self._exchange(request, deadline)

    async def prepare(self, url: Url, timeout: float) -> None:
        if not self._is_open(url):
            await self._open(url, Deadline(timeout), Step.LOGIN)

    async def close(self) -> None:
        self._drop()

    def _is_open(self, url: Url) -> bool:
        if self._streams is None or self._streams[0].at_eof() or self._streams[1].is_closing():
            return False
        return self._origin == url.origin and self._http.reusable

    async def _open(self, url: Url, deadline: Deadline, step: Step) -> None:
        self._drop()
        self._streams = await open_streams(
            url.address, deadline, step, ssl_context=self._context, server=url.origin
        )
        self._http = ClientConnection()
        self._origin = url.origin

    async def _exchange(self, request: Request, deadline: Deadline) -> Response:
        assert self._streams is not None  # fetch opens them first
        reader, writer = self._streams
        try:
            async with asyncio.timeout(deadline.remaining()):
                writer.write(self._http.send(request))
                await writer.drain()
                while True:
                    answer = self._http.receive(await reader.read(_CHUNK))
                    if not isinstance(answer, NeedData):
                        break
        except TimeoutError:
            self._drop()
            raise deadline.passed(request.step, request.url.origin) from None
        except OSError as error:
            self._drop()
            raise network_error(error, request.step, request.url.origin) from None
        except BaseException:  # cancelled: nobody will read the rest
            self._drop()
            raise
        if isinstance(answer, SignInError):
            self._drop()
            raise answer
        if not self._http.reusable:
            self._drop()
        return answer

    def _drop(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            # Not close(): saying good-bye over TLS could wait for the peer.
            streams[1].transport.abort()

"""TCP connections as asyncio's streams."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.urls import Address
from ..watch import SILENT, Watch
from . import names
from .connection_slots import connection_slot
from .deadline import Deadline
from .names import (
    ATTEMPT_DELAY,
    AddressInfo,
    beside_proxy,
    connect_timeout,
    hosts_of,
    interleaved,
    look_up,
    most_telling,
    network_error,
    new_socket,
    numeric,
    open_fast,
    peer_of,
    wrong_family,
)
from .resolver_cache import resolver_cache
from .sessions import Resumption
from .tls_stream import TlsStream

__all__ = ["Streams", "open_streams", "open_tls"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

T = TypeVar("T")


async def open_streams(
    address: Address,
    deadline: Deadline,
    step: Step,
    *,
    watch: Watch = SILENT,
    fast_open: bool = False,
) -> Streams:
    """Return a connection to the address of the host that answers first.

    Args:
        address: the host and port to connect to.
        deadline: the time at which the attempt ends.
        step: the step of the sign-in, for errors.
        watch: receives a report of the addresses and of the connection.
        fast_open: send the first data together with the SYN, if the host has only one address.

    Raises:
        ConnectionFailed: there is no such host, or none of its addresses could be reached.
        SignInTimeout: the deadline passed.
    """
    return await _opened(
        *(address, deadline, step),
        server=str(address),
        watch=watch,
        fast_open=fast_open,
        finish=_over_tcp,
    )


async def open_tls(
    address: Address,
    deadline: Deadline,
    step: Step,
    ssl_context: ssl.SSLContext,
    *,
    server: str | None = None,
    watch: Watch = SILENT,
    fast_open: bool = False,
) -> TlsStream:
    """As `open_streams`, over TLS.

    Args:
        address: the host and port to connect to.
        deadline: the time at which the attempt ends.
        step: the step of the sign-in, for errors.
        ssl_context: TLS settings.
        server: the server's name in errors; by default `host:port`.
        watch: receives a report of the handshake, too.
        fast_open: as `open_streams`.

    Raises:
        ConnectionFailed, SignInTimeout: as `open_streams`, or TLS failed.
        CertificateRejected: the server's certificate was not accepted.
    """
    server = server or str(address)

    async def secured(resumption: Resumption, sock: socket.socket) -> TlsStream:
        began = time.monotonic()
        stream = await _over_tls(sock, resumption)
        watch.secured(server, stream.tls.tls.version() or "", began)
        return stream

    for offer in (True, False):
        resumption = Resumption(ssl_context, address, offer=offer)
        try:
            return await _opened(
                *(address, deadline, step),
                server=server,
                watch=watch,
                fast_open=fast_open,
                finish=partial(secured, resumption),
            )
        except SignInError as problem:
            error = problem
        if not resumption.is_to_blame(error):
            break
    raise error


async def _opened(
    address: Address,
    deadline: Deadline,
    step: Step,
    *,
    server: str,
    watch: Watch,
    fast_open: bool,
    finish: Callable[[socket.socket], Awaitable[T]],
) -> T:
    """Connect, and return the result of `finish` for the socket."""
    race = _Race()
    left = deadline.check(step, server)
    places: list[AddressInfo] = []
    try:
        async with asyncio.timeout(left), connection_slot(address):
            sock = await race.from_memory(address, fast_open=fast_open)
            began = time.monotonic()
            if sock is None:
                places = numeric(address) or await _resolve(address, step, watch)
                began = time.monotonic()
                sock = await race.run(places, fast_open=fast_open)
            watch.connected(server, peer_of(sock, race.places[0][1]), began)
            return await finish(sock)
    except SignInError as problem:
        error = problem
    except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave this function
        if isinstance(problem, TimeoutError) and problem.errno is None:
            error = connect_timeout(deadline, race.problems, step, server)
        else:
            error = network_error(problem, step, server)
    raise beside_proxy(wrong_family(places, error), address)


async def _over_tcp(sock: socket.socket) -> Streams:
    """Return streams over a connected socket; the streams own the socket from now on."""
    try:
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()  # asyncio's transport, if there is one already, is closing by now
        raise


async def _over_tls(sock: socket.socket, resumption: Resumption) -> TlsStream:
    """Return a TLS connection over a connected socket, which it owns from now on.

    The socket must not be closed while a transport of asyncio still uses it: the next connection
    with the same descriptor would fail with "file descriptor 9 is used by transport".
    """
    try:
        stream = TlsStream(resumption.connection(), resumption)
        await asyncio.get_running_loop().create_connection(lambda: stream, sock=sock)
    except BaseException:
        sock.close()  # asyncio's transport, if there is one already, is closing by now
        raise
    try:
        await stream.shake_hands()
    except BaseException:
        stream.abort()
        raise
    return stream


class _Race:
    """Connects to several addresses, each `ATTEMPT_DELAY` after the previous one (RFC 8305)."""

    def __init__(self) -> None:
        self.problems: list[Exception] = []
        """The errors of the addresses that failed."""
        self.places: list[AddressInfo] = []
        """The addresses that were tried last."""
        self._won: socket.socket | None = None
        self._fast_open = False

    async def from_memory(self, address: Address, *, fast_open: bool) -> socket.socket | None:
        """Return a connection to a remembered address of the host; None if there is none."""
        # With TCP Fast Open `connect` succeeds at once, even if the server has moved meanwhile.
        if fast_open or not (places := resolver_cache.get(address)):
            return None
        with suppress(Exception):  # the server may have moved
            return await self.run(places, fast_open=fast_open)
        resolver_cache.forget(address)
        self.problems.clear()
        return None

    async def run(self, places: list[AddressInfo], *, fast_open: bool) -> socket.socket:
        """Return the first connection; every other attempt is over when this returns."""
        self.places = places
        # Of several addresses the first that answers is used, and a connection with TCP Fast Open
        # does not wait for an answer.
        self._fast_open = fast_open and len(places) == 1
        try:
            async with asyncio.timeout(names.CONNECT_SECONDS):
                if len(places) == 1:  # the usual case needs no task
                    await self._attempt(*places[0])
                elif places:
                    await self._run(deque(interleaved(places)))
        except BaseException:
            if self._won is not None:
                self._won.close()
                self._won = None
            raise
        if self._won is None:
            raise most_telling(self.problems)
        return self._won

    async def _run(self, waiting: deque[AddressInfo]) -> None:
        pending: set[asyncio.Task[None]] = set()
        try:
            while self._won is None and (waiting or pending):
                if waiting:
                    pending.add(asyncio.create_task(self._attempt(*waiting.popleft())))
                _, pending = await asyncio.wait(
                    pending,
                    timeout=ATTEMPT_DELAY if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
        finally:
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.wait(pending)

    async def _attempt(self, family: socket.AddressFamily, where: tuple[object, ...]) -> None:
        sock: socket.socket | None = None
        try:
            sock = new_socket(family)
            if self._fast_open:
                open_fast(sock)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, where)
            if self._won is None:
                self._won, sock = sock, None
        except Exception as problem:  # noqa: BLE001 - only this address's failure
            self.problems.append(problem)
        finally:
            # Closed here, and not by the code that cancels: by now asyncio no longer uses the
            # descriptor.
            if sock is not None:
                sock.close()


async def _resolve(address: Address, step: Step, watch: Watch) -> list[AddressInfo]:
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[AddressInfo] | SignInError] = loop.create_future()

    def settle(result: list[AddressInfo] | SignInError) -> None:
        if not future.done():
            future.set_result(result)

    def found(result: list[AddressInfo] | SignInError) -> None:
        with suppress(RuntimeError):  # the loop may be closed by then
            loop.call_soon_threadsafe(settle, result)

    look_up(address, step, found)
    result = await future
    if isinstance(result, SignInError):
        raise result
    if not result:
        raise ConnectionFailed("the host has no address", step=step, server=str(address))
    watch.looked_up(address.host, hosts_of(result), began)
    return result

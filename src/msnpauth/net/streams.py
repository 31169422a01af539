"""TCP connections as asyncio's streams."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import deque
from contextlib import suppress

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.urls import Address
from ..watch import SILENT, Watch
from . import names
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
    peer_of,
    wrong_family,
)
from .tls import tls_error

__all__ = ["Streams", "open_streams"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_streams(
    address: Address,
    deadline: Deadline,
    step: Step,
    *,
    ssl_context: ssl.SSLContext | None = None,
    server: str | None = None,
    watch: Watch = SILENT,
) -> Streams:
    """Return a connection to whichever address of the host answers first, over TLS if wanted.

    Args:
        address: where to.
        deadline: when all ends.
        step: of the sign-in, for errors.
        ssl_context: TLS settings; none for plain TCP.
        server: what errors call it; by default `host:port`.
        watch: is told of the addresses, of the connection and of the handshake.

    Raises:
        ConnectionFailed, CertificateRejected: there is no such host, or none of its addresses
            could be reached, or TLS failed.
        SignInTimeout: the deadline passed.
    """
    server = server or str(address)
    race = _Race()
    left = deadline.check(step, server)
    places: list[AddressInfo] = []
    is_shaking_hands = False
    try:
        async with asyncio.timeout(left):
            places = numeric(address) or await _resolve(address, step, watch)
            began = time.monotonic()
            async with asyncio.timeout(names.CONNECT_SECONDS):
                sock = await race.run(interleaved(places))
            watch.connected(server, peer_of(sock), began)
            if ssl_context is None:
                return await _over_tcp(sock)
            began = time.monotonic()
            is_shaking_hands = True
            # asyncio's own limit for a handshake is a minute: ours is the deadline.
            streams = await _over_tls(sock, ssl_context, address.host, left + 1)
            watch.secured(server, streams[1].get_extra_info("ssl_object").version(), began)
            return streams
    except SignInError as problem:
        error = problem
    except Exception as problem:  # noqa: BLE001 - what comes out of here is ours
        if isinstance(problem, TimeoutError) and problem.errno is None:
            error = connect_timeout(deadline, race.problems, step, server)
        elif is_shaking_hands and isinstance(problem, ConnectionError):
            # asyncio has no other word for a connection that ends within the handshake.
            error = tls_error("", step, server)
        else:
            error = network_error(problem, step, server)
    raise beside_proxy(wrong_family(places, error), address)


async def _over_tcp(sock: socket.socket) -> Streams:
    """Return streams over a connected socket, which is theirs from now on."""
    try:
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()  # asyncio's transport, where there is one already, is closing by now
        raise


async def _over_tls(
    sock: socket.socket, ssl_context: ssl.SSLContext, host: str, patience: float
) -> Streams:
    """Return streams with TLS over a connected socket, which is theirs from now on.

    TCP and TLS are two steps because `open_connection(ssl=…)` that is cancelled in a handshake
    leaves TCP's transport open, and nobody can reach it. If we closed the socket beneath that
    transport, the next connection with the same descriptor would fail: "file descriptor 9 is
    used by transport".
    """
    loop = asyncio.get_running_loop()
    try:
        plain, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
    except BaseException:
        sock.close()
        raise
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    try:
        transport = await loop.start_tls(
            plain, protocol, ssl_context, server_hostname=host, ssl_handshake_timeout=patience
        )
    except BaseException:
        plain.abort()
        raise
    if transport is None:  # asyncio says so when the connection was lost without an error
        raise ConnectionResetError("the connection was lost in the TLS handshake")
    protocol.connection_made(transport)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class _Race:
    """Connects to several addresses, each begun a moment after the one before it (RFC 8305)."""

    def __init__(self) -> None:
        self.problems: list[Exception] = []
        """What the addresses came to that failed."""
        self._won: socket.socket | None = None

    async def run(self, places: list[AddressInfo]) -> socket.socket:
        """Return the first connection; every other attempt is over when this returns."""
        try:
            if len(places) == 1:  # the usual case needs no task
                await self._attempt(*places[0])
            elif places:
                await self._run(deque(places))
        except BaseException:
            if self._won is not None:
                self._won.close()
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
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, where)
            if self._won is None:
                self._won, sock = sock, None
        except Exception as problem:  # noqa: BLE001 - only this address's failure
            self.problems.append(problem)
        finally:
            # Here, and not by whoever cancels: asyncio has let go of the descriptor by now.
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
        with suppress(RuntimeError):  # the loop may be gone by then
            loop.call_soon_threadsafe(settle, result)

    look_up(address, step, found)
    result = await future
    if isinstance(result, SignInError):
        raise result
    if not result:
        raise ConnectionFailed("the host has no address", step=step, server=str(address))
    watch.looked_up(address.host, hosts_of(result), began)
    return result

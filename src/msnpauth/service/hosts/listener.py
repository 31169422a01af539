"""Accepts connections, with TLS if there is a certificate, and closes all of them at the end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any

from ..addresses import plain_address
from .gate import Gate, Visit
from .proxied import introduced

__all__ = ["Listener", "Serve", "from_proxies"]

_HANDSHAKE_SECONDS = 10.0
_CLOSE_SECONDS = 30.0
_BACKLOG = 1024
_AT_ONCE = 16
_BUFFER = 16 * 1024
"""The largest number of received bytes that wait here. After that, nothing more is read from the
socket, so that the client has to wait.
"""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Visit], Coroutine[Any, Any, None]]
"""Serves one connection from its beginning to its end."""


def from_proxies(serve: Serve, addresses: Collection[str]) -> Serve:
    """Return a function that serves connections from these addresses, and closes all others.

    The proxy has removed the TLS, so that a client that does not connect through the proxy would
    send its data without encryption.
    """

    async def guarded(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, visit: Visit
    ) -> None:
        if _peer(writer) in addresses:
            await serve(reader, writer, visit)
        else:
            writer.close()

    return guarded


def _peer(transport: asyncio.BaseTransport | asyncio.StreamWriter) -> str:
    # If one socket listens for IPv4 and IPv6, an IPv4 address has the form `::ffff:192.0.2.7`.
    return plain_address((transport.get_extra_info("peername") or ("",))[0])


class Listener:
    """The connections of one listening socket.

    Args:
        serve: serves one connection.
        tls: the certificate and the settings; None for plain TCP.
        gate: accepts or refuses connections; by default all are accepted.
        balancers: the addresses of load balancers, which first send the address of the client whose
            connection they forward (`proxied`).
    """

    def __init__(
        self,
        serve: Serve,
        tls: ssl.SSLContext | None = None,
        gate: Gate | None = None,
        *,
        balancers: Collection[str] = (),
    ) -> None:
        self._serve = serve
        self._tls = tls
        self._gate = gate or Gate()
        self._balancers = balancers
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], Visit | None] = {}
        self._is_stopping = False

    async def start(self, sock: socket.socket) -> None:
        """Accept connections from now on. The listener will close the socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Accepted(self._accepted), sock=sock, backlog=_AT_ONCE
        )
        # asyncio uses `backlog` also as the number of connections that it accepts in a row, before
        # the gate can refuse any of them. So the real backlog is set here, separately.
        sock.listen(_BACKLOG)

    def close(self) -> None:
        """Stop accepting connections."""
        self._is_stopping = True
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Stop accepting connections, and close all open connections."""
        self.close()
        ending = list(self._connections)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def _accepted(self, transport: asyncio.Transport) -> None:
        if self._is_stopping:
            transport.abort()
            return

        # This also cancels the work for the connection: otherwise a password that waits to be
        # checked would keep its place in the queue.
        def end() -> None:
            task.cancel()

        visit = self._gate.enter(_peer(transport), end)
        if visit is None:
            transport.abort()
            return
        task = asyncio.create_task(self._carry(transport, end))
        self._connections[task] = visit

        def done(task: asyncio.Task[None]) -> None:
            # Here, because the `finally` of a task that is cancelled before its first step never
            # runs.
            transport.abort()
            visit = self._connections.pop(task)
            if visit is not None:
                self._gate.leave(visit)

        task.add_done_callback(done)

    async def _brought(self, plain: asyncio.Transport, end: Callable[[], None]) -> Visit | None:
        """Return the visit of a balancer's client, which replaces the visit of the balancer."""
        task = asyncio.current_task()
        assert task is not None  # `_accepted` made it
        address = await introduced(plain)
        if not address:
            return None
        # The balancer's visit leaves before the client's visit enters: if the limit is reached, the
        # gate must not close this connection to make room for itself.
        before = self._connections[task]
        assert before is not None  # the balancer's own
        self._gate.leave(before)
        visit = self._connections[task] = self._gate.enter(address, end)
        return visit

    async def _carry(self, plain: asyncio.Transport, end: Callable[[], None]) -> None:
        """Serve one connection, and return when the connection is closed completely."""
        task = asyncio.current_task()
        assert task is not None  # `_accepted` made it
        if _peer(plain) in self._balancers and await self._brought(plain, end) is None:
            return
        transport, visit = plain, self._connections[task]
        assert visit is not None  # only a connection that was refused above has none
        reader = asyncio.StreamReader(limit=_BUFFER // 2)
        protocol = asyncio.StreamReaderProtocol(reader)
        if self._tls is not None:
            secured = await self._secured(plain, protocol, self._tls)
            if secured is None:
                return
            transport = secured
        else:
            plain.set_protocol(protocol)
            plain.resume_reading()
        protocol.connection_made(transport)
        writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
        try:
            await self._serve(reader, writer, visit)
        except asyncio.CancelledError:
            # Not close(), because the closing message of TLS could wait for the peer.
            transport.abort()
            raise
        finally:
            # With a timeout, because a client that does not read the last data would keep the
            # connection for ever.
            with suppress(Exception):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await writer.wait_closed()

    async def _secured(
        self, plain: asyncio.Transport, protocol: asyncio.Protocol, tls: ssl.SSLContext
    ) -> asyncio.Transport | None:
        """Return the connection with TLS; None when the handshake with the peer fails."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            return await loop.start_tls(
                plain,
                protocol,
                tls,
                server_side=True,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            )
        return None


class _Accepted(asyncio.Protocol):
    """A connection that was just accepted.

    asyncio's own servers report a connection only when its TLS handshake is complete. Here each
    connection has a task from its beginning, which can be cancelled, and nothing is read before
    that task is ready.
    """

    def __init__(self, accepted: Callable[[asyncio.Transport], None]) -> None:
        self._take = accepted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self._take(transport)

"""A relay that makes loopback far away: every byte takes `delay` seconds each way.

The system completes a TCP handshake on loopback at once. It is made up for: what a client sends
is held back as if it had waited one round trip for the connection. So a connection costs one
round trip before the first byte leaves, a TLS 1.3 handshake one more, and each exchange one.

What came with the SYN (TCP Fast Open) did not wait: the system tells which connections began so.
Servers may do that in a network of the bench's own (`apart`), or by `net.ipv4.tcp_fastopen=3`.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

__all__ = ["HERE", "Relays"]

Place = tuple[str, int]


HERE = "127.0.0.1"


class Relays:
    """Relays from free ports of 127.0.0.1 to the same ports of `there`; a context manager.

    Attributes:
        ports: the ports, by the names that were given.
    """

    def __init__(self, names: Iterable[str], there: str, delay: float) -> None:
        self._socks = {name: _listening() for name in names}
        self.ports: dict[str, int] = {n: s.getsockname()[1] for n, s in self._socks.items()}
        self._there = there
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _listen(self) -> None:
        for name, sock in self._socks.items():
            there = (self._there, self.ports[name])
            await self._loop.create_server(partial(_Near, self, there), sock=sock)

    def carry(self, to: _End, data: bytes, not_before: float) -> None:
        """Hand `data` over a flight later; b"" is the end."""
        at = max(self._loop.time(), not_before) + self._delay
        self._loop.call_at(at, to.hand_over, data)


def _listening() -> socket.socket:
    # By its full name, or asyncio would leave Nagle's algorithm on.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind((HERE, 0))
    if option := getattr(socket, "TCP_FASTOPEN", None):
        sock.setsockopt(socket.IPPROTO_TCP, option, 64)  # of no effect where the system forbids it
    sock.listen()
    return sock


def _came_with_syn(sock: socket.socket) -> bool:
    """Tell whether the client's first bytes came with its SYN: the system says so in TCP_INFO.

    It is `tcpi_options`, the sixth byte, and TCPI_OPT_SYN_DATA of linux/tcp.h.
    """
    if sys.platform != "linux":
        return False
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 32)


class _End(asyncio.Protocol):
    """One end of a relayed connection: takes what comes, and writes what the other end took."""

    def __init__(self, relays: Relays) -> None:
        self._relays = relays
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self.other: _End
        self.not_before = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        for data in self._waiting:
            self.hand_over(data)

    def data_received(self, data: bytes) -> None:
        self._relays.carry(self.other, data, self.not_before)

    def connection_lost(self, error: Exception | None) -> None:
        self._relays.carry(self.other, b"", self.not_before)

    def hand_over(self, data: bytes) -> None:
        if self._transport is None:
            self._waiting.append(data)
        elif data:
            self._transport.write(data)
        else:
            self._transport.close()


class _Near(_End):
    """The client's end."""

    def __init__(self, relays: Relays, there: Place) -> None:
        super().__init__(relays)
        self._there = there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        loop = self._relays._loop
        assert isinstance(transport, asyncio.Transport)
        came_with_syn = _came_with_syn(transport.get_extra_info("socket"))
        self.not_before = loop.time() + (0 if came_with_syn else 2 * self._relays._delay)
        self.other = _End(self._relays)
        self.other.other = self
        super().connection_made(transport)
        task = loop.create_task(self._reach())
        self._task = task

    async def _reach(self) -> None:
        with suppress(OSError):
            await self._relays._loop.create_connection(lambda: self.other, *self._there)

"""How many connections to one server are being made at a time.

Ten thousand sign-ins that begin at once would knock on a server's door ten thousand times within a
second: its queue of new connections is full after some hundred, and what comes then is lost and
tried again after seconds. Each TLS handshake besides takes 33 KiB while it lasts, and the C library
keeps what the busiest moment took.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from ..core.urls import Address

__all__ = ["AT_ONCE", "connection_slot"]

AT_ONCE = 256
"""Connections. A processor does some thousand handshakes in a second, so that these are not what
it waits for, unless the server is more than a quarter of a second away."""


class _Queue:
    """Who connects to one server, or waits for that."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)
        self.people = 0


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Address, _Queue]] = WeakKeyDictionary()


@asynccontextmanager
async def connection_slot(address: Address) -> AsyncIterator[None]:
    """Wait until it is one's turn to connect to a server, and hold the place while inside."""
    queues = _queues.setdefault(asyncio.get_running_loop(), {})
    queue = queues.setdefault(address, _Queue())
    queue.people += 1
    try:
        async with queue.places:
            yield
    finally:
        queue.people -= 1
        if not queue.people:
            del queues[address]

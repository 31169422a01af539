"""Limits how many connections to one server are made at the same time.

Ten thousand sign-ins that begin at once would open ten thousand connections within a second. A
server's queue of new connections is full after some hundred; later attempts are dropped, and the
system repeats them only after seconds. Each TLS handshake also needs 33 KiB while it lasts, and
the C library does not give back the memory that the busiest moment needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from ..core.urls import Address

__all__ = ["AT_ONCE", "connection_slot"]

AT_ONCE = 256
"""Connections to one server that may be in the making. A processor completes some thousand
handshakes in a second, so this limit does not slow it down, unless the server needs more than a
quarter of a second to answer."""


class _Queue:
    """The sign-ins that are connecting to one server, or waiting for their turn."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)
        self.people = 0


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Address, _Queue]] = WeakKeyDictionary()


@asynccontextmanager
async def connection_slot(address: Address) -> AsyncIterator[None]:
    """Wait for a free place to connect to a server, and hold that place inside the block."""
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

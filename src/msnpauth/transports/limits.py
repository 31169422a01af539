"""Ends waiting exchanges in asyncio at their deadline, or when their carrier is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Limits"]


class Limits:
    """The time limits of a carrier's running exchanges."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Limit the time of the block.

        Raises:
            TimeoutError: the time is up, or `end` was called.
        """
        async with asyncio.timeout(max(0.0, seconds)) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    def end(self) -> None:
        """End every running block at once."""
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())

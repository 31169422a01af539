"""Password guesses, counted for all nodes together.

So a stranger who tries one node after another has to wait as long as at one node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from .scripts import PREFIX
from .server import SharedServer

if TYPE_CHECKING:
    from limits import RateLimitItemPerMinute

__all__ = ["ValkeyAttemptCounter"]

_REMEMBERED_SECONDS = 15 * 60


class ValkeyAttemptCounter:
    """An `AttemptCounter` on a shared server.

    Args:
        server: the shared server.
    """

    def __init__(self, server: SharedServer) -> None:
        self._server = server
        pool = server.client.connection_pool
        self._counted = MovingWindowRateLimiter(
            RedisStorage(
                f"async+{server.url}",
                implementation="valkey",
                key_prefix=f"{PREFIX}guesses",
                connection_pool=pool,
            )
        )

    async def count(self, item: RateLimitItemPerMinute, *whose: str) -> int:
        """As `AttemptCounter.count`."""
        stats = await self._server.ask(self._counted.get_window_stats(item, *whose))
        return item.amount - stats.remaining

    async def hit(self, item: RateLimitItemPerMinute, *whose: str) -> bool:
        """As `AttemptCounter.hit`."""
        return await self._server.ask(self._counted.hit(item, *whose))

    async def is_repeated(self, digest: bytes) -> bool:
        """As `AttemptCounter.is_repeated`."""
        key = f"{PREFIX}guessed:{digest.hex()}"
        made = self._server.client.set(key, 1, nx=True, ex=_REMEMBERED_SECONDS)
        return not await self._server.ask(made)

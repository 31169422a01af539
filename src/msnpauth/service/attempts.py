"""Counts the password guesses of the last minutes in memory, by the library `limits`."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

if TYPE_CHECKING:
    from limits import RateLimitItemPerMinute

__all__ = ["AttemptCounter", "MemoryAttemptCounter", "counted_as"]

_MOST_REMEMBERED = 65_536
_MOST_COUNTED = 65_536
"""The largest number of networks and accounts whose guesses are counted."""


def counted_as(passport: str) -> str:
    """Return a short key for an account: a person who guesses may send names of any length."""
    return hashlib.sha256(passport.casefold().encode("utf-8", "surrogatepass")).hexdigest()[:32]


class AttemptCounter(Protocol):
    """Counts guesses. Any method may raise ServiceUnavailable: then every sign-in is refused."""

    async def count(self, item: RateLimitItemPerMinute, *whose: str) -> int:
        """Return how many guesses there were within the time of the item, up to its amount."""

    async def hit(self, item: RateLimitItemPerMinute, *whose: str) -> bool:
        """Count a guess; False when the number that the item allows was reached already."""

    async def is_repeated(self, digest: bytes) -> bool:
        """Tell whether the guess with that digest was seen before, and remember the digest."""


class MemoryAttemptCounter:
    """An `AttemptCounter` in the memory of one process, whose counts a restart loses."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._counted = MovingWindowRateLimiter(self._storage)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()

    async def count(self, item: RateLimitItemPerMinute, *whose: str) -> int:
        """As `AttemptCounter.count`."""
        return item.amount - self._counted.get_window_stats(item, *whose).remaining

    async def hit(self, item: RateLimitItemPerMinute, *whose: str) -> bool:
        """As `AttemptCounter.hit`."""
        self._make_room()
        return self._counted.hit(item, *whose)

    async def is_repeated(self, digest: bytes) -> bool:
        """As `AttemptCounter.is_repeated`."""
        if digest in self._remembered:
            self._remembered.move_to_end(digest)
            return True
        self._remembered[digest] = None
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return False

    def _make_room(self) -> None:
        """Forget the keys that have no guesses any more, and then the oldest keys.

        `limits` forgets the guesses after their time, but keeps their keys for ever.
        """
        counted = self._storage.events
        if len(counted) < _MOST_COUNTED:
            return
        for key in sorted(counted, key=lambda one: bool(counted[one]))[: _MOST_COUNTED // 4]:
            with self._storage.locks[key]:  # the thread of `limits` uses them too
                self._storage.clear(key)

"""Who guesses waits; nobody is shut out.

As Dovecot does it (auth_penalty), a wrong password makes the next one of the same network wait: 2
seconds, then 4, 8, and 15 at most. What makes it bearable for honest people:

- The same wrong password again is no guess. A client that repeats a stale one, as bitlbee does
  every 15 seconds, makes nobody wait.
- A network from which an account has signed in before counts that account's own guesses only. Who
  shares it with a stranger does not wait for the stranger's.
- Guesses at one account from many networks make strangers wait, and never its owner at home.
- There is no lock, however many guesses there were: a lock would be the stranger's to turn.

One thing can still stand in the way. Each network has room for 128 passwords at once, and so has an
account at a network that it knows. Whoever fills that room makes others there come again later.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from ..core.errors import ServiceUnavailable
from ..core.secrets import Secret

__all__ = ["Guesses"]

_LONGEST = 15.0
_STEPS = 4  # 2, 4, 8, and the longest
_OF_PLACE = RateLimitItemPerMinute(_STEPS, 15)
"""Guesses of a network are forgotten after a quarter of an hour, as they are in Dovecot."""
_OF_ACCOUNT = RateLimitItemPerMinute(20, 15)
_IN_ALL = RateLimitItemPerMinute(600)

_AT_ONCE = 8
"""Checks of one network that run beside each other before more of them are taken for guesses."""
_CROWD = 4
"""So many more of them count as one guess."""
_MOST_AT_ONCE = 128
"""Of one network. Whoever shares it with a stranger who guesses is not to find it full."""
_MOST_REMEMBERED = 65_536
_MOST_COUNTED = 65_536
"""Networks and accounts whose guesses are counted."""


class Guesses:
    """A `Guard` that remembers for a quarter of an hour, in memory.

    Args:
        sleep: waits so many seconds; by default also not longer than the service lasts.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[object]] | None = None) -> None:
        self._patience = _Patience()
        self._sleep = sleep or self._patience.sleep
        self._storage = MemoryStorage()
        self._counted = MovingWindowRateLimiter(self._storage)
        self._under_way: Counter[tuple[str, str]] = Counter()
        self._key = secrets.token_bytes(16)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()
        self.delayed = 0
        """How many wait now."""

    @asynccontextmanager
    async def attempt(
        self, passport: str, address: str, *, is_known: bool
    ) -> AsyncIterator[_Attempt]:
        """As `Guard.attempt`."""
        who = _named(passport)
        # An account at a network that it knows has a place of its own there.
        place = (address, who if is_known else "")
        if self._under_way[place] >= _MOST_AT_ONCE:
            raise ServiceUnavailable(
                "too many passwords come from there at once", retry_after=_LONGEST, code=600
            )
        seconds = self._seconds(who, place)
        self._under_way[place] += 1
        try:
            if seconds:
                await self._wait(seconds)
            yield _Attempt(self, who, place)
        finally:
            self._under_way[place] -= 1
            if not self._under_way[place]:
                del self._under_way[place]

    async def _wait(self, seconds: float) -> None:
        self.delayed += 1
        try:
            await self._sleep(seconds)
        finally:
            self.delayed -= 1

    def close(self) -> None:
        """Let nobody wait any more: the service ends, and they are refused."""
        self._patience.end()

    def seconds(self, passport: str, address: str, *, is_known: bool) -> float:
        """Return how long a password of an account from a network has to wait."""
        who = _named(passport)
        return self._seconds(who, (address, who if is_known else ""))

    def _seconds(self, who: str, place: tuple[str, str]) -> float:
        # Those under way are guesses until the opposite is known: a thousand may come at once.
        crowd = max(0, self._under_way[place] - _AT_ONCE + _CROWD) // _CROWD
        steps = self._count(_OF_PLACE, *place) + crowd
        if not place[1]:
            # A few at an account are its owner's own, who mistypes on the way.
            steps = max(steps, self._count(_OF_ACCOUNT, who) - 4)
            steps = max(steps, int(self._count(_IN_ALL) >= _IN_ALL.amount))
        return min(_LONGEST, 2.0 ** min(steps, _STEPS)) if steps > 0 else 0.0

    def note(self, who: str, place: tuple[str, str], guess: Secret | None) -> None:
        """Count a wrong password."""
        if guess is not None and self._is_repeated(who, place, guess):
            return
        self._make_room()
        self._counted.hit(_OF_PLACE, *place)
        if not place[1]:
            self._counted.hit(_OF_ACCOUNT, who)
            self._counted.hit(_IN_ALL)

    def _count(self, item: RateLimitItemPerMinute, *whose: str) -> int:
        return item.amount - self._counted.get_window_stats(item, *whose).remaining

    def _make_room(self) -> None:
        """Forget whom nothing is counted of any more, and then the oldest.

        `limits` forgets the guesses in time, and keeps the names that they had for ever.
        """
        counted = self._storage.events
        if len(counted) < _MOST_COUNTED:
            return
        for key in sorted(counted, key=lambda one: bool(counted[one]))[: _MOST_COUNTED // 4]:
            with self._storage.locks[key]:  # its own thread looks at them too
                self._storage.clear(key)

    def _is_repeated(self, who: str, place: tuple[str, str], guess: Secret) -> bool:
        """Tell whether the same password was wrong before; its keyed hash is all that is kept."""
        mac = hmac.new(self._key, f"{who}\0{place}\0".encode(), hashlib.sha256)
        mac.update(guess.reveal().encode("utf-8", "surrogatepass"))
        digest = mac.digest()[:16]
        if digest in self._remembered:
            self._remembered.move_to_end(digest)
            return True
        self._remembered[digest] = None
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return False


class _Patience:
    """Waits, but not longer than the service lasts."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            ServiceUnavailable: the service ends.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return
        raise ServiceUnavailable("the service ends", retry_after=_LONGEST, code=604)

    def end(self) -> None:
        self._ended.set()


class _Attempt:
    def __init__(self, guesses: Guesses, who: str, place: tuple[str, str]) -> None:
        self._guesses = guesses
        self._who = who
        self._place = place

    def wrong(self, guess: Secret | None) -> None:
        """As `Attempt.wrong`."""
        self._guesses.note(self._who, self._place, guess)


def _named(passport: str) -> str:
    """Return a short word for an account: whoever guesses may give it any name, of any length."""
    return hashlib.sha256(passport.casefold().encode("utf-8", "surrogatepass")).hexdigest()[:32]

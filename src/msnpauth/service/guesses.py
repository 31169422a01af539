"""Who guesses waits; nobody is shut out.

As Dovecot does it (auth_penalty), a wrong password makes the next one of the same network wait: 2
seconds, then 4, 8, and 15 at most. What makes it bearable for honest people:

- The same wrong password again is no guess. A client that repeats a stale one, as bitlbee does
  every 15 seconds, makes nobody wait.
- A network from which an account has signed in before counts that account's own guesses only. Who
  shares it with a stranger does not wait for the stranger's.
- Guesses at one account from many networks make strangers wait, and never its owner at home.
- There is no lock, however many guesses there were: a lock would be the stranger's to turn.

A network has room for as many passwords at once as it may have connections, and so has an account
at a network that it knows. So who holds all that room holds all connections, and the gate ends the
oldest of those for the next who comes (`hosts.gate`). One thing can still stand in the way of
somebody: a stranger in the same network who opens new connections faster than they can be served.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from limits import RateLimitItemPerMinute

from ..core.errors import ServiceUnavailable
from ..core.secrets import Secret
from .attempts import AttemptCounter, MemoryAttemptCounter, counted_as

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
_MOST_AT_ONCE = 500


class Guesses:
    """A `Guard` that remembers for a quarter of an hour.

    Args:
        attempts: counts the guesses; in the memory of this process by default.
        key: makes the words under which wrong passwords are remembered; the same at all nodes
            that have one counter.
        sleep: waits so many seconds; by default also not longer than the service lasts.
        most_at_once: passwords of one network, as many as it may have connections. A proxy's
            connections are not counted by network, and there this is the only bound.
    """

    def __init__(
        self,
        attempts: AttemptCounter | None = None,
        *,
        key: bytes | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
        most_at_once: int | None = None,
    ) -> None:
        self._attempts = attempts or MemoryAttemptCounter()
        self._key = key or secrets.token_bytes(16)
        self._most_at_once = most_at_once or _MOST_AT_ONCE
        self._patience = _Patience()
        self._sleep = sleep or self._patience.sleep
        self._under_way: Counter[tuple[str, str]] = Counter()
        self.delayed = 0
        """How many wait now."""

    @asynccontextmanager
    async def attempt(
        self, passport: str, address: str, *, is_known: bool
    ) -> AsyncIterator[_Attempt]:
        """As `Guard.attempt`."""
        who = counted_as(passport)
        # An account at a network that it knows has a place of its own there.
        place = (address, who if is_known else "")
        if self._under_way[place] >= self._most_at_once:
            raise ServiceUnavailable(
                "too many passwords come from there at once", retry_after=_LONGEST, code=600
            )
        self._under_way[place] += 1
        try:
            seconds = await self._seconds(who, place)
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

    async def seconds(self, passport: str, address: str, *, is_known: bool) -> float:
        """Return how long a password of an account from a network has to wait."""
        who = counted_as(passport)
        return await self._seconds(who, (address, who if is_known else ""))

    async def _seconds(self, who: str, place: tuple[str, str]) -> float:
        # Those under way are guesses until the opposite is known: a thousand may come at once.
        others = self._under_way[place] - 1
        crowd = max(0, others - _AT_ONCE + _CROWD) // _CROWD
        steps = await self._attempts.count(_OF_PLACE, *place) + crowd
        if not place[1]:
            # A few at an account are its owner's own, who mistypes on the way.
            steps = max(steps, await self._attempts.count(_OF_ACCOUNT, who) - 4)
            steps = max(steps, int(await self._attempts.count(_IN_ALL) >= _IN_ALL.amount))
        return min(_LONGEST, 2.0 ** min(steps, _STEPS)) if steps > 0 else 0.0

    async def note(self, who: str, place: tuple[str, str], guess: Secret | None) -> None:
        """Count a wrong password; the same one again is not counted."""
        if guess is not None and await self._attempts.is_repeated(self._digest(who, place, guess)):
            return
        await self._attempts.hit(_OF_PLACE, *place)
        if not place[1]:
            await self._attempts.hit(_OF_ACCOUNT, who)
            await self._attempts.hit(_IN_ALL)

    def _digest(self, who: str, place: tuple[str, str], guess: Secret) -> bytes:
        """Return all that is kept of a wrong password: a keyed hash."""
        mac = hmac.new(self._key, f"{who}\0{place}\0".encode(), hashlib.sha256)
        mac.update(guess.reveal().encode("utf-8", "surrogatepass"))
        return mac.digest()[:16]


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

    async def wrong(self, guess: Secret | None) -> None:
        """As `Attempt.wrong`."""
        await self._guesses.note(self._who, self._place, guess)

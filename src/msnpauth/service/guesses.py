"""Delays for password guesses. A person who guesses has to wait, but nobody is locked out.

As in Dovecot (auth_penalty), a wrong password makes the next password from the same network wait: 2
seconds, then 4, 8, and at most 15. These rules keep the delays away from honest people:

- The same wrong password again is not counted as a guess. So a client that repeats an old password,
  as bitlbee does every 15 seconds, causes no delays.
- An account that has signed in from a network before is delayed there only by guesses at this same
  account. So the guesses of a stranger do not delay other people in the same network.
- Guesses at one account from many networks delay strangers, but never the owner at a network from
  which the account has signed in before.
- No account is ever locked, however many guesses there were: otherwise any stranger could lock an
  account.

A network may have as many passwords in progress as it may have connections, and so may an account
at a network that it has used before. So a person who uses all of this room also holds all
connections of the network, and the gate closes the oldest of them for the next client
(`hosts.gate`). One problem remains: a stranger in the same network can keep a person out by opening
new connections faster than the service can handle them.
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
"""The guesses of a network are forgotten after 15 minutes, as in Dovecot."""
_OF_ACCOUNT = RateLimitItemPerMinute(20, 15)
_IN_ALL = RateLimitItemPerMinute(600)

_AT_ONCE = 8
"""The number of checks from one network that may run at once without being counted as guesses."""
_CROWD = 4
"""Each further group of so many checks at once is counted as one guess."""
_MOST_AT_ONCE = 500


class Guesses:
    """A `Guard` that delays guesses, and remembers them for 15 minutes.

    Args:
        attempts: counts the guesses; by default in the memory of this process.
        key: the key for the hashes of wrong passwords; it is the same at all nodes that share a
            counter.
        sleep: waits the given number of seconds; the default also stops when the service ends.
        most_at_once: how many passwords from one network may be in progress, which is as many as it
            may have connections. The connections of a proxy are not counted by network, so that
            this is the only limit for them.
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
        """The number of passwords that wait now."""

    @asynccontextmanager
    async def attempt(
        self, passport: str, network: str, *, is_known: bool
    ) -> AsyncIterator[_Attempt]:
        """As `Guard.attempt`."""
        who = counted_as(passport)
        # An account is counted separately at a network that it has signed in from before.
        place = (network, who if is_known else "")
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
        """Refuse all passwords that wait, because the service ends."""
        self._patience.end()

    async def seconds(self, passport: str, network: str, *, is_known: bool) -> float:
        """Return how many seconds a password of an account from a network has to wait."""
        who = counted_as(passport)
        return await self._seconds(who, (network, who if is_known else ""))

    async def _seconds(self, who: str, place: tuple[str, str]) -> float:
        # Passwords in progress count as guesses until their result is known, because a thousand of
        # them may arrive at once.
        others = self._under_way[place] - 1
        crowd = max(0, others - _AT_ONCE + _CROWD) // _CROWD
        steps = await self._attempts.count(_OF_PLACE, *place) + crowd
        if not place[1]:
            # The first four guesses at an account do not count, because they may be typing errors
            # of its owner at a new network.
            steps = max(steps, await self._attempts.count(_OF_ACCOUNT, who) - 4)
            steps = max(steps, int(await self._attempts.count(_IN_ALL) >= _IN_ALL.amount))
        return min(_LONGEST, 2.0 ** min(steps, _STEPS)) if steps > 0 else 0.0

    async def note(self, who: str, place: tuple[str, str], guess: Secret | None) -> None:
        """Count a wrong password, unless the same password was counted before."""
        if guess is not None and await self._attempts.is_repeated(self._digest(who, place, guess)):
            return
        await self._attempts.hit(_OF_PLACE, *place)
        if not place[1]:
            await self._attempts.hit(_OF_ACCOUNT, who)
            await self._attempts.hit(_IN_ALL)

    def _digest(self, who: str, place: tuple[str, str], guess: Secret) -> bytes:
        """Return the keyed hash of a wrong password; only this hash is kept."""
        mac = hmac.new(self._key, f"{who}\0{place}\0".encode(), hashlib.sha256)
        mac.update(guess.reveal().encode("utf-8", "surrogatepass"))
        return mac.digest()[:16]


class _Patience:
    """Waits, but stops when the service ends."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait that number of seconds.

        Raises:
            ServiceUnavailable: the service ends before.
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

"""Hashes of passwords by argon2id (RFC 9106), in threads of its own and with a limited queue.

A check takes about 20 ms and 19 MiB by design. It runs in threads beside the event loop, which
works because argon2 releases the global interpreter lock. There are two lanes of threads, so that
many guesses by strangers do not delay people who sign in from a network that they used before.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import argon2

from ....core.errors import LocalProtocolError, ServiceUnavailable
from ....core.secrets import Secret
from ...settings import Argon2
from .foreign_hashes import is_argon2id, is_bearable, is_foreign, is_foreign_right

__all__ = ["Hasher"]

_T = TypeVar("_T")

_MOST_WAITING = 1024
"""The largest number of checks in a lane. It is twice the number of checks that one network may
have in progress, so that one network alone cannot fill a lane.
"""
_AGAIN_SECONDS = 5.0
_NICE = 10


class Hasher:
    """Makes hashes and checks them.

    Args:
        cost: the cost of new hashes. An older hash is checked with the cost that is part of it.
        threads: the number of threads of each lane; by default one for each processor that this
            process may use.
        timed: is called with the duration of each check, including its wait, in seconds.

    Raises:
        LocalProtocolError: argon2 does not accept that cost, or a check would be too expensive.
    """

    def __init__(
        self,
        cost: Argon2,
        threads: int | None = None,
        *,
        timed: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        if not is_bearable(cost.memory, cost.passes, cost.lanes):
            # A hash with such a cost is never checked, so nobody could sign in by it.
            raise LocalProtocolError(
                f"argon2 does not take {cost}: a check would be too expensive",
                hint="memory is in KiB: at most 1 GiB, 4 GiB for all passes together, 16 lanes",
            )
        self._timed = timed
        self._done = self._seen = 0
        self._argon2 = argon2.PasswordHasher(cost.passes, cost.memory, cost.lanes)
        count = threads or _processors()
        self._strangers, self._known = _Lane("strangers", count), _Lane("known", count)
        try:
            # Passwords of unknown accounts are checked against this hash, so that such a check
            # takes as long as one for a known account.
            self.nobody = self._argon2.hash(os.urandom(16))
        except (argon2.exceptions.HashingError, OverflowError, TypeError, ValueError) as problem:
            raise LocalProtocolError(
                f"argon2 does not take {cost}: {problem}",
                hint="memory is in KiB, and at least 8 for each lane",
            ) from None

    @property
    def waiting(self) -> int:
        """The number of checks that are running or wait for a thread."""
        return self._strangers.waiting + self._known.waiting

    async def verify(self, hashed: str, password: Secret, *, is_known: bool) -> bool:
        """Tell whether the password matches the hash.

        Args:
            hashed: a hash by `make`, with any cost, or a hash of another service.
            password: the password that was given.
            is_known: the account has signed in from the same network before.

        Raises:
            ServiceUnavailable: too many checks wait already.
        """
        lane = self._known if is_known else self._strangers
        began = time.perf_counter()
        try:
            return await lane.run(lambda: self.is_right(hashed, password))
        finally:
            self._done += 1
            self._timed(time.perf_counter() - began)

    async def renewed(self, password: Secret) -> str:
        """As `make`, in a thread."""
        return await self._known.run(lambda: self.make(password))

    async def made(self, password: Secret) -> str:
        """As `make`, in a thread for strangers: a person who signs up is a stranger."""
        return await self._strangers.run(lambda: self.make(password))

    def is_old(self, hashed: str) -> bool:
        """Tell whether the hash has another cost than new hashes, or is of another service."""
        return not is_argon2id(hashed) or self._argon2.check_needs_rehash(hashed)

    def make(self, password: Secret) -> str:
        """Return a hash of a password; the hash contains its salt and its cost."""
        return self._argon2.hash(password.reveal().encode("utf-8", "surrogatepass"))

    def is_right(self, hashed: str, password: Secret) -> bool:
        """As `verify`, in this thread."""
        if not is_foreign(hashed):
            is_right = self._is_own_right(hashed, password)
        else:
            is_right = is_foreign_right(hashed, password)
        if not is_right and self.is_old(hashed):
            # A check of MD5 takes microseconds. If this refusal took less time than the refusal of
            # an account that does not exist, a stranger could find out which accounts exist.
            self._is_own_right(self.nobody, password)
        return is_right

    def _is_own_right(self, hashed: str, password: Secret) -> bool:
        if not is_argon2id(hashed):
            return False
        try:
            data = password.reveal().encode("utf-8", "surrogatepass")
            return self._argon2.verify(hashed, data)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def was_busy(self) -> bool:
        """Tell whether passwords were checked since the last call of this method."""
        before, self._seen = self._seen, self._done
        return self.waiting > 0 or self._done != before

    def close(self) -> None:
        """End the threads."""
        self._strangers.close()
        self._known.close()


class _Lane:
    """A pool of threads with a limited queue."""

    def __init__(self, name: str, threads: int) -> None:
        self._threads = ThreadPoolExecutor(
            threads, thread_name_prefix=f"msnpauth-argon2-{name}", initializer=_step_back
        )
        self.waiting = 0

    async def run(self, work: Callable[[], _T]) -> _T:
        if self.waiting >= _MOST_WAITING:
            raise ServiceUnavailable(
                "too many passwords wait to be checked", retry_after=_AGAIN_SECONDS, code=600
            )
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _processors() -> int:
    """Return how many processors this process may use: a container may have fewer than its host."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _step_back() -> None:
    """Give this thread a lower priority than the event loop: on Linux niceness is per thread."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)

"""Hashes of passwords: argon2id (RFC 9106), off the event loop, and bounded.

A check takes some 20 ms and 19 MiB by design. It runs in threads, beside the loop, since argon2
lets go of the interpreter. Two lanes of threads see to it that a flood of strangers' guesses does
not stand in the way of people who come from where they came from before.
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
from .foreign_hashes import is_foreign, is_foreign_right

__all__ = ["Hasher"]

_T = TypeVar("_T")

_MOST_WAITING = 1024
"""In a lane. It takes twice what one network may have under way, so that none fills it alone."""
_AGAIN_SECONDS = 5.0
_NICE = 10


class Hasher:
    """Makes hashes and checks them.

    Args:
        cost: of new hashes. Older ones are checked by what stands in them.
        threads: of each lane; one for each processor that it may use by default.
        timed: is told how long each check took with its wait, in seconds.

    Raises:
        LocalProtocolError: argon2 does not take that cost.
    """

    def __init__(
        self,
        cost: Argon2,
        threads: int | None = None,
        *,
        timed: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._timed = timed
        self._done = self._seen = 0
        self._argon2 = argon2.PasswordHasher(cost.passes, cost.memory, cost.lanes)
        count = threads or _processors()
        self._strangers, self._known = _Lane("strangers", count), _Lane("known", count)
        try:
            # What an unknown account is checked against, so that it takes as long as a known one.
            self.nobody = self._argon2.hash(os.urandom(16))
        except (argon2.exceptions.HashingError, OverflowError, TypeError, ValueError) as problem:
            raise LocalProtocolError(
                f"argon2 does not take {cost}: {problem}",
                hint="memory is in KiB, and at least 8 for each lane",
            ) from None

    @property
    def waiting(self) -> int:
        """How many checks are under way, or wait for a thread."""
        return self._strangers.waiting + self._known.waiting

    async def verify(self, hashed: str, password: Secret, *, is_known: bool) -> bool:
        """Tell whether the password is the one of the hash.

        Args:
            hashed: as `make` has made it, by whatever cost.
            password: what was given.
            is_known: the account has signed in from there before.

        Raises:
            ServiceUnavailable: too many wait already.
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
        """As `make`, in a thread of those for strangers: somebody signs up."""
        return await self._strangers.run(lambda: self.make(password))

    def is_old(self, hashed: str) -> bool:
        """Tell whether the hash costs something else than new ones do, or is of another service."""
        return is_foreign(hashed) or self._argon2.check_needs_rehash(hashed)

    def make(self, password: Secret) -> str:
        """Return a hash of a password; it has its salt and cost in it."""
        return self._argon2.hash(password.reveal().encode("utf-8", "surrogatepass"))

    def is_right(self, hashed: str, password: Secret) -> bool:
        """As `verify`, in this thread."""
        if is_foreign(hashed):
            return is_foreign_right(hashed, password)
        try:
            data = password.reveal().encode("utf-8", "surrogatepass")
            return self._argon2.verify(hashed, data)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def was_busy(self) -> bool:
        """Tell whether passwords were checked since this was asked last."""
        before, self._seen = self._seen, self._done
        return self.waiting > 0 or self._done != before

    def close(self) -> None:
        """End the threads."""
        self._strangers.close()
        self._known.close()


class _Lane:
    """Some threads, and those who wait for them."""

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
    """Return how many processors this process may use: a container has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _step_back() -> None:
    """Let the event loop go first: on Linux each thread has a niceness of its own."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)

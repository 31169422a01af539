"""The one door: every password that a role is given is checked here, and nowhere else.

A login server, RST, NotRST and MD5 differ in how a password comes. What has to be thought of when
it is checked is the same: who guesses, how long they wait, and what is noted about it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from ...core.secrets import Secret
from ...core.wire.dialects import Scheme
from ..stores.protocol import AccountStore, Proof, Purpose

__all__ = ["Attempt", "Door", "Guard", "Journal", "Unguarded", "Unwritten"]


class Attempt(Protocol):
    """One password that is being checked."""

    async def wrong(self, guess: Secret | None) -> None:
        """It was wrong. The same one again is no guess; None where it is not told."""


class Guard(Protocol):
    """Slows down who guesses."""

    def attempt(
        self, passport: str, address: str, *, is_known: bool
    ) -> AbstractAsyncContextManager[Attempt]:
        """Return what surrounds a check; its beginning waits for as long as need be.

        Raises:
            ServiceUnavailable: too many wait already (at the beginning).
        """


class Journal(Protocol):
    """Is told what happens, for logs and metrics."""

    def signed_in(self, proof: Proof, scheme: Purpose, address: str) -> None:
        """A password was right."""

    def entered(self, passport: str, scheme: Scheme, address: str) -> None:
        """A session began."""

    def refused(self, passport: str, scheme: Purpose, address: str, why: str) -> None:
        """A password or a ticket was not taken."""


class Unguarded:
    """The guard of a service in memory: nobody waits."""

    @asynccontextmanager
    async def attempt(
        self, passport: str, address: str, *, is_known: bool
    ) -> AsyncIterator[Unguarded]:
        """As `Guard.attempt`."""
        yield self

    async def wrong(self, guess: Secret | None) -> None:
        """As `Attempt.wrong`."""


class Unwritten:
    """The journal of a service that keeps none."""

    def signed_in(self, proof: Proof, scheme: Purpose, address: str) -> None:
        """As `Journal.signed_in`."""

    def entered(self, passport: str, scheme: Scheme, address: str) -> None:
        """As `Journal.entered`."""

    def refused(self, passport: str, scheme: Purpose, address: str, why: str) -> None:
        """As `Journal.refused`."""


class Door:
    """See the module.

    Args:
        accounts: who may sign in.
        guard: slows down who guesses.
        journal: is told about it.
    """

    def __init__(
        self, accounts: AccountStore, guard: Guard | None = None, journal: Journal | None = None
    ) -> None:
        self._accounts = accounts
        self._guard = guard or Unguarded()
        self.journal = journal or Unwritten()

    async def check(
        self, passport: str, password: Secret, scheme: Purpose, address: str
    ) -> Proof | None:
        """Return the proof if the password is right; it may take as long as the guard says.

        Args:
            passport: whose it is said to be.
            password: what was given.
            scheme: what the ticket is for, or `PAGES`.
            address: the network that it comes from.

        Raises:
            ServiceUnavailable: nobody can tell now.
        """
        is_known = await self._accounts.knows(passport, address)
        async with self._guard.attempt(passport, address, is_known=is_known) as attempt:
            proof = await self._accounts.check(passport, password, scheme, is_known=is_known)
            if proof is None:
                await attempt.wrong(password)
        if proof is None:
            self.journal.refused(passport, scheme, address, _why(password))
        else:
            await self._let_in(proof, scheme, address)
        return proof

    async def check_md5(self, passport: str, salt: str, answer: str, address: str) -> Proof | None:
        """As `check`, for the answer of MD5, which is another one each time."""
        is_known = await self._accounts.knows(passport, address)
        async with self._guard.attempt(passport, address, is_known=is_known) as attempt:
            proof = await self._accounts.check_md5(passport, salt, answer)
            if proof is None:
                await attempt.wrong(None)
        if proof is None:
            self.journal.refused(passport, Scheme.MD5, address, "wrong password")
        else:
            await self._let_in(proof, Scheme.MD5, address)
        return proof

    async def _let_in(self, proof: Proof, scheme: Purpose, address: str) -> None:
        await self._accounts.signed_in(proof, address, scheme)
        self.journal.signed_in(proof, scheme, address)


_CUT_AT = 16


def _why(password: Secret) -> str:
    # Official clients cut a password at 16 characters and say nothing (Escargot's FAQ).
    if len(password) == _CUT_AT:
        return "wrong password of exactly 16 characters, at which official clients cut a longer one"
    return "wrong password"

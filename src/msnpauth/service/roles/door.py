"""The door: the only place where roles check passwords.

A login server, RST, NotRST and MD5 receive a password in different ways. The other steps of a check
are the same for all of them: counting guesses, delaying the next guess, and logging the result.
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
        """Record that the password was wrong.

        Args:
            guess: the password, because the same wrong password again does not count as a guess;
                None if the password is not known.
        """


class Guard(Protocol):
    """Delays people who guess passwords."""

    def attempt(
        self, passport: str, network: str, *, is_known: bool
    ) -> AbstractAsyncContextManager[Attempt]:
        """Return the context for a check, which waits at its beginning if necessary.

        Raises:
            ServiceUnavailable: too many checks wait already (at the beginning).
        """


class Journal(Protocol):
    """Records sign-ins and refusals, for logs and metrics."""

    def signed_in(self, proof: Proof, scheme: Purpose, network: str) -> None:
        """Record that a password was right."""

    def entered(self, passport: str, scheme: Scheme, network: str) -> None:
        """Record that a session began."""

    def refused(self, passport: str, scheme: Purpose, network: str, why: str) -> None:
        """Record that a password or a ticket was refused."""


class Unguarded:
    """The guard of a service in memory, which never delays anybody."""

    @asynccontextmanager
    async def attempt(
        self, passport: str, network: str, *, is_known: bool
    ) -> AsyncIterator[Unguarded]:
        """As `Guard.attempt`."""
        yield self

    async def wrong(self, guess: Secret | None) -> None:
        """As `Attempt.wrong`."""


class Unwritten:
    """The journal of a service without logs and metrics, which records nothing."""

    def signed_in(self, proof: Proof, scheme: Purpose, network: str) -> None:
        """As `Journal.signed_in`."""

    def entered(self, passport: str, scheme: Scheme, network: str) -> None:
        """As `Journal.entered`."""

    def refused(self, passport: str, scheme: Purpose, network: str, why: str) -> None:
        """As `Journal.refused`."""


class Door:
    """Checks passwords, delays guesses, and records the results.

    Args:
        accounts: the accounts that may sign in.
        guard: delays people who guess passwords; by default nobody is delayed.
        journal: records the results; by default nothing is recorded.
    """

    def __init__(
        self, accounts: AccountStore, guard: Guard | None = None, journal: Journal | None = None
    ) -> None:
        self._accounts = accounts
        self._guard = guard or Unguarded()
        self.journal = journal or Unwritten()

    async def check(
        self, passport: str, password: Secret, scheme: Purpose, network: str
    ) -> Proof | None:
        """Return the proof if the password is right, after the delay that the guard requires.

        Args:
            passport: the account to sign in to.
            password: the password that was given.
            scheme: the scheme that the ticket is for, or `PAGES`.
            network: the network from which the password comes.

        Raises:
            ServiceUnavailable: the password cannot be checked now.
        """
        is_known = await self._accounts.knows(passport, network)
        async with self._guard.attempt(passport, network, is_known=is_known) as attempt:
            proof = await self._accounts.check(passport, password, scheme, is_known=is_known)
            if proof is None:
                await attempt.wrong(password)
        if proof is None:
            self.journal.refused(passport, scheme, network, _why(password))
        else:
            await self._let_in(proof, scheme, network)
        return proof

    async def check_md5(self, passport: str, salt: str, answer: str, network: str) -> Proof | None:
        """As `check`, for an answer by MD5, which is different for each challenge."""
        is_known = await self._accounts.knows(passport, network)
        async with self._guard.attempt(passport, network, is_known=is_known) as attempt:
            proof = await self._accounts.check_md5(passport, salt, answer)
            if proof is None:
                await attempt.wrong(None)
        if proof is None:
            self.journal.refused(passport, Scheme.MD5, network, "wrong password")
        else:
            await self._let_in(proof, Scheme.MD5, network)
        return proof

    async def _let_in(self, proof: Proof, scheme: Purpose, network: str) -> None:
        await self._accounts.signed_in(proof, network, scheme)
        self.journal.signed_in(proof, scheme, network)


_CUT_AT = 16


def _why(password: Secret) -> str:
    # Official clients cut a password at 16 characters without any notice (Escargot's FAQ).
    if len(password) == _CUT_AT:
        return "wrong password of exactly 16 characters, at which official clients cut a longer one"
    return "wrong password"

"""How often a network may sign up, and an account change things: counted for all nodes together.

Wrong passwords are not counted here: the one door does that (`guesses`).
"""

from __future__ import annotations

from limits import RateLimitItemPerMinute

from ..attempts import AttemptCounter, counted_as

__all__ = ["Limits", "TooOften"]

_TRIES = RateLimitItemPerMinute(30, 15)
"""Forms for signing up of one network: each may try a code, and cost a hash."""
_ACCOUNTS = RateLimitItemPerMinute(10, 60)
"""Accounts that one network makes."""
_ACCOUNTS_IN_ALL = RateLimitItemPerMinute(500, 60)
_CHANGES = RateLimitItemPerMinute(20, 15)
"""Passwords and app passwords that an account makes."""


class TooOften(Exception):
    """There were too many of late.

    Attributes:
        retry_after: seconds until it is worth a try.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class Limits:
    """See the module.

    Args:
        attempts: counts.
    """

    def __init__(self, attempts: AttemptCounter) -> None:
        self._attempts = attempts

    async def sign_up_tried(self, address: str) -> None:
        """Count a form for signing up.

        Args:
            address: the network that it comes from.

        Raises:
            TooOften: there were too many.
            ServiceUnavailable: nobody can tell how many there were.
        """
        await self._count(_TRIES, "sign-up", address)

    async def account_made(self, address: str) -> None:
        """Count an account that is about to be made; raises as `sign_up_tried`."""
        await self._count(_ACCOUNTS, "account", address)
        await self._count(_ACCOUNTS_IN_ALL, "accounts")

    async def changed(self, passport: str) -> None:
        """Count a password that is about to be made for an account; raises as `sign_up_tried`."""
        await self._count(_CHANGES, "change", counted_as(passport))

    async def _count(self, item: RateLimitItemPerMinute, *whose: str) -> None:
        if not await self._attempts.hit(item, "pages", *whose):
            raise TooOften(item.multiples * 60)

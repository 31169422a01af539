"""Limits how often a network may sign up and an account may make changes, on all nodes together.

Wrong passwords are not counted here: `guesses` counts them for all kinds of sign-in.
"""

from __future__ import annotations

from limits import RateLimitItemPerMinute

from ..attempts import AttemptCounter, counted_as

__all__ = ["Limits", "TooOften"]

_TRIES = RateLimitItemPerMinute(30, 15)
"""The limit of sign-up forms from one network: each form may try a code, and may cost a hash."""
_ACCOUNTS = RateLimitItemPerMinute(10, 60)
"""The limit of accounts that are made from one network."""
_ACCOUNTS_IN_ALL = RateLimitItemPerMinute(500, 60)
_CHANGES = RateLimitItemPerMinute(20, 15)
"""The limit of passwords and app passwords that are made for one account."""


class TooOften(Exception):
    """There were too many requests of this kind lately.

    Attributes:
        retry_after: the time after which another request may succeed, in seconds.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class Limits:
    """The limits of the pages.

    Args:
        attempts: counts the requests, for all nodes together.
    """

    def __init__(self, attempts: AttemptCounter) -> None:
        self._attempts = attempts

    async def sign_up_tried(self, network: str) -> None:
        """Count a sign-up form.

        Args:
            network: the network that the form comes from.

        Raises:
            TooOften: there were too many forms lately.
            ServiceUnavailable: the number of forms is not known, because the store failed.
        """
        await self._count(_TRIES, "sign-up", network)

    async def account_made(self, network: str) -> None:
        """Count an account that is about to be made; raises as `sign_up_tried`."""
        await self._count(_ACCOUNTS, "account", network)
        await self._count(_ACCOUNTS_IN_ALL, "accounts")

    async def changed(self, passport: str) -> None:
        """Count a password that is about to be made for an account; raises as `sign_up_tried`."""
        await self._count(_CHANGES, "change", counted_as(passport))

    async def _count(self, item: RateLimitItemPerMinute, *whose: str) -> None:
        if not await self._attempts.hit(item, "pages", *whose):
            raise TooOften(item.multiples * 60)

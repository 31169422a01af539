"""Who may sign in to the service."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..core.secrets import Secret
from ..core.tickets.passport14 import as_secret, check_passport, check_password

__all__ = ["Account", "Accounts"]


@dataclass(frozen=True)
class Account:
    """One account.

    Attributes:
        passport: its address; compared without regard to letter case.
        password: what proves it.
        display_name: what MSNP8 and 9 tell in USR OK; the passport when empty.
        verified: the address was verified.
        restricted: the official client would sign out at once.
        allow_md5: it may sign in by MD5, which shows the password's hash to everybody between.
        contacts: passports on its contact list, each allowed to see it.
        refusal: MSNP code that ends each of its sign-ins (923, 924, 927 …), or None.
    """

    passport: str
    password: Secret
    display_name: str = ""
    verified: bool = True
    restricted: bool = False
    allow_md5: bool = False
    contacts: tuple[str, ...] = ()
    refusal: int | None = None


@dataclass
class Accounts:
    """The accounts of a service that lives in memory."""

    _by_passport: dict[str, Account] = field(default_factory=dict)

    @classmethod
    def of(cls, accounts: Mapping[str, str] | Iterable[Account]) -> Accounts:
        """Build them of passwords by passport, or of `Account`s.

        Raises:
            LocalProtocolError: a passport or password cannot be one.
        """
        made = cls()
        if isinstance(accounts, Mapping):
            accounts = [
                Account(check_passport(passport), check_password(as_secret(password)))
                for passport, password in accounts.items()
            ]
        for account in accounts:
            made.add(account)
        return made

    def add(self, account: Account) -> None:
        """Add an account, or replace the one of that passport."""
        self._by_passport[account.passport.casefold()] = account

    def find(self, passport: str) -> Account | None:
        """Return the account, or None."""
        return self._by_passport.get(passport.casefold())

    def check(self, passport: str, password: str) -> Account | None:
        """Return the account if the password is right; unknown accounts take as long."""
        account = self.find(passport)
        expected = account.password.reveal() if account else ""
        right = hmac.compare_digest(
            expected.encode("utf-8"), password.encode("utf-8", "surrogateescape")
        )
        return account if right and account else None

"""The kept data of an account, as the roles' store and the operator's directory read it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from ....core.secrets import Secret
from ....core.wire.dialects import Scheme
from ..protocol import Principal
from .tables import accounts, app_passwords

__all__ = [
    "APP_PASSWORD_LENGTH",
    "LONGEST_APP_PASSWORD_NAME",
    "MOST_APP_PASSWORDS",
    "AppPassword",
    "KeptAccount",
    "digest_of",
    "find",
    "is_storable",
    "kept",
    "moment_of",
    "new_stamp",
    "random_letters",
    "used_app_password",
]

APP_PASSWORD_LENGTH = 16
"""The length of the longest password that every official client sends without cutting it."""
MOST_APP_PASSWORDS = 50
"""The largest number of app passwords of an account. A person has fewer devices than that, and each
check of a password compares it with all of them.
"""
LONGEST_APP_PASSWORD_NAME = 60
"""The largest number of characters in the name of an app password."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def random_letters(count: int) -> str:
    """Return random letters and digits that people can type from paper.

    0, 1, i, l and o are not used, because people confuse them with each other. 31 characters
    remain, so that sixteen random characters have 79 random bits.
    """
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


@dataclass(frozen=True)
class AppPassword:
    """A password for one device; the password itself is not kept.

    Attributes:
        id: identifies the app password for `revoke`, and in tickets.
        name: the name that the owner has given to the device.
        schemes: the schemes that the app password is valid for.
        created: when it was made, in UTC.
        used: when it was used last, in UTC; None when it was never used.
        used_scheme: the scheme or purpose of the last use; None when it was never used.
        digest: the salted hash that the password is compared with.
        sealed: for MD5, the password encrypted by the key of the service; otherwise None.
    """

    id: str
    name: str
    schemes: frozenset[Scheme]
    created: datetime
    used: datetime | None
    used_scheme: str | None
    digest: str
    sealed: str | None

    def __repr__(self) -> str:
        return f"AppPassword({self.id!r}, {self.name!r}, {sorted(self.schemes)})"


@dataclass(frozen=True)
class KeptAccount:
    """An account as the database has it.

    Attributes:
        principal: the account as roles know it.
        hash: the hash of its password, by argon2id or by another service.
        is_long: the password is longer than the 16 characters that official clients send.
        stamp: a random value that changes with the password.
        is_disabled: nobody may sign in to the account.
        created, changed: when the account was made, and when its password was changed, in UTC.
        signed_in: when the last sign-in was, in UTC; None when there was none.
        app_passwords: the app passwords of the account.
    """

    principal: Principal
    hash: str
    is_long: bool
    stamp: str
    is_disabled: bool
    created: datetime
    changed: datetime
    signed_in: datetime | None
    app_passwords: tuple[AppPassword, ...] = ()

    @property
    def passport(self) -> str:
        """The address, in the letter case in which the account was made."""
        return self.principal.passport

    def __repr__(self) -> str:
        return f"KeptAccount({self.passport!r})"

    def stamp_of(self, app_password: AppPassword | None) -> str:
        """Return the stamp for a ticket that is issued for a password of the account.

        None means the account's own password. A new password of the account ends all its tickets,
        also those that were issued for app passwords.
        """
        return self.stamp if app_password is None else f"{self.stamp}.{app_password.id}"

    def is_live(self, stamp: str) -> bool:
        """Tell whether the password that a stamp identifies is still valid for the account."""
        stamps = {self.stamp, *map(self.stamp_of, self.app_passwords)}
        return not self.is_disabled and stamp in stamps


def find(connection: Connection, passport: str) -> KeptAccount | None:
    """Return the account of a passport in any letter case; None when there is none."""
    key = passport.casefold()
    if not is_storable(key):
        return None  # the database would refuse it; a client may send any bytes
    row = connection.execute(select(accounts).where(accounts.c.passport == key)).one_or_none()
    if row is None:
        return None
    apps = connection.execute(
        select(app_passwords)
        .where(app_passwords.c.passport == key)
        .order_by(app_passwords.c.created)
    )
    return kept(row, tuple(_app_password(app) for app in apps))


def is_storable(text: str) -> bool:
    """Tell whether every database accepts a text: no database accepts bytes that are not UTF-8.

    PostgreSQL does not accept NUL either.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def kept(row: Any, apps: tuple[AppPassword, ...] = ()) -> KeptAccount:
    """Return the account of a row."""
    return KeptAccount(
        Principal(row.spelled, row.display_name, row.verified, row.restricted, row.refusal),
        hash=row.hash,
        is_long=row.is_long,
        stamp=row.stamp,
        is_disabled=row.is_disabled,
        created=moment_of(row.created),
        changed=moment_of(row.changed),
        signed_in=None if row.signed_in is None else moment_of(row.signed_in),
        app_passwords=apps,
    )


def _app_password(row: Any) -> AppPassword:
    return AppPassword(
        row.id,
        row.name,
        frozenset(Scheme(word) for word in row.schemes.split()),
        created=moment_of(row.created),
        used=None if row.used is None else moment_of(row.used),
        used_scheme=row.used_scheme,
        digest=row.digest,
        sealed=row.sealed,
    )


def digest_of(app_password_id: str, password: Secret) -> str:
    """Return the hash of an app password, for which its id is the salt."""
    return hashlib.sha256(
        f"{app_password_id}:{password.reveal()}".encode("utf-8", "surrogatepass")
    ).hexdigest()


def new_stamp() -> str:
    """Return a random value that identifies a password; a new password gets a new stamp."""
    return secrets.token_hex(4)


def used_app_password(stamp: str) -> str:
    """Return the id of the app password in a stamp; "" for the account's own password.

    `KeptAccount.stamp_of` makes such stamps.
    """
    return stamp.partition(".")[2]


def moment_of(seconds: float) -> datetime:
    """Return the UTC time for a time in the database, which is in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)

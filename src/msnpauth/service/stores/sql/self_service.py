"""The changes that people make to their own accounts. Each change is one transaction on any node.

The operator's changes are in `directory`. The changes here differ in two ways: a hash is made in
the threads of the hasher and not in those of the database, and a change needs an invitation, or the
password that the account had when its owner began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, update

from ....core.secrets import Secret
from ....core.tickets.ticket import utc_now
from ....core.wire.dialects import Scheme
from .changes import note_change
from .database import Database
from .directory import AccountDirectory, MadeAppPassword
from .hashing import Hasher
from .invitations import find_invitation, use_invitation
from .kept import find, new_stamp
from .page_sessions import begin_session, end_sessions, new_word
from .tables import accounts

__all__ = ["Changed", "NotInvited", "SelfService", "SignedUp", "Taken"]


class NotInvited(Exception):
    """No invitation that can be used has this code."""


class Taken(Exception):
    """An account with that address exists already."""


class Changed(Exception):
    """The account was changed meanwhile, by a person who knew its password."""


class SignedUp(NamedTuple):
    """A new account.

    Attributes:
        word: the token for the cookie of the browser, which is signed in at once.
        invitation: the id of the invitation that was used; "" for none.
    """

    word: Secret
    invitation: str


class SelfService:
    """The changes that people make to their own accounts.

    Args:
        database: the database that has the accounts.
        hasher: makes the hashes.
        directory: the same accounts, as an operator changes them.
        now: returns the present time, in UTC.
    """

    def __init__(
        self,
        database: Database,
        hasher: Hasher,
        directory: AccountDirectory,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._directory = directory
        self._now = now

    async def sign_up(self, passport: str, password: Secret, code: Secret | None) -> SignedUp:
        """Add an account, and begin a session at the pages.

        The address counts as not verified, because no message was sent to it.

        Args:
            passport: the address.
            password: its password.
            code: the code of the invitation; None when everybody may sign up.

        Raises:
            NotInvited: the code is not valid. It is checked first, so that a person without an
                invitation cannot find out whether an address has an account.
            Taken: the address has an account already. The invitation was not used.
            LocalProtocolError: the passport or the password is not valid.
            ServiceUnavailable: the database failed, or too many passwords wait.
        """
        hashed = await self._hasher.made(password)
        row = self._directory.row_of(passport, password, hashed, verified=False)
        word = new_word()

        def add(connection: Connection) -> str:
            used = self._check(connection, passport, code)
            if code is not None and not use_invitation(connection, code, self._now()):
                raise NotInvited
            connection.execute(insert(accounts).values(row))
            note_change(connection, passport.casefold())
            begin_session(connection, passport, str(row["stamp"]), word, self._now())
            return used

        return SignedUp(word, await self._database.run(add))

    async def check(self, passport: str, code: Secret | None) -> None:
        """Check that a person may sign up, before a hash is made for it; raises as `sign_up`."""
        await self._database.run(lambda connection: self._check(connection, passport, code))

    def _check(self, connection: Connection, passport: str, code: Secret | None) -> str:
        found = None if code is None else find_invitation(connection, code, self._now())
        if code is not None and found is None:
            raise NotInvited
        if find(connection, passport) is not None:
            raise Taken
        return "" if found is None else found.id

    async def change_password(self, passport: str, stamp: str, password: Secret) -> Secret:
        """Give an account another password; return the token of the only session that is left.

        Every ticket, every connection of Messenger and every session of another browser end.

        Args:
            passport: the account.
            stamp: the stamp of the present password, which the owner has just typed.
            password: the new password.

        Raises:
            Changed: the account does not have that stamp any more.
            LocalProtocolError: the new password is not valid.
            ServiceUnavailable: the database failed, or too many passwords wait.
        """
        hashed = await self._hasher.renewed(password)
        row = self._directory.row_of(passport, password, hashed, verified=False)
        values = {name: row[name] for name in ("hash", "is_long", "stamp", "changed")}
        return await self._change(passport, stamp, values)

    async def end_tickets(self, passport: str, stamp: str) -> Secret:
        """As `change_password`, but the account keeps its password."""
        return await self._change(passport, stamp, {"stamp": new_stamp()})

    async def _change(self, passport: str, stamp: str, values: dict[str, object]) -> Secret:
        word = new_word()

        def change(connection: Connection) -> None:
            mine = (accounts.c.passport == passport.casefold()) & (accounts.c.stamp == stamp)
            # One update with a condition: with a query before the update, two nodes could both
            # succeed at the same moment.
            if connection.execute(update(accounts).where(mine).values(values)).rowcount != 1:
                raise Changed
            note_change(connection, passport.casefold())
            end_sessions(connection, passport)
            begin_session(connection, passport, str(values["stamp"]), word, self._now())

        await self._database.run(change)
        return word

    async def add_app_password(
        self, passport: str, stamp: str, name: str, schemes: Iterable[Scheme]
    ) -> MadeAppPassword:
        """As `AccountDirectory.add_app_password`, if the account still has that stamp."""
        chosen = tuple(schemes)
        return await self._database.aside(
            lambda: self._directory.add_app_password(passport, name, chosen, stamp=stamp)
        )

    async def revoke_app_password(self, passport: str, app_id: str) -> None:
        """As `AccountDirectory.revoke_app_password`."""
        await self._database.aside(lambda: self._directory.revoke_app_password(passport, app_id))

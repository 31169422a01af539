"""What people change of their own accounts: each change is one transaction, on whichever node.

The operator's changes are in `directory`. These differ: a hash is made in the hasher's threads and
not in the database's, and what somebody may do hangs on an invitation, or on the password that they
had when they began.
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
    """The code is no invitation that can be used (any more)."""


class Taken(Exception):
    """There is an account of that address."""


class Changed(Exception):
    """The account was changed meanwhile, by somebody who knew its password."""


class SignedUp(NamedTuple):
    """A new account.

    Attributes:
        word: for the cookie of the browser, which is signed in at once.
        invitation: the id of the invitation that was used; "" for none.
    """

    word: Secret
    invitation: str


class SelfService:
    """See the module.

    Args:
        database: where the accounts are.
        hasher: makes the hashes.
        directory: the same accounts, as an operator changes them.
        now: the clock.
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
        """Add an account, and begin a session of its pages.

        The address is not verified: nobody has sent anything to it.

        Args:
            passport: the address.
            password: its password.
            code: the invitation; None where everybody may sign up.

        Raises:
            NotInvited: before anything is told about the address.
            Taken: the invitation was not used.
            LocalProtocolError: passport or password cannot be one.
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
        """Find out whether somebody may sign up, before that costs a hash; raises as `sign_up`."""
        await self._database.run(lambda connection: self._check(connection, passport, code))

    def _check(self, connection: Connection, passport: str, code: Secret | None) -> str:
        found = None if code is None else find_invitation(connection, code, self._now())
        if code is not None and found is None:
            raise NotInvited
        if find(connection, passport) is not None:
            raise Taken
        return "" if found is None else found.id

    async def change_password(self, passport: str, stamp: str, password: Secret) -> Secret:
        """Give an account another password; return the word of the one session that is left.

        Every ticket, every session at Messenger and every other browser end by it.

        Args:
            passport: the account.
            stamp: of the password that it had a moment ago, which was asked for.
            password: the new one.

        Raises:
            Changed: it is not the account's password any more.
            LocalProtocolError: that cannot be a password.
            ServiceUnavailable: the database failed, or too many passwords wait.
        """
        hashed = await self._hasher.renewed(password)
        row = self._directory.row_of(passport, password, hashed, verified=False)
        values = {name: row[name] for name in ("hash", "is_long", "stamp", "changed")}
        return await self._change(passport, stamp, values)

    async def end_tickets(self, passport: str, stamp: str) -> Secret:
        """As `change_password`, with the password that it has."""
        return await self._change(passport, stamp, {"stamp": new_stamp()})

    async def _change(self, passport: str, stamp: str, values: dict[str, object]) -> Secret:
        word = new_word()

        def change(connection: Connection) -> None:
            mine = (accounts.c.passport == passport.casefold()) & (accounts.c.stamp == stamp)
            # To look first and change then would let two at once do it, each at its own node.
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
        """As `AccountDirectory.add_app_password`, for who has signed in by the stamp's password."""
        chosen = tuple(schemes)
        return await self._database.aside(
            lambda: self._directory.add_app_password(passport, name, chosen, stamp=stamp)
        )

    async def revoke_app_password(self, passport: str, app_id: str) -> None:
        """As `AccountDirectory.revoke_app_password`."""
        await self._database.aside(lambda: self._directory.revoke_app_password(passport, app_id))

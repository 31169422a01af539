"""The sessions of browsers that are signed in to the pages for people.

A browser has a random token in a cookie, and the database has the hash of the token, so that every
node knows the session. The row contains the stamp of the account, so that the session ends without
further work when the password is replaced, when all tickets are ended, or when the account ends.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from ....core.secrets import Secret
from ....core.tickets.ticket import utc_now
from .database import Database
from .kept import KeptAccount, find, moment_of
from .tables import page_sessions

__all__ = ["PageSession", "PageSessions", "Visitor", "begin_session", "end_sessions", "new_word"]

_IDLE = timedelta(hours=2)
_WHOLE = timedelta(hours=12)
_EXACT = timedelta(minutes=2)
"""How exact the end of an idle session is: not every request for a page writes a new end time."""
_MOST_OF_ACCOUNT = 20
_ID_LENGTH = 16


@dataclass(frozen=True)
class PageSession:
    """The session of one browser that is signed in.

    Attributes:
        id: identifies the session in a form. It does not reveal the token in the cookie.
        created: when the session began, in UTC.
        until: when the session ends unless it is used before that time, in UTC.
    """

    id: str
    created: datetime
    until: datetime


class Visitor(NamedTuple):
    """The account that requests a page, with its app passwords, and the session of its browser."""

    account: KeptAccount
    session: PageSession


class PageSessions:
    """The store of the sessions of browsers.

    A session ends after two hours without a request, and at the latest after twelve hours.

    Args:
        database: the database that has the sessions.
        now: returns the present time, in UTC.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def begin(self, passport: str, stamp: str) -> Secret:
        """Begin a session, and return the token for its cookie.

        Args:
            passport: the account, whose password was right.
            stamp: the stamp that identifies that password.
        """
        word = new_word()
        await self._database.run(
            lambda connection: begin_session(connection, passport, stamp, word, self._now())
        )
        return word

    async def visitor(self, word: Secret) -> Visitor | None:
        """Return the visitor with this session token, and prolong the session; None if invalid."""
        now = self._now()

        def visitor(connection: Connection) -> Visitor | None:
            mine = page_sessions.c.digest == _digest(word)
            row = connection.execute(select(page_sessions).where(mine)).one_or_none()
            if row is None:
                return None
            account = find(connection, row.passport)
            if row.until <= now.timestamp() or account is None or not _is_of(row.stamp, account):
                connection.execute(delete(page_sessions).where(mine))
                return None
            until = min(row.created + _WHOLE.total_seconds(), (now + _IDLE).timestamp())
            if until - row.until > _EXACT.total_seconds():
                connection.execute(update(page_sessions).where(mine).values(until=until))
            return Visitor(account, _session(row))

        return await self._database.run(visitor, durable=False)

    async def of(self, account: KeptAccount) -> list[PageSession]:
        """Return the sessions of an account that are valid for its present stamp, oldest first."""
        good = (
            (page_sessions.c.passport == account.passport.casefold())
            # Sessions of an older password have ended, even if their rows still exist.
            & (page_sessions.c.stamp == account.stamp)
            & (page_sessions.c.until > self._now().timestamp())
        )
        asked = select(page_sessions).where(good).order_by(page_sessions.c.created)
        return await self._database.run(
            lambda connection: [_session(row) for row in connection.execute(asked)]
        )

    async def end(self, passport: str, session_id: str) -> bool:
        """End one session of an account; False when the account has no session with that id."""

        def end(connection: Connection) -> bool:
            mine = page_sessions.c.passport == passport.casefold()
            asked = select(page_sessions.c.digest).where(mine)
            found = [
                digest
                for digest in connection.execute(asked).scalars()
                if digest[:_ID_LENGTH] == session_id
            ]
            connection.execute(delete(page_sessions).where(page_sessions.c.digest.in_(found)))
            return bool(found)

        return await self._database.run(end)


def new_word() -> Secret:
    """Return a token for a cookie, with 256 random bits."""
    return Secret(secrets.token_urlsafe(32))


def begin_session(
    connection: Connection, passport: str, stamp: str, word: Secret, now: datetime
) -> None:
    """As `PageSessions.begin`, within a transaction. The oldest sessions make room if necessary."""
    key = passport.casefold()
    mine = page_sessions.c.passport == key
    connection.execute(delete(page_sessions).where(page_sessions.c.until <= now.timestamp()))
    newest = (
        select(page_sessions.c.digest)
        .where(mine)
        .order_by(page_sessions.c.created.desc())
        .limit(_MOST_OF_ACCOUNT - 1)
    )
    connection.execute(delete(page_sessions).where(mine, page_sessions.c.digest.not_in(newest)))
    connection.execute(
        insert(page_sessions).values(
            digest=_digest(word),
            passport=key,
            stamp=stamp,
            created=now.timestamp(),
            until=(now + _IDLE).timestamp(),
        )
    )


def end_sessions(connection: Connection, passport: str) -> None:
    """End every session of an account, within a transaction."""
    mine = page_sessions.c.passport == passport.casefold()
    connection.execute(delete(page_sessions).where(mine))


def _is_of(stamp: str, account: KeptAccount) -> bool:
    return stamp == account.stamp and not account.is_disabled


def _digest(word: Secret) -> str:
    return hashlib.sha256(word.reveal().encode("utf-8", "surrogatepass")).hexdigest()


def _session(row: Any) -> PageSession:
    return PageSession(
        row.digest[:_ID_LENGTH],
        created=moment_of(row.created),
        until=moment_of(row.until),
    )

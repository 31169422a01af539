"""Contact lists and left messages in a database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import Connection, delete, func, insert, select, update

from ....core.people.contact import Book, Entry
from ..protocol import LeftMessage, Lists
from .changes import Remembered, note_lists
from .database import Database
from .kept import moment_of
from .tables import accounts, left, lists

__all__ = ["SqlLeft", "SqlLists", "read_lists", "written_lists"]

_T = TypeVar("_T")

_MOST_KEPT = 2_000


class SqlLists:
    """A `ListStore` over a database, with one row for an account, which is written as a whole.

    A change is applied to the lists that were read, and is written if nobody else has written these
    lists in the meantime; otherwise the change is applied again. So the database needs no lock
    while a change is made.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: Remembered[tuple[int, str, Lists]] = Remembered(database.changes, _MOST_KEPT)
        # This process makes one change of an account at a time, so that few changes are repeated.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def lists(self, passport: str) -> Lists:
        """As `ListStore.lists`."""
        _, _, found = await self._get(passport.casefold())
        return found

    async def change(self, passport: str, change: Callable[[Lists], _T]) -> _T:
        """As `ListStore.change`; `change` may be called several times, each time with new lists."""
        key = passport.casefold()
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            while True:
                revision, content, _ = await self._get(key)
                changed = read_lists(content)
                result = change(changed)
                written = written_lists(changed)
                _, number = self._kept.get(key)
                if written == content:
                    # The change may have seen lists that another node has replaced since.
                    is_done = await self._is_present(key, revision)
                else:
                    is_done = await self._write(key, revision, written)
                if not is_done:
                    self._kept.forget(key)
                elif written != content:
                    self._kept.forget(key)
                    self._kept.keep(key, (revision + 1, written, changed), number)
                if is_done:
                    return result

    async def _get(self, key: str) -> tuple[int, str, Lists]:
        # `AccountDirectory.remove` removes the lists of an account too.
        found, number = self._kept.get(key)
        if found is None:
            revision, content = await self._database.run(lambda connection: _read(connection, key))
            found = (revision, content, read_lists(content))
            self._kept.keep(key, found, number)
        return found

    async def _is_present(self, key: str, revision: int) -> bool:
        """Tell whether the lists in the database still have that revision."""
        found, _ = await self._database.run(lambda connection: _read(connection, key))
        return found == revision

    async def _write(self, key: str, revision: int, content: str) -> bool:
        """Write the lists if they still have that revision; return whether they were written."""

        def write(connection: Connection) -> bool:
            if revision == 0:
                known = select(lists.c.passport).where(lists.c.passport == key)
                if connection.execute(known).first() is not None:
                    return False
                connection.execute(insert(lists).values(passport=key, revision=1, content=content))
                note_lists(connection, key)
                return True
            same = (lists.c.passport == key) & (lists.c.revision == revision)
            done = connection.execute(
                update(lists).where(same).values(revision=revision + 1, content=content)
            )
            if done.rowcount == 1:
                note_lists(connection, key)
            return done.rowcount == 1

        return await self._database.run(write)


def _read(connection: Connection, key: str) -> tuple[int, str]:
    row = connection.execute(select(lists).where(lists.c.passport == key)).one_or_none()
    return (0, written_lists(Lists())) if row is None else (row.revision, row.content)


def written_lists(lists: Lists) -> str:
    """Return lists as JSON text, in which each person is an array."""
    people = [
        [entry.passport, entry.name, entry.id, entry.bits, list(entry.group_ids)]
        for entry in lists.book.entries.values()
    ]
    return json.dumps(
        {
            "people": people,
            "groups": lists.book.groups,
            "name": lists.book.own_name,
            "allows": lists.allows_others,
            "serial": lists.serial,
        },
        separators=(",", ":"),
    )


def read_lists(content: str) -> Lists:
    """Return the lists of a text by `written_lists`."""
    found = json.loads(content)
    book = Book(groups=found["groups"], own_name=found["name"])
    for passport, name, contact_id, bits, group_ids in found["people"]:
        entry = Entry(passport)
        entry.name, entry.id, entry.bits = name, contact_id, bits
        entry.group_ids = tuple(group_ids)
        book.entries[passport.casefold()] = entry
    return Lists(book, allows_others=found["allows"], serial=found["serial"])


class SqlLeft:
    """A `LeftStore` over a database.

    Args:
        database: the database that has the messages.
        limit: the largest number of messages that an account may have.
    """

    def __init__(self, database: Database, limit: int = 200) -> None:
        self._database = database
        self._limit = limit

    async def leave(self, passport: str, message: LeftMessage) -> bool:
        """As `LeftStore.leave`."""
        key = passport.casefold()

        def leave(connection: Connection) -> bool:
            # On PostgreSQL nodes that leave messages for the same account wait for each other here.
            held = select(accounts.c.passport).where(accounts.c.passport == key)
            connection.execute(held.with_for_update())
            count = select(func.count()).select_from(left).where(left.c.passport == key)
            if (connection.scalar(count) or 0) >= self._limit:
                return False
            kept = {
                "passport": key,
                "id": message.id,
                "sender": message.sender,
                "name": message.name,
                "text": message.text,
                "sent": message.sent_at.timestamp(),
            }
            connection.execute(insert(left).values(kept))
            return True

        return await self._database.run(leave)

    async def left(self, passport: str) -> list[LeftMessage]:
        """As `LeftStore.left`."""
        asked = select(left).where(left.c.passport == passport.casefold()).order_by(left.c.number)

        def read(connection: Connection) -> list[LeftMessage]:
            return [
                LeftMessage(*(row.id, row.sender, row.name, row.text, moment_of(row.sent)))
                for row in connection.execute(asked)
            ]

        return await self._database.run(read)

    async def remove(self, passport: str, ids: Iterable[str]) -> None:
        """As `LeftStore.remove`."""
        gone = delete(left).where(left.c.passport == passport.casefold(), left.c.id.in_(list(ids)))
        await self._database.run(lambda connection: connection.execute(gone))

"""Which accounts were changed by others, for those who keep accounts in memory.

An operator's command, a page for people and another node all change accounts while this process has
them in memory. Each change is noted within its own transaction. In SQLite it becomes a row, which
the other processes read. PostgreSQL carries it to all nodes by itself (LISTEN and NOTIFY).
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

from sqlalchemy import Connection, delete, func, insert, select, update

from .tables import changes, notes

__all__ = [
    "ANY",
    "CHANNEL",
    "UNKNOWN",
    "ChangeLog",
    "Changes",
    "Remembered",
    "note_change",
    "note_lists",
    "note_removal",
]

_T = TypeVar("_T")

CHANNEL = "msnpauth_changes"
"""What PostgreSQL's LISTEN and NOTIFY name it by."""

UNKNOWN = -1
"""The number of changes while nobody can tell it: nothing may be kept in memory then."""

ANY = "*"
"""Stands for every passport, where very many were changed at once."""

_MOST_LOGGED = 1_000

Changes = Callable[[int], tuple[int, Collection[str] | None]]
"""Returns the number of changes, and which accounts were changed since an earlier number.

None for the accounts means that any may have been changed. It costs microseconds where there was no
change: it is asked before each use of what is kept in memory.
"""


class ChangeLog:
    """The changes that this process has heard of. Any thread may add to it and read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._log: deque[str] = deque(maxlen=_MOST_LOGGED)
        self._number = 0
        self._whole = 0  # the number of the last change that may have been any account's

    def add(self, passport: str) -> None:
        """Note that an account was changed, or `ANY`."""
        if passport == ANY:
            self.add_any()
            return
        with self._lock:
            self._number += 1
            self._log.append(passport)

    def add_any(self) -> None:
        """Note that any account may have been changed."""
        with self._lock:
            self._number += 1
            self._whole = self._number
            self._log.clear()

    def since(self, number: int) -> tuple[int, Collection[str] | None]:
        """As `Changes`."""
        if number == self._number:
            return number, ()
        with self._lock:
            count = self._number - number
            if number < self._whole or count > len(self._log):
                return self._number, None
            return self._number, frozenset(list(self._log)[-count:])


class Remembered(Generic[_T]):
    """Things of accounts that were read from a database, kept until their account is changed.

    Args:
        ask: tells what was changed.
        most: how many things to keep; the one that was kept first is forgotten for the next.
    """

    def __init__(self, ask: Changes, most: int) -> None:
        self._ask = ask
        self._most = most
        self._kept: OrderedDict[str, _T] = OrderedDict()
        self._number = UNKNOWN

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, passport: str) -> tuple[_T | None, int]:
        """Return what is kept for an account, or None; and the number to hand to `keep`."""
        number, changed = self._ask(self._number)
        if changed is None:
            self._kept.clear()
        else:
            for one in changed:
                self._kept.pop(one, None)
        self._number = number
        return self._kept.get(passport), number

    def keep(self, passport: str, thing: _T, number: int) -> None:
        """Keep what was read for an account, unless the account was changed meanwhile.

        Args:
            passport: whose it is.
            thing: what was read.
            number: what `get` has returned before it was read.
        """
        present, changed = self._ask(number)
        if UNKNOWN in (number, present) or changed is None or passport in changed:
            return
        self._kept[passport] = thing
        self._kept.move_to_end(passport)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, passport: str) -> None:
        """Keep nothing for an account."""
        self._kept.pop(passport, None)


def note_change(connection: Connection, passport: str) -> None:
    """Note that an account was changed, within the transaction that changes it."""
    if not _notified(connection, passport):
        _logged(connection, passport)


def note_removal(connection: Connection, passport: str) -> None:
    """Note that an account was removed. Nothing that is kept names it any more."""
    if not _notified(connection, passport):
        connection.execute(delete(changes).where(changes.c.passport == passport))
        _logged(connection, ANY)


def note_lists(connection: Connection, passport: str) -> None:
    """Note that a contact list was changed.

    With SQLite one process has all the lists, so that nobody else has to hear of it.
    """
    _notified(connection, passport)


def _notified(connection: Connection, passport: str) -> bool:
    if connection.dialect.name != "postgresql":
        return False
    # It is sent when the transaction ends well, and only then.
    connection.execute(select(func.pg_notify(CHANNEL, passport)))
    return True


def _logged(connection: Connection, passport: str) -> None:
    counted = notes.c.name == "changes"
    connection.execute(update(notes).where(counted).values(value=notes.c.value + 1))
    number = connection.scalar(select(notes.c.value).where(counted)) or 0
    connection.execute(insert(changes).values(number=number, passport=passport))
    connection.execute(delete(changes).where(changes.c.number <= number - _MOST_LOGGED))

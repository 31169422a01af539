"""Reports which accounts other processes have changed, for the stores that keep accounts in memory.

A command of the operator, a page for people and another node may change an account while this
process has it in memory. Each change is recorded within its own transaction. In SQLite the record
is a row, which the other processes read. PostgreSQL sends it to all nodes (LISTEN and NOTIFY).
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
"""The name of the channel for PostgreSQL's LISTEN and NOTIFY."""

UNKNOWN = -1
"""The number of changes while it is not known; nothing may be kept in memory in that time."""

ANY = "*"
"""Means every passport; used when very many accounts were changed at once."""

_MOST_LOGGED = 1_000

Changes = Callable[[int], tuple[int, Collection[str] | None]]
"""Returns the number of changes, and which accounts were changed since an earlier number.

None for the accounts means that any account may have been changed. It is called before each use of
an account in memory, so that it must take only microseconds when there was no change.
"""


class ChangeLog:
    """The changes that were reported to this process. Any thread may add to the log and read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._log: deque[str] = deque(maxlen=_MOST_LOGGED)
        self._number = 0
        self._whole = 0  # the number of the last change that may concern any account

    def add(self, passport: str) -> None:
        """Record that an account was changed; `ANY` for all accounts."""
        if passport == ANY:
            self.add_any()
            return
        with self._lock:
            self._number += 1
            self._log.append(passport)

    def add_any(self) -> None:
        """Record that any account may have been changed."""
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
    """Keeps values that were read from a database for accounts, until their account is changed.

    Args:
        ask: returns which accounts were changed.
        most: the largest number of values to keep; beyond it the oldest value is forgotten.
    """

    def __init__(self, ask: Changes, most: int) -> None:
        self._ask = ask
        self._most = most
        self._kept: OrderedDict[str, _T] = OrderedDict()
        self._number = UNKNOWN

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, passport: str) -> tuple[_T | None, int]:
        """Return the value that is kept for an account, or None; and the number for `keep`."""
        number, changed = self._ask(self._number)
        if changed is None:
            self._kept.clear()
        else:
            for one in changed:
                self._kept.pop(one, None)
        self._number = number
        return self._kept.get(passport), number

    def keep(self, passport: str, thing: _T, number: int) -> None:
        """Keep the value that was read for an account, unless the account was changed meanwhile.

        Args:
            passport: the account.
            thing: the value that was read.
            number: the number that `get` returned before the value was read.
        """
        present, changed = self._ask(number)
        if UNKNOWN in (number, present) or changed is None or passport in changed:
            return
        self._kept[passport] = thing
        self._kept.move_to_end(passport)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, passport: str) -> None:
        """Forget the value that is kept for an account."""
        self._kept.pop(passport, None)


def note_change(connection: Connection, passport: str) -> None:
    """Record that an account was changed, within the transaction that changes the account."""
    if not _notified(connection, passport):
        _logged(connection, passport)


def note_removal(connection: Connection, passport: str) -> None:
    """Record that an account was removed. No record contains its passport any more."""
    if not _notified(connection, passport):
        connection.execute(delete(changes).where(changes.c.passport == passport))
        _logged(connection, ANY)


def note_lists(connection: Connection, passport: str) -> None:
    """Record that a contact list was changed.

    With SQLite only one process uses the lists, so that no other process needs a report.
    """
    _notified(connection, passport)


def _notified(connection: Connection, passport: str) -> bool:
    if connection.dialect.name != "postgresql":
        return False
    # PostgreSQL sends the notification only when the transaction is committed.
    connection.execute(select(func.pg_notify(CHANNEL, passport)))
    return True


def _logged(connection: Connection, passport: str) -> None:
    counted = notes.c.name == "changes"
    connection.execute(update(notes).where(counted).values(value=notes.c.value + 1))
    number = connection.scalar(select(notes.c.value).where(counted)) or 0
    connection.execute(insert(changes).values(number=number, passport=passport))
    connection.execute(delete(changes).where(changes.c.number <= number - _MOST_LOGGED))

"""One database: its threads, its transactions, and what its failures come to.

Work on a database blocks, so that it has threads of its own. A fault of the database is a
ServiceUnavailable for whoever asked. What is special to SQLite or to PostgreSQL is in `sqlite` and
`postgres`; nothing that works on a database knows which of them it is.
"""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from sqlalchemy import Connection, Engine, func, insert, inspect, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ....core.errors import LocalProtocolError, ServiceUnavailable
from .tables import METADATA, OLDEST_COMPATIBLE, SCHEMA_VERSION, notes

__all__ = ["DATABASE_DOWN", "Database", "check_schema", "make_tables", "schema_of", "take_turns"]

T = TypeVar("T")

DATABASE_DOWN = 603
"""The code of MSNP for it: "cannot reach its database". Clients try again later."""

AGAIN_SECONDS = 5.0
_MOST_WAITING = 2_000
_MOST_TRIES = 10


class Database(ABC):
    """A database of the service.

    Args:
        engine: SQLAlchemy's.
        threads: how much may be under way at once.
    """

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="msnpauth-database")
        self._waiting = 0

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for what changes the tables themselves."""
        return self._engine

    def close(self) -> None:
        """Finish what is under way, and close."""
        self._threads.shutdown()
        self._engine.dispose()

    async def run(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run work in a transaction, in a thread of the database.

        Args:
            work: is given the connection. It may run several times, and only the last one counts:
                on PostgreSQL others may have changed the same rows at the same moment.
            durable: the change is on the disk when this comes back. What a crash of the machine may
                take back, such as when somebody was seen last, need not wait for the disk. A crash
                of this process takes back neither.

        Raises:
            ServiceUnavailable: the database failed, or too much waits for it; nothing was changed.
        """
        if self._waiting >= _MOST_WAITING:
            raise _unavailable("too much waits for it")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self.call, work, durable)
        finally:
            self._waiting -= 1

    async def aside(self, work: Callable[[], T]) -> T:
        """Run what uses `call` by itself in a thread of the database."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def call(self, work: Callable[[Connection], T], durable: bool = True) -> T:
        """As `run`, in this thread."""
        why, tries = self.problem(), 0
        while not why:
            tries += 1
            try:
                with self._engine.connect() as connection:
                    connection.execution_options(durable=durable)
                    with connection.begin():
                        return work(connection)
            # What fails in an event comes as the driver raises it; so does text that is no UTF-8.
            except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as fault:
                may_try = self._may_try_again(fault) and tries < _MOST_TRIES
                why = "" if may_try else self._reason(fault)
        # Outside of `except`: the error quotes the statement and what was to be written.
        raise _unavailable(why)

    @abstractmethod
    def changes(self, since: int) -> tuple[int, Collection[str] | None]:
        """As `changes.Changes`."""

    @abstractmethod
    def problem(self) -> str:
        """Return why the database cannot be used now; "" when nothing is known against it.

        It is asked before each use, and costs microseconds.
        """

    def _may_try_again(self, fault: BaseException) -> bool:
        """Tell whether the same work can succeed now: others have changed the same rows."""
        return False

    def _reason(self, fault: BaseException) -> str:
        """Return what the database says, without the statement and without the values in it."""
        inner = fault.orig if isinstance(fault, DBAPIError) else fault
        with suppress(Exception):
            if isinstance(inner, sqlite3.Error):
                return str(inner)
            if isinstance(fault, OSError):
                return fault.strerror or type(fault).__name__
        return type(inner or fault).__name__


def take_turns(connection: Connection, lock: int) -> None:
    """Wait for other transactions of the same kind to end, on whichever node they are.

    For what is read and then written by that. SQLite has one writer at a time by itself.

    Args:
        connection: within a transaction.
        lock: names the kind, among PostgreSQL's advisory locks.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(lock)))


def _unavailable(why: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"the database cannot be used now: {why}", retry_after=AGAIN_SECONDS, code=DATABASE_DOWN
    )


def schema_of(connection: Connection) -> tuple[int, int] | None:
    """Return the form of a database's tables, and the oldest one that it serves.

    None when it has no tables of ours.
    """
    if not inspect(connection).has_table(notes.name):
        return None
    found = {row.name: row.value for row in connection.execute(select(notes))}
    return (found["form"], found.get("serves", found["form"])) if "form" in found else None


def make_tables(connection: Connection) -> None:
    """Make the tables of today in a database that has none."""
    METADATA.create_all(connection)
    first = {"form": SCHEMA_VERSION, "serves": OLDEST_COMPATIBLE, "changes": 0}
    rows = [{"name": name, "value": value} for name, value in first.items()]
    connection.execute(insert(notes), rows)


def check_schema(form: tuple[int, int], where: str) -> None:
    """Find out whether this version can work with tables of that form.

    Raises:
        LocalProtocolError: a later version has written them, and they do not serve this one.
    """
    if form[1] > SCHEMA_VERSION:
        raise LocalProtocolError(
            f"{where} was written by a later version of msnpauth",
            hint="install that version, or go back to a backup of before the upgrade",
        )

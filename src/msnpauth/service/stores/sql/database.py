"""One database: its threads, its transactions, and the errors that its failures result in.

Work on a database blocks, so that it runs in threads of its own. Every failure of the database
raises ServiceUnavailable. The code that is special to SQLite or to PostgreSQL is in `sqlite` and
`postgres`; the code that works on a database does not know which of the two it uses.
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
"""The MSNP error code for such a failure: "cannot reach its database". Clients try again later."""

AGAIN_SECONDS = 5.0
_MOST_WAITING = 2_000
_MOST_TRIES = 10


class Database(ABC):
    """A database of the service.

    Args:
        engine: the engine of SQLAlchemy.
        threads: the number of transactions that may run at once.
    """

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="msnpauth-database")
        self._waiting = 0

    @property
    def engine(self) -> Engine:
        """The engine of SQLAlchemy, for code that changes the tables themselves."""
        return self._engine

    def close(self) -> None:
        """Finish the transactions that are running, and close the database."""
        self._threads.shutdown()
        self._engine.dispose()

    async def run(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run work in a transaction, in a thread of the database.

        Args:
            work: is called with the connection. It may be called several times, and only the last
                call counts: on PostgreSQL another transaction may change the same rows at the same
                moment.
            durable: wait until the change is on the disk. False is for changes that may be lost
                when the machine crashes, such as the time of the last sign-in. A crash of this
                process alone loses neither kind of change.

        Raises:
            ServiceUnavailable: the database failed, or too many calls wait; nothing was changed.
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
        """Run work that uses `call` itself, in a thread of the database."""
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
            # An error in an event handler is not wrapped by SQLAlchemy, and neither is the error
            # for text that is not UTF-8.
            except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as fault:
                may_try = self._may_try_again(fault) and tries < _MOST_TRIES
                why = "" if may_try else self._reason(fault)
        # Outside of `except`, so that the new error does not refer to the old one, which quotes the
        # statement and its values.
        raise _unavailable(why)

    @abstractmethod
    def changes(self, since: int) -> tuple[int, Collection[str] | None]:
        """As `changes.Changes`."""

    @abstractmethod
    def problem(self) -> str:
        """Return why the database cannot be used now; "" when no problem is known.

        It is called before each use, so that it must take only microseconds.
        """

    def _may_try_again(self, fault: BaseException) -> bool:
        """Tell whether the same work may succeed now, after another transaction was in its way."""
        return False

    def _reason(self, fault: BaseException) -> str:
        """Return the error message of the database, without the statement and its values."""
        inner = fault.orig if isinstance(fault, DBAPIError) else fault
        with suppress(Exception):
            if isinstance(inner, sqlite3.Error):
                return str(inner)
            if isinstance(fault, OSError):
                return fault.strerror or type(fault).__name__
        return type(inner or fault).__name__


def take_turns(connection: Connection, lock: int) -> None:
    """Wait until all other transactions of the same kind have ended, on all nodes.

    This is for a transaction that reads rows and then writes values that depend on them. SQLite
    needs nothing here, because it has one writer at a time.

    Args:
        connection: a connection that is in a transaction.
        lock: the number of the kind, which is the key of an advisory lock of PostgreSQL.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(lock)))


def _unavailable(why: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"the database cannot be used now: {why}", retry_after=AGAIN_SECONDS, code=DATABASE_DOWN
    )


def schema_of(connection: Connection) -> tuple[int, int] | None:
    """Return the form of a database's tables, and the oldest form that they are compatible with.

    None when the database has no tables of msnpauth.
    """
    if not inspect(connection).has_table(notes.name):
        return None
    found = {row.name: row.value for row in connection.execute(select(notes))}
    return (found["form"], found.get("serves", found["form"])) if "form" in found else None


def make_tables(connection: Connection) -> None:
    """Make the tables in their present form in a database that has no tables."""
    METADATA.create_all(connection)
    first = {"form": SCHEMA_VERSION, "serves": OLDEST_COMPATIBLE, "changes": 0}
    rows = [{"name": name, "value": value} for name, value in first.items()]
    connection.execute(insert(notes), rows)


def check_schema(form: tuple[int, int], where: str) -> None:
    """Check that this version can work with tables of that form.

    Raises:
        LocalProtocolError: a later version made the tables, and this version cannot use them.
    """
    if form[1] > SCHEMA_VERSION:
        raise LocalProtocolError(
            f"{where} was written by a later version of msnpauth",
            hint="install that version, or go back to a backup of before the upgrade",
        )

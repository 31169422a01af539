"""One database: its threads, its transactions, and what its failures come to.

Work on a database blocks, so that it has a thread of its own. SQLite has one writer at a time, and
one thread is what it can use; a fault of the database is a ServiceUnavailable for whoever asked.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from ....core.errors import LocalProtocolError, ServiceUnavailable
from .tables import FORM, METADATA, notes

__all__ = ["DATABASE_DOWN", "Database"]

T = TypeVar("T")

DATABASE_DOWN = 603
"""The code of MSNP for it: "cannot reach its database". Clients try again later."""

_BUSY_SECONDS = 5
_AGAIN_SECONDS = 5.0


class Database:
    """An SQLite database in a file.

    Args:
        path: the file; made where there is none.

    Raises:
        LocalProtocolError: it cannot be opened, or a later version has written it.
    """

    def __init__(self, path: Path) -> None:
        with suppress(OSError):  # what is wrong with it is told below
            path.touch(mode=0o600)
        self._engine = _engine(path)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="msnpauth-database")
        try:
            self._prepare(path)
        except BaseException:
            self._engine.dispose()
            raise
        # A connection of the event loop's own, for one question that costs microseconds.
        self._watch = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        about = path.stat()
        self._path, self._file = path, (about.st_dev, about.st_ino)
        self._seen: tuple[int, int] = (-1, -1)

    def close(self) -> None:
        """Finish what is under way, and close."""
        self._threads.shutdown()
        self._watch.close()
        self._engine.dispose()

    async def run(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run work in a transaction, in the database's thread.

        Args:
            work: is given the connection. It may run twice, if the caller has it run twice.
            durable: the change is on the disk when this comes back. What a crash of the machine may
                take back, such as when somebody was seen last, need not wait for the disk. A crash
                of this process takes back neither.

        Raises:
            ServiceUnavailable: the database failed; nothing was changed.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.call, work, durable)

    def call(self, work: Callable[[Connection], T], durable: bool = True) -> T:
        """As `run`, in this thread."""
        why = ""
        try:
            with self._engine.connect() as connection:
                connection.execution_options(durable=durable)
                with connection.begin():
                    return work(connection)
        # What fails in `begun` comes as the driver raises it; so does text that is no UTF-8.
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as fault:
            why = _reason(fault)
        # Outside of `except`: the error quotes the statement and what was to be written.
        raise ServiceUnavailable(
            f"the database cannot be used now: {why}",
            retry_after=_AGAIN_SECONDS,
            code=DATABASE_DOWN,
        )

    def changes(self) -> int:
        """Return a number that grows with each change of an account, by whichever process.

        Asking costs a few microseconds where nothing was written since: it is asked before each use
        of what is kept in memory.
        """
        try:
            version = self._watch.execute("PRAGMA data_version").fetchone()[0]
            if version != self._seen[0]:
                found = self._watch.execute("SELECT value FROM notes WHERE name = 'changes'")
                self._seen = (version, found.fetchone()[0])
        except (sqlite3.Error, TypeError):
            return -1  # as unlike any number that was seen before
        return self._seen[1]

    def is_there(self) -> bool:
        """Tell whether the file is the one that was opened: it may have been deleted or replaced.

        SQLite goes on with a file that has no name any more, and others would make a new one.
        """
        try:
            about = self._path.stat()
        except OSError:
            return False
        return (about.st_dev, about.st_ino) == self._file

    def _prepare(self, path: Path) -> None:
        def prepare(connection: Connection) -> int:
            form = select(notes.c.value).where(notes.c.name == "form")
            found = connection.scalar(form) if inspect(connection).has_table(notes.name) else None
            if found is not None and found > FORM:
                return int(found)
            METADATA.create_all(connection)
            if found is None:
                first = [{"name": "form", "value": FORM}, {"name": "changes", "value": 0}]
                connection.execute(insert(notes), first)
            return FORM if found is None else int(found)

        try:
            form = self.call(prepare)
        except ServiceUnavailable as fault:
            raise LocalProtocolError(
                f"{path} cannot be opened: {fault.text}",
                hint="is it a database of this service, and may this user write it?",
            ) from None
        if form > FORM:
            raise LocalProtocolError(
                f"{path} was written by a later version of msnpauth",
                hint="install that version, or go back to a backup of before the upgrade",
            )


def note_change(connection: Connection) -> None:
    """Count a change of an account, within its own transaction."""
    connection.execute(
        update(notes).where(notes.c.name == "changes").values(value=notes.c.value + 1)
    )


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # Without this pysqlite begins its transactions by itself, and too late for two writers.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={_BUSY_SECONDS}000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        durable = connection.get_execution_options().get("durable", True)
        raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        # From the beginning a writer: who reads first and writes later may find another in between.
        raw.execute("BEGIN IMMEDIATE")

    return engine


def _reason(fault: BaseException) -> str:
    """Return what the database says, without the statement and without what was to be written."""
    inner = getattr(fault, "orig", fault)
    with suppress(Exception):
        if isinstance(inner, sqlite3.Error):
            return str(inner)
        if isinstance(fault, OSError):
            return fault.strerror or type(fault).__name__
    return type(fault).__name__

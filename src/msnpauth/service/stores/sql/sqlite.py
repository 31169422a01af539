"""An SQLite database: one file, for one node.

SQLite allows one writer at a time, so that more than one thread would not help.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from ....core.errors import LocalProtocolError, ServiceUnavailable
from .changes import UNKNOWN, ChangeLog
from .database import Database, check_schema, make_tables, schema_of
from .tables import SCHEMA_VERSION

__all__ = ["SqliteDatabase"]

_BUSY_SECONDS = 5


class SqliteDatabase(Database):
    """An SQLite database in a file.

    Args:
        path: the path of the file.
        make: make the file if it does not exist.
        for_node: the database is for a node, and no other node may use it at the same time: a node
            keeps lists in memory, and SQLite does not report that another node has changed them.

    Raises:
        LocalProtocolError: the file does not exist or cannot be opened, a later version made its
            tables, or another node uses it.
    """

    def __init__(self, path: Path, *, make: bool = True, for_node: bool = False) -> None:
        if not make and not path.exists():
            raise LocalProtocolError(
                f"{path} is not there",
                hint="`msnpauth account add` and `serve` make one; a backup may have the old one",
            )
        self._lock = _locked(path) if for_node else None
        with suppress(OSError):  # `_prepare` reports the problem
            path.touch(mode=0o600)
        self._path = path
        self._file = _identity(path)
        self._log = ChangeLog()
        super().__init__(_engine(path), threads=1)
        try:
            self._prepare()
        except BaseException:
            self._engine.dispose()
            self._let_go()
            raise
        # The event loop has a connection of its own, for one query that takes microseconds.
        self._watch = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._seen = self._number = UNKNOWN

    def close(self) -> None:
        """As `Database.close`."""
        super().close()
        self._watch.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def changes(self, since: int) -> tuple[int, Collection[str] | None]:
        """As `Database.changes`."""
        if self.problem():
            return UNKNOWN, None
        try:
            seen = self._watch.execute("PRAGMA data_version").fetchone()[0]
            if seen != self._seen:
                self._read_changes()
                self._seen = seen
        except (sqlite3.Error, TypeError):
            return UNKNOWN, None
        return self._log.since(since)

    def problem(self) -> str:
        """As `Database.problem`: the file may have been deleted or replaced.

        SQLite continues to use a file that was deleted. Everything that it writes there is lost,
        and other processes do not see it.
        """
        if self._file is None or _identity(self._path) == self._file:
            return ""
        return "its file was deleted or replaced: bring it back, and restart the service"

    def _read_changes(self) -> None:
        """Read which accounts other processes have changed since the last call of this method."""
        rows = self._watch.execute(
            "SELECT number, passport FROM account_changes WHERE number > ? ORDER BY number",
            (self._number,),
        ).fetchall()
        asked = self._watch.execute("SELECT value FROM notes WHERE name = 'changes'")
        number = asked.fetchone()[0]
        # After many changes, the rows of the oldest changes have been deleted.
        if self._number == UNKNOWN or len(rows) != number - self._number:
            self._log.add_any()
        else:
            for _, passport in rows:
                self._log.add(passport)
        self._number = number

    def _prepare(self) -> None:
        def prepare(connection: Connection) -> None:
            form = schema_of(connection)
            if form is None:
                make_tables(connection)
                return
            check_schema(form, str(self._path))
            if form[0] < SCHEMA_VERSION:
                # A small network has only the command `serve`, which migrates the database itself.
                from .migrate import bring_up

                bring_up(connection)

        try:
            self.call(prepare)
        except ServiceUnavailable as fault:
            raise LocalProtocolError(
                f"{self._path} cannot be opened: {fault.text}",
                hint="is it a database of this service, and may this user write it?",
            ) from None


def _locked(path: Path) -> FileLock:
    """Lock a database for this process.

    Raises:
        LocalProtocolError: another node uses it.
    """
    lock = FileLock(f"{path}.lock", mode=0o600)
    with suppress(Timeout, OSError):  # a folder that allows no lock allows no database either
        lock.acquire(blocking=False)
        return lock
    raise LocalProtocolError(
        f"{path} is used by another node, or cannot be written",
        hint="several nodes share a PostgreSQL, as in postgresql://msnpauth@db.example.net/msnpauth",
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        about = os.stat(path)  # noqa: PTH116 - at each use: pathlib's takes three times as long
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # Otherwise pysqlite begins transactions itself, and too late when there are two writers.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={_BUSY_SECONDS}000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        durable = connection.get_execution_options().get("durable", True)
        raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        # The transaction is a writer from its beginning: if a transaction reads first and writes
        # later, another writer may come in between.
        raw.execute("BEGIN IMMEDIATE")

    return engine

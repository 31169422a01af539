"""A PostgreSQL database, for several nodes, or for a network that has a database server already."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from ....core.errors import LocalProtocolError, ServiceUnavailable
from .changes import CHANNEL, UNKNOWN, ChangeLog
from .database import Database, check_schema, schema_of
from .tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["PostgresDatabase"]

_THREADS = 8
_NODES = 0x6D736E6E
"""The key of an advisory lock of PostgreSQL. All nodes of a network hold the lock as a shared lock,
or a node that is alone holds it as an exclusive lock.
"""
_BEAT_SECONDS = 1.0
_SILENT_SECONDS = 4.0
"""Values in memory are not used after so many seconds without a sign of life of the server."""
_REST_SECONDS = 1.0
"""After a failure to connect, no other attempt is made for so many seconds: each attempt may take
five seconds.
"""

# A server that is cut off from the network sends no answer and no error, so that only time-outs
# show it.
_CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
    "application_name": "msnpauth",
    # The server must notice too that a node is cut off, because it holds a lock for the node.
    "options": "-c statement_timeout=10s -c lock_timeout=5s"
    " -c idle_in_transaction_session_timeout=30s"
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
}

_AGAIN = frozenset({"23505", "40001", "40P01"})
"""The SQLSTATE codes of conflicts with another transaction: a key exists already
(`unique_violation`), the transactions cannot be put in an order (`serialization_failure`), or they
wait for each other (`deadlock_detected`).

The work is then repeated, and sees the rows that the other transaction has written.
"""

_log = logging.getLogger("msnpauth.service")


class PostgresDatabase(Database):
    """A PostgreSQL database.

    Args:
        url: as in `postgresql://msnpauth@db.example.net/msnpauth`; libpq takes the parts that are
            missing from the environment and from `~/.pgpass`.
        check: refuse a database whose tables do not have the present form.
        alone: True for a node without a shared store, which must be the only node. False for one of
            several nodes. None for a command, which may run while nodes run.

    Raises:
        LocalProtocolError: the database cannot be reached, its tables are not those of this
            version, or another node uses it and `alone` does not allow that.
    """

    def __init__(self, url: URL, *, check: bool = True, alone: bool | None = None) -> None:
        super().__init__(_engine(url), _THREADS)
        self._where = f"the database {url.database or ''} at {url.host or 'this machine'}"
        self._log = ChangeLog()
        self._down_until = 0.0
        self._heard = 0.0
        self._alone = alone
        self._conflict = ""
        self._has_heard = threading.Event()
        self._hearing = threading.Lock()
        self._line: int | None = None
        self._is_closing = threading.Event()
        self._listener: threading.Thread | None = None
        if check:
            try:
                self._check()
            except BaseException:
                self._engine.dispose()
                raise
            self._listener = threading.Thread(
                target=self._listen, name="msnpauth-changes", daemon=True
            )
            self._listener.start()
        if alone is not None and self._has_heard.wait(_SILENT_SECONDS) and self._conflict:
            self.close()
            raise LocalProtocolError(
                f"{self._where} is used by another node: {self._conflict}",
                hint="give all nodes one --shared store, or this one a database of its own",
            )

    def close(self) -> None:
        """As `Database.close`."""
        self._is_closing.set()
        self._hang_up()
        if self._listener is not None:
            self._listener.join(_SILENT_SECONDS)
        super().close()

    def changes(self, since: int) -> tuple[int, Collection[str] | None]:
        """As `Database.changes`."""
        if time.monotonic() - self._heard > _SILENT_SECONDS:
            return UNKNOWN, None
        return self._log.since(since)

    def problem(self) -> str:
        """As `Database.problem`."""
        return "it cannot be reached" if time.monotonic() < self._down_until else self._conflict

    def _may_try_again(self, fault: BaseException) -> bool:
        if not isinstance(fault, DBAPIError):
            return False
        state = getattr(fault.orig, "sqlstate", None)
        if state is None and isinstance(fault.orig, psycopg.OperationalError):
            self._down_until = time.monotonic() + _REST_SECONDS
        return state in _AGAIN

    def _reason(self, fault: BaseException) -> str:
        inner = fault.orig if isinstance(fault, DBAPIError) else fault
        if isinstance(inner, psycopg.Error):
            # The other parts of the message quote the values that were to be written.
            said = inner.diag.message_primary
            if said is None and isinstance(inner, psycopg.OperationalError):
                said = str(inner).partition("\n")[0]
            return said or type(inner).__name__
        return super()._reason(fault)

    def _check(self) -> None:
        try:
            form = self.call(schema_of)
        except ServiceUnavailable as fault:
            raise LocalProtocolError(
                f"{self._where} cannot be opened: {fault.text}",
                hint="does the server run, and may this user use the database?",
            ) from None
        if form is None or form[0] < SCHEMA_VERSION:
            raise LocalProtocolError(
                f"{self._where} has no tables of this version of msnpauth",
                hint="`msnpauth migrate` makes them, while older nodes go on",
            )
        check_schema(form, self._where)

    # --- changes by other processes --------------------------------------------------------------

    def _listen(self) -> None:
        """Receive the changes until the database is closed; connect again after each failure."""
        while not self._is_closing.is_set():
            with suppress(psycopg.Error, OSError):
                self._hear()
            if not self._is_closing.is_set():
                self._heard = 0.0
                _log.warning("the connection for changes in the database is lost: trying again")
                self._is_closing.wait(_BEAT_SECONDS)

    def _hang_up(self) -> None:
        """Shut down the connection of the listener, so that the listener stops waiting."""
        with self._hearing, suppress(OSError):
            if self._line is not None:
                # A duplicate of the file descriptor, because psycopg closes the original one.
                with socket.socket(fileno=os.dup(self._line)) as line:
                    line.shutdown(socket.SHUT_RDWR)

    def _hear(self) -> None:
        arguments = self._engine.dialect.create_connect_args(self._engine.url)[1]
        with (
            psycopg.connect(**{**arguments, **_CONNECT}, autocommit=True) as connection,
            self._on_the_line(connection.fileno()),
        ):
            self._conflict = self._claimed(connection)
            connection.execute(f"LISTEN {CHANNEL}")
            # Changes before LISTEN were not reported to this process.
            self._log.add_any()
            while not self._is_closing.is_set():
                connection.execute("SELECT 1")
                if self._conflict:  # the server may have held the lock for an earlier connection
                    self._conflict = self._claimed(connection)
                self._heard = time.monotonic()
                self._has_heard.set()
                for notice in connection.notifies(timeout=_BEAT_SECONDS):
                    self._log.add(notice.payload)
                    self._heard = time.monotonic()
                    if self._is_closing.is_set():
                        break

    @contextmanager
    def _on_the_line(self, number: int) -> Iterator[None]:
        with self._hearing:
            self._line = number
        try:
            yield
        finally:
            with self._hearing:
                self._line = None

    def _claimed(self, connection: psycopg.Connection) -> str:
        """Take a lock that lasts as long as the connection; return why it is refused, or ""."""
        if self._alone is None:
            return ""
        kind = "" if self._alone else "_shared"
        row = connection.execute(f"SELECT pg_try_advisory_lock{kind}({_NODES})").fetchone()
        if row is not None and row[0]:
            return ""
        return "nodes without a shared store would not see each other's people"


def _engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=_THREADS,
        max_overflow=0,
        # So a connection from before a restart of the server is detected before it is used.
        pool_pre_ping=True,
        pool_timeout=10,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        connect_args=_CONNECT,
    )

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if not connection.get_execution_options().get("durable", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")

    return engine

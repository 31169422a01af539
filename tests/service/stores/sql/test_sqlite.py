"""SQLite: what lasts, what a fault comes to, and which files are refused."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, event, insert, select, text, update

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, ServiceUnavailable
from msnpauth.core.people.contact import ListName
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.protocol import LeftMessage, Lists
from msnpauth.service.stores.sql import sqlite as under_test
from msnpauth.service.stores.sql.changes import ANY, UNKNOWN, note_change
from msnpauth.service.stores.sql.database import schema_of
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.lists import SqlLeft, SqlLists
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.state import SqlState
from msnpauth.service.stores.sql.tables import METADATA, OLDEST_COMPATIBLE, SCHEMA_VERSION, notes

COST = Argon2(memory=64, passes=1)
PASSWORD = "correct-horse"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(path)) as made:
        yield made


@pytest.fixture
def directory(database: SqliteDatabase) -> Iterator[AccountDirectory]:
    with AccountDirectory(database, Hasher(COST, 1), Fernet(Fernet.generate_key())) as made:
        yield made


@contextmanager
def every_transaction(database: SqliteDatabase, pragma: str, after: str) -> Iterator[None]:
    """Have each transaction begin with a pragma; later ones begin with what takes it back."""

    def said(pragma: str) -> Callable[..., None]:
        return lambda raw, *_others: raw.execute(f"PRAGMA {pragma}")

    begin = said(pragma)
    event.listen(database._engine, "checkout", begin)
    try:
        yield
    finally:
        event.remove(database._engine, "checkout", begin)
        event.listen(database._engine, "checkout", said(after))


def full_disk(database: SqliteDatabase) -> Any:
    """Give no page of room beyond those that the file has."""
    return every_transaction(database, "max_page_count=1", "max_page_count=1000000")


def broken_disk(database: SqliteDatabase) -> Any:
    return every_transaction(database, "query_only=ON", "query_only=OFF")


def content(path: Path) -> list[str]:
    """Return everything that the file has, as statements of SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def told_by(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error} {error!r} {error.args!r} {vars(error)!r}"
        error = error.__cause__ or error.__context__


def wrote(database: SqliteDatabase, value: int) -> None:
    """Write a note, as any other work would."""
    database.call(
        lambda connection: connection.execute(insert(notes).values(name="x", value=value))
    )


def noted(database: SqliteDatabase) -> int | None:
    return database.call(
        lambda connection: connection.scalar(select(notes.c.value).where(notes.c.name == "x"))
    )


def test_work_is_one_transaction(database: SqliteDatabase) -> None:
    def work(connection: Connection) -> None:
        connection.execute(insert(notes).values(name="x", value=1))
        raise LookupError("of the work's own")

    with pytest.raises(LookupError, match="of the work's own"):
        database.call(work)
    with pytest.raises(LookupError, match="of the work's own"):
        asyncio.run(database.run(work))
    assert noted(database) is None
    wrote(database, 2)
    assert noted(database) == 2


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_written_is_seen_by_another_at_once(
    path: Path, database: SqliteDatabase, durable: bool
) -> None:
    with closing(SqliteDatabase(path)) as other:
        work = insert(notes).values(name="x", value=7)
        asyncio.run(database.run(lambda connection: connection.execute(work), durable=durable))
        assert noted(other) == 7


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_how_long_it_waits_for_the_disk(
    database: SqliteDatabase, durable: bool, synchronous: int
) -> None:
    asked = text("PRAGMA synchronous")
    assert database.call(lambda connection: connection.scalar(asked), durable) == synchronous
    run = database.run(lambda connection: connection.scalar(asked), durable=durable)
    assert asyncio.run(run) == synchronous


def number_of(database: SqliteDatabase) -> int:
    return database.changes(UNKNOWN)[0]


def changed(database: SqliteDatabase, passport: str) -> None:
    database.call(lambda connection: note_change(connection, passport))


def test_what_was_changed(path: Path, database: SqliteDatabase) -> None:
    with closing(SqliteDatabase(path)) as other:
        before, there = number_of(database), number_of(other)
        assert before >= 0
        wrote(other, 1)  # which concerns no account
        assert database.changes(before) == (before, ())
        changed(other, "a@b")
        assert database.changes(before) == (before + 1, {"a@b"})
        assert other.changes(there) == (there + 1, {"a@b"})
        changed(database, "c@d")
        assert database.changes(before + 1) == (before + 2, {"c@d"})
        assert database.changes(before) == (before + 2, {"a@b", "c@d"})


def test_more_was_changed_than_is_kept(
    path: Path, database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msnpauth.service.stores.sql.changes._MOST_LOGGED", 3)
    with closing(SqliteDatabase(path)) as other:
        before = number_of(database)
        for number in range(3):
            changed(other, f"u{number}@x")
        assert database.changes(before) == (before + 3, {"u0@x", "u1@x", "u2@x"})
        for number in range(4):
            changed(other, f"u{number}@x")
        assert database.changes(before + 3)[1] is None
        rows = text("SELECT count(*) FROM account_changes")
        assert database.call(lambda connection: connection.scalar(rows)) == 3


def test_very_many_were_changed_at_once(path: Path, database: SqliteDatabase) -> None:
    with closing(SqliteDatabase(path)) as other:
        before = number_of(database)
        changed(other, ANY)
        assert database.changes(before) == (before + 1, None)


def test_nobody_knows_what_was_changed(database: SqliteDatabase) -> None:
    number = number_of(database)
    wrote(database, 1)
    database._watch.close()
    assert database.changes(number) == (UNKNOWN, None)


def test_a_change_that_fails_is_not_noted(database: SqliteDatabase) -> None:
    before = number_of(database)

    def work(connection: Connection) -> None:
        note_change(connection, "a@b")
        raise LookupError

    with pytest.raises(LookupError):
        database.call(work)
    assert database.changes(before) == (before, ())


def test_only_the_owner_may_read_it(path: Path, database: SqliteDatabase) -> None:
    wrote(database, 1)
    files = list(path.parent.glob("accounts.sqlite3*"))
    assert len(files) == 3, "with what WAL keeps beside it"
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600


KILLED = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from cryptography.fernet import Fernet
from msnpauth.core.people.contact import ListName
from msnpauth.core.tickets.ticket import utc_now
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.protocol import LeftMessage
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.lists import SqlLeft, SqlLists
from msnpauth.service.stores.sql.state import SqlState

database = SqliteDatabase(Path(sys.argv[1]))
accounts = AccountDirectory(database, Hasher(Argon2(64, 1), 1), Fernet(Fernet.generate_key()))
lists, left, state = SqlLists(database), SqlLeft(database, 10**6), SqlState(database)

async def work():
    number = 0
    while True:
        number += 1
        name = f"u{number}@example.com"
        accounts.add(name, "secret")
        print("account", name, flush=True)
        await lists.change("a@b", lambda mine: mine.book.entry(name).put(ListName.FORWARD, True))
        print("contact", name, flush=True)
        await left.leave("a@b", LeftMessage(name, "c@d", "C", "text", utc_now()))
        print("message", name, flush=True)
        await state.use_up(name, utc_now() + timedelta(days=1), made=utc_now())
        print("ticket", name, flush=True)

asyncio.run(work())
"""


def test_a_process_that_is_killed_loses_nothing_that_it_has_told(path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(150)]
        process.kill()
        lines += process.stdout.readlines()
    whole = [line.split() for line in lines if line.endswith("\n")]
    told = {kind: {line[1] for line in whole if line[0] == kind} for kind, _ in whole}
    assert min(map(len, told.values())) >= 30
    with closing(SqliteDatabase(path)) as database:
        directory = AccountDirectory(database, Hasher(COST, 1), Fernet(Fernet.generate_key()))
        assert told["account"] <= {account.passport for account in directory.all()}
        mine = asyncio.run(SqlLists(database).lists("a@b"))
        people = {entry.passport for entry in mine.book.entries.values()}
        assert told["contact"] <= people
        assert all(entry.is_on(ListName.FORWARD) for entry in mine.book.entries.values())
        messages = asyncio.run(SqlLeft(database).left("a@b"))
        assert told["message"] <= {message.id for message in messages}
        state, until = SqlState(database), datetime.now(UTC) + timedelta(days=1)

        async def used() -> list[bool]:
            return [await state.use_up(token, until, made=NOW) for token in sorted(told["ticket"])]

        assert not any(asyncio.run(used()))


def test_a_full_disk(path: Path, database: SqliteDatabase, directory: AccountDirectory) -> None:
    directory.add("a@b", PASSWORD)
    lists, left, state = SqlLists(database), SqlLeft(database), SqlState(database)
    long = "x" * 20_000
    message = LeftMessage("1", "c@d", "C", long, NOW)

    def change(mine: Lists) -> None:
        mine.book.own_name = long

    before = content(path)
    with full_disk(database):
        for work in (
            lambda: directory.add("c@d", PASSWORD, display_name=long),
            lambda: asyncio.run(lists.change("a@b", change)),
            lambda: asyncio.run(left.leave("a@b", message)),
            lambda: asyncio.run(state.use_up(long, NOW, made=NOW)),
        ):
            with pytest.raises(ServiceUnavailable, match="database or disk is full") as caught:
                work()
            assert caught.value.code == 603
            assert caught.value.retry_after
            assert_no_secret(caught.value, PASSWORD)
            assert long not in " ".join(told_by(caught.value))
        assert asyncio.run(lists.lists("a@b")) == Lists()
    assert content(path) == before
    directory.add("c@d", PASSWORD, display_name=long)
    asyncio.run(lists.change("a@b", change))
    assert asyncio.run(left.leave("a@b", message))
    assert asyncio.run(state.use_up(long, NOW, made=NOW))


def test_a_disk_that_takes_nothing(
    path: Path, database: SqliteDatabase, directory: AccountDirectory
) -> None:
    directory.add("a@b", "old")
    hashed = directory.get("a@b").hash
    before = content(path)
    with broken_disk(database):
        for work in (
            lambda: directory.add("c@d", PASSWORD),
            lambda: directory.set_password("a@b", PASSWORD),
            lambda: directory.disable("a@b"),
            lambda: directory.remove("a@b"),
            lambda: directory.add_app_password("a@b", "laptop"),
        ):
            with pytest.raises(ServiceUnavailable) as caught:
                work()
            assert caught.value.code == 603
            assert_no_secret(caught.value, PASSWORD)
            told = " ".join(told_by(caught.value))
            assert "argon2" not in told
            assert hashed not in told
    assert content(path) == before
    directory.set_password("a@b", PASSWORD)
    assert directory.get("a@b").hash != hashed


def test_an_error_of_the_database_quotes_nothing(
    database: SqliteDatabase, directory: AccountDirectory
) -> None:
    directory.add("a@b", PASSWORD)
    database.call(lambda connection: connection.execute(text("ALTER TABLE accounts DROP hash")))
    with pytest.raises(ServiceUnavailable, match="the database cannot be used now") as caught:
        directory.set_password("a@b", PASSWORD)
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    assert_no_secret(caught.value, PASSWORD)
    assert "$argon2" not in " ".join(told_by(caught.value))


def test_another_process_writes_for_too_long(
    path: Path, directory: AccountDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "_BUSY_SECONDS", 0)
    with (
        closing(SqliteDatabase(path)) as database,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        for call in (database.call, lambda work: asyncio.run(database.run(work))):
            with pytest.raises(ServiceUnavailable, match="database is locked") as caught:
                call(lambda _connection: None)
            assert caught.value.code == 603
        other.execute("ROLLBACK")
        wrote(database, 1)
        assert noted(database) == 1


def test_text_that_is_no_utf_8(database: SqliteDatabase) -> None:
    left = SqlLeft(database)
    message = LeftMessage("1", "c@d", "C", "secret\udc80", NOW)
    with pytest.raises(ServiceUnavailable) as caught:
        asyncio.run(left.leave("a@b", message))
    assert "secret" not in " ".join(told_by(caught.value))
    assert asyncio.run(left.left("a@b")) == []


def test_what_a_later_version_has_written(path: Path) -> None:
    with closing(SqliteDatabase(path)) as database:
        names = notes.c.name.in_(["form", "serves"])
        later = update(notes).where(names).values(value=SCHEMA_VERSION + 1)
        database.call(lambda connection: connection.execute(later))
        gone = text("DROP TABLE left_messages")
        database.call(lambda connection: connection.execute(gone))
    before = content(path)
    with pytest.raises(LocalProtocolError, match="was written by a later version") as caught:
        SqliteDatabase(path)
    assert "backup" in caught.value.hint
    assert content(path) == before, "it is left as it was"


def test_it_is_opened_again_and_again(path: Path) -> None:
    for number in range(3):
        with closing(SqliteDatabase(path)) as database:
            changed(database, f"u{number}@x")
            assert database.call(schema_of) == (SCHEMA_VERSION, OLDEST_COMPATIBLE)


@pytest.mark.parametrize("junk", [b"x" * 5_000, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_file_that_is_no_database(path: Path, junk: bytes) -> None:
    path.write_bytes(junk)
    with pytest.raises(LocalProtocolError, match="cannot be opened: ") as caught:
        SqliteDatabase(path)
    assert str(path) in caught.value.text
    assert "is it a database of this service" in caught.value.hint
    assert path.read_bytes() == junk


def test_a_database_of_something_else(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    before = content(path)
    with pytest.raises(LocalProtocolError, match="cannot be opened"):
        SqliteDatabase(path)
    assert content(path) == before


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere" / "accounts.sqlite3"):
        with pytest.raises(LocalProtocolError, match="unable to open database file"):
            SqliteDatabase(path)


def test_every_table_is_there(path: Path, database: SqliteDatabase) -> None:
    with closing(sqlite3.connect(path)) as connection:
        asked = "SELECT name FROM sqlite_master WHERE type = 'table'"
        assert set(METADATA.tables) <= {name for (name,) in connection.execute(asked)}


def test_a_file_that_is_deleted_or_replaced_is_used_no_more(
    path: Path, database: SqliteDatabase
) -> None:
    wrote(database, 1)
    number = number_of(database)
    assert database.problem() == ""
    kept = path.rename(path.with_name("kept"))
    for content in (None, b""):
        if content is not None:
            path.write_bytes(content)
        assert "was deleted or replaced" in database.problem()
        assert database.changes(number) == (UNKNOWN, None)
        with pytest.raises(ServiceUnavailable, match="deleted or replaced"):
            noted(database)
    kept.rename(path)
    assert database.problem() == ""
    assert noted(database) == 1


def test_a_file_that_is_not_there_is_made_when_it_is_wanted(path: Path) -> None:
    with pytest.raises(LocalProtocolError, match="is not there") as caught:
        SqliteDatabase(path, make=False)
    assert "backup" in caught.value.hint
    assert not path.exists()
    SqliteDatabase(path).close()
    SqliteDatabase(path, make=False).close()


def test_a_later_version_whose_tables_serve_this_one(path: Path) -> None:
    """Nodes are upgraded one after another."""
    with closing(SqliteDatabase(path)) as database:
        later = update(notes).where(notes.c.name == "form").values(value=SCHEMA_VERSION + 1)
        database.call(lambda connection: connection.execute(later))
    with closing(SqliteDatabase(path)) as database:
        assert database.call(schema_of) == (SCHEMA_VERSION + 1, OLDEST_COMPATIBLE)

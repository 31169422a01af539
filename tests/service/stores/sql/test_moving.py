"""Everything of one database in another, or nothing; here from one SQLite file to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, Table, delete, insert, select

from msnpauth import LocalProtocolError, ServiceUnavailable
from msnpauth.core.people.contact import ListName
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.listing import put_on
from msnpauth.service.stores.protocol import LeftMessage, Lists
from msnpauth.service.stores.sql import moving as module
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.lists import SqlLeft, SqlLists
from msnpauth.service.stores.sql.moving import move
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.tables import METADATA, accounts, kept_secrets, left, notes, used

ALICE, BOB = "Alice@example.com", "bob@example.com"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWN = {"notes", "account_changes", "kept_secrets"}


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path / "source")) as made:
        yield made


@pytest.fixture
def target(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path / "target")) as made:
        yield made


def add(database: SqliteDatabase, table: Table, *rows: dict[str, Any]) -> None:
    database.call(lambda connection: connection.execute(insert(table), list(rows)))


def account(passport: str = "a@b", **others: Any) -> dict[str, Any]:
    made = {"passport": passport, "spelled": passport, "hash": "h", "is_long": False, "stamp": "s"}
    return {**made, "created": 1.5, "changed": 2.5, **others}


def message(number: int, text: str) -> dict[str, Any]:
    about = {"passport": "a@b", "id": text, "sender": "c@d", "name": "C", "sent": 1.5}
    return {"number": number, "text": text, **about}


def content(database: SqliteDatabase) -> dict[str, list[tuple[Any, ...]]]:
    def read(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in METADATA.sorted_tables
        }

    return database.call(read)


def fill(database: SqliteDatabase, path: Path) -> None:
    """Put something into every table, as a service does."""
    hasher = Hasher(Argon2(memory=64, passes=1), 1)
    with AccountDirectory(SqliteDatabase(path), hasher, Fernet(Fernet.generate_key())) as directory:
        directory.add(ALICE, "secret", display_name="Al ice")
        directory.add(BOB, "other")

    async def talk() -> None:
        lists, messages = SqlLists(database), SqlLeft(database)

        def change(mine: Lists) -> None:
            put_on(mine, BOB, ListName.FORWARD, "Bö\0b")

        await lists.change(ALICE, change)
        for number in range(12):  # "10" is before "9" where numbers are text
            left_one = LeftMessage(f"id {number}", BOB, "B", f"text {number}", NOW)
            await messages.leave(ALICE, left_one)

    asyncio.run(talk())
    key = ALICE.casefold()
    add(
        database,
        METADATA.tables["app_passwords"],
        {"id": "i", "passport": key, "name": "n", "schemes": "TWN", "digest": "d", "created": 1.5},
    )
    add(
        database,
        METADATA.tables["known_networks"],
        {"passport": key, "network": "192.0.2.1", "seen": 1.5},
    )
    add(database, used, {"id": "ticket", "until": 1.5})
    add(database, kept_secrets, {"name": "ticket-keys", "sealed": "of this database"})
    add(
        database,
        METADATA.tables["invitations"],
        {"digest": "d", "note": "", "uses_left": 1, "created": 1.5, "until": 2.5},
    )
    add(
        database,
        METADATA.tables["page_sessions"],
        {"digest": "d", "passport": key, "stamp": "s", "created": 1.5, "until": 2.5},
    )


def test_everything_comes_there_but_what_each_database_has_of_its_own(
    source: SqliteDatabase, target: SqliteDatabase, tmp_path: Path
) -> None:
    fill(source, tmp_path / "source")
    before, empty = content(source), content(target)
    assert all(before.values()), "something is in each"
    told = move(source, target)
    after = content(target)
    assert told == {name: len(rows) for name, rows in before.items() if name not in OWN}
    for name in before:
        assert after[name] == (empty if name in OWN else before)[name], name
    assert content(source) == before, "it is a copy"

    async def read() -> None:
        lists = await SqlLists(target).lists(ALICE)
        assert lists == await SqlLists(source).lists(ALICE)
        messages = await SqlLeft(target).left(ALICE)
        assert [one.text for one in messages] == [f"text {number}" for number in range(12)]

    asyncio.run(read())


def test_a_message_gets_a_number_of_the_target_in_the_order_of_before(
    source: SqliteDatabase, target: SqliteDatabase
) -> None:
    add(source, accounts, account())
    add(source, left, message(9, "second"), message(2, "first"), message(70, "third"))
    move(source, target)
    rows = content(target)["left_messages"]
    assert [(row[0], row[2]) for row in rows] == [(1, "first"), (2, "second"), (3, "third")]


def test_more_than_is_read_at_once(
    source: SqliteDatabase, target: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    add(source, accounts, *(account(f"u{number}@b") for number in range(10)))
    assert move(source, target)["accounts"] == 10
    assert content(target)["accounts"] == content(source)["accounts"]


def test_a_text_loses_what_postgresql_does_not_take(
    source: SqliteDatabase, target: SqliteDatabase
) -> None:
    add(source, accounts, account(display_name="a\0b\0", refusal=923, verified=False))
    move(source, target)
    ((_, _, name, *_),) = content(target)["accounts"]
    assert name == "a\ufffdb\ufffd"
    ((*_, verified, _, refusal, _, created, _, _),) = content(target)["accounts"]
    assert (verified, refusal, created) == (False, 923, 1.5), "the others are no texts"


def test_an_empty_database_is_moved_too(source: SqliteDatabase, target: SqliteDatabase) -> None:
    told = move(source, target)
    assert set(told) == set(METADATA.tables) - OWN
    assert set(told.values()) == {0}


def test_two_networks_are_not_put_together(source: SqliteDatabase, target: SqliteDatabase) -> None:
    add(source, accounts, account("a@b"))
    add(target, accounts, account("c@d"))
    before = content(target)
    with pytest.raises(LocalProtocolError, match="accounts in that database already") as caught:
        move(source, target)
    assert caught.value.hint is not None
    assert content(target) == before


def test_rows_that_were_there_already_are_noticed_and_nothing_is_kept(
    source: SqliteDatabase, target: SqliteDatabase
) -> None:
    add(source, accounts, account())
    add(source, used, {"id": "ticket", "until": 1.5})
    add(target, used, {"id": "another", "until": 1.5})
    before = content(target)
    with pytest.raises(LocalProtocolError, match="2 of 1 rows of used_tickets have arrived"):
        move(source, target)
    assert content(target) == before


def test_a_target_that_fails_is_as_it_was(source: SqliteDatabase, target: SqliteDatabase) -> None:
    """The same key twice, in a table after that of the accounts."""
    add(source, accounts, account())
    add(source, used, {"id": "ticket", "until": 1.5})
    add(target, used, {"id": "ticket", "until": 1.5})
    before = content(target)
    with pytest.raises(ServiceUnavailable):
        move(source, target)
    assert content(target) == before
    target.call(lambda connection: connection.execute(delete(used)))
    assert move(source, target)["accounts"] == 1, "it can be tried again"
    assert content(target)["notes"] == before["notes"]
    assert notes.name in OWN

"""Facts of the tables that the rest relies on, and that a new column can break."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Float, String, Table, Text, delete, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from msnpauth.service.stores.sql import tables
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.tables import METADATA, OLDEST_COMPATIBLE, SCHEMA_VERSION

LONGEST_PASSPORT = 129
"""Of an account, in bytes, as clients take it."""

every = pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path / "db")) as made:
        yield made


def row_of(table: Table, **known: Any) -> dict[str, Any]:
    """Return a row with the longest text that each column takes."""
    values: dict[type, Any] = {int: 1, float: 1.5, bool: True}
    return {
        column.name: "x" * (getattr(column.type, "length", None) or 5)
        if isinstance(column.type, String)
        else values[column.type.python_type]
        for column in table.columns
    } | known


def test_the_module_names_every_table_once() -> None:
    named = [value for name in tables.__all__ if isinstance(value := getattr(tables, name), Table)]
    assert {table.name for table in named} == set(METADATA.tables)
    assert len(named) == len(METADATA.tables)


def test_a_version_serves_no_later_form_than_its_own() -> None:
    assert 1 <= OLDEST_COMPATIBLE <= SCHEMA_VERSION


@every
def test_whoever_is_named_is_named_in_full(table: Table) -> None:
    for name in ("passport", "spelled", "sender"):
        if name in table.columns:
            kind = table.columns[name].type
            assert isinstance(kind, String)
            assert kind.length == LONGEST_PASSPORT


@every
def test_times_keep_their_microseconds_on_postgresql(table: Table) -> None:
    """FLOAT without a precision is one of 53 bits there, and one of 24 would be two minutes off."""
    ddl = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    for column in table.columns:
        if isinstance(column.type, Float):
            assert f"{column.name} FLOAT" in ddl
            assert f"{column.name} FLOAT(" not in ddl


@every
def test_every_row_can_be_told_from_the_others(table: Table) -> None:
    assert table.primary_key.columns
    assert not any(isinstance(column.type, Text) for column in table.primary_key.columns)


@every
def test_the_longest_of_everything_is_kept_as_it_was(
    table: Table, database: SqliteDatabase
) -> None:
    owner = row_of(tables.accounts, passport="a@b")
    row = owner if table is tables.accounts else row_of(table)
    if table.foreign_keys:
        row["passport"] = "a@b"

    def keep(connection: Connection) -> dict[str, Any]:
        connection.execute(delete(table))
        if table is not tables.accounts:
            connection.execute(insert(tables.accounts), owner)
        connection.execute(insert(table), row)
        return dict(connection.execute(select(table)).one()._mapping)

    assert database.call(keep) == row


def test_what_is_of_an_account_goes_with_it(database: SqliteDatabase) -> None:
    """App passwords and sessions of browsers let somebody in: none outlives its account."""
    owned = [table for table in METADATA.sorted_tables if table.foreign_keys]
    assert owned == [tables.app_passwords, tables.page_sessions]

    def left_behind(connection: Connection) -> list[int]:
        for passport in ("a@b", "c@d"):
            connection.execute(insert(tables.accounts), row_of(tables.accounts, passport=passport))
            for table in owned:
                key = next(iter(table.primary_key.columns)).name
                row = row_of(table, passport=passport, **{key: passport})
                connection.execute(insert(table), row)
        connection.execute(delete(tables.accounts).where(tables.accounts.c.passport == "a@b"))
        return [len(connection.execute(select(table)).all()) for table in owned]

    assert database.call(left_behind) == [1, 1]


def test_nobody_s_session_is_kept(database: SqliteDatabase) -> None:
    row = row_of(tables.page_sessions, passport="nobody@example.com")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        database.call(lambda connection: connection.execute(insert(tables.page_sessions), row))


def test_a_new_account_may_sign_in(database: SqliteDatabase) -> None:
    """What a column is by default when nothing is said of it."""
    row = {"passport": "a@b", "spelled": "A@b", "hash": "h", "is_long": False, "stamp": "s"}

    def keep(connection: Connection) -> Any:
        connection.execute(insert(tables.accounts), row | {"created": 1.5, "changed": 1.5})
        return connection.execute(select(tables.accounts)).one()

    found = database.call(keep)
    assert (found.verified, found.restricted, found.is_disabled) == (True, False, False)
    assert (found.display_name, found.refusal, found.signed_in) == ("", None, None)


def test_numbers_of_messages_are_not_used_again(database: SqliteDatabase, tmp_path: Path) -> None:
    """Otherwise a message that comes while others are fetched could stand before them."""
    rows = [row_of(tables.left, number=number) for number in (1, 2, 3)]
    for row in rows:
        del row["number"]

    def numbers(connection: Connection) -> list[int]:
        for row in rows:
            connection.execute(insert(tables.left), row)
        connection.execute(delete(tables.left).where(tables.left.c.number == 2))
        connection.execute(insert(tables.left), rows[0])
        return [row.number for row in connection.execute(select(tables.left.c.number))]

    assert database.call(numbers) == [1, 3, 4]
    with closing(sqlite3.connect(tmp_path / "db")) as raw:
        assert raw.execute("SELECT count(*) FROM left_messages").fetchone() == (3,)

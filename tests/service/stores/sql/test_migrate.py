"""From each form that the tables have had to the form of today, with nothing lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from msnpauth import LocalProtocolError
from msnpauth.service.stores.sql.database import schema_of
from msnpauth.service.stores.sql.migrate import alembic_config, migrate
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.tables import METADATA, OLDEST_COMPATIBLE, REVISION, SCHEMA_VERSION

FIRST = """
INSERT INTO notes VALUES ('form', 1), ('changes', 7);
INSERT INTO accounts VALUES
    ('a@b', 'A@b', 'Al', '$argon2id$x', 0, 'abcd', 1, 0, NULL, 0, 1.5, 2.5, NULL);
INSERT INTO app_passwords VALUES ('id', 'a@b', 'laptop', 'TWN', 'digest', NULL, 1.5, NULL, NULL);
INSERT INTO lists VALUES ('a@b', 3, '{}');
INSERT INTO left_messages VALUES (4, 'a@b', 'm', 'c@d', 'C', 'text', 1.5);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db"


def of_form_1(path: Path, *, with_alembic: bool) -> None:
    """Make a database as the first version has made it, with something in it."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        if not with_alembic:
            connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(FIRST)


def rows(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as raw:
        return {line for line in raw.iterdump() if line.startswith("INSERT")}


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, METADATA))


@pytest.mark.parametrize("with_alembic", [False, True])
def test_a_folder_of_the_first_version_is_brought_up_when_it_is_opened(
    path: Path, with_alembic: bool
) -> None:
    of_form_1(path, with_alembic=with_alembic)
    before = rows(path)
    with closing(SqliteDatabase(path)) as database:
        assert database.call(schema_of) == (SCHEMA_VERSION, OLDEST_COMPATIBLE)
        assert database.call(differences) == []
        assert migrate(database) == (SCHEMA_VERSION, SCHEMA_VERSION), "there is nothing more to do"
    kept = {row for row in before if '"notes"' not in row and "alembic_version" not in row}
    assert len(kept) == 4
    assert kept <= rows(path)
    assert """INSERT INTO "notes" VALUES('changes',7);""" in rows(path)


def test_a_new_database_has_the_same_tables_as_one_that_was_brought_up(path: Path) -> None:
    with closing(SqliteDatabase(path)) as database:
        assert database.call(differences) == []
        assert migrate(database) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_an_empty_database(path: Path) -> None:
    with closing(SqliteDatabase(path)) as database:
        everything = ["alembic_version", *METADATA.tables]

        def empty(connection: Connection) -> None:
            for table in everything:
                connection.execute(text(f"DROP TABLE IF EXISTS {table}"))

        database.call(empty)
        assert migrate(database) == (0, SCHEMA_VERSION)
        assert database.call(schema_of) == (SCHEMA_VERSION, OLDEST_COMPATIBLE)


def test_a_script_that_fails_leaves_all_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_form_1(path, with_alembic=False)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE page_sessions (x)")  # the last one that the script makes
        before = list(raw.iterdump())
    with pytest.raises(LocalProtocolError, match="already exists"):
        SqliteDatabase(path)
    with closing(sqlite3.connect(path)) as raw:
        assert list(raw.iterdump()) == before


def revisions() -> Iterator[str]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection))
        yield from (script.revision for script in scripts.walk_revisions())
    engine.dispose()


def test_the_scripts_are_numbered_as_the_forms_are() -> None:
    assert list(revisions()) == [f"{number:04}" for number in range(SCHEMA_VERSION, 0, -1)]
    assert f"{SCHEMA_VERSION:04}" == REVISION

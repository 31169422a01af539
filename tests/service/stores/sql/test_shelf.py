"""The keys that nodes share: sealed in the database, and the same for all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from msnpauth import LocalProtocolError
from msnpauth.service.keys import Keys
from msnpauth.service.stores.sql.shelf import SqlShelf
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.tickets import new_key

SEAL = Fernet(new_key())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path / "db")) as made:
        yield made


def test_keys_are_the_same_for_every_node(database: SqliteDatabase) -> None:
    shelves = [SqlShelf(database, SEAL) for _ in range(2)]
    assert all(shelf.is_empty() for shelf in shelves)
    first, second = map(Keys, shelves)
    assert first.make_missing() == ["ticket-keys", "app-password-key", "verify-key"]
    assert second.make_missing() == []
    assert second.ring() == first.ring()
    assert second.verify_keys() == first.verify_keys()
    assert second.rotate() == first.ring()
    assert len(first.ring()) == 2
    authority = first.authority()
    assert second.authority().cert_pem.bytes() == authority.cert_pem.bytes()
    assert not any(shelf.is_empty() for shelf in shelves)


def test_the_database_tells_no_key(database: SqliteDatabase, tmp_path: Path) -> None:
    keys = Keys(SqlShelf(database, SEAL))
    keys.make_missing()
    keys.authority()
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        content = " ".join(connection.iterdump())
    assert "kept_secrets" in content
    for secret in (keys.ring()[0].key, *keys.verify_keys(), "PRIVATE KEY"):
        assert secret not in content


def test_a_node_with_another_service_key(database: SqliteDatabase) -> None:
    Keys(SqlShelf(database, SEAL)).make_missing()
    stranger = Keys(SqlShelf(database, Fernet(new_key())))
    for work in (stranger.make_missing, stranger.ring, stranger.rotate):
        with pytest.raises(LocalProtocolError, match="sealed by another service-key") as caught:
            work()
        assert "copy `service-key`" in caught.value.hint
    assert len(Keys(SqlShelf(database, SEAL)).ring()) == 1


def test_a_change_that_fails_leaves_all_as_it_was(database: SqliteDatabase) -> None:
    shelf = SqlShelf(database, SEAL)
    shelf.change(("one", "two"), lambda _: {"one": "1", "two": "2"})

    def change(found: Mapping[str, str | None]) -> Mapping[str, str]:
        assert found == {"one": "1", "two": "2", "three": None}
        raise LookupError

    with pytest.raises(LookupError):
        shelf.change(("one", "two", "three"), change)
    assert [shelf.read(name) for name in ("one", "two", "three")] == ["1", "2", None]
    assert shelf.called("one") == "one in the database"

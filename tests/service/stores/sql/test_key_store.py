"""The keys that nodes share: sealed in the database, and the same for all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret
from msnpauth.service.keys import Keys
from msnpauth.service.stores.sql.key_store import SqlKeyStore
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.tickets import new_key

SEAL = Fernet(new_key())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path / "db")) as made:
        yield made


def test_keys_are_the_same_for_every_node(database: SqliteDatabase) -> None:
    shelves = [SqlKeyStore(database, SEAL) for _ in range(2)]
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
    keys = Keys(SqlKeyStore(database, SEAL))
    keys.make_missing()
    keys.authority()
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        content = " ".join(connection.iterdump())
    assert "kept_secrets" in content
    for secret in (keys.ring()[0].key, *keys.verify_keys(), Secret("PRIVATE KEY")):
        assert secret.reveal() not in content


def test_a_node_with_another_service_key(database: SqliteDatabase) -> None:
    Keys(SqlKeyStore(database, SEAL)).make_missing()
    stranger = Keys(SqlKeyStore(database, Fernet(new_key())))
    for work in (stranger.make_missing, stranger.ring, stranger.rotate):
        with pytest.raises(LocalProtocolError, match="sealed by another service-key") as caught:
            work()
        assert "copy `service-key`" in caught.value.hint
    assert len(Keys(SqlKeyStore(database, SEAL)).ring()) == 1


def test_a_change_that_fails_leaves_all_as_it_was(database: SqliteDatabase) -> None:
    shelf = SqlKeyStore(database, SEAL)
    one, two = Secret("geheim-1"), Secret("geheim-2")
    shelf.change(("one", "two"), lambda _: {"one": one, "two": two})

    def change(found: Mapping[str, Secret | None]) -> Mapping[str, Secret]:
        assert found == {"one": one, "two": two, "three": None}
        raise LookupError

    with pytest.raises(LookupError) as caught:
        shelf.change(("one", "two", "three"), change)
    assert_no_secret(caught.value, "geheim-1", "geheim-2")
    assert [shelf.read(name) for name in ("one", "two", "three")] == [one, two, None]
    assert shelf.called("one") == "one in the database"

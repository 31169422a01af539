"""Accounts out of an Escargot server's database, in both forms that its tables have had."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret
from msnpauth.core.people.contact import ListName
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service.settings import Argon2
from msnpauth.service.storage import database_url
from msnpauth.service.stores.protocol import Lists
from msnpauth.service.stores.sql.accounts import SqlAccounts
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.escargot import is_database, read_escargot
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.lists import SqlLists
from msnpauth.service.stores.sql.sqlite import SqliteDatabase

# What Escargot's models say of its tables, without the columns that nobody reads here.
NEWER = """
CREATE TABLE t_user (id INTEGER PRIMARY KEY, uuid VARCHAR NOT NULL, email VARCHAR NOT NULL,
    verified BOOLEAN NOT NULL, name VARCHAR, message VARCHAR NOT NULL, password VARCHAR NOT NULL,
    settings TEXT NOT NULL, front_data TEXT NOT NULL);
CREATE TABLE t_user_group (id INTEGER PRIMARY KEY, user_uuid VARCHAR NOT NULL,
    group_id VARCHAR NOT NULL, group_uuid VARCHAR NOT NULL, name VARCHAR NOT NULL);
CREATE TABLE t_user_contact (id INTEGER PRIMARY KEY, user_uuid VARCHAR NOT NULL,
    uuid VARCHAR NOT NULL, name VARCHAR, message VARCHAR, lists INTEGER NOT NULL,
    groups TEXT NOT NULL);
"""
OLDER = """
CREATE TABLE t_user (id INTEGER PRIMARY KEY, type INTEGER, uuid VARCHAR NOT NULL,
    email VARCHAR NOT NULL, verified BOOLEAN NOT NULL, name VARCHAR NOT NULL,
    message VARCHAR NOT NULL, password VARCHAR NOT NULL, password_md5 VARCHAR NOT NULL,
    settings TEXT NOT NULL, groups TEXT NOT NULL, contacts TEXT NOT NULL);
"""


def pbkdf2(password: str, salt: str = "0f1e2d3c4b5a697") -> str:
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 24000)
    return f"pbkdf2_sha256$24000${salt}${base64.b64encode(digest).decode()}"


def md5(password: str, salt: str = "0f1e2d3c4b5a697") -> str:
    digest = hashlib.md5((salt + password).encode()).digest()
    return f"md5${salt}${base64.b64encode(digest).decode()}"


USERS = [
    # uuid, email, verified, name, password, MD5, BLP
    ("u1", "Alice@example.com", 1, "Al ïce", pbkdf2("secret"), md5("secret"), "AL"),
    ("u2", "bob@example.com", 0, "bob@example.com", pbkdf2("päss"), "", "BL"),
    ("u3", "carol@example.com", 1, None, "", md5("old"), "AL"),
    ("u4", "dave@example.com", 1, "Dave", "", "", "AL"),
]
CONTACTS = [
    # whose, whom, name, lists, groups
    ("u1", "u2", "Bobby", 1 | 2 | 8, ["1"]),
    ("u1", "u3", None, 1 | 4, []),
    ("u1", "gone", "Gone", 1, ["1"]),
    ("u2", "u1", None, 16, []),
]


@pytest.fixture(params=["newer", "older"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "escargot.sqlite"
    with closing(sqlite3.connect(path)) as raw, raw:
        if request.param == "newer":
            raw.executescript(NEWER)
            fill_newer(raw)
        else:
            raw.executescript(OLDER)
            fill_older(raw)
    return path


def fill_newer(raw: sqlite3.Connection) -> None:
    for uuid, email, verified, name, password, old, blp in USERS:
        front = json.dumps({"msn": {"pw_md5": old}} if old else {})
        row = (uuid, email, verified, name, password, json.dumps({"BLP": blp}), front)
        raw.execute("INSERT INTO t_user VALUES (NULL, ?, ?, ?, ?, '', ?, ?, ?)", row)
    raw.execute("INSERT INTO t_user_group VALUES (NULL, 'u1', '1', 'g-uuid', 'Fri ends')")
    for whose, whom, called, bits, groups in CONTACTS:
        entries = json.dumps([{"id": group, "uuid": "g-uuid"} for group in groups])
        raw.execute(
            "INSERT INTO t_user_contact VALUES (NULL, ?, ?, ?, '', ?, ?)",
            (whose, whom, called, bits, entries),
        )


def fill_older(raw: sqlite3.Connection) -> None:
    for uuid, email, verified, name, password, old, blp in USERS:
        groups = [{"id": "1", "name": "Fri ends"}] if uuid == "u1" else []
        contacts = [
            {"uuid": whom, "name": called, "message": "", "lists": bits, "groups": inside}
            for whose, whom, called, bits, inside in CONTACTS
            if whose == uuid
        ]
        words = (json.dumps({"BLP": blp}), json.dumps(groups), json.dumps(contacts))
        row = (uuid, email, verified, name or "", password, old, *words)
        raw.execute("INSERT INTO t_user VALUES (NULL, 1, ?, ?, ?, ?, '', ?, ?, ?, ?, ?)", row)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path / "accounts.sqlite3")) as made:
        yield made


@pytest.fixture
def hasher() -> Iterator[Hasher]:
    with closing(Hasher(Argon2(64, 1), 1)) as made:
        yield made


def people(lists: Lists) -> dict[str, set[str]]:
    return {
        entry.passport: {name.code for name in ListName if entry.is_on(name)}
        for entry in lists.book.entries.values()
    }


def test_what_is_read(file: Path) -> None:
    alice, bob, carol, dave = read_escargot(file)
    assert (alice.passport, alice.display_name) == ("Alice@example.com", "Al ïce")
    assert (alice.verified, bob.display_name, bob.verified) == (True, "", False)
    kinds = [one.hash.partition("$")[0] for one in (alice, bob, carol, dave)]
    assert kinds == ["pbkdf2_sha256", "pbkdf2_sha256", "md5", ""]
    assert people(alice.lists) == {
        "bob@example.com": {"FL", "AL", "RL"},
        "carol@example.com": {"FL", "BL"},
    }
    assert list(alice.lists.book.groups.values()) == ["Fri ends"]
    friend = alice.lists.book.find("bob@example.com")
    assert friend is not None
    assert friend.name == "Bobby"
    assert friend.group_ids == tuple(alice.lists.book.groups)
    assert (alice.lists.allows_others, bob.lists.allows_others) == (True, False)
    assert people(bob.lists) == {"Alice@example.com": {"PL"}}
    assert "secret" not in repr(alice)
    assert alice.hash not in repr(alice)


def test_they_sign_in_and_have_an_argon2id_hash_then(
    file: Path, database: SqliteDatabase, hasher: Hasher
) -> None:
    seal = Fernet(Fernet.generate_key())
    directory = AccountDirectory(database, hasher, seal)
    assert directory.import_escargot(read_escargot(file)) == 4
    accounts = SqlAccounts(database, hasher, seal)

    async def signs_in(passport: str, password: str) -> bool:
        return await accounts.check(passport, Secret(password), Scheme.SSO) is not None

    async def main() -> None:
        for passport, password in (
            ("alice@example.com", "secret"),
            ("bob@example.com", "päss"),
            ("carol@example.com", "old"),
        ):
            assert not await signs_in(passport, "wrong")
            assert not directory.get(passport).hash.startswith("$argon2id$")
            assert await signs_in(passport, password)
            assert directory.get(passport).hash.startswith("$argon2id$")
            assert await signs_in(passport, password)
            assert not await signs_in(passport, "wrong")
        for password in ("", "x", "secret"):
            assert not await signs_in("dave@example.com", password)

    asyncio.run(main())
    mine = asyncio.run(SqlLists(database).lists("alice@example.com"))
    assert people(mine)["bob@example.com"] == {"FL", "AL", "RL"}
    directory.set_password("dave@example.com", "new")
    assert directory.get("Dave@example.com").passport == "dave@example.com"


def test_how_long_an_imported_password_is_is_known_when_it_was_given(
    file: Path, database: SqliteDatabase, hasher: Hasher
) -> None:
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("UPDATE t_user SET password = ? WHERE uuid = 'u1'", (pbkdf2("x" * 17),))
    directory = AccountDirectory(database, hasher, None)
    directory.import_escargot(read_escargot(file))
    assert not directory.get("alice@example.com").is_long
    accounts = SqlAccounts(database, hasher, Fernet(Fernet.generate_key()))
    asyncio.run(accounts.check("alice@example.com", Secret("x" * 17), Scheme.SSO))
    assert directory.get("alice@example.com").is_long


def test_an_address_that_is_there_already(
    file: Path, database: SqliteDatabase, hasher: Hasher
) -> None:
    directory = AccountDirectory(database, hasher, None)
    directory.add("BOB@example.com", "x")
    with pytest.raises(LocalProtocolError, match="there is an account bob@example.com already"):
        directory.import_escargot(read_escargot(file))
    assert [account.passport for account in directory.all()] == ["BOB@example.com"]


def test_an_address_that_is_none(file: Path, database: SqliteDatabase, hasher: Hasher) -> None:
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute("UPDATE t_user SET email = 'a b' WHERE uuid = 'u2'")
    directory = AccountDirectory(database, hasher, None)
    with pytest.raises(LocalProtocolError):
        directory.import_escargot(read_escargot(file))
    assert directory.all() == []


def test_a_file_is_only_read(file: Path) -> None:
    before = file.read_bytes()
    file.chmod(0o400)
    read_escargot(file)
    assert file.read_bytes() == before
    assert is_database(file)


@pytest.mark.parametrize(
    "content", [b"", b"passport,password\n", b"SQLite format 3\x00" + b"x" * 999]
)
def test_what_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(LocalProtocolError, match="Escargot"):
        read_escargot(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    assert not is_database(tmp_path / "nowhere")
    with pytest.raises(LocalProtocolError, match="cannot be read"):
        read_escargot(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LocalProtocolError, match="cannot be read") as caught:
        read_escargot(database_url("postgresql://x:hunter2@127.0.0.1:1/x"))
    assert "hunter2" not in f"{caught.value!r} {caught.value.__context__!r}"


# --- files that are damaged, or not as Escargot has written them -----------------------------------


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    path = tmp_path / "newer.sqlite"
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.executescript(NEWER)
        fill_newer(raw)
    return path


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE t_user SET settings = '{' WHERE id = 2",
        "UPDATE t_user SET front_data = 'x' WHERE id = 2",
        f"UPDATE t_user SET settings = '{'[' * 100_000}' WHERE id = 2",
        "UPDATE t_user SET email = x'ff' WHERE id = 2",
        "UPDATE t_user_contact SET lists = 'many' WHERE user_uuid = 'u2'",
        "UPDATE t_user_contact SET groups = '{' , lists = 1 WHERE user_uuid = 'u2'",
    ],
)
def test_a_row_that_is_damaged_is_named(newer: Path, statement: str) -> None:
    changed(newer, statement)
    with pytest.raises(LocalProtocolError, match="row 2 of Escargot's t_user") as caught:
        read_escargot(newer)
    assert_no_secret(caught.value, USERS[1][4])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE t_user SET settings = '[]', front_data = '5', name = 7 WHERE id = 2",
        "UPDATE t_user SET password = 5 WHERE id = 2",
        "UPDATE t_user_contact SET name = 5, groups = '7', lists = 1 WHERE user_uuid = 'u2'",
        "UPDATE t_user_contact SET uuid = 5 WHERE user_uuid = 'u2'",
        "UPDATE t_user_group SET name = x'ff', group_id = 5",
    ],
)
def test_what_is_of_another_kind_is_left_out(
    newer: Path, database: SqliteDatabase, hasher: Hasher, statement: str
) -> None:
    changed(newer, statement)
    found = read_escargot(newer)
    assert [one.passport for one in found] == [user[1] for user in USERS]
    assert AccountDirectory(database, hasher, None).import_escargot(found) == 4


def test_names_are_as_clients_could_have_sent_them(newer: Path) -> None:
    """A name that no client could have sent would end the connection of whoever is told it."""
    changed(
        newer,
        f"UPDATE t_user SET name = '{'n' * 100_000}' WHERE id = 1",
        f"UPDATE t_user_contact SET name = '{'c' * 100_000}' WHERE uuid = 'u2'",
        f"UPDATE t_user_group SET name = '{'g' * 100_000}'",
    )
    alice = read_escargot(newer)[0]
    friend = alice.lists.book.find("bob@example.com")
    assert friend is not None
    assert (len(alice.display_name), len(friend.name)) == (387, 387)
    assert [len(name) for name in alice.lists.book.groups.values()] == [61]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "older.sqlite"
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.executescript(OLDER)
        fill_older(raw)
    contacts = [{"uuid": "u2", "name": name, "lists": 1} for name in ({"a": 1}, 5, "\ud800", "x\0")]
    for contact in contacts:
        groups = [{"id": "1", "name": contact["name"]}]
        with closing(sqlite3.connect(path)) as raw, raw:
            words = json.dumps([contact]), json.dumps(groups)
            raw.execute("UPDATE t_user SET contacts = ?, groups = ? WHERE uuid = 'u1'", words)
        book = read_escargot(path)[0].lists.book
        assert [entry.name for entry in book.entries.values()] == [""]
        assert list(book.groups.values()) == [""]


@pytest.mark.parametrize("column", ["id", "uuid", "email", "verified", "password"])
def test_a_column_that_is_missing_is_named(tmp_path: Path, column: str) -> None:
    path = tmp_path / "file.sqlite"
    columns = [one for one in ("id", "uuid", "email", "verified", "password") if one != column]
    changed(path, f"CREATE TABLE t_user ({', '.join(columns)})")
    with pytest.raises(LocalProtocolError, match=f"its table t_user has no column {column}"):
        read_escargot(path)


def test_a_view_is_no_table(tmp_path: Path) -> None:
    """It may have no end."""
    path = tmp_path / "file.sqlite"
    endless = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n"
    changed(path, f"CREATE VIEW t_user AS {endless}")
    with pytest.raises(LocalProtocolError, match="it has no table t_user"):
        read_escargot(path)


@pytest.mark.parametrize("name", ["a#1.db", "a?mode=rwc.db", "a%23.db", "ä b.db"])
def test_the_file_that_was_named_is_the_one_that_is_read(newer: Path, name: str) -> None:
    path = newer.rename(newer.with_name(name))
    before = path.read_bytes()
    assert len(read_escargot(path)) == 4
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_address_for_which_there_is_no_room(
    newer: Path, database: SqliteDatabase, hasher: Hasher
) -> None:
    changed(newer, f"UPDATE t_user SET email = '{'a' * 118}@example.com' WHERE id = 3")
    with pytest.raises(LocalProtocolError, match="account 3: a passport has at most 129"):
        AccountDirectory(database, hasher, None).import_escargot(read_escargot(newer))
    assert AccountDirectory(database, hasher, None).all() == []

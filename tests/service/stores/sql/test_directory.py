"""The accounts as an operator changes them."""

from __future__ import annotations

import asyncio
import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import argon2
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import event, text

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret, ServiceUnavailable
from msnpauth.core.people.contact import ListName
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.protocol import LeftMessage, Lists, Principal
from msnpauth.service.stores.sql import directory as under_test
from msnpauth.service.stores.sql.accounts import SqlAccounts
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.lists import SqlLeft, SqlLists
from msnpauth.service.stores.sql.sqlite import SqliteDatabase

COST = Argon2(memory=64, passes=1)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALICE, PASSWORD = "Alice@example.com", "correct horse battery"

HASHER = Hasher(COST, 1)
SEAL = Fernet(Fernet.generate_key())


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(path)) as made:
        yield made


@pytest.fixture
def directory(database: SqliteDatabase, clock: Clock) -> AccountDirectory:
    return AccountDirectory(database, HASHER, SEAL, now=clock)


@pytest.fixture
def alice(directory: AccountDirectory) -> AccountDirectory:
    """A directory with Alice."""
    directory.add(ALICE, PASSWORD)
    return directory


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def lets_in(database: SqliteDatabase, passport: str, password: Secret | str) -> bool:
    store = SqlAccounts(database, HASHER, SEAL)
    secret = password if isinstance(password, Secret) else Secret(password)
    return asyncio.run(store.check(passport, secret, Scheme.TWN)) is not None


# --- accounts ------------------------------------------------------------------------------------


def test_an_account_that_was_added(directory: AccountDirectory, database: SqliteDatabase) -> None:
    directory.add(ALICE, PASSWORD, display_name="Älice", verified=False)
    directory.add("bob@example.com", Secret("x"))
    found = directory.get("alice@EXAMPLE.com")
    assert found.principal == Principal(ALICE, "Älice", verified=False)
    assert (found.created, found.changed, found.signed_in) == (NOW, NOW, None)
    assert found.app_passwords == ()
    assert found.is_long
    assert not found.is_disabled
    assert argon2.extract_parameters(found.hash).type is argon2.Type.ID
    assert lets_in(database, ALICE, PASSWORD)
    assert lets_in(database, "bob@example.com", "x")
    assert not directory.get("bob@example.com").is_long
    assert directory.get("bob@example.com").stamp != found.stamp


def test_no_password_is_in_the_file(path: Path, alice: AccountDirectory) -> None:
    made = alice.add_app_password(ALICE, "laptop", Scheme)
    written = "\n".join(content(path))
    assert "laptop" in written
    assert PASSWORD not in written
    assert made.password.reveal() not in written


def test_all_accounts(alice: AccountDirectory) -> None:
    alice.add("zoe@example.com", "x")
    alice.add("Aaron@example.com", "x")
    found = [account.passport for account in alice.all()]
    assert found == ["Aaron@example.com", ALICE, "zoe@example.com"]


@pytest.mark.parametrize(
    ("passport", "password"),
    [
        ("alice", "x"),
        ("a b@c", "x"),
        ("\udc80@c", "x"),
        ("a@b", ""),
        ("a@b", "\udc80x"),
        ("ALICE@example.com", "hunter2"),
    ],
)
def test_what_is_no_account(
    path: Path, alice: AccountDirectory, passport: str, password: str
) -> None:
    before = content(path)
    with pytest.raises(LocalProtocolError) as caught:
        alice.add(passport, password)
    if len(password) > 1:
        assert_no_secret(caught.value, password)
    assert content(path) == before


def test_a_display_name_that_is_no_utf_8(path: Path, alice: AccountDirectory) -> None:
    before = content(path)
    with pytest.raises(LocalProtocolError, match="display name"):
        alice.add("a@b", "x", display_name="\udc80")
    assert content(path) == before


def test_another_password(alice: AccountDirectory, database: SqliteDatabase, clock: Clock) -> None:
    before = alice.get(ALICE)
    clock.now = NOW + timedelta(days=1)
    alice.set_password("alice@EXAMPLE.com", "new")
    after = alice.get(ALICE)
    assert after.stamp != before.stamp
    assert not after.is_long
    assert (after.created, after.changed) == (NOW, clock.now)
    assert after.principal == before.principal
    assert not lets_in(database, ALICE, PASSWORD)
    assert lets_in(database, ALICE, "new")


def test_the_same_password_again_is_a_new_one(alice: AccountDirectory) -> None:
    before = alice.get(ALICE).stamp
    alice.set_password(ALICE, PASSWORD)
    assert alice.get(ALICE).stamp != before


def test_disabled_and_enabled(alice: AccountDirectory, database: SqliteDatabase) -> None:
    before = alice.get(ALICE)
    for _ in range(2):
        alice.disable("ALICE@example.com")
        assert alice.get(ALICE).is_disabled
        assert [account.is_disabled for account in alice.all()] == [True]
        assert not lets_in(database, ALICE, PASSWORD)
    for _ in range(2):
        alice.enable(ALICE)
        assert alice.get(ALICE) == before
        assert lets_in(database, ALICE, PASSWORD)


def test_removed(path: Path, alice: AccountDirectory, database: SqliteDatabase) -> None:
    before = content(path)

    def contact(lists: Lists) -> None:
        lists.book.entry("b@c").put(ListName.FORWARD, True)

    alice.add("bob@example.com", "x")
    for passport in (ALICE, "bob@example.com"):
        alice.add_app_password(passport, "laptop")
        asyncio.run(SqlLists(database).change(passport, contact))
        message = LeftMessage("1", "b@c", "B", "text", NOW)
        asyncio.run(SqlLeft(database).leave(passport, message))
        store = SqlAccounts(database, HASHER, SEAL, now=lambda: NOW)
        proof = asyncio.run(store.check(passport, Secret("x"), Scheme.TWN))
        if proof is not None:
            asyncio.run(store.signed_in(proof, "192.0.2.1", Scheme.TWN))
    alice.remove("ALICE@example.com")
    left = "\n".join(content(path))
    assert "alice@example.com" not in left.casefold()
    assert left.count("bob@example.com") == 8, "in each table, as it is spelled, and two changes"
    alice.remove("bob@example.com")
    alice.add(ALICE, PASSWORD)
    assert len(content(path)) <= len(before) + 3, "a sequence of messages, and two removals"


def test_a_removal_that_fails_half_way_removes_nothing(
    path: Path, alice: AccountDirectory, database: SqliteDatabase
) -> None:
    alice.add_app_password(ALICE, "laptop")
    asyncio.run(SqlLeft(database).leave(ALICE, LeftMessage("1", "b@c", "B", "text", NOW)))
    # The account itself comes last.
    stop = "CREATE TRIGGER stop BEFORE DELETE ON accounts BEGIN SELECT RAISE(ABORT, 'no'); END"
    database.call(lambda connection: connection.execute(text(stop)))
    before = content(path)
    with pytest.raises(ServiceUnavailable) as caught:
        alice.remove(ALICE)
    assert caught.value.code == 603
    assert content(path) == before


@pytest.mark.parametrize("passport", ["nobody@example.com", "", "\udc80@x"])
def test_there_is_no_such_account(path: Path, alice: AccountDirectory, passport: str) -> None:
    before = content(path)
    works: list[Callable[[], object]] = [
        lambda: alice.get(passport),
        lambda: alice.disable(passport),
        lambda: alice.enable(passport),
        lambda: alice.remove(passport),
        lambda: alice.add_app_password(passport, "laptop"),
        lambda: alice.revoke_app_password(passport, "laptop"),
    ]
    for work in works:
        with pytest.raises(LocalProtocolError, match="there is no account"):
            work()
    with pytest.raises(LocalProtocolError):
        alice.set_password(passport, "hunter2")
    assert content(path) == before


@pytest.mark.parametrize("password", ["", "\udc80x"])
def test_what_is_no_password(path: Path, alice: AccountDirectory, password: str) -> None:
    before = content(path)
    with pytest.raises(LocalProtocolError):
        alice.set_password(ALICE, password)
    assert content(path) == before


def test_no_error_has_the_password(alice: AccountDirectory, database: SqliteDatabase) -> None:
    def fail(*_about: object) -> None:
        raise OSError(28, "No space left on device")

    event.listen(database._engine, "begin", fail)
    works: list[Callable[[], object]] = [
        lambda: alice.add("b@c", "hunter2"),
        lambda: alice.set_password(ALICE, "hunter2"),
        lambda: alice.import_csv(io.StringIO("passport,password\nb@c,hunter2\n")),
    ]
    for work in works:
        with pytest.raises(ServiceUnavailable) as caught:
            work()
        assert (caught.value.__context__, caught.value.__cause__) == (None, None)
        assert "hunter2" not in f"{caught.value} {caught.value!r}"
    for work in works[:2]:
        with pytest.raises(ServiceUnavailable) as caught:
            work()
        assert_no_secret(caught.value, "hunter2")


def test_it_is_closed_behind_a_block(path: Path) -> None:
    with AccountDirectory(SqliteDatabase(path), Hasher(COST, 1), SEAL) as directory:
        directory.add(ALICE, PASSWORD)
    assert not path.with_name(path.name + "-wal").exists(), "the last one to close cleans up"


# --- app passwords -------------------------------------------------------------------------------


def test_an_app_password(alice: AccountDirectory, clock: Clock) -> None:
    made = [alice.add_app_password("ALICE@example.com", "  old laptop ")]
    clock.now = NOW + timedelta(seconds=1)
    made += [alice.add_app_password(ALICE, "phone", [Scheme.MD5, Scheme.TWN])]
    (laptop, first), (phone, second) = made
    assert alice.get(ALICE).app_passwords == (laptop, phone)
    assert (laptop.name, sorted(laptop.schemes)) == ("old laptop", [Scheme.SSO, Scheme.TWN])
    assert phone.schemes == {Scheme.MD5, Scheme.TWN}
    assert (laptop.created, phone.created, laptop.used) == (NOW, clock.now, None)
    assert first != second
    for password in (first, second):
        assert len(password) == 16
        assert set(password.reveal()) <= set("abcdefghjkmnpqrstuvwxyz23456789")
        assert password.reveal() not in repr(made)
    assert laptop.sealed is None
    assert phone.sealed is not None
    assert SEAL.decrypt(phone.sealed).decode() == second.reveal()


def test_an_account_has_fifty_of_them_at_most(alice: AccountDirectory) -> None:
    alice.add("bob@example.com", "x")
    for number in range(50):
        alice.add_app_password(ALICE, f"device {number}")
    with pytest.raises(LocalProtocolError, match="has 50 app passwords already"):
        alice.add_app_password(ALICE, "one more")
    assert len(alice.get(ALICE).app_passwords) == 50
    alice.add_app_password("bob@example.com", "laptop")
    alice.revoke_app_password(ALICE, "device 0")
    alice.add_app_password(ALICE, "one more")


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines", "\x1b[2J", "\udc80"])
def test_what_is_no_name(path: Path, alice: AccountDirectory, name: str) -> None:
    before = content(path)
    with pytest.raises(LocalProtocolError, match="a name of 1 to 60 printable characters"):
        alice.add_app_password(ALICE, name)
    assert content(path) == before
    alice.add_app_password(ALICE, "ü" * 60)


def test_an_app_password_is_for_something(alice: AccountDirectory) -> None:
    with pytest.raises(LocalProtocolError, match="and a scheme"):
        alice.add_app_password(ALICE, "laptop", [])


def test_an_app_password_is_revoked_by_its_name_or_its_id(
    alice: AccountDirectory, database: SqliteDatabase
) -> None:
    by_name, by_id, other = (alice.add_app_password(ALICE, name) for name in ("a", "b", "c"))
    alice.revoke_app_password("ALICE@example.com", "a")
    alice.revoke_app_password(ALICE, by_id.about.id)
    assert alice.get(ALICE).app_passwords == (other.about,)
    assert not lets_in(database, ALICE, by_name.password)
    assert not lets_in(database, ALICE, by_id.password)
    assert lets_in(database, ALICE, other.password)
    for unknown in ("a", "A", "C", "", by_id.about.id):
        with pytest.raises(LocalProtocolError, match="has no app passwords of that name"):
            alice.revoke_app_password(ALICE, unknown)


def test_two_app_passwords_of_one_name(alice: AccountDirectory) -> None:
    first, second = (alice.add_app_password(ALICE, "laptop") for _ in range(2))
    with pytest.raises(LocalProtocolError, match="has 2 app passwords of that name"):
        alice.revoke_app_password(ALICE, "laptop")
    alice.revoke_app_password(ALICE, first.about.id)
    assert alice.get(ALICE).app_passwords == (second.about,)


def test_another_account_s_app_password_is_not_revoked(alice: AccountDirectory) -> None:
    alice.add("bob@example.com", "x")
    made = alice.add_app_password("bob@example.com", "laptop")
    with pytest.raises(LocalProtocolError):
        alice.revoke_app_password(ALICE, made.about.id)
    assert alice.get("bob@example.com").app_passwords == (made.about,)


# --- many accounts -------------------------------------------------------------------------------


def test_accounts_of_a_file(directory: AccountDirectory, database: SqliteDatabase) -> None:
    hashed = argon2.PasswordHasher(1, 72, 2).hash("elsewhere")
    file = (
        "display_name,passport,password,hash,verified,disabled\r\n"
        '"Älice, the ""first""\nof all",Alice@example.com,"pa,ss""word and more",,no,No\r\n'
        "\r\n"
        f',bob@example.com,,"{hashed}",Yes,\r\n'.replace(",\r\n", ",0\r\n")
        + "C,c@example.com,päss,,1,TRUE\r\n"
    )
    assert directory.import_csv(io.StringIO(file, newline="")) == 3
    alice = directory.get(ALICE)
    assert alice.principal == Principal(ALICE, 'Älice, the "first"\nof all', verified=False)
    assert alice.is_long
    assert lets_in(database, ALICE, 'pa,ss"word and more')
    bob = directory.get("bob@example.com")
    assert (bob.hash, bob.is_long, bob.principal.verified) == (hashed, False, True)
    assert lets_in(database, "bob@example.com", "elsewhere")
    assert directory.get("bob@example.com").hash != hashed, "it costs what new ones do by now"
    assert directory.get("c@example.com").is_disabled
    assert len({account.stamp for account in directory.all()}) == 3


def test_the_shortest_file(directory: AccountDirectory, database: SqliteDatabase) -> None:
    assert directory.import_csv(io.StringIO("passport,password\na@b,x")) == 1
    assert lets_in(database, "a@b", "x")
    assert directory.get("a@b").principal == Principal("a@b")
    assert directory.import_csv(io.StringIO("passport,hash\n")) == 0


def test_it_tells_how_far_it_is(
    directory: AccountDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "_TOLD_EVERY", 2)
    file = "passport,password\n" + "".join(f"u{number}@x,p\n" for number in range(5))
    told: list[int] = []
    assert directory.import_csv(io.StringIO(file), told.append) == 5
    assert told == [2, 4, 5]
    assert len(directory.all()) == 5


GOOD = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"
WRONG_LINES = {
    "an address that is none": ("alice,hunter2,", "that is not a passport"),
    "no address": (",hunter2,", "that is not a passport"),
    "too few fields": ("a@b,hunter2", "more or fewer fields"),
    "too many fields": ("a@b,hunter2,,more", "more or fewer fields"),
    "password and hash": (f'a@b,hunter2,"{GOOD}"', "a password or a hash, and not both"),
    "neither": ("a@b,,", "a password or a hash, and not both"),
    "there already": ("ALICE@example.com,hunter2,", "there is an account alice@example.com"),
    "twice in the file": ("First@example.com,hunter2,", "there is an account first@example.com"),
    "something behind a quote": ('a@b,"hunter2"x,', "expected after"),
    "a quote that does not end": ('a@b,"hunter2,', "unexpected end of data"),
    "a password too long for csv": ("a@b," + "x" * 140_000 + ",", "field larger than"),
    "a hash of argon2i": (f'a@b,,"{GOOD.replace("argon2id", "argon2i")}"', "none of argon2id"),
    "a hash of bcrypt": ("a@b,,$2b$12$hunter2", "none of argon2id"),
    "no hash": ("a@b,,hunter2", "none of argon2id"),
    "a hash without its end": (f'a@b,,"{GOOD.rpartition("$")[0]}"', "none of argon2id"),
    "a hash that ends early": (f'a@b,,"{GOOD.rpartition("$")[0]}$"', "none of argon2id"),
    "a hash with a line behind it": (f'a@b,,"{GOOD}\n"', "none of argon2id"),
    "a hash with a letter that is none": (f'a@b,,"{GOOD}ä"', "none of argon2id"),
    "a hash of no known cost": (f'a@b,,"{GOOD.replace("t=1", "t=x")}"', "none of argon2id"),
}


@pytest.mark.parametrize(("line", "problem"), WRONG_LINES.values(), ids=WRONG_LINES)
def test_a_line_that_is_wrong(path: Path, alice: AccountDirectory, line: str, problem: str) -> None:
    before = content(path)
    file = f"passport,password,hash\nfirst@example.com,hunter2,\n{line}\nlast@example.com,x,\n"
    if problem == "unexpected end of data":
        file = file.removesuffix("last@example.com,x,\n")
    with pytest.raises(LocalProtocolError, match=problem) as caught:
        alice.import_csv(io.StringIO(file))
    assert caught.value.text.startswith(("line 3: ", "line 4: ")), "where it begins or ends"
    assert "hunter2" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert "c2FsdHNhbHQ" not in str(caught.value)
    assert content(path) == before


@pytest.mark.parametrize("word", ["maybe", "", "2", "ja"])
@pytest.mark.parametrize("column", ["verified", "disabled"])
def test_a_word_that_is_neither_yes_nor_no(
    directory: AccountDirectory, column: str, word: str
) -> None:
    file = f"passport,password,{column}\na@b,hunter2,{word}\n"
    with pytest.raises(LocalProtocolError, match="line 2: verified and disabled are yes or no"):
        directory.import_csv(io.StringIO(file))
    assert directory.all() == []


@pytest.mark.parametrize(
    "first",
    [
        "",
        "a@b,hunter2",
        "passport",
        "password,hash",
        "passport,display_name",
        "Passport,Password",
        "passport;password",
        "passport,password,age",
        "passport,password,",
        "passport,password,password",
        "\ufeffpassport,password",
    ],
)
def test_a_first_line_that_is_wrong(directory: AccountDirectory, first: str) -> None:
    with pytest.raises(LocalProtocolError, match="line 1: "):
        directory.import_csv(io.StringIO(f"{first}\na@b,hunter2,x\n"))
    assert directory.all() == []


def test_a_password_that_is_no_utf_8(directory: AccountDirectory) -> None:
    with pytest.raises(LocalProtocolError, match="line 2: the password cannot be written"):
        directory.import_csv(io.StringIO("passport,password\na@b,hunter2\udc80\n"))


@pytest.mark.parametrize("head", [b"", b"\xff"])
def test_a_file_that_is_no_utf_8(directory: AccountDirectory, head: bytes) -> None:
    data = head + b"passport,password\na@b,hunter2\nc@d,p\xe4ss\n"
    file = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    with pytest.raises(LocalProtocolError, match="the file is not UTF-8 text") as caught:
        directory.import_csv(file)
    # The decoder's error has the whole file in it.
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    assert directory.all() == []

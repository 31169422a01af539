"""Contact lists and left messages in a database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from msnpauth import ServiceUnavailable
from msnpauth.core.people.contact import Book, Entry, ListName
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.protocol import LeftMessage, Lists
from msnpauth.service.stores.sql import lists as under_test
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.lists import SqlLeft, SqlLists, read_lists, written_lists
from msnpauth.service.stores.sql.sqlite import SqliteDatabase

ALICE = "Alice@example.com"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

TEXTS = st.text(max_size=20)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(path)) as made:
        yield made


@pytest.fixture
def directory(path: Path) -> Iterator[AccountDirectory]:
    hasher = Hasher(Argon2(memory=64, passes=1), 1)
    with AccountDirectory(SqliteDatabase(path), hasher, Fernet(Fernet.generate_key())) as made:
        made.add(ALICE, "secret")
        yield made


@st.composite
def some_lists(draw: st.DrawFn) -> Lists:
    made = Lists(
        Book(groups=draw(st.dictionaries(TEXTS, TEXTS, max_size=4)), own_name=draw(TEXTS)),
        allows_others=draw(st.booleans()),
        serial=draw(st.integers(min_value=1)),
    )
    for passport in draw(st.lists(TEXTS, max_size=5)):
        entry = made.book.entry(passport)
        entry.name, entry.id = draw(TEXTS), draw(TEXTS)
        entry.bits = draw(st.integers(min_value=0, max_value=31))
        entry.group_ids = tuple(draw(st.lists(TEXTS, max_size=3)))
    return made


@given(some_lists())
def test_lists_are_read_as_they_were_written(lists: Lists) -> None:
    content = written_lists(lists)
    found = read_lists(content)
    assert found == lists
    assert list(found.book.entries) == list(lists.book.entries), "in the same order"
    assert list(found.book.groups) == list(lists.book.groups)
    assert written_lists(found) == content
    assert content.isascii()


def test_a_name_that_is_no_utf_8_is_kept_all_the_same(path: Path, database: SqliteDatabase) -> None:
    def change(mine: Lists) -> None:
        mine.book.entry("\udc80@b").name = "\udcff"

    asyncio.run(SqlLists(database).change(ALICE, change))
    with closing(SqliteDatabase(path)) as other:
        found = asyncio.run(SqlLists(other).lists(ALICE)).book.find("\udc80@b")
    assert found is not None
    assert found.name == "\udcff"


def test_what_a_person_looks_like_in_the_file() -> None:
    lists = Lists(Book({"b@c": Entry("B@c", "Bob", 11, ("{1}",), "{2}")}, {"{1}": "Friends"}, "Al"))
    assert json.loads(written_lists(lists)) == {
        "people": [["B@c", "Bob", "{2}", 11, ["{1}"]]],
        "groups": {"{1}": "Friends"},
        "name": "Al",
        "allows": True,
        "serial": 1,
    }


def put(lists: Lists, passport: str) -> int:
    lists.book.entry(passport).put(ListName.FORWARD, True)
    lists.serial += 1
    return lists.serial


def people(lists: Lists) -> set[str]:
    return {entry.passport for entry in lists.book.entries.values()}


def test_a_new_account_has_empty_lists(database: SqliteDatabase) -> None:
    assert asyncio.run(SqlLists(database).lists(ALICE)) == Lists()


def test_a_change_lasts_and_tells_what_it_returns(path: Path, database: SqliteDatabase) -> None:
    lists = SqlLists(database)
    assert asyncio.run(lists.change(ALICE, lambda mine: put(mine, "B@c"))) == 2
    assert asyncio.run(lists.change(ALICE.upper(), lambda mine: put(mine, "d@e"))) == 3
    with closing(SqliteDatabase(path)) as other:
        for found in (
            asyncio.run(lists.lists("ALICE@example.com")),
            asyncio.run(SqlLists(other).lists("alice@example.com")),
        ):
            assert people(found) == {"B@c", "d@e"}
            assert found.serial == 3
        assert asyncio.run(SqlLists(other).lists("other@example.com")) == Lists()


def test_a_change_that_changes_nothing_writes_nothing(database: SqliteDatabase) -> None:
    lists = SqlLists(database)
    asyncio.run(lists.change(ALICE, lambda mine: put(mine, "b@c")))
    revision = asyncio.run(lists._get(ALICE.casefold()))[0]
    assert asyncio.run(lists.change(ALICE, lambda mine: len(mine.book.entries))) == 1
    assert asyncio.run(lists._get(ALICE.casefold()))[0] == revision


def test_a_change_that_raises_changes_nothing(path: Path, database: SqliteDatabase) -> None:
    lists = SqlLists(database)
    asyncio.run(lists.change(ALICE, lambda mine: put(mine, "b@c")))

    def change(mine: Lists) -> None:
        put(mine, "d@e")
        raise LookupError("no such group")

    for _ in range(2):
        with pytest.raises(LookupError, match="no such group"):
            asyncio.run(lists.change(ALICE, change))
    with closing(SqliteDatabase(path)) as other:
        for found in (lists, SqlLists(other)):
            assert people(asyncio.run(found.lists(ALICE))) == {"b@c"}
    asyncio.run(lists.change(ALICE, lambda mine: put(mine, "f@g")))
    assert people(asyncio.run(lists.lists(ALICE))) == {"b@c", "f@g"}


def test_two_stores_change_one_account_at_the_same_time(
    path: Path, database: SqliteDatabase
) -> None:
    async def work(stores: list[SqlLists]) -> None:
        await asyncio.gather(
            *(
                store.change(ALICE, partial(put, passport=f"u{number}-{which}@x"))
                for number in range(15)
                for which, store in enumerate(stores)
            )
        )

    with closing(SqliteDatabase(path)) as other:
        asyncio.run(work([SqlLists(database), SqlLists(other)]))
        found = asyncio.run(SqlLists(other).lists(ALICE))
    assert people(found) == {f"u{number}-{which}@x" for number in range(15) for which in range(2)}
    assert found.serial == 31


def test_a_change_is_not_tried_on_what_another_has_changed(
    path: Path, database: SqliteDatabase
) -> None:
    with closing(SqliteDatabase(path)) as second:
        here, there = SqlLists(database), SqlLists(second)
        assert asyncio.run(here.lists(ALICE)) == Lists()
        asyncio.run(there.change(ALICE, lambda mine: put(mine, "b@c")))
        # Here nobody knows of b@c yet, so that there would be nothing to take off.
        asyncio.run(here.change(ALICE, lambda mine: mine.book.entries.pop("b@c", None)))
        assert people(asyncio.run(here.lists(ALICE))) == set()
        asyncio.run(there.change(ALICE, lambda mine: put(mine, "d@e")))
        with closing(SqliteDatabase(path)) as third:
            assert people(asyncio.run(SqlLists(third).lists(ALICE))) == {"d@e"}


def test_the_lists_of_an_account_end_with_it(
    database: SqliteDatabase, directory: AccountDirectory
) -> None:
    lists = SqlLists(database)
    asyncio.run(lists.change(ALICE, lambda mine: put(mine, "b@c")))
    directory.remove(ALICE)
    assert asyncio.run(lists.lists(ALICE)) == Lists()
    directory.add(ALICE, "secret")
    asyncio.run(lists.change(ALICE, lambda mine: put(mine, "d@e")))
    assert people(asyncio.run(lists.lists(ALICE))) == {"d@e"}


def test_an_account_that_is_removed_while_its_lists_are_read(
    database: SqliteDatabase, directory: AccountDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = SqlLists(database)
    asyncio.run(lists.change(ALICE, lambda mine: put(mine, "b@c")))
    lists._kept.forget(ALICE.casefold())
    read = under_test.read_lists

    async def both() -> None:
        removed: list[None] = []

        def slow(content: str) -> Lists:
            if not removed:
                removed.append(None)
                directory.remove(ALICE)
                lists._kept.get("b@c")  # somebody else asks meanwhile
            return read(content)

        monkeypatch.setattr(under_test, "read_lists", slow)
        await lists.lists(ALICE)
        assert await lists.lists(ALICE) == Lists()

    asyncio.run(both())


def test_no_more_than_so_many_are_kept_in_memory(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "_MOST_KEPT", 2)
    lists = SqlLists(database)
    for number in range(5):
        name = f"u{number}@x"
        asyncio.run(lists.change(name, partial(put, passport=name)))
    assert set(lists._kept._kept) == {"u3@x", "u4@x"}
    for number in range(5):
        assert people(asyncio.run(lists.lists(f"u{number}@x"))) == {f"u{number}@x"}


def test_a_database_that_fails(database: SqliteDatabase) -> None:
    lists, left = SqlLists(database), SqlLeft(database)
    asyncio.run(lists.change(ALICE, lambda mine: put(mine, "b@c")))

    def fail(*_about: object) -> None:
        raise OSError(28, "No space left on device")

    event.listen(database._engine, "begin", fail)
    for work in (
        lists.change(ALICE, lambda mine: put(mine, "d@e")),
        lists.lists("other@example.com"),
        left.leave(ALICE, message(1)),
        left.left(ALICE),
        left.remove(ALICE, ["1"]),
    ):
        with pytest.raises(ServiceUnavailable, match="No space left") as caught:
            asyncio.run(work)
        assert caught.value.code == 603
    assert people(asyncio.run(lists.lists(ALICE))) == {"b@c"}
    event.remove(database._engine, "begin", fail)
    assert people(asyncio.run(SqlLists(database).lists(ALICE))) == {"b@c"}
    assert asyncio.run(left.left(ALICE)) == []


# --- left messages -------------------------------------------------------------------------------


def message(number: int, text: str = "hällo 😀\r\nsecond line") -> LeftMessage:
    # Sent in the wrong order: what counts is when they came.
    return LeftMessage(str(number), "B@c", "Böb", text, NOW - timedelta(minutes=number))


def test_left_messages_last_in_the_order_in_which_they_came(
    path: Path, database: SqliteDatabase
) -> None:
    messages = [message(number) for number in range(5)]
    left = SqlLeft(database)
    for each in messages:
        assert asyncio.run(left.leave(ALICE, each))
    with closing(SqliteDatabase(path)) as other:
        for store in (left, SqlLeft(other)):
            assert asyncio.run(store.left("ALICE@example.com")) == messages
            assert asyncio.run(store.left("other@example.com")) == []


def test_left_messages_have_a_limit_for_each_account(database: SqliteDatabase) -> None:
    left = SqlLeft(database, limit=2)
    for number in range(4):
        assert asyncio.run(left.leave(ALICE, message(number))) == (number < 2)
    assert asyncio.run(left.left(ALICE)) == [message(0), message(1)]
    assert asyncio.run(left.leave("other@example.com", message(1)))
    asyncio.run(left.remove(ALICE, ["0"]))
    assert asyncio.run(left.leave(ALICE, message(3)))
    assert asyncio.run(left.left(ALICE)) == [message(1), message(3)]


def test_left_messages_are_removed_by_their_ids(database: SqliteDatabase) -> None:
    left = SqlLeft(database)
    for number in range(4):
        asyncio.run(left.leave(ALICE, message(number)))
        asyncio.run(left.leave("other@example.com", message(number)))
    asyncio.run(left.remove(ALICE.upper(), iter(["1", "3", "unknown"])))
    assert asyncio.run(left.left(ALICE)) == [message(0), message(2)]
    assert len(asyncio.run(left.left("other@example.com"))) == 4
    asyncio.run(left.remove(ALICE, []))
    assert len(asyncio.run(left.left(ALICE))) == 2
    asyncio.run(left.remove("nobody@example.com", ["0"]))


def test_left_messages_end_with_their_account(
    database: SqliteDatabase, directory: AccountDirectory
) -> None:
    left = SqlLeft(database)
    asyncio.run(left.leave(ALICE, message(1)))
    directory.remove(ALICE)
    assert asyncio.run(left.left(ALICE)) == []

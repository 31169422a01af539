"""Browsers that are signed in: how long, and what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select

from msnpauth import Secret
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.page_sessions import PageSession, PageSessions, new_word
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.tables import page_sessions

_T = TypeVar("_T")

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALICE, BOB = "Alice@example.com", "bob@example.com"
HASHER = Hasher(Argon2(memory=64, passes=1), 1)


@dataclass
class Office:
    database: SqliteDatabase
    now: datetime = NOW

    @property
    def sessions(self) -> PageSessions:
        return PageSessions(self.database, now=lambda: self.now)

    @property
    def accounts(self) -> AccountDirectory:
        return AccountDirectory(self.database, HASHER, None)

    def stamp(self, passport: str) -> str:
        return self.accounts.get(passport).stamp

    def begin(self, passport: str = ALICE) -> Secret:
        return self.run(self.sessions.begin(passport, self.stamp(passport)))

    def of(self, passport: str) -> list[PageSession]:
        return self.run(self.sessions.of(self.accounts.get(passport)))

    def whose(self, word: Secret) -> str | None:
        visitor = self.run(self.sessions.visitor(word))
        return None if visitor is None else visitor.account.passport

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run(work)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with closing(SqliteDatabase(tmp_path / "accounts.sqlite3")) as database:
        office = Office(database)
        office.accounts.add(ALICE, "secret pw")
        office.accounts.add(BOB, "secret pw")
        yield office


def test_a_word_names_its_account(office: Office) -> None:
    alice, bob = office.begin(), office.begin(BOB)
    assert alice != bob
    assert (office.whose(alice), office.whose(bob)) == (ALICE, BOB)
    assert office.whose(new_word()) is None
    assert office.whose(Secret("")) is None
    assert office.whose(Secret("\udc80")) is None


def test_only_a_hash_of_the_word_is_kept(office: Office) -> None:
    word = office.begin()
    kept = str(office.database.call(lambda there: there.execute(select(page_sessions)).all()))
    assert word.reveal() not in kept
    assert "alice@example.com" in kept


def test_it_ends_two_hours_after_the_last_page(office: Office) -> None:
    word = office.begin()
    for _ in range(3):
        office.now += timedelta(hours=2) - timedelta(seconds=1)
        assert office.whose(word) == ALICE
    office.now += timedelta(hours=2)
    assert office.whose(word) is None
    office.now -= timedelta(hours=1)
    assert office.whose(word) is None, "it is gone, whatever the clock says"


def test_it_ends_after_twelve_hours_in_all(office: Office) -> None:
    word = office.begin()
    for _ in range(11):
        office.now += timedelta(hours=1)
        assert office.whose(word) == ALICE
    office.now += timedelta(hours=1)
    assert office.whose(word) is None


def test_what_of_the_account_ends_it(office: Office) -> None:
    accounts = office.accounts
    ends: tuple[Callable[[], None], ...] = (
        lambda: accounts.set_password(ALICE, "another pw"),
        lambda: accounts.end_tickets(ALICE),
        lambda: accounts.disable(ALICE),
    )
    for end in ends:
        accounts.enable(ALICE)
        word, other = office.begin(), office.begin(BOB)
        end()
        if not accounts.get(ALICE).is_disabled:
            assert office.of(ALICE) == [], "none is shown that has ended"
        assert office.whose(word) is None
        accounts.enable(ALICE)
        assert office.whose(word) is None, "it does not come back"
        assert office.whose(other) == BOB
    word = office.begin()
    accounts.remove(ALICE)
    accounts.add(ALICE, "secret pw")
    assert office.whose(word) is None


def test_one_of_them_is_ended(office: Office) -> None:
    words = [office.begin(), office.begin()]
    sessions = office.of(ALICE)
    assert len(sessions) == 2
    visitor = office.run(office.sessions.visitor(words[0]))
    assert visitor is not None
    assert visitor.session.id in {session.id for session in sessions}
    assert not office.run(office.sessions.end(BOB, visitor.session.id)), "nobody else may"
    assert office.run(office.sessions.end(ALICE, visitor.session.id))
    assert not office.run(office.sessions.end(ALICE, visitor.session.id))
    assert [office.whose(word) for word in words] == [None, ALICE]


def test_an_account_has_twenty_at_most(office: Office) -> None:
    other, words = office.begin(BOB), []
    for _ in range(21):
        words.append(office.begin())
        office.now += timedelta(seconds=1)
    assert office.whose(words[0]) is None
    assert all(office.whose(word) == ALICE for word in words[1:])
    assert office.whose(other) == BOB


def test_those_that_ended_take_no_room(office: Office) -> None:
    office.begin(), office.begin(BOB)
    office.now += timedelta(hours=3)
    assert office.of(ALICE) == []
    office.begin()
    count = select(func.count()).select_from(page_sessions)
    assert office.database.call(lambda there: there.scalar(count)) == 1

"""Invitations: made, shown once, used up, ended, revoked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from msnpauth import LocalProtocolError, Secret
from msnpauth.service import open_directory
from msnpauth.service.stores.sql.invitations import (
    Invitations,
    MadeInvitation,
    find_invitation,
    use_invitation,
)
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.tables import invitations as table

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Office:
    database: SqliteDatabase
    now: datetime = NOW

    @property
    def invitations(self) -> Invitations:
        return Invitations(self.database, now=lambda: self.now)

    def use(self, code: Secret) -> bool:
        return self.database.call(lambda there: use_invitation(there, code, self.now))

    def knows(self, code: Secret) -> bool:
        found = self.database.call(lambda there: find_invitation(there, code, self.now))
        return found is not None


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with closing(SqliteDatabase(tmp_path / "accounts.sqlite3")) as database:
        yield Office(database)


def test_a_code_is_shown_once_and_not_kept(office: Office) -> None:
    made = office.invitations.add(uses=3, days=7, note="the chess club")
    code = made.code.reveal()
    assert [len(group) for group in code.split("-")] == [4, 4, 4, 4]
    assert not set(code) & set("01ilo"), "nobody takes one letter for another"
    kept = str(office.database.call(lambda there: there.execute(select(table)).all()))
    assert code not in kept
    assert code.replace("-", "") not in kept
    assert code not in repr(made)
    [listed] = office.invitations.all()
    assert listed == made.about
    assert (listed.note, listed.uses_left, listed.created) == ("the chess club", 3, NOW)
    assert listed.until == NOW + timedelta(days=7)
    assert office.invitations.add().code != made.code


@pytest.mark.parametrize(
    "typed", [str.upper, lambda code: code.replace("-", ""), lambda code: f" {code} ", lambda code: code.replace("-", " - ")]
)  # fmt: skip
def test_however_it_is_typed(office: Office, typed: type[str]) -> None:
    made = office.invitations.add()
    assert office.use(Secret(typed(made.code.reveal())))


def test_it_is_used_up(office: Office) -> None:
    made = office.invitations.add(uses=2)
    assert office.use(made.code)
    assert [one.uses_left for one in office.invitations.all()] == [1]
    assert office.use(made.code)
    assert not office.use(made.code)
    assert not office.knows(made.code)
    assert office.invitations.all() == []


def test_it_ends(office: Office) -> None:
    made, longer = office.invitations.add(days=1), office.invitations.add(days=2)
    office.now += timedelta(days=1) - timedelta(seconds=1)
    assert office.knows(made.code)
    office.now += timedelta(seconds=1)
    assert not office.knows(made.code)
    assert not office.use(made.code)
    assert office.invitations.all() == [longer.about]


def test_it_is_revoked(office: Office) -> None:
    made, other = office.invitations.add(), office.invitations.add()
    office.invitations.revoke(made.about.id)
    assert not office.use(made.code)
    assert office.use(other.code)
    with pytest.raises(LocalProtocolError, match="no invitation"):
        office.invitations.revoke(made.about.id)


@pytest.mark.parametrize("guess", ["", "-", "abcd-efgh-jkmn-pqrs", "%", "\0", "ä" * 16])
def test_what_is_no_code(office: Office, guess: str) -> None:
    office.invitations.add()
    assert not office.knows(Secret(guess))
    assert not office.use(Secret(guess))


@pytest.mark.parametrize(
    "wrong",
    [{"uses": 0}, {"uses": 100_001}, {"days": 0}, {"days": 3651}, {"note": "a\nb"}, {"note": "x" * 201}],
)  # fmt: skip
def test_what_cannot_be(office: Office, wrong: dict[str, int]) -> None:
    with pytest.raises(LocalProtocolError):
        office.invitations.add(**wrong)  # type: ignore[arg-type]
    assert office.invitations.all() == []


def test_by_the_directory(tmp_path: Path) -> None:
    with open_directory(tmp_path) as accounts:
        made: MadeInvitation = accounts.invitations.add(note="a friend")
        assert accounts.invitations.all() == [made.about]

"""What people change of their own accounts, two of them at once as well."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from msnpauth import LocalProtocolError, Secret
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.sql.directory import AccountDirectory
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.page_sessions import PageSessions
from msnpauth.service.stores.sql.self_service import Changed, NotInvited, SelfService, Taken
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.tables import page_sessions

COUNT = select(func.count()).select_from(page_sessions)

ALICE, BOB = "Alice@example.com", "bob@example.com"
PASSWORD, NEW = Secret("secret pw"), Secret("another password, and a long one")


class Watched(Hasher):
    """Notes in which threads hashes are made."""

    def __init__(self) -> None:
        super().__init__(Argon2(memory=64, passes=1), 1)
        self.threads: list[str] = []

    def make(self, password: Secret) -> str:
        self.threads.append(threading.current_thread().name)
        return super().make(password)


@dataclass
class Office:
    database: SqliteDatabase
    hasher: Watched

    @property
    def accounts(self) -> AccountDirectory:
        return AccountDirectory(self.database, self.hasher, None)

    @property
    def people(self) -> SelfService:
        return SelfService(self.database, self.hasher, self.accounts)

    def whose(self, word: Secret) -> str | None:
        visitor = asyncio.run(PageSessions(self.database).visitor(word))
        return None if visitor is None else visitor.account.passport


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with closing(SqliteDatabase(tmp_path / "accounts.sqlite3")) as database:
        office = Office(database, Watched())
        office.accounts.add(ALICE, PASSWORD)
        office.hasher.threads.clear()
        yield office
        office.hasher.close()


def test_everybody_signs_up_where_it_is_open(office: Office) -> None:
    made = asyncio.run(office.people.sign_up("Bob@Example.com", NEW, None))
    assert office.whose(made.word) == "Bob@Example.com"
    assert made.invitation == ""
    account = office.accounts.get(BOB)
    assert not account.principal.verified, "nobody has sent anything to the address"
    assert account.is_long
    assert office.hasher.is_right(account.hash, NEW)
    [thread] = office.hasher.threads
    assert thread.startswith("msnpauth-argon2-strangers")


def test_an_invitation_is_used_with_the_account(office: Office) -> None:
    invitation = office.accounts.invitations.add(uses=2)
    made = asyncio.run(office.people.sign_up(BOB, PASSWORD, invitation.code))
    assert made.invitation == invitation.about.id
    assert [one.uses_left for one in office.accounts.invitations.all()] == [1]


def test_an_address_that_is_taken_uses_no_invitation(office: Office) -> None:
    invitation = office.accounts.invitations.add()
    address = ALICE.upper()
    for asked in (
        office.people.check(address, invitation.code),
        office.people.sign_up(address, PASSWORD, invitation.code),
    ):
        with pytest.raises(Taken):
            asyncio.run(asked)
    assert office.accounts.invitations.all() == [invitation.about]
    assert office.hasher.is_right(office.accounts.get(ALICE).hash, PASSWORD)


def test_without_an_invitation_nothing_is_told_of_the_address(office: Office) -> None:
    for address in (ALICE, BOB):
        with pytest.raises(NotInvited):
            asyncio.run(office.people.check(address, Secret("abcd-efgh-jkmn-pqrs")))
    assert office.hasher.threads == [], "and it costs no hash"
    with pytest.raises(NotInvited):
        asyncio.run(office.people.sign_up(BOB, PASSWORD, Secret("")))
    assert [account.passport for account in office.accounts.all()] == [ALICE]


def test_several_at_once_for_the_last_use(office: Office) -> None:
    """All are told that they may, and hash; then one of them is quicker."""
    invitation = office.accounts.invitations.add(uses=1)

    async def all_of_them() -> list[object]:
        people = [f"guest{number}@example.com" for number in range(5)]
        for one in people:
            await office.people.check(one, invitation.code)
        signing = [office.people.sign_up(one, PASSWORD, invitation.code) for one in people]
        return list(await asyncio.gather(*signing, return_exceptions=True))

    outcomes = asyncio.run(all_of_them())
    assert sum(isinstance(outcome, NotInvited) for outcome in outcomes) == 4
    assert len(office.accounts.all()) == 2


def test_two_at_once_for_one_address(office: Office) -> None:
    async def both() -> list[object]:
        signing = [office.people.sign_up(BOB, word, None) for word in (PASSWORD, NEW)]
        return list(await asyncio.gather(*signing, return_exceptions=True))

    assert sum(isinstance(outcome, Taken) for outcome in asyncio.run(both())) == 1


def test_a_new_password(office: Office) -> None:
    people, sessions = office.people, PageSessions(office.database)
    before = office.accounts.get(ALICE)
    words = [asyncio.run(sessions.begin(ALICE, before.stamp)) for _ in range(2)]
    mine = asyncio.run(people.change_password(ALICE.lower(), before.stamp, NEW))
    after = office.accounts.get(ALICE)
    assert office.hasher.is_right(after.hash, NEW)
    assert after.is_long
    assert after.stamp != before.stamp
    assert after.changed > before.changed
    assert (after.created, after.passport, after.principal) == (
        before.created,
        ALICE,
        before.principal,
    )
    assert office.whose(mine) == ALICE
    assert office.database.call(lambda there: there.scalar(COUNT)) == 1, "they take no room"
    assert [office.whose(word) for word in words] == [None, None]
    assert [thread.rpartition("_")[0] for thread in office.hasher.threads] == [
        "msnpauth-argon2-known"
    ]


def test_who_has_an_old_password_changes_nothing(office: Office) -> None:
    stamp = office.accounts.get(ALICE).stamp
    word = asyncio.run(office.people.change_password(ALICE, stamp, NEW))
    for late in (
        office.people.change_password(ALICE, stamp, PASSWORD),
        office.people.end_tickets(ALICE, stamp),
    ):
        with pytest.raises(Changed):
            asyncio.run(late)
    assert office.hasher.is_right(office.accounts.get(ALICE).hash, NEW)
    assert office.whose(word) == ALICE


def test_the_end_of_all_tickets(office: Office) -> None:
    made = asyncio.run(
        office.people.add_app_password(
            ALICE, office.accounts.get(ALICE).stamp, "old laptop", [Scheme.SSO]
        )
    )
    before = office.accounts.get(ALICE)
    word = asyncio.run(office.people.end_tickets(ALICE, before.stamp))
    after = office.accounts.get(ALICE)
    assert not after.is_live(before.stamp)
    assert not after.is_live(before.stamp_of(made.about))
    assert after.hash == before.hash
    assert after.app_passwords == (made.about,)
    assert office.whose(word) == ALICE


def test_app_passwords(office: Office) -> None:
    made = asyncio.run(
        office.people.add_app_password(
            ALICE, office.accounts.get(ALICE).stamp, "old laptop", {Scheme.SSO}
        )
    )
    assert office.accounts.get(ALICE).app_passwords == (made.about,)
    asyncio.run(office.people.revoke_app_password(ALICE, made.about.id))
    assert office.accounts.get(ALICE).app_passwords == ()
    with pytest.raises(LocalProtocolError):
        asyncio.run(office.people.revoke_app_password(ALICE, made.about.id))


def test_an_app_password_of_who_had_the_password_of_before(office: Office) -> None:
    stamp = office.accounts.get(ALICE).stamp
    office.accounts.set_password(ALICE, "another password")
    with pytest.raises(LocalProtocolError, match="was changed meanwhile"):
        asyncio.run(office.people.add_app_password(ALICE, stamp, "old laptop", [Scheme.SSO]))
    assert office.accounts.get(ALICE).app_passwords == ()

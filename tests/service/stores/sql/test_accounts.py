"""Who may sign in, over a database that others change meanwhile."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection, event, func, select

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret, ServiceUnavailable
from msnpauth.core.tickets.proof import md5_answer
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service.data_folder import DataFolder
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.protocol import Principal, Proof
from msnpauth.service.stores.sql.accounts import SqlAccounts
from msnpauth.service.stores.sql.directory import AccountDirectory, MadeAppPassword
from msnpauth.service.stores.sql.hashing import Hasher
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.tables import known_networks

_T = TypeVar("_T")

COST = Argon2(memory=64, passes=1)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALICE, PASSWORD = "Alice@example.com", "correct horse battery"
SALT = "1013928519.693957190"


class Counting(Hasher):
    """Notes each check, and what it was checked against."""

    def __init__(self, cost: Argon2) -> None:
        super().__init__(cost, 1)
        self.asked: list[tuple[str, bool]] = []

    async def verify(self, hashed: str, password: Secret, *, is_known: bool) -> bool:
        self.asked.append((hashed, is_known))
        return await super().verify(hashed, password, is_known=is_known)


@dataclass
class Shop:
    """A data folder with Alice, and as many stores over it as a test wants."""

    folder: DataFolder
    seal: Fernet
    now: datetime = NOW
    opened: list[SqliteDatabase] = field(default_factory=list)
    hashers: list[Hasher] = field(default_factory=list)

    def database(self) -> SqliteDatabase:
        self.opened.append(SqliteDatabase(self.folder.database))
        return self.opened[-1]

    def hasher(self, cost: Argon2 = COST) -> Counting:
        made = Counting(cost)
        self.hashers.append(made)
        return made

    def accounts(self, cost: Argon2 = COST, *, allow_md5: bool = False) -> SqlAccounts:
        return SqlAccounts(
            *(self.database(), self.hasher(cost), self.seal),
            allow_md5=allow_md5,
            now=lambda: self.now,
        )

    def directory(self) -> AccountDirectory:
        return AccountDirectory(self.database(), self.hasher(), self.seal, now=lambda: self.now)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    folder = DataFolder(tmp_path / "data")
    folder.keys.make_missing()
    made = Shop(folder, folder.keys.app_password_key())
    made.directory().add(ALICE, PASSWORD)
    yield made
    for database in made.opened:
        database.close()
    for hasher in made.hashers:
        hasher.close()


def asked(work: Awaitable[_T]) -> _T:
    async def wait() -> _T:
        return await work

    return asyncio.run(wait())


def checked(
    accounts: SqlAccounts,
    password: str | Secret,
    scheme: Scheme = Scheme.TWN,
    passport: str = ALICE,
) -> Proof | None:
    secret = password if isinstance(password, Secret) else Secret(password)
    return asked(accounts.check(passport, secret, scheme))


def proved(
    accounts: SqlAccounts,
    password: str | Secret = PASSWORD,
    scheme: Scheme = Scheme.TWN,
    passport: str = ALICE,
) -> Proof:
    found = checked(accounts, password, scheme, passport)
    assert found is not None
    return found


def answered(accounts: SqlAccounts, password: Secret, passport: str = ALICE) -> Proof | None:
    return asked(accounts.check_md5(passport, SALT, md5_answer(SALT, password)))


def used(accounts: SqlAccounts) -> Counting:
    assert isinstance(accounts._hasher, Counting)
    return accounts._hasher


# --- passwords -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("is_known", [False, True])
def test_check(shop: Shop, scheme: Scheme, is_known: bool) -> None:
    accounts = shop.accounts()
    secret = Secret(PASSWORD)
    found = asked(accounts.check("ALICE@example.com", secret, scheme, is_known=is_known))
    assert found is not None
    assert found.principal == Principal(ALICE) == asked(accounts.find("alice@EXAMPLE.com"))
    assert found.method == "password"
    assert found.stamp
    assert PASSWORD not in repr(found)
    assert [known for _, known in used(accounts).asked] == [is_known]
    for passport, password in (
        (ALICE, "wrong"),
        (ALICE, ""),
        (ALICE, "\udc80"),
        ("x@y", PASSWORD),
        ("x@y", ""),
        ("\udc80@y", PASSWORD),
    ):
        assert checked(accounts, password, scheme, passport) is None
    for passport in ("x@y", "", "\udc80@y"):
        assert asked(accounts.find(passport)) is None
        assert not asked(accounts.is_live(passport, ""))
        assert not asked(accounts.knows(passport, "192.0.2.1"))


def test_an_unknown_account_costs_a_check_too(shop: Shop) -> None:
    accounts = shop.accounts()
    hasher = used(accounts)
    assert checked(accounts, "wrong") is None
    assert len(hasher.asked) == 1
    for passport in ("nobody@example.com", "\udc80@y"):
        hasher.asked.clear()
        assert checked(accounts, "wrong", passport=passport) is None
        assert hasher.asked == [(hasher.nobody, False)]


def test_a_disabled_account(shop: Shop) -> None:
    accounts, directory = shop.accounts(allow_md5=True), shop.directory()
    app = directory.add_app_password(ALICE, "laptop", Scheme)
    stamp = proved(accounts).stamp
    directory.disable(ALICE)
    used(accounts).asked.clear()
    assert checked(accounts, PASSWORD) is None
    assert len(used(accounts).asked) == 1, "it costs a check as others do"
    assert checked(accounts, app.password) is None
    assert answered(accounts, app.password) is None
    for old in (stamp, "", f"{stamp}.{app.about.id}"):
        assert not asked(accounts.is_live(ALICE, old))
    assert asked(accounts.find(ALICE)) == Principal(ALICE)
    directory.enable(ALICE)
    assert proved(accounts).stamp == stamp
    assert asked(accounts.is_live(ALICE, stamp))
    assert answered(accounts, app.password)


# --- what others change --------------------------------------------------------------------------


def test_a_second_store_sees_at_once_what_was_changed(shop: Shop) -> None:
    first, second, directory = shop.accounts(), shop.accounts(), shop.directory()
    for accounts in (first, second):
        assert asked(accounts.find("bob@example.com")) is None
    directory.add("bob@example.com", "old")
    for accounts in (first, second):
        proved(accounts, "old", passport="BOB@example.com")
    directory.set_password("bob@example.com", "new")
    for accounts in (first, second):
        assert checked(accounts, "old", passport="bob@example.com") is None
        proved(accounts, "new", passport="bob@example.com")
    directory.remove("bob@example.com")
    for accounts in (first, second):
        assert checked(accounts, "new", passport="bob@example.com") is None


def test_another_process_changes_an_account(shop: Shop) -> None:
    accounts = shop.accounts()
    stamp = proved(accounts).stamp
    assert asked(accounts.is_live(ALICE, stamp))
    program = (
        "import sys; from msnpauth.service import open_directory\n"
        "with open_directory(sys.argv[1]) as accounts: accounts.disable(sys.argv[2])"
    )
    command = [sys.executable, "-c", program, str(shop.folder.path), ALICE]
    subprocess.run(command, check=True, timeout=25)
    assert not asked(accounts.is_live(ALICE, stamp))
    assert checked(accounts, PASSWORD) is None


def test_an_account_that_was_asked_for_is_kept_until_it_changes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts, directory = shop.accounts(), shop.directory()
    stamp = proved(accounts).stamp
    ways: list[None] = []
    database = accounts._database
    run = database.run

    def counted(work: Callable[[Connection], _T], *, durable: bool = True) -> Awaitable[_T]:
        ways.append(None)
        return run(work, durable=durable)

    monkeypatch.setattr(database, "run", counted)
    for _ in range(3):
        assert asked(accounts.is_live(ALICE, stamp))
        assert not asked(accounts.knows(ALICE, "192.0.2.1"))
    assert not ways
    directory.add("bob@example.com", "x")
    for _ in range(3):
        assert asked(accounts.is_live(ALICE, stamp))
    assert not ways, "it concerns somebody else"
    directory.add_app_password(ALICE, "laptop")
    for _ in range(3):
        assert asked(accounts.is_live(ALICE, stamp))
    assert len(ways) == 1


def test_nothing_is_kept_where_nobody_knows_whether_it_changed(shop: Shop) -> None:
    accounts, directory = shop.accounts(), shop.directory()
    stamp = proved(accounts).stamp
    database = accounts._database
    assert isinstance(database, SqliteDatabase)
    database._watch.close()
    assert asked(accounts.is_live(ALICE, stamp))
    directory.set_password(ALICE, "new")
    assert not asked(accounts.is_live(ALICE, stamp))


def test_no_more_than_so_many_are_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msnpauth.service.stores.sql.accounts._MOST_KEPT", 2)
    accounts = shop.accounts()
    for number in range(5):
        assert asked(accounts.find(f"u{number}@example.com")) is None
    assert len(accounts._kept) == 2


def test_another_display_name(shop: Shop) -> None:
    """It lasts. Others who know the account already need not hear of it at once."""
    first, second = shop.accounts(), shop.accounts()
    stamp = proved(first).stamp
    assert asked(second.find(ALICE)) == Principal(ALICE)
    asked(first.rename("ALICE@example.com", "Älice"))
    asked(first.rename("nobody@example.com", "Nobody"))
    for accounts in (first, shop.accounts()):
        assert asked(accounts.find(ALICE)) == Principal(ALICE, "Älice")
        assert asked(accounts.is_live(ALICE, stamp))
    with pytest.raises(ServiceUnavailable):
        asked(first.rename(ALICE, "\udc80"))
    assert asked(shop.accounts().find(ALICE)) == Principal(ALICE, "Älice")


# --- stamps --------------------------------------------------------------------------------------


def test_a_new_password_ends_every_stamp(shop: Shop) -> None:
    accounts, directory = shop.accounts(), shop.directory()
    app = directory.add_app_password(ALICE, "laptop")
    stamps = [proved(accounts).stamp, proved(accounts, app.password).stamp]
    assert len(set(stamps)) == 2
    assert all(asked(accounts.is_live("alice@EXAMPLE.com", stamp)) for stamp in stamps)
    directory.set_password(ALICE, PASSWORD)
    assert not any(asked(accounts.is_live(ALICE, stamp)) for stamp in stamps)
    assert not asked(accounts.is_live(ALICE, "")), "stolen keys alone make no ticket"
    proved(accounts, app.password)


def test_an_app_password_that_is_revoked_ends_its_own_stamp(shop: Shop) -> None:
    accounts, directory = shop.accounts(), shop.directory()
    made = [directory.add_app_password(ALICE, name) for name in ("laptop", "phone")]
    own = proved(accounts).stamp
    laptop, phone = (proved(accounts, app.password).stamp for app in made)
    directory.revoke_app_password(ALICE, "laptop")
    assert checked(accounts, made[0].password) is None
    assert not asked(accounts.is_live(ALICE, laptop))
    assert asked(accounts.is_live(ALICE, phone))
    assert asked(accounts.is_live(ALICE, own))


def test_an_account_that_is_added_again_revives_no_stamp(shop: Shop) -> None:
    accounts, directory = shop.accounts(), shop.directory()
    app = directory.add_app_password(ALICE, "laptop")
    found = proved(accounts)
    asked(accounts.signed_in(found, "192.0.2.1", Scheme.TWN))
    stamps = [found.stamp, proved(accounts, app.password).stamp]
    directory.remove(ALICE)
    assert not any(asked(accounts.is_live(ALICE, stamp)) for stamp in [*stamps, ""])
    directory.add(ALICE, PASSWORD)
    assert not any(asked(accounts.is_live(ALICE, stamp)) for stamp in stamps)
    assert checked(accounts, app.password) is None
    assert not asked(accounts.knows(ALICE, "192.0.2.1"))
    assert asked(accounts.is_live(ALICE, proved(accounts).stamp))


def test_a_stamp_is_of_its_account(shop: Shop) -> None:
    shop.directory().add("bob@example.com", PASSWORD)
    accounts = shop.accounts()
    stamp = proved(accounts).stamp
    assert not asked(accounts.is_live("bob@example.com", stamp))
    assert not asked(accounts.is_live(ALICE, "x"))


# --- app passwords -------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", Scheme)
def test_an_app_password_is_for_its_schemes(shop: Shop, scope: Scheme) -> None:
    app = shop.directory().add_app_password(ALICE, "old laptop", [scope])
    accounts = shop.accounts(allow_md5=True)
    for scheme in Scheme:
        used(accounts).asked.clear()
        found = checked(accounts, app.password, scheme)
        if scheme is scope:
            assert found is not None
            assert found.method == "app password old laptop"
            assert app.about.id in found.stamp
            assert not used(accounts).asked, "it needs no slow hash"
        else:
            assert found is None
            assert len(used(accounts).asked) == 1
    assert (answered(accounts, app.password) is not None) == (scope is Scheme.MD5)


def test_an_app_password_is_of_its_account(shop: Shop) -> None:
    directory, accounts = shop.directory(), shop.accounts(allow_md5=True)
    directory.add("bob@example.com", "x")
    app = directory.add_app_password("bob@example.com", "laptop", Scheme)
    assert checked(accounts, app.password) is None
    assert answered(accounts, app.password) is None
    assert answered(accounts, app.password, "nobody@example.com") is None
    proved(accounts, app.password, passport="BOB@example.com")


def md5(shop: Shop) -> MadeAppPassword:
    return shop.directory().add_app_password(ALICE, "laptop", [Scheme.MD5])


def test_md5_is_by_an_app_password_alone(shop: Shop) -> None:
    app, accounts = md5(shop), shop.accounts(allow_md5=True)
    found = answered(accounts, app.password, "ALICE@example.com")
    assert found is not None
    assert found.method == "app password laptop"
    assert asked(accounts.is_live(ALICE, found.stamp))
    for password in (PASSWORD, "", "\x00"):
        assert answered(accounts, Secret(password)) is None
    right = md5_answer("1", app.password)
    assert asked(accounts.check_md5(ALICE, "1", right)) == found
    assert asked(accounts.check_md5(ALICE, "2", right)) is None
    assert asked(accounts.check_md5(ALICE, "1", "\udc80ä")) is None
    shop.directory().revoke_app_password(ALICE, app.about.id)
    assert answered(accounts, app.password) is None
    assert not asked(accounts.is_live(ALICE, found.stamp))


def test_md5_where_the_service_does_not_allow_it(shop: Shop) -> None:
    app = md5(shop)
    assert answered(shop.accounts(), app.password) is None
    assert answered(shop.accounts(allow_md5=True), app.password) is not None


def test_a_key_that_does_not_open_the_app_password(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    app = md5(shop)
    shop.seal = Fernet(Fernet.generate_key())
    accounts = shop.accounts(allow_md5=True)
    assert answered(accounts, app.password) is None
    assert "its key is gone" in caplog.text
    assert app.password.reveal() not in caplog.text


# --- passwords that clients cut ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "given", "is_told"),
    [
        ("0123456789abcdefg", "0123456789abcdef", True),
        ("0123456789abcdefg", "completely-wrong", True),
        ("0123456789abcdefg", "0123456789abcde", False),
        ("0123456789abcdefg", "0123456789abcdefg", False),
        ("0123456789abcdef", "completely-wrong", False),
        ("short", "completely-wrong", False),
    ],
)
def test_a_password_that_a_client_has_cut(
    shop: Shop, caplog: pytest.LogCaptureFixture, password: str, given: str, is_told: bool
) -> None:
    caplog.set_level(logging.WARNING, "msnpauth.service")
    shop.directory().set_password(ALICE, password)
    assert shop.directory().get(ALICE).is_long == (len(password) > 16)
    found = checked(shop.accounts(), given)
    assert (found is not None) == (given == password)
    assert ("cut the password at 16 characters" in caplog.text) == is_told
    assert (ALICE in caplog.text) == is_told
    assert given not in caplog.text
    assert password not in caplog.text


# --- hashes that cost something else -------------------------------------------------------------


def test_an_old_hash_is_made_anew_when_the_password_was_right(shop: Shop) -> None:
    directory = shop.directory()
    before = directory.get(ALICE)
    accounts = shop.accounts(Argon2(memory=72, passes=1))
    assert checked(accounts, "wrong") is None
    assert directory.get(ALICE) == before
    found = proved(accounts)
    after = directory.get(ALICE)
    assert after.hash != before.hash
    assert "m=72,t=1,p=1" in after.hash
    assert (after.stamp, after.changed, after.is_long) == (before.stamp, NOW, before.is_long)
    assert asked(accounts.is_live(ALICE, found.stamp))
    assert proved(accounts) == found
    assert directory.get(ALICE).hash == after.hash, "once"
    proved(shop.accounts(Argon2(memory=72, passes=1)))


def test_no_hash_is_made_anew_by_an_app_password(shop: Shop) -> None:
    directory = shop.directory()
    app = directory.add_app_password(ALICE, "laptop")
    before = directory.get(ALICE)
    proved(shop.accounts(Argon2(memory=72, passes=1)), app.password)
    assert directory.get(ALICE).hash == before.hash


def test_a_password_that_changes_while_its_old_hash_is_made_anew(shop: Shop) -> None:
    accounts, directory = shop.accounts(Argon2(memory=72, passes=1)), shop.directory()
    hasher = used(accounts)

    async def renewed(password: Secret) -> str:
        directory.set_password(ALICE, "new")
        return hasher.make(password)

    hasher.renewed = renewed  # type: ignore[method-assign]
    stamp = proved(accounts).stamp
    assert not asked(accounts.is_live(ALICE, stamp))
    assert checked(accounts, PASSWORD) is None
    proved(shop.accounts(), "new")


# --- where somebody has signed in from -----------------------------------------------------------


def test_where_an_account_has_signed_in(shop: Shop) -> None:
    shop.directory().add("bob@example.com", "x")
    accounts = shop.accounts()
    found = proved(accounts)
    assert not asked(accounts.knows(ALICE, "192.0.2.1"))
    asked(accounts.signed_in(found, "192.0.2.1", Scheme.TWN))
    asked(accounts.signed_in(found, "192.0.2.2", Scheme.SSO))
    for store in (accounts, shop.accounts()):
        assert asked(store.knows("ALICE@example.com", "192.0.2.1"))
        assert asked(store.knows(ALICE, "192.0.2.2"))
        assert not asked(store.knows(ALICE, "192.0.2.3"))
        assert not asked(store.knows("bob@example.com", "192.0.2.1"))
    assert shop.directory().get(ALICE).signed_in == NOW


def test_the_newest_networks_are_kept(shop: Shop) -> None:
    accounts = shop.accounts()
    found = proved(accounts)
    for number in range(25):
        shop.now = NOW + timedelta(minutes=number)
        asked(accounts.signed_in(found, f"192.0.2.{number}", Scheme.TWN))
    again = shop.accounts()
    known = [number for number in range(25) if asked(again.knows(ALICE, f"192.0.2.{number}"))]
    assert known == list(range(5, 25))
    count = select(func.count()).select_from(known_networks)
    assert shop.database().call(lambda connection: connection.scalar(count)) == 20


def test_a_sign_in_is_written_down_once_in_ten_minutes(shop: Shop) -> None:
    accounts, directory = shop.accounts(), shop.directory()
    found = proved(accounts)
    for seconds, written in ((0, 0), (1, 0), (599, 0), (600, 600), (601, 600), (1199, 600)):
        shop.now = NOW + timedelta(seconds=seconds)
        asked(accounts.signed_in(found, "192.0.2.1", Scheme.TWN))
        assert directory.get(ALICE).signed_in == NOW + timedelta(seconds=written)
    # Also by a store that was opened meanwhile, and another place is told of at once.
    again = shop.accounts()
    asked(again.signed_in(found, "192.0.2.1", Scheme.TWN))
    assert directory.get(ALICE).signed_in == NOW + timedelta(seconds=600)
    asked(again.signed_in(found, "192.0.2.2", Scheme.TWN))
    assert directory.get(ALICE).signed_in == shop.now


def test_when_and_for_what_an_app_password_was_used(shop: Shop) -> None:
    accounts, directory = shop.accounts(), shop.directory()
    used_one = directory.add_app_password(ALICE, "laptop")
    directory.add_app_password(ALICE, "phone")
    found = proved(accounts, used_one.password, Scheme.SSO)
    asked(accounts.signed_in(found, "192.0.2.1", Scheme.SSO))
    by_name = {app.name: app for app in directory.get(ALICE).app_passwords}
    assert (by_name["laptop"].used, by_name["laptop"].used_scheme) == (NOW, "SSO")
    assert (by_name["phone"].used, by_name["phone"].used_scheme) == (None, None)


# --- a database that fails -----------------------------------------------------------------------


def break_it(accounts: SqlAccounts) -> None:
    """Have the store's database take nothing and tell nothing from now on."""

    def fail(*_about: object) -> None:
        raise OSError(5, "Input/output error")

    event.listen(accounts._database._engine, "begin", fail)


def test_a_store_that_fails_lets_nobody_in(shop: Shop) -> None:
    accounts = shop.accounts(allow_md5=True)
    hashed = shop.directory().get(ALICE).hash
    break_it(accounts)
    for work in (
        lambda: accounts.find(ALICE),
        lambda: accounts.check(ALICE, Secret(PASSWORD), Scheme.TWN),
        lambda: accounts.check("nobody@x", Secret(PASSWORD), Scheme.TWN),
        lambda: accounts.check_md5(ALICE, SALT, "x"),
        lambda: accounts.is_live(ALICE, ""),
        lambda: accounts.knows(ALICE, "192.0.2.1"),
    ):
        with pytest.raises(ServiceUnavailable, match="Input/output error") as caught:
            asked(work())
        assert caught.value.code == 603
        assert (caught.value.__context__, caught.value.__cause__) == (None, None)
        assert_no_secret(caught.value, PASSWORD, hashed)


def test_a_store_that_cannot_note_a_sign_in_stops_nobody(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    warm, cold = shop.accounts(), shop.accounts()
    found = proved(warm)
    for accounts in (warm, cold):
        break_it(accounts)
        caplog.clear()
        asked(accounts.signed_in(found, "192.0.2.1", Scheme.TWN))
        assert "the sign-in of alice@example.com was not noted" in caplog.text


def test_an_old_hash_that_cannot_be_made_anew_stops_nobody(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    failing, busy = (shop.accounts(Argon2(memory=72, passes=1)) for _ in range(2))
    asked(failing.find(ALICE))
    break_it(failing)

    async def renewed(password: Secret) -> str:
        raise ServiceUnavailable("too many passwords wait to be checked", code=600)

    used(busy).renewed = renewed  # type: ignore[method-assign]
    for accounts in (failing, busy):
        caplog.clear()
        proved(accounts)
        assert "a hash was not renewed" in caplog.text
        assert PASSWORD not in caplog.text


def test_what_the_directory_refuses_changes_nothing_here(shop: Shop) -> None:
    accounts = shop.accounts()
    stamp = proved(accounts).stamp
    with pytest.raises(LocalProtocolError):
        shop.directory().set_password(ALICE, "")
    assert asked(accounts.is_live(ALICE, stamp))

"""The one door: what is checked, and who is told about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from msnpauth import Secret, ServiceUnavailable
from msnpauth.core.tickets.proof import md5_answer
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service.roles.door import Door
from msnpauth.service.stores.memory import Accounts, at_once
from msnpauth.service.stores.protocol import PAGES, Account, Proof, Purpose

ALICE, HERE, ELSEWHERE, SALT = "alice@example.com", "192.0.2.1", "192.0.2.2", "1013928519.69"
LONG = "0123456789abcdef"


class Hall:
    """A door, its accounts, and a guard and a journal that write everything down in its order."""

    def __init__(self, password: str = "right") -> None:
        self.events: list[tuple[object, ...]] = []
        self.busy: ServiceUnavailable | None = None
        self.accounts = Listened(self.events)
        self.accounts.add(Account(ALICE, password, allow_md5=True))
        self.door = Door(self.accounts, Guarding(self), Written(self.events))

    def check(
        self, password: str, address: str = HERE, scheme: Purpose = Scheme.TWN, who: str = ALICE
    ) -> Proof | None:
        return at_once(self.door.check(who, Secret(password), scheme, address))

    def check_md5(self, password: str, address: str = HERE, who: str = ALICE) -> Proof | None:
        answer = md5_answer(SALT, Secret(password))
        return at_once(self.door.check_md5(who, SALT, answer, address))

    def told(self) -> list[tuple[object, ...]]:
        told = self.events[:]
        self.events.clear()
        return told


class Listened(Accounts):
    """Accounts that note when they are asked."""

    def __init__(self, events: list[tuple[object, ...]]) -> None:
        super().__init__()
        self._events = events

    async def check(
        self, passport: str, password: Secret, scheme: Purpose, *, is_known: bool = False
    ) -> Proof | None:
        self._events.append(("checked", passport, scheme, is_known))
        return await super().check(passport, password, scheme, is_known=is_known)

    async def check_md5(self, passport: str, salt: str, answer: str) -> Proof | None:
        self._events.append(("checked", passport, Scheme.MD5))
        return await super().check_md5(passport, salt, answer)


class Guarding:
    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    @asynccontextmanager
    async def attempt(
        self, passport: str, address: str, *, is_known: bool
    ) -> AsyncIterator[Guarding]:
        if self._hall.busy is not None:
            raise self._hall.busy
        self._hall.events.append(("begins", passport, address, is_known))
        yield self
        self._hall.events.append(("ends",))

    async def wrong(self, guess: Secret | None) -> None:
        self._hall.events.append(("wrong", guess))


class Written:
    def __init__(self, events: list[tuple[object, ...]]) -> None:
        self._events = events

    def signed_in(self, proof: Proof, scheme: Purpose, address: str) -> None:
        self._events.append(("signed in", proof, scheme, address))

    def entered(self, passport: str, scheme: Scheme, address: str) -> None:
        self._events.append(("entered", passport, scheme, address))

    def refused(self, passport: str, scheme: Purpose, address: str, why: str) -> None:
        self._events.append(("refused", passport, scheme, address, why))


@pytest.mark.parametrize("scheme", [Scheme.TWN, Scheme.SSO, PAGES])
def test_a_right_password(scheme: Purpose) -> None:
    hall = Hall()
    proof = hall.check("right", scheme=scheme)
    assert proof is not None
    assert proof.principal == at_once(hall.accounts.find(ALICE))
    assert at_once(hall.accounts.is_live(ALICE, proof.stamp))
    assert hall.told() == [
        ("begins", ALICE, HERE, False),
        ("checked", ALICE, scheme, False),
        ("ends",),
        ("signed in", proof, scheme, HERE),
    ]
    assert at_once(hall.accounts.knows(ALICE, HERE))
    assert not at_once(hall.accounts.knows(ALICE, ELSEWHERE))


def test_the_guard_and_the_store_are_told_who_is_known() -> None:
    hall = Hall()
    hall.check("right")
    hall.told()
    for address, is_known in ((HERE, True), (ELSEWHERE, False)):
        hall.check("wrong", address)
        assert hall.told()[:2] == [
            ("begins", ALICE, address, is_known),
            ("checked", ALICE, Scheme.TWN, is_known),
        ]
    hall.check_md5("wrong")
    assert hall.told()[0] == ("begins", ALICE, HERE, True)


@pytest.mark.parametrize("who", [ALICE, "nobody@example.com"])
@pytest.mark.parametrize("scheme", [Scheme.TWN, Scheme.SSO])
def test_a_wrong_password(scheme: Scheme, who: str) -> None:
    hall = Hall()
    assert hall.check("wrong", scheme=scheme, who=who) is None
    assert hall.told() == [
        ("begins", who, HERE, False),
        ("checked", who, scheme, False),
        ("wrong", Secret("wrong")),  # within the attempt: the guard counts before the next begins
        ("ends",),
        ("refused", who, scheme, HERE, "wrong password"),
    ]
    assert not at_once(hall.accounts.knows(who, HERE))


@pytest.mark.parametrize("password", [LONG, "ä" * 16])
def test_a_wrong_password_that_a_client_may_have_cut(password: str) -> None:
    hall = Hall(f"{password}ghi")
    assert hall.check(password) is None
    *_, (event, _, _, _, why) = hall.told()
    assert event == "refused"
    assert isinstance(why, str)
    assert "cut" in why
    assert password not in why
    for other in (password[:15], f"{password}g"):
        assert hall.check(other) is None
        assert hall.told()[-1] == ("refused", ALICE, Scheme.TWN, HERE, "wrong password")
    assert hall.check(f"{password}ghi") is not None


def test_a_right_password_of_16_characters() -> None:
    hall = Hall(LONG)
    assert hall.check(LONG) is not None
    assert [event[0] for event in hall.told()] == ["begins", "checked", "ends", "signed in"]


def test_md5() -> None:
    hall = Hall()
    proof = hall.check_md5("right")
    assert proof is not None
    assert proof.principal == at_once(hall.accounts.find(ALICE))
    assert hall.told() == [
        ("begins", ALICE, HERE, False),
        ("checked", ALICE, Scheme.MD5),
        ("ends",),
        ("signed in", proof, Scheme.MD5, HERE),
    ]
    assert at_once(hall.accounts.knows(ALICE, HERE))


@pytest.mark.parametrize("who", [ALICE, "nobody@example.com"])
def test_md5_that_is_wrong(who: str) -> None:
    hall = Hall()
    assert hall.check_md5("wrong", who=who) is None
    assert hall.told() == [
        ("begins", who, HERE, False),
        ("checked", who, Scheme.MD5),
        ("wrong", None),
        ("ends",),
        ("refused", who, Scheme.MD5, HERE, "wrong password"),
    ]
    assert not at_once(hall.accounts.knows(who, HERE))


def test_a_guard_that_lets_nobody_through() -> None:
    hall = Hall()
    hall.busy = ServiceUnavailable("too many wait", retry_after=7)
    for check in (hall.check, hall.check_md5):
        with pytest.raises(ServiceUnavailable) as caught:
            check("right")
        assert caught.value is hall.busy
    assert hall.told() == []
    assert not at_once(hall.accounts.knows(ALICE, HERE))


def test_a_door_without_guard_and_journal() -> None:
    accounts = Accounts.of({ALICE: "right"})
    door = Door(accounts)
    assert at_once(door.check(ALICE, Secret("wrong"), Scheme.TWN, HERE)) is None
    proof = at_once(door.check(ALICE, Secret("right"), Scheme.TWN, HERE))
    assert proof is not None
    assert at_once(accounts.knows(ALICE, HERE))

"""Rooms and keys without connections: who comes in by what, and what the others see of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connections import Client, office_of
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.core.wire.messages import NUDGE, PLAIN, text_payload, typing_payload
from msnpauth.service.roles import chats as module
from msnpauth.service.roles.chats import ChatRoom, Chats, Guest, heard, joined_words, left_words
from msnpauth.service.roles.news import Rung
from msnpauth.service.stores.memory import at_once
from msnpauth.service.stores.protocol import Account, Principal

ALICE, BOB = Principal("alice@example.com", "Al ice"), Principal("bob@example.com")
GUID, OTHER = (f"{{F52973B6-C926-4BAD-9BA8-7C1E840E4AB{end}}}" for end in "01")
LIFE = timedelta(seconds=120)
MSNP12, MSNP18 = DIALECTS[12], DIALECTS[18]


class Person:
    """A guest who notes what it sees."""

    def __init__(self, account: Principal, guid: str = "", capabilities: str = "5") -> None:
        self.account = account
        self.guid = guid
        self.capabilities = capabilities
        self.saw: list[tuple[object, ...]] = []

    def sees_join(self, other: Guest) -> None:
        self.saw.append(("join", other.account.passport))

    def sees_leave(self, other: Guest, *, idle: bool) -> None:
        self.saw.append(("leave", other.account.passport, idle))

    def hears(self, sender: Guest, payload: bytes) -> None:
        self.saw.append(("hears", sender.account.passport, payload))

    def close(self) -> None:
        self.saw.append(("close",))


class House:
    """The conversations of a process, and its clock."""

    def __init__(self, *, limit: int | None = 8) -> None:
        self.office = office_of(Account(ALICE.passport, "x", ALICE.display_name), BOB.passport)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.office.now = lambda: self.now
        self.chats = Chats(self.office, Address("sb.example", 1864), limit=limit)

    def room(self, *guests: Guest) -> ChatRoom:
        room = ChatRoom(self.chats)
        self.chats.rooms.add(room)
        for guest in guests:
            room.enter(guest)
        return room

    def key(self, account: Principal = ALICE, guid: str = "") -> str:
        return self.chats.invite(account, guid, MSNP12, None)


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_stands_for_what_it_was_made_for() -> None:
    house = House()
    room = house.room()
    key = house.chats.invite(ALICE, GUID, MSNP18, room)
    found = house.chats.redeem(key, f"{ALICE.passport};{GUID}")
    assert found is not None
    assert (found.account, found.guid, found.dialect) == (ALICE, GUID, MSNP18)
    assert found.room is room
    assert house.chats.redeem(key, f"{ALICE.passport};{GUID}") is None, "once"


def test_keys_cannot_be_guessed_from_each_other() -> None:
    keys = {House().key() for _ in range(20)}
    assert len(keys) == 20
    assert {len(key) for key in keys} == {32}


def test_a_key_is_good_for_two_minutes() -> None:
    house = House()
    early, late = house.key(), house.key()
    house.now += LIFE - timedelta(microseconds=1)
    assert house.chats.redeem(early, ALICE.passport) is not None
    house.now += timedelta(microseconds=1)
    assert house.chats.redeem(late, ALICE.passport) is None


def test_keys_that_nobody_came_by_are_forgotten() -> None:
    house = House()
    for _ in range(5):
        house.key()
    house.now += LIFE
    last = house.key()
    assert set(house.chats._invitations) == {last}


@pytest.mark.parametrize(
    ("word", "is_good"),
    [
        (f"alice@example.com;{GUID}", True),
        (f"ALICE@Example.com;{GUID.lower()}", True),
        ("alice@example.com", True),
        ("alice@example.com;", True),
        (f"alice@example.com;{OTHER}", False),
        (f"alice@example.com;{GUID};x", False),
        (f"bob@example.com;{GUID}", False),
        (f";{GUID}", False),
        ("", False),
    ],
)
def test_who_may_come_by_a_key(word: str, is_good: bool) -> None:
    house = House()
    key = house.key(guid=GUID)
    assert (house.chats.redeem(key, word) is not None) is is_good
    # A stranger who tries it does not use it up.
    assert (house.chats.redeem(key, ALICE.passport) is None) is is_good


def test_so_many_chats_in_a_minute_and_no_more() -> None:
    house = House(limit=2)
    assert [house.chats.may_begin(ALICE) for _ in range(3)] == [True, True, False]
    assert house.chats.may_begin(BOB)
    assert not house.chats.may_begin(Principal("ALICE@EXAMPLE.COM"))
    house.now += timedelta(minutes=1) - timedelta(microseconds=1)
    assert not house.chats.may_begin(ALICE)
    house.now += timedelta(microseconds=1)
    assert [house.chats.may_begin(ALICE) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("limit", "count"), [(None, 1000), (0, 0)])
def test_no_limit_and_none_at_all(limit: int | None, count: int) -> None:
    house = House(limit=limit)
    assert sum(house.chats.may_begin(ALICE) for _ in range(1000)) == count


# --- rooms ---------------------------------------------------------------------------------------


def test_who_is_in_sees_who_comes_and_goes() -> None:
    house, alice, bob = House(), Person(ALICE), Person(BOB)
    room = house.room(alice, bob)
    assert (alice.saw, bob.saw) == ([("join", BOB.passport)], [])
    assert room.is_in("BOB@Example.com")
    room.leave(bob, idle=True)
    room.leave(bob, idle=True)
    assert alice.saw[1:] == [("leave", BOB.passport, True)]
    assert not room.is_in(BOB.passport)
    assert house.chats.rooms == {room}
    room.leave(alice, idle=False)
    assert house.chats.rooms == set()


def test_one_account_at_two_machines_is_two_guests() -> None:
    house, here, there = House(), Person(ALICE, GUID), Person(ALICE, OTHER)
    room = house.room(here, there)
    assert room.say(here, b"x")
    room.leave(here, idle=False)
    assert room.is_in(ALICE.passport)
    assert there.saw == [("hears", ALICE.passport, b"x"), ("leave", ALICE.passport, False)]


def test_what_is_said_is_heard_by_everybody_else() -> None:
    house, people = House(), [Person(Principal(f"u{number}@example.com")) for number in range(3)]
    room = house.room(*people)
    for one in people:
        one.saw.clear()
    assert room.say(people[0], b"x")
    assert [one.saw for one in people] == [[], *([("hears", "u0@example.com", b"x")],) * 2]
    assert not house.room(people[0]).say(people[0], b"x"), "nobody was there"


def test_only_texts_are_kept_and_the_last_of_them() -> None:
    house, alice = House(), Person(ALICE)
    room = house.room(alice)
    for payload in (
        text_payload("one", PLAIN),
        typing_payload(ALICE.passport),
        NUDGE,
        b"",
        b"\xff",
    ):
        room.say(alice, payload)
    assert house.chats.said("ALICE@example.com") == ["one"]
    assert house.chats.said(BOB.passport) == []


def test_what_is_kept_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT_TEXTS", 3)
    house, alice = House(), Person(ALICE)
    room = house.room(alice)
    for number in range(5):
        room.say(alice, text_payload(str(number), PLAIN))
    assert house.chats.said(ALICE.passport) == ["2", "3", "4"]


def test_every_guest_of_every_room_is_told_that_it_is_over() -> None:
    house, people = House(), [Person(ALICE), Person(BOB), Person(ALICE)]
    house.room(*people[:2])
    house.room(people[2])
    assert house.chats.drop_all() == 2
    assert [one.saw[-1] for one in people] == [("close",)] * 3
    assert House().chats.drop_all() == 0


# --- calls ---------------------------------------------------------------------------------------


def test_a_call_rings_at_every_machine_by_a_key_of_its_own() -> None:
    house = House()
    places = [Client(house.office, BOB.passport, 18, guid=guid) for guid in (GUID, OTHER)]
    room = house.room(Person(ALICE))
    at_once(room.call(ALICE, "BOB@example.com"))
    calls = [news for place in places for news in place.heard()]
    keys = [call.key for call in calls if isinstance(call, Rung)]
    about = (room.session, "sb.example:1864")
    assert calls == [Rung(*about, key, ALICE.passport, "Al ice") for key in keys]
    for key, place in zip(keys, places, strict=True):
        found = house.chats.redeem(key, f"{BOB.passport};{place.guid}")
        assert found is not None
        assert (found.room, found.guid, found.dialect) == (room, place.guid, MSNP18)


def test_who_has_no_name_calls_by_the_passport() -> None:
    house = House()
    alice = Client(house.office, ALICE.passport)
    at_once(house.room(Person(BOB)).call(BOB, ALICE.passport))
    (call,) = alice.heard()
    assert isinstance(call, Rung)
    assert (call.passport, call.name) == (BOB.passport, BOB.passport)


def test_nobody_is_called_who_has_no_account_or_is_nowhere() -> None:
    house = House()
    room = house.room(Person(ALICE))
    for passport in ("nobody@example.com", BOB.passport):
        at_once(room.call(ALICE, passport))
    assert house.chats._invitations == {}


def test_who_was_called_and_comes_is_called_no_more() -> None:
    house = House()
    room = house.room(Person(ALICE))
    at_once(room.call(ALICE, "Bob@EXAMPLE.com"))
    assert room.called == {BOB.passport}
    room.enter(Person(BOB))
    assert room.called == set()


# --- as each version sees a guest ----------------------------------------------------------------

NAMED = "alice@example.com Al%20ice"
WITH_GUID = f"alice@example.com;{GUID.lower()} Al%20ice"


@pytest.mark.parametrize(
    ("version", "capabilities", "lines"),
    [
        (2, "5", [NAMED]),
        (11, "5", [NAMED]),
        (12, "5", [f"{NAMED} 5"]),
        (15, "5:6", [f"{NAMED} 5"]),
        (16, "5", [f"{WITH_GUID} 5:0", f"{NAMED} 5:0"]),
        (18, "5:6", [f"{WITH_GUID} 5:6", f"{NAMED} 5:6"]),
    ],
)
def test_somebody_who_comes_in(version: int, capabilities: str, lines: list[str]) -> None:
    dialect, guest = DIALECTS[version], Person(ALICE, GUID, capabilities)
    assert [" ".join(words) for words in joined_words(dialect, guest)] == lines
    assert left_words(dialect, guest) == [line.split(" ")[0] for line in lines]


def test_somebody_without_a_machine_is_one_line_everywhere() -> None:
    guest = Person(BOB, "", "5")
    assert joined_words(MSNP18, guest) == [["bob@example.com", "bob%40example.com", "5:0"]]
    assert left_words(MSNP18, guest) == ["bob@example.com"]


def test_what_is_heard_names_who_has_said_it() -> None:
    guest = Person(Principal("a%b@example.com", "A b"))
    assert heard(guest, b"x") == Command("MSG", None, ("a%25b@example.com", "A%20b"), b"x")
    assert heard(Person(BOB), b"").args == ("bob@example.com", "bob%40example.com")


def test_a_network_of_people_keeps_no_texts() -> None:
    house = House()
    chats = Chats(house.office, Address("sb.example", 1864), keeps_texts=False)
    chats.note(ALICE, text_payload("hello", PLAIN))
    assert chats.said(ALICE.passport) == []

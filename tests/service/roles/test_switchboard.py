"""The switchboard: keys, calls, messages and ends, as each version sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.core.wire.messages import PLAIN, text_payload
from msnpauth.service.roles.chats import Chats
from msnpauth.service.roles.faults import Faults
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.switchboard import SwitchboardRole
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
GUID = "{f52973b6-c926-4bad-9ba8-7c1e840e4ab0}"


class House:
    """A service without sockets: notification connections, and chats."""

    def __init__(self, **versions: int) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.accounts = Accounts.of([Account(one, "x") for one in (ALICE, BOB, CAROL)])
        self.office = Office(
            in_memory(self.accounts),
            TicketOffice(),
            known(DIALECTS),
            now=lambda: self.now,
        )
        self.chats = Chats(self.office, Address("sb.example", 1864), limit=3)
        people = {"alice": ALICE, "bob": BOB, "carol": CAROL}
        self.ns = {name: self.member(people[name], versions.get(name, 12)) for name in people}

    def member(self, passport: str, version: int) -> NotificationRole:
        role = NotificationRole(self.office, here=Address("ns", 1863), chats=self.chats)
        role.dialect = DIALECTS[version]
        role.guid = GUID.upper() if DIALECTS[version].guid else ""
        account = at_once(self.accounts.find(passport))
        assert account is not None
        role.account = account
        at_once(self.office.enter(account, role))
        at_once(role.receive(Command("CHG", 1, ("NLN", "5"))))
        role.out.clear()
        return role

    def told(self, name: str) -> list[str]:
        role = self.ns[name]
        commands, role.out = role.out, []
        return [command.encode().decode().strip() for command in commands]

    def asked(self, name: str, line: str = "XFR 7 SB") -> list[str]:
        verb, trid, *words = line.split()
        at_once(self.ns[name].receive(Command(verb, int(trid), tuple(words))))
        return self.told(name)

    def guest(self) -> Guest:
        return Guest(self)


class Guest:
    """A connection to the switchboard."""

    def __init__(self, house: House) -> None:
        self.woken = 0
        self.role = SwitchboardRole(house.chats, faults=house.office.faults, wake=self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def say(self, line: str, payload: bytes | None = None) -> list[str]:
        verb, trid, *words = line.split()
        at_once(self.role.receive(Command(verb, int(trid), tuple(words), payload)))
        return self.heard()

    def heard(self) -> list[str]:
        commands, self.role.out = self.role.out, []
        return [command.encode().decode().replace("\r\n", "|") for command in commands]


def chat(house: House, *others: str) -> tuple[Guest, ...]:
    """Open a chat of Alice with others; return the guests, Alice first."""
    key = house.asked("alice")[0].split()[5]
    alice = house.guest()
    word = ALICE + (f";{GUID}" if house.ns["alice"].guid else "")
    alice.say(f"USR 1 {word} {key}")
    guests = [alice]
    for place, name in enumerate(others, 2):
        alice.say(f"CAL {place} {name}@example.com")
        (ring,) = house.told(name)
        _, session, _, _, their_key, *_ = ring.split()
        guest = house.guest()
        word = f"{name}@example.com" + (f";{GUID}" if house.ns[name].guid else "")
        guest.say(f"ANS 1 {word} {their_key} {session}")
        guests.append(guest)
    for guest in guests:
        guest.heard()
    return tuple(guests)


TAILS = {12: "", 13: " U messenger.msn.com", 14: " U messenger.msn.com 1"}


@pytest.mark.parametrize("version", [2, 12, 13, 14, 18])
def test_the_way_into_a_chat(version: int) -> None:
    house = House(alice=version, bob=version)
    tail = TAILS[max(known for known in TAILS if known <= max(version, 12))]
    (line,) = house.asked("alice")
    verb, trid, board, where, cki, key, *rest = line.split()
    assert [verb, trid, board, where, cki] == ["XFR", "7", "SB", "sb.example:1864", "CKI"]
    assert " ".join(["", *rest]) == tail
    me, friend = (f"{one};{GUID}" if version >= 16 else one for one in (ALICE, BOB))
    alice, bob = house.guest(), house.guest()
    assert alice.say(f"USR 1 {me} {key}") == [f"USR 1 OK {me} {ALICE}|"]
    (ringing,) = alice.say(f"CAL 2 {BOB}")
    (call,) = house.told("bob")
    session = ringing.split()[3].rstrip("|")
    assert ringing == f"CAL 2 RINGING {session}|"
    _, their_session, where, cki, key, caller, name, *rest = call.split()
    assert [their_session, where, cki, caller] == [session, "sb.example:1864", "CKI", ALICE]
    assert " ".join(["", *rest]) == tail
    assert name == "alice%40example.com"
    shown = name
    capabilities = "" if version < 12 else " 5" if version < 16 else " 5:0"
    iro = [f"{ALICE} {shown}{capabilities}"]
    if version >= 16:
        iro.insert(0, f"{ALICE};{GUID} {shown}{capabilities}")
    assert bob.say(f"ANS 1 {friend} {key} {session}") == [
        *(f"IRO 1 {at} {len(iro)} {words}|" for at, words in enumerate(iro, 1)),
        "ANS 1 OK|",
    ]
    joi = [words.replace(ALICE, BOB).replace("alice%40", "bob%40") for words in iro]
    assert alice.heard() == [f"JOI {words}|" for words in joi]
    assert alice.woken == 1
    at_once(bob.role.gone())
    assert alice.heard() == [f"BYE {words.split()[0]}|" for words in joi]


@pytest.mark.parametrize(
    "wrong", ["", "x", "bob", "twice", "late", "another machine", "ANS", "before"]
)
def test_a_key_is_good_once_for_whom_it_is(wrong: str) -> None:
    house = House(alice=18)
    key = house.asked("alice")[0].split()[5]
    guest, words = house.guest(), [f"{ALICE};{GUID}", key]
    match wrong:
        case "":
            words.pop()
        case "x":
            words[1] = "x"
        case "bob":
            words[0] = BOB
        case "twice":
            house.guest().say(f"USR 1 {' '.join(words)}")
        case "late":
            house.now += timedelta(seconds=121)
        case "another machine":
            words[0] = words[0].replace("f5", "a5")
        case "ANS":
            assert guest.say(f"ANS 1 {' '.join(words)} 5") == ["911 1|"]
            assert guest.role.closing
            return
        case _:
            assert guest.say(f"CAL 1 {BOB}") == []
            assert guest.role.closing
            return
    assert guest.say(f"USR 1 {' '.join(words)}") == ["911 1|"]
    assert guest.role.closing


def test_a_machine_may_stay_unnamed() -> None:
    house = House(alice=18)
    key = house.asked("alice")[0].split()[5]
    assert house.guest().say(f"USR 1 {ALICE} {key}") == [f"USR 1 OK {ALICE} {ALICE}|"]


def test_who_may_open_a_chat() -> None:
    house = House(bob=13)
    at_once(house.ns["alice"].receive(Command("CHG", 5, ("HDN", "0"))))
    at_once(house.ns["bob"].receive(Command("CHG", 5, ("HDN", "0"))))
    house.told("alice")
    house.told("bob")
    assert house.asked("alice") == ["913 7"]
    assert house.asked("bob")[0].startswith("XFR 7 SB ")
    assert house.asked("carol", "XFR 8 NS") == ["201 8"]
    carol = house.ns["carol"]
    carol.presence = None
    assert house.asked("carol") == ["913 7"]
    carol.chats = None
    assert house.asked("carol") == ["601 7"]


def test_so_many_chats_a_minute() -> None:
    house = House()
    assert [house.asked("alice")[0].split()[0] for _ in range(4)] == ["XFR"] * 3 + ["800"]
    house.now += timedelta(seconds=61)
    assert house.asked("alice")[0].startswith("XFR")


def test_calls() -> None:
    house = House()
    (alice,) = chat(house)
    assert alice.say("CAL 2 bob") == ["208 2|"]
    assert alice.say("CAL 3 nobody@example.com") == ["217 3|"]
    assert alice.say(f"CAL 4 {BOB}")[0].startswith("CAL 4 RINGING ")
    assert alice.say(f"CAL 5 {BOB}") == ["215 5|"]
    at_once(house.ns["carol"].receive(Command("BLP", 5, ("BL",))))
    assert alice.say(f"CAL 6 {CAROL}") == ["216 6|"]
    assert alice.say(f"CAL 7 {ALICE}") == [
        f"CAL 7 RINGING {alice.role._room.session}|",  # type: ignore[union-attr]
        f"JOI {ALICE} alice%40example.com 5|",
    ]


def message(flag: str, trid: int, text: str = "hello") -> tuple[str, bytes]:
    return f"MSG {trid} {flag}", text_payload(text, PLAIN)


@pytest.mark.parametrize(
    ("flag", "heard", "unheard"),
    [
        ("U", [], []),
        ("N", [], ["NAK 3|"]),
        ("A", ["ACK 3|"], ["NAK 3|"]),
        ("D", ["ACK 3|"], ["282 3|"]),
    ],
)
def test_messages_are_acknowledged_as_asked_for(
    flag: str, heard: list[str], unheard: list[str]
) -> None:
    house = House()
    alice, bob = chat(house, "bob")
    assert alice.say(*message(flag, 3)) == heard
    (line,) = bob.heard()
    assert line.startswith(f"MSG {ALICE} alice%40example.com ")
    assert line.endswith("|hello")
    at_once(bob.role.gone())
    alice.heard()
    assert alice.say(*message(flag, 3)) == unheard
    assert house.chats.said(ALICE) == ["hello", "hello"]
    assert house.chats.said(BOB) == []


@pytest.mark.parametrize("line", ["MSG 3 X", "MSG 3", "MSG 3 A", "NLN 3", "USR 3 x y"])
def test_what_ends_a_connection(line: str) -> None:
    house = House()
    alice, bob = chat(house, "bob")
    payload = b"x" * 1665 if line == "MSG 3 A" else b"x" if line.startswith("MSG") else None
    alice.say(line, payload)
    assert alice.role.closing
    assert bob.heard() == []
    assert alice.say(f"CAL 9 {CAROL}") == []


def test_the_idle_are_said_to_be_idle() -> None:
    house = House()
    alice, bob, carol = chat(house, "bob", "carol")
    bob.role.timed_out()
    at_once(bob.role.gone())
    assert alice.heard() == [f"BYE {BOB} 1|"]
    assert carol.heard() == [f"BYE {BOB} 1|"]
    alice.say("OUT 1")
    assert alice.role.closing
    at_once(alice.role.gone())
    assert carol.heard() == [f"BYE {ALICE}|"]
    assert len(house.chats.rooms) == 1
    at_once(carol.role.gone())
    at_once(carol.role.gone())
    assert len(house.chats.rooms) == 0


def test_every_chat_can_be_dropped() -> None:
    house = House()
    alice, bob = chat(house, "bob")
    assert house.chats.drop_all() == 1
    assert [guest.role.closing for guest in (alice, bob)] == [True, True]


def test_faults_are_met_in_their_order() -> None:
    house = House()
    alice, bob = chat(house, "bob")
    faults: Faults = house.office.faults
    faults.refuse("msg", 800, times=2)
    faults.drop("MSG")
    assert alice.say(*message("A", 3)) == ["800 3|"]
    assert bob.say(*message("A", 4)) == ["800 4|"]
    assert alice.say(*message("A", 5)) == []
    assert [alice.role.closing, bob.role.closing] == [True, False]
    faults.refuse("CHG", 201)
    assert house.asked("alice", "CHG 9 NLN 0") == ["201 9"]


def test_a_delay_waits() -> None:
    import asyncio

    class Answers:
        out: list[Any] = []  # noqa: RUF012
        closing = False

    faults = Faults()
    faults.delay("PNG", 0.001)

    async def strike() -> list[bool]:
        return [await faults.strike(Answers(), Command("PNG")) for _ in range(2)]

    assert asyncio.run(strike()) == [False, False]
    assert Answers.out == []

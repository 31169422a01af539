"""Who sees whom: what one client says, and what the others are told, in every version."""

from __future__ import annotations

import asyncio

import pytest

from msnpauth.core.people.contact import ListName
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles import news
from msnpauth.service.roles.chats import ChatRoom, Chats
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.people import People
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import MOST_PLACES, Account, Place, Presence, Seat
from msnpauth.service.tickets import TicketOffice

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"


class House:
    """A service without sockets, and its clients."""

    def __init__(self, *, limit: int | None = 8) -> None:
        self.accounts = Accounts.of(
            [
                Account(ALICE, "x", display_name="Al ice", contacts={"Fri ends": (BOB,)}),
                Account(BOB, "x", contacts=(ALICE,)),
                Account(CAROL, "x"),
            ]
        )
        self.office = Office(
            in_memory(self.accounts),
            TicketOffice(),
            known(DIALECTS),
        )
        self.chats = Chats(self.office, Address("sb.example", 1864), limit=limit)

    def client(self, passport: str, version: int = 12, guid: str = GUID) -> Client:
        return Client(self, passport, version, guid)


class Client:
    """A connection that is signed in: lines in, lines out."""

    def __init__(self, house: House, passport: str, version: int, guid: str) -> None:
        self.role = NotificationRole(
            house.office, here=Address("ns", 1863), chats=house.chats, wake=lambda: None
        )
        self.role.dialect = DIALECTS[version]
        self.role.guid = guid if DIALECTS[version].guid else ""
        account = at_once(house.accounts.find(passport))
        assert account is not None
        self.role.account = account
        at_once(house.office.enter(account, self.role))

    def say(self, line: str, payload: bytes | None = None) -> list[str]:
        verb, trid, *words = line.split(" ")
        at_once(self.role.receive(Command(verb, int(trid), tuple(words), payload)))
        return self.heard()

    def heard(self) -> list[str]:
        commands, self.role.out = self.role.out, []
        lines = [command.encode().decode().replace("\r\n", "|") for command in commands]
        return [line for line in lines if not line.startswith("CHL")]

    def online(self, status: str = "NLN") -> list[str]:
        """Ask for the list, and come online."""
        dialect = self.role.spoken
        if dialect.number > 12:
            self.say("ADL 5", b'<ml l="1"></ml>')
        else:
            self.say("SYN 5 0 0" if dialect.number > 9 else "SYN 5 0")
        capabilities = f" {dialect.capabilities}" if dialect.capabilities else ""
        return self.say(f"CHG 6 {status}{capabilities}")


SEEN = {
    2: ("ILN 6 NLN bob@example.com B", "NLN BSY bob@example.com B", "FLN bob@example.com"),
    8: (
        "ILN 6 NLN bob@example.com B 1073741856",
        "NLN BSY bob@example.com B 0",
        "FLN bob@example.com",
    ),
    11: (
        "ILN 6 NLN bob@example.com B 1073741856",
        "NLN BSY bob@example.com B 0",
        "FLN bob@example.com",
    ),
    13: (
        "ILN 6 NLN bob@example.com 1 B 1073741856 0",
        "NLN BSY bob@example.com 1 B 0 0",
        "FLN bob@example.com 1 0",
    ),
    16: (
        "ILN 6 NLN bob@example.com 1 B 1073741856:0 0",
        "NLN BSY bob@example.com 1 B 0:0 0",
        "FLN bob@example.com 1 0:0",
    ),
    18: (
        "NLN NLN 1:bob@example.com B 1073741856:0 0",
        "NLN BSY 1:bob@example.com B 0:0 0",
        "FLN 1:bob@example.com 0:0",
    ),
}


@pytest.mark.parametrize("version", SEEN)
def test_presence_as_each_version_sees_it(version: int) -> None:
    house = House()
    bob, alice = house.client(BOB), house.client(ALICE, version)
    bob.say("PRP 4 MFN B")
    bob.online()
    first, later, gone = SEEN[version]
    lines = [line.rstrip("|") for line in alice.online() if line[:3] in ("ILN", "NLN")]
    assert lines == [first]
    bob.say("CHG 7 BSY 0")
    assert [line.rstrip("|") for line in alice.heard() if line[:3] == "NLN"] == [later]
    bob.say("CHG 8 HDN 0")
    assert alice.heard() == [f"{gone}|"]
    bob.say("CHG 9 HDN 0")
    assert alice.heard() == []
    bob.say("CHG 10 NLN 0")
    alice.heard()
    at_once(bob.role.gone())
    assert alice.heard() == [f"{gone}|"]


@pytest.mark.parametrize(
    ("version", "line"),
    [
        (11, "UBX bob@example.com 29|<Data><PSM>hi</PSM></Data>   "),
        (13, "UBX bob@example.com 1 29|<Data><PSM>hi</PSM></Data>   "),
        (18, "UBX 1:bob@example.com 29|<Data><PSM>hi</PSM></Data>   "),
    ],
)
def test_a_personal_message(version: int, line: str) -> None:
    house = House()
    bob, alice = house.client(BOB, 18), house.client(ALICE, version)
    alice.online()
    bob.online()
    alice.heard()
    assert bob.say("UUX 7", b"<Data><PSM>hi</PSM></Data>   ") == ["UUX 7 0|"]
    assert line in alice.heard()


def test_who_has_not_asked_for_the_list_is_told_nothing() -> None:
    house = House()
    alice, bob = house.client(ALICE), house.client(BOB)
    assert alice.say("CHG 5 NLN 0") == ["CHG 5 NLN 0|"]
    bob.online()
    assert alice.heard() == []


ADDED: dict[int, tuple[str, str]] = {
    9: ("ADD 0 RL 1 alice@example.com Al%20ice|", "REM 0 RL 1 alice@example.com|"),
    12: ("ADC 0 RL N=alice@example.com F=Al%20ice|", "REM 0 RL alice@example.com|"),
    18: (
        'ADL 0 71|<ml><d n="example.com"><c n="alice" t="1" l="8" f="Al%20ice"/></d></ml>',
        'RML 0 58|<ml><d n="example.com"><c n="alice" t="1" l="8"/></d></ml>',
    ),
}


@pytest.mark.parametrize("version", ADDED)
def test_who_is_added_hears_of_it(version: int) -> None:
    house = House()
    carol, alice = house.client(CAROL, version), house.client(ALICE, 9)
    carol.online()
    alice.online()
    added, removed = ADDED[version]
    assert alice.say(f"ADD 7 FL {CAROL} C 0")[0].startswith(f"ADD 7 FL 2 {CAROL} C 0|")
    assert carol.heard() == [added]
    assert alice.say(f"REM 8 FL {CAROL}") == [f"REM 8 FL 3 {CAROL}|"]
    assert carol.heard() == [removed]


def test_changes_of_msnp9() -> None:
    house = House()
    alice = house.client(ALICE, 9)
    assert alice.say("SYN 5 0") == [
        "SYN 5 1 1 2|",
        "GTC A|",
        "BLP AL|",
        "LSG 0 Other%20Contacts 0|",
        "LSG 1 Fri%20ends 0|",
        f"LST {BOB} bob%40example.com 11 1|",
    ]
    assert alice.say("SYN 6 1") == ["SYN 6 1 1 2|"]
    assert alice.say("ADG 7 Wo%20rk 0") == ["ADG 7 2 Wo%20rk 2 0|"]
    assert alice.say("ADG 8 Wo%20rk 0") == ["228 8|"]
    assert alice.say(f"ADG 9 {'x' * 62} 0") == ["229 9|"]
    assert alice.say(f"ADD 10 FL {BOB} B 2") == [f"ADD 10 FL 3 {BOB} B 2|"]
    assert alice.say(f"ADD 11 FL {BOB} B 9") == ["224 11|"]
    assert alice.say(f"ADD 12 FL {BOB} B") == ["215 12|"]
    assert alice.say("ADD 13 FL nobody@example.com N 0") == ["205 13|"]
    assert alice.say(f"ADD 14 BL {BOB} B") == ["219 14|"]
    assert alice.say(f"ADD 15 XX {BOB} B") == ["201 15|"]
    assert alice.say(f"ADC 16 FL N={BOB}") == ["201 16|"]
    assert alice.say("REG 17 2 Work 0") == ["REG 17 4 2 Work 0|"]
    assert alice.say("REG 18 7 Work 0") == ["224 18|"]
    assert alice.say(f"REM 19 FL {BOB} 1") == [f"REM 19 FL 5 {BOB} 1|"]
    assert alice.say(f"REM 20 FL {BOB} 7") == ["224 20|"]
    assert alice.say(f"REM 21 RL {BOB}") == ["201 21|"]
    assert alice.say(f"REM 22 BL {BOB}") == ["216 22|"]
    assert alice.say("RMG 23 2") == ["RMG 23 6 2|"]
    assert alice.say("RMG 24 2") == ["224 24|"]
    assert alice.say("BLP 25 BL") == ["BLP 25 1 BL|"]
    assert alice.say("BLP 26 XX") == ["201 26|"]
    assert alice.say("SYN 27 0")[2:] == [
        "BLP BL|",
        "LSG 0 Other%20Contacts 0|",
        "LSG 1 Fri%20ends 0|",
        f"LST {BOB} bob%40example.com 11 0|",
    ]


def test_changes_of_msnp12() -> None:
    house = House()
    alice = house.client(ALICE)
    (*_, group, person) = alice.say("SYN 5 0 0")
    guid, bob = group.split()[2].rstrip("|"), person.split()[3].removeprefix("C=")
    assert person == f"LST N={BOB} F=bob%40example.com C={bob} 11 1 {guid}|"
    assert alice.say(f"REM 6 FL {bob} {guid.upper()}") == [f"REM 6 FL {bob} {guid.upper()}|"]
    assert alice.say(f"ADC 7 FL C={bob} {guid}") == [f"ADC 7 FL C={bob} {guid}|"]
    assert alice.say(f"ADC 8 FL C={guid} {guid}") == ["208 8|"]
    assert alice.say(f"ADC 9 FL C={bob} {bob}") == ["224 9|"]
    (added,) = alice.say(f"ADC 10 FL N={CAROL} F=Ca%20rol")
    assert added.startswith(f"ADC 10 FL N={CAROL} F=Ca%20rol C=")
    assert alice.say(f"ADC 11 AL N={CAROL}") == [f"ADC 11 AL N={CAROL}|"]
    assert alice.say("ADC 12 FL N=nobody@example.com F=N") == ["208 12|"]
    assert alice.say("ADC 13 FL N=nobody F=N") == ["208 13|"]
    assert alice.say(f"REM 14 AL {CAROL}") == [f"REM 14 AL {CAROL}|"]
    assert alice.say(f"ADC 15 BL N={CAROL}") == [f"ADC 15 BL N={CAROL}|"]
    assert alice.say(f"RMG 16 {guid}") == [f"RMG 16 1 {guid}|"]
    new = alice.say("ADG 17 New")[0].split()[3].rstrip("|")
    assert alice.say(f"REG 18 {new} Newer") == [f"REG 18 1 {new} Newer 0|"]
    assert alice.say(f"ADD 19 FL {CAROL} C 0") == ["201 19|"]


def test_changes_of_msnp18() -> None:
    house = House()
    alice, bob = house.client(ALICE, 18), house.client(BOB, 18)
    bob.online()
    alice.online()
    bob.heard()
    rows = '<ml><d n="example.com"><c n="bob" l="{}" t="1"/></d></ml>'
    assert alice.say("RML 7", rows.format(2).encode()) == ["RML 7 OK|"]
    assert alice.say("ADL 8", rows.format(4).encode()) == ["ADL 8 OK|"]
    assert bob.heard() == ["FLN 1:alice@example.com 0:0|"]
    assert alice.say("RML 9", rows.format(4).encode()) == ["RML 9 OK|"]
    assert bob.heard()[0].startswith("NLN NLN 1:alice@example.com Al%20ice ")
    assert alice.say("ADL 10", b"<ml>") == ["240 10|"]
    assert alice.say("ADL 11", rows.format("\u00b2").encode()) == ["ADL 11 OK|"]
    assert alice.say("SYN 12 0") == ["502 12|"]


def test_who_is_put_on_the_list_is_seen_at_once() -> None:
    house = House()
    alice, carol = house.client(ALICE, 9), house.client(CAROL, 9)
    alice.online()
    carol.online()
    _, seen = alice.say(f"ADD 7 FL {CAROL} C 0")
    assert seen.startswith(f"ILN 7 NLN {CAROL} ")


def test_only_who_may_is_told() -> None:
    house = House()
    alice, bob = house.client(ALICE), house.client(BOB)
    alice.online()
    bob.say("BLP 4 BL")
    bob.say(f"REM 5 AL {ALICE}")
    bob.online()
    assert alice.heard() == []
    people = People(house.office)
    account = at_once(house.accounts.find(ALICE))
    assert account is not None
    assert at_once(people.may_call(account, BOB)) == 216
    assert at_once(people.may_call(account, CAROL)) == 217
    bob.say(f"ADC 7 AL N={ALICE}")
    assert alice.heard()[0].startswith(f"NLN NLN {BOB} ")
    assert at_once(people.may_call(account, BOB)) is None


def test_the_last_word_of_several_places_counts() -> None:
    house = House()
    alice = house.client(ALICE, 18)
    first, second = (house.client(BOB, 18, GUID.replace("F5", f"{n}5")) for n in "AB")
    alice.online()
    first.online()
    second.online("BSY")
    assert [line.split()[1] for line in alice.heard() if line[:3] == "NLN"] == ["NLN", "BSY"]
    at_once(second.role.gone())
    assert [line.split()[1] for line in alice.heard() if line[:3] == "NLN"] == ["NLN"]


def test_a_list_has_an_end() -> None:
    house = House()
    for number in range(999):
        house.accounts.add(Account(f"u{number}@example.com", "x"))
    people = People(house.office)
    account = at_once(house.accounts.find(ALICE))
    assert account is not None
    codes = [
        at_once(people.put(account, f"u{number}@example.com", ListName.FORWARD))
        for number in range(1000 - 1)
    ]
    assert codes == [None] * 999
    house.accounts.add(Account("more@example.com", "x"))
    assert at_once(people.put(account, "more@example.com", ListName.FORWARD)) == 210


@pytest.mark.parametrize(
    "told",
    [
        news.PutOut("RCT 5"),
        news.Seen(BOB, Presence("NLN", "B", "1:2", "pic", "<x>")),
        news.Seen(BOB, None),
        news.Listed(BOB, "B ö", True),
        news.Rung("5", "sb:1864", "KEY", BOB, "B"),
    ],
)
def test_news_travels_between_processes(told: news.News) -> None:
    assert news.decode(news.encode(7, told)) == (7, told)


def test_two_processes_are_one_network() -> None:
    """Both know the same stores; each has connections of its own."""
    one = House()
    other = House()
    other.office.state = one.office.state
    other.office.lists = one.office.lists
    other.accounts = other.office.accounts = one.accounts
    for house in (one, other):
        at_once(house.office.open())
    alice, bob = one.client(ALICE), other.client(BOB)
    other.office._numbers = iter(range(50, 99))  # type: ignore[assignment]
    alice.online()
    bob.online()
    assert alice.heard()[0].startswith(f"NLN NLN {BOB} ")
    at_once(one.office.put_out(BOB, "SSD"))
    assert bob.heard()[-1] == "OUT SSD|"
    seat = one.office.seat_of(alice.role)
    assert (seat.node, seat.connection) == (one.office.node, alice.role.number)
    assert at_once(one.office.state.seats(ALICE)) == [seat]


def two_houses() -> tuple[House, House]:
    """Return two processes of one network."""
    one, other = House(), House()
    other.office.state, other.office.lists = one.office.state, one.office.lists
    other.accounts = other.office.accounts = one.accounts
    for house in (one, other):
        at_once(house.office.open())
    return one, other


def test_a_call_is_heard_in_another_process() -> None:
    """Whoever takes it comes to the switchboard of the process where the chat is."""
    one, other = two_houses()
    alice, bob = one.client(ALICE), other.client(BOB, 18)
    alice.online()
    bob.online()
    bob.heard()
    room = ChatRoom(one.chats)
    account = at_once(one.accounts.find(ALICE))
    assert account is not None
    at_once(room.call(account, BOB))
    verb, session, address, _, key, caller, *_ = bob.heard()[-1].split(" ")
    assert (verb, session, address, caller) == ("RNG", room.session, "sb.example:1864", ALICE)
    invitation = one.chats.redeem(key, f"{BOB};{GUID}")
    assert invitation is not None
    assert (invitation.dialect.number, invitation.guid, invitation.room) == (18, GUID, room)


def test_a_connection_of_a_version_that_is_not_known_here_is_not_called() -> None:
    house = House()
    seat = Seat(house.office.node, 7, dialect=99)
    at_once(house.office.state.enter(Place(BOB), seat))
    account = at_once(house.accounts.find(ALICE))
    assert account is not None
    at_once(ChatRoom(house.chats).call(account, BOB))
    assert house.chats._invitations == {}


def test_people_of_a_process_that_is_gone_are_offline() -> None:
    house = House()
    house.office.announce = house.chats.people.announce
    alice, bob = house.client(ALICE), house.client(BOB)
    alice.online()
    bob.online()
    alice.heard()
    at_once(house.office.changed(BOB, None))
    assert alice.heard() == [f"FLN {BOB}|"]
    at_once(house.office.changed(BOB, Presence("BSY", "Bob")))
    assert alice.heard()[0] == f"NLN BSY {BOB} Bob 0|"
    at_once(house.office.changed(BOB, Presence("HDN", "Bob")))
    assert alice.heard() == [f"FLN {BOB}|"]


def test_a_connection_that_lost_its_place_unheard_is_put_out() -> None:
    house = House()
    alice = house.client(ALICE)
    house.office.displaced(alice.role.number)
    assert alice.heard() == ["OUT OTH|"]


def test_a_sign_in_that_is_broken_off_leaves_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when its connection is ended to make room, while others are told."""
    one, other = two_houses()
    first = one.client(ALICE)

    async def fail(_words: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(one.office.state, "tell", fail)
    with pytest.raises(asyncio.CancelledError):
        other.client(ALICE)
    assert at_once(one.office.state.seats(ALICE)) == []
    assert list(one.office.here.values()) == [first.role]
    assert other.office.here == {}


def test_too_many_machines_of_one_account() -> None:
    """The oldest goes, as if somebody had signed in at its place."""
    house = House()
    clients = [
        house.client(ALICE, 18, f"{{F52973B6-C926-4BAD-9BA8-{number:012X}}}")
        for number in range(MOST_PLACES + 1)
    ]
    assert clients[0].heard() == ["OUT OTH|"]
    assert clients[0].role.closing
    assert not any(client.role.closing for client in clients[1:])
    assert len(at_once(house.office.state.seats(ALICE))) == MOST_PLACES


def test_a_person_is_put_on_the_reverse_list_again() -> None:
    """MSNP11 and later move somebody from the pending list; libpurple takes both off first."""
    house = House()
    account = at_once(house.accounts.find(BOB))
    assert account is not None
    people = People(house.office)
    at_once(people.take_off(account, ALICE, ListName.REVERSE))
    assert at_once(people.put(account, ALICE, ListName.REVERSE)) is None
    assert at_once(people.put(account, ALICE, ListName.REVERSE)) == 215
    assert at_once(people.put(account, CAROL, ListName.REVERSE)) == 201


def test_a_full_list_takes_nobody_new_and_still_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    account = at_once(house.accounts.find(ALICE))
    assert account is not None
    people = People(house.office)
    monkeypatch.setattr("msnpauth.service.roles.people._MAX_CONTACTS", 1)
    assert at_once(people.put(account, CAROL, ListName.FORWARD)) == 210
    assert at_once(people.take_off(account, BOB, ListName.ALLOW)) is None
    assert at_once(people.put(account, BOB, ListName.BLOCK)) is None

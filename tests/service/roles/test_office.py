"""The connections of one process: who is where, who is told what, and whose tickets still open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest

from connections import Client
from msnpauth import Secret, ServiceUnavailable
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.news import Listed, PutOut, Seen, decode, encode
from msnpauth.service.roles.office import Office
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account, Place, Presence, Seat
from msnpauth.service.tickets import GRACE, TicketOffice

ALICE, BOB = "alice@example.com", "bob@example.com"
SITE = "contacts.msn.com"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class House:
    """A process named `here`, whose clock stands still."""

    def __init__(self) -> None:
        self.now = NOW
        self.accounts = Accounts.of({ALICE: "x", BOB: "y"})
        self.office = Office(
            in_memory(self.accounts),
            TicketOffice(now=lambda: self.now),
            known(DIALECTS),
            node="here",
            now=lambda: self.now,
        )

    def client(self, passport: str = ALICE, version: int = 12, guid: str = "") -> Client:
        return Client(self.office, passport, version, guid=guid)

    def stamp(self, password: str = "x") -> str:
        found = at_once(self.accounts.check(ALICE, Secret(password), "PAGES"))
        assert found is not None
        return found.stamp


# --- who is where --------------------------------------------------------------------------------


def test_a_seat_says_what_others_have_to_know() -> None:
    house = House()
    alice = house.client(version=18, guid="{GUID}")
    seat = house.office.seat_of(alice)
    assert seat == Seat("here", alice.number, "{GUID}", 18, "", NOW.timestamp())
    assert at_once(house.office.state.seats(ALICE)) == [seat]
    assert house.office.here == {alice.number: alice}


def test_no_two_connections_have_one_number() -> None:
    house = House()
    clients = [house.client(), house.client(BOB), house.client()]
    assert len({client.number for client in clients}) == 3


def test_who_signs_in_at_the_same_place_puts_the_first_out() -> None:
    house = House()
    first, elsewhere = house.client(), house.client(version=18, guid="{GUID}")
    second = house.client()
    assert first.heard() == [PutOut("OTH")]
    assert elsewhere.heard() == second.heard() == []
    at_once(house.office.leave(first.signed_in, first))
    seats = at_once(house.office.state.seats(ALICE))
    assert seats == [house.office.seat_of(elsewhere), house.office.seat_of(second)]


def test_who_is_gone_is_told_nothing_more_and_goes_once() -> None:
    house = House()
    alice = house.client()
    seat = alice.seat
    for _ in range(2):
        at_once(house.office.leave(alice.signed_in, alice))
    assert house.office.here == {}
    assert at_once(house.office.state.seats(ALICE)) == []
    at_once(house.office.tell([seat], PutOut("SSD")))
    assert alice.heard() == []


async def _away(*_: object) -> NoReturn:
    raise ServiceUnavailable("away")


def test_a_place_that_cannot_be_freed_now_is_this_process_s_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    alice = house.client()
    monkeypatch.setattr(house.office.state, "leave", _away)
    with pytest.raises(ServiceUnavailable):
        at_once(house.office.leave(alice.signed_in, alice))
    assert house.office.here == {}
    assert house.office._seats == {}


def test_a_sign_in_that_the_store_does_not_take_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    for method in ("enter", "leave"):
        monkeypatch.setattr(house.office.state, method, _away)
    with pytest.raises(ServiceUnavailable):
        house.client()
    assert house.office.here == {}
    assert house.office._seats == {}


def test_a_sign_in_whose_first_place_cannot_be_told_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    at_once(house.office.state.enter(Place(ALICE), Seat("there", 7)))
    monkeypatch.setattr(house.office.state, "tell", _away)
    with pytest.raises(ServiceUnavailable):
        house.client()
    assert house.office.here == {}
    assert house.office._seats == {}
    assert at_once(house.office.state.seats(ALICE)) == []


# --- who is told what ----------------------------------------------------------------------------

NEWS = Listed(BOB, "B", is_on=True)


def test_every_connection_of_the_accounts_is_told_once() -> None:
    house = House()
    alice, again, bob = house.client(), house.client(version=18, guid="{GUID}"), house.client(BOB)
    at_once(house.office.tell_all(["ALICE@Example.com", "nobody@example.com"], NEWS))
    assert [client.heard() for client in (alice, again, bob)] == [[NEWS], [NEWS], []]
    at_once(house.office.put_out("Bob@example.com", "RCT 5"))
    assert [client.heard() for client in (alice, again, bob)] == [[], [], [PutOut("RCT 5")]]


def test_no_store_is_asked_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    for method in ("seats", "tell"):
        monkeypatch.setattr(house.office.state, method, _away)
    at_once(house.office.tell_all([], NEWS))
    at_once(house.office.tell([], NEWS))


def test_other_processes_are_told_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    alice = house.client()
    told: list[Mapping[str, Sequence[str]]] = []

    async def tell(words: Mapping[str, Sequence[str]]) -> None:
        told.append(words)

    monkeypatch.setattr(house.office.state, "tell", tell)
    seats = [Seat("there", 7), alice.seat, Seat("there", 8), Seat("yonder", 7)]
    at_once(house.office.tell(seats, NEWS))
    assert alice.heard() == [NEWS]
    (words,) = told
    assert {node: [decode(word) for word in said] for node, said in words.items()} == {
        "there": [(7, NEWS), (8, NEWS)],
        "yonder": [(7, NEWS)],
    }
    at_once(house.office.tell([alice.seat], NEWS))
    assert len(told) == 1, "nobody else is asked for one's own connections"


def test_what_another_process_says_is_handed_on() -> None:
    house = House()
    alice, bob = house.client(), house.client(BOB)
    house.office.heard(encode(alice.number, NEWS))
    house.office.heard(encode(999, NEWS))  # which is gone
    house.office.displaced(bob.number)
    house.office.displaced(999)
    assert (alice.heard(), bob.heard()) == ([NEWS], [PutOut("OTH")])
    at_once(house.office.put_out_seats([alice.seat]))
    assert alice.heard() == [PutOut("OTH")]


def test_it_listens_under_its_own_name() -> None:
    house = House()
    alice = house.client()
    at_once(house.office.open())
    word = encode(alice.number, PutOut("SSD"))
    at_once(house.office.state.tell({"here": [word], "there": [word]}))
    assert alice.heard() == [PutOut("SSD")]


def test_each_process_has_a_name_of_its_own() -> None:
    stores = in_memory(Accounts.of({}))
    names = {Office(stores, TicketOffice(), known(DIALECTS)).node for _ in range(3)}
    assert len(names) == 3


def test_how_somebody_is_seen_after_a_process_has_died() -> None:
    house = House()
    presence = Presence("BSY", "A")
    at_once(house.office.changed(ALICE, presence))  # nobody wants to know yet
    announced: list[Seen] = []

    async def announce(passport: str, presence: Presence | None) -> None:
        announced.append(Seen(passport, presence))

    house.office.announce = announce
    at_once(house.office.changed(ALICE, presence))
    at_once(house.office.changed(BOB, None))
    assert announced == [Seen(ALICE, presence), Seen(BOB, None)]


# --- passwords that were changed -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("passports", "is_ended"),
    [(None, True), ([ALICE], True), ([BOB], False), ([], False), ([BOB, ALICE], True)],
)
def test_a_session_ends_with_its_password(passports: list[str] | None, is_ended: bool) -> None:
    house = House()
    alice, bob = house.client(), house.client(BOB)
    alice.stamp = house.stamp()
    at_once(house.office.sweep())
    house.accounts.add(Account(ALICE, "new"))
    at_once(house.office.sweep(passports))
    assert alice.heard() == ([PutOut("")] if is_ended else [])
    assert bob.heard() == []


def test_the_changed_accounts_are_named_in_folded_letter_case() -> None:
    house = House()
    house.accounts.add(Account("Carol@Example.com", "x"))
    carol = house.client("Carol@Example.com")
    carol.stamp = "old"
    at_once(house.office.sweep(["carol@example.com"]))
    assert carol.heard() == [PutOut("")]


# --- tickets of contacts and messages ------------------------------------------------------------


def granted(house: House, ticket: str, *sites: str) -> bool:
    return at_once(house.office.grant_while_online(ticket, *(sites or (SITE,)))) is not None


def test_a_ticket_opens_its_own_site_in_its_time() -> None:
    house = House()
    ticket, expires = house.office.tickets.issue(ALICE, SITE, stamp=house.stamp())
    found = at_once(house.office.grant_while_online(ticket, "another", SITE))
    assert found is not None
    assert (found.passport, found.site) == (ALICE, SITE)
    assert not granted(house, ticket, "another")
    assert not granted(house, "t=x&p=")
    house.now = expires - timedelta(microseconds=1)
    assert granted(house, ticket)
    house.now = expires
    assert not granted(house, ticket), "the account is nowhere"


def test_a_ticket_that_has_ended_opens_while_the_account_is_seen() -> None:
    house = House()
    ticket, expires = house.office.tickets.issue(ALICE, SITE, stamp=house.stamp())
    alice, bob = house.client(), house.client(BOB)
    house.now = expires
    at_once(bob.people.show(bob.signed_in, bob.seat, Presence("NLN", "B")))
    assert not granted(house, ticket), "somebody else is there"
    for status in ("NLN", "HDN"):
        at_once(alice.people.show(alice.signed_in, alice.seat, Presence(status, "A")))
        assert granted(house, ticket)
    house.now = expires + GRACE - timedelta(microseconds=1)
    assert granted(house, ticket)
    house.now = expires + GRACE
    assert not granted(house, ticket), "after a month it has ended for good"


@pytest.mark.parametrize("is_late", [False, True])
def test_a_ticket_ends_with_its_password(is_late: bool) -> None:
    house = House()
    ticket, expires = house.office.tickets.issue(ALICE, SITE, stamp=house.stamp())
    alice = house.client()
    at_once(alice.people.show(alice.signed_in, alice.seat, Presence("NLN", "A")))
    house.now = expires if is_late else NOW
    assert granted(house, ticket)
    house.accounts.add(Account(ALICE, "new"))
    assert not granted(house, ticket)

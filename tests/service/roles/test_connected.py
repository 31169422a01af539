"""What the handlers have of a connection."""

from __future__ import annotations

import pytest

from connections import Client, office_of
from msnpauth.core.people.contact import ListName
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.query import PRODUCTS, answer
from msnpauth.service.roles.connected import Connected
from msnpauth.service.roles.news import PutOut, Seen
from msnpauth.service.stores.memory import at_once
from msnpauth.service.stores.protocol import Account, Place, Presence, Principal

ALICE, BOB = "Alice@example.com", "bob@example.com"


def client() -> Client:
    return Client(office_of(ALICE, Account(BOB, "x", contacts=(ALICE,))), ALICE)


def test_what_is_said_waits_to_be_written_in_its_order() -> None:
    alice = client()
    alice.say("CHG", 5, "NLN", "0")
    alice.say("UUX", 6, payload=b"")
    alice.say("QNG", None)
    assert alice.said() == ["CHG 5 NLN 0|", "UUX 6 0|", "QNG|"]
    assert not alice.closing


@pytest.mark.parametrize("trid", [5, None])
def test_a_refusal_is_the_last_word(trid: int | None) -> None:
    alice = client()
    alice.refuse(Command("USR", trid, ("TWN", "S", "t=secret")), 911)
    assert alice.said() == ["911 5|" if trid else "911|"], "nothing of the command comes back"
    assert alice.closing


@pytest.mark.parametrize(("trid", "word"), [(0, "CHL 0 "), (6, "CHL 6 ")])
def test_the_question_has_twenty_digits_and_is_another_each_time(trid: int, word: str) -> None:
    alice = client()
    asked = set()
    for _ in range(8):
        alice.ask(trid)
        (line,) = alice.said()
        assert line == f"{word}{alice.query}|"
        assert len(alice.query) == 20
        assert alice.query.isascii()
        assert alice.query.isdecimal()
        asked.add(alice.query)
    assert len(asked) == 8


def test_the_last_question_is_the_one_to_answer() -> None:
    alice = client()
    alice.ask()
    first = alice.query
    alice.ask()
    rule, (product, key) = alice.spoken.query, next(iter(PRODUCTS.items()))
    assert answer(rule, alice.query, product, key) != answer(rule, first, product, key)


def test_a_place_is_of_the_account_and_the_machine() -> None:
    alice = client()
    assert alice.place_of(alice.signed_in) == Place("alice@example.com")
    alice.guid = "{GUID}"
    assert alice.place_of(Principal("BOB@Example.com")) == Place("bob@example.com", "{GUID}")


def test_how_the_account_is_to_be_seen_is_shown_once_it_is_known() -> None:
    alice = client()
    bob = Client(alice.office, BOB)
    at_once(alice.show())
    assert bob.heard() == []
    alice.presence = Presence("BSY", "A")
    at_once(alice.show())
    assert bob.heard() == [Seen(ALICE, Presence("BSY", "A"))]
    assert at_once(alice.office.state.shown("alice@example.com")) == {
        "alice@example.com": Presence("BSY", "A")
    }


def test_the_lists_are_those_of_who_is_signed_in() -> None:
    alice = client()
    bob = Client(alice.office, BOB)
    assert at_once(alice.people.put(alice.signed_in, BOB, ListName.ALLOW)) is None
    assert [*at_once(alice.lists()).book.entries] == [BOB]
    assert [*at_once(bob.lists()).book.entries] == ["alice@example.com"]


def test_the_seat_is_where_others_find_the_connection() -> None:
    alice = client()
    assert at_once(alice.office.state.seats("alice@example.com")) == [alice.seat]
    at_once(alice.office.tell([alice.seat], PutOut("SSD")))
    assert alice.heard() == [PutOut("SSD")]


def test_before_anything_was_said() -> None:
    fresh = Connected(office_of(), None)
    assert (fresh.dialect, fresh.account, fresh.presence) == (None, None, None)
    assert not fresh.synchronized
    assert not fresh.closing
    assert fresh.out == []
    with pytest.raises(NotImplementedError):
        fresh.hear(PutOut(""))

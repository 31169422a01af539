from __future__ import annotations

from msnpauth import ContactChanged, ContactOnline, ContactRequest, ListName, Status
from msnpauth.core.client.roster import Roster
from msnpauth.core.people.contact import Book
from msnpauth.core.wire.commands import Command


def book(*people: tuple[str, int]) -> Book:
    made = Book()
    for passport, bits in people:
        entry = made.entry(passport)
        entry.bits, entry.name = bits, passport[0].upper()
    return made


def take(roster: Roster, verb: str, *args: str, payload: bytes | None = None) -> list[object]:
    return list(roster.take(Command(verb, None, args, payload)))


def test_who_comes_changes_and_goes() -> None:
    roster = Roster()
    assert roster.load(book(("a@b", 3))) == []
    (online,) = take(roster, "NLN", "NLN", "A@b", "An", "0")
    assert isinstance(online, ContactOnline)
    assert (online.contact.name, online.contact.status) == ("An", Status.ONLINE)
    assert take(roster, "NLN", "NLN", "a@b", "An", "0") == []
    (busy,) = take(roster, "NLN", "BSY", "a@b", "Ann", "0")
    assert isinstance(busy, ContactChanged)
    assert (busy.before.name, busy.contact.name) == ("An", "Ann")
    (gone,) = take(roster, "FLN", "a@b")
    assert isinstance(gone, ContactChanged)
    assert (gone.before.status, gone.contact.status) == (Status.BUSY, Status.OFFLINE)
    assert gone.contact.name == "Ann"


def test_strangers_and_other_commands_tell_nothing() -> None:
    roster = Roster()
    roster.load(book(("a@b", 3)))
    assert take(roster, "NLN", "NLN", "me@b", "Me", "0") == []
    assert take(roster, "UBX", "me@b", payload=b"<Data><PSM>x</PSM></Data>") == []
    assert take(roster, "CHL", "1") == []
    assert [contact.passport for contact in roster.contacts()] == ["a@b"]


def test_a_personal_message_is_news_of_who_is_there() -> None:
    roster = Roster()
    roster.load(book(("a@b", 3)))
    said = {"payload": b"<Data><PSM>hi</PSM></Data>"}
    assert take(roster, "UBX", "a@b", **said) == []
    (online,) = take(roster, "NLN", "NLN", "a@b", "A", "0")
    assert isinstance(online, ContactOnline)
    assert online.contact.personal_message == "hi"
    (changed,) = take(roster, "UBX", "a@b", payload=b"")
    assert isinstance(changed, ContactChanged)
    assert (changed.before.personal_message, changed.contact.personal_message) == ("hi", "")
    assert take(roster, "UBX", "a@b", payload=b"") == []


def test_who_has_added_us_and_waits() -> None:
    roster = Roster()
    asked = roster.load(book(("old@b", 3 | 8), ("new@b", 8), ("pending@b", 16), ("bad@b", 4 | 8)))
    assert asked == [ContactRequest("new@b", "N"), ContactRequest("pending@b", "P")]
    (now,) = take(roster, "ADC", "RL", "N=x@b", "F=X")
    assert now == ContactRequest("x@b", "X")
    assert take(roster, "ADC", "RL", "N=old@b", "F=O") == []
    assert take(roster, "REM", "RL", "x@b") == []
    lists = {contact.passport: contact.lists for contact in roster.contacts()}
    assert lists["x@b"] == frozenset()
    assert lists["pending@b"] == {ListName.PENDING}


def test_a_list_that_is_read_anew_keeps_who_is_there() -> None:
    roster = Roster()
    roster.load(book(("a@b", 3), ("c@b", 3)))
    take(roster, "NLN", "NLN", "a@b", "An", "0")
    roster.load(book(("a@b", 3), ("d@b", 1)))
    assert [(contact.passport, contact.name, contact.status) for contact in roster.contacts()] == [
        ("a@b", "An", Status.ONLINE),
        ("d@b", "D", Status.OFFLINE),
    ]
    roster.everybody_left()
    assert {contact.status for contact in roster.contacts()} == {Status.OFFLINE}

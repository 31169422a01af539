from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from msnpauth import CommandRefused, ListName, Secret, Servers
from msnpauth.core.people import addressbook
from msnpauth.core.people.soap import call
from msnpauth.core.tickets.exchange import Exchange, Response
from msnpauth.core.tickets.xml import find_all, parse, text_of
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.contacts import contacts_reply
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.people import People
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account, Presence, Seat
from msnpauth.service.tickets import TicketOffice

OFFICE = TicketOffice()
ACCOUNTS = Accounts.of([Account("a@b.example", Secret("x"), contacts=("x&y@z.example",))])


HOUSE = Office(in_memory(ACCOUNTS), OFFICE, known(DIALECTS))


def ask(operation: str, ticket: str | None = None) -> tuple[int, bytes]:
    ticket = OFFICE.issue("a@b.example", "contacts.msn.com")[0] if ticket is None else ticket
    body = (
        "<s:Envelope xmlns:s='urn:s'><s:Header><ABAuthHeader><TicketToken>"
        f"{ticket.replace('&', '&amp;')}</TicketToken></ABAuthHeader></s:Header>"
        f"<s:Body>{operation and f'<{operation}/>'}</s:Body></s:Envelope>"
    )
    return at_once(contacts_reply(body.encode(), HOUSE))


def test_memberships() -> None:
    status, data = ask("FindMembership")
    assert status == 200
    assert text_of(parse(data), "PassportName") == "x&y@z.example"
    roles = [element.text for element in find_all(parse(data), "MemberRole")]
    assert roles == ["Allow", "Block", "Reverse", "Pending"]


@pytest.mark.parametrize("operation", ["ABFindAll", "ABFindContactsPaged"])
def test_address_book(operation: str) -> None:
    _, data = ask(operation)
    names = [element.text for element in find_all(parse(data), "passportName")]
    assert names == ["a@b.example", "x&y@z.example"]
    assert f"<{operation}Response ".encode() in data


@pytest.mark.parametrize("operation", ["ABContactUpdate", ""])
def test_anything_else_is_answered_by_nothing(operation: str) -> None:
    status, data = ask(operation)
    assert status == 200
    assert data.endswith(b"<soap:Body/></soap:Envelope>")


@pytest.mark.parametrize(
    "ticket", ["", "x", OFFICE.issue("a@b.example")[0], OFFICE.issue("no@b", "contacts.msn.com")[0]]
)
def test_without_a_ticket(ticket: str) -> None:
    status, data = ask("FindMembership", ticket)
    assert status == 500
    assert b"x&amp;y@z.example" not in data


def test_a_ticket_that_is_too_old() -> None:
    """Somebody who is online goes on with it; a code that bitlbee knows asks others for a new one."""
    clock = [datetime(2026, 11, 25, tzinfo=UTC)]
    tickets = TicketOffice(now=lambda: clock[0])
    office = Office(in_memory(ACCOUNTS), tickets, known(DIALECTS), now=lambda: clock[0])
    old, messenger = (
        tickets.issue("a@b.example", site)[0]
        for site in ("contacts.msn.com", "messengerclear.live.com")
    )
    clock[0] += timedelta(days=3)

    def with_ticket(ticket: str) -> tuple[int, bytes]:
        body = (
            f"<E><TicketToken>{ticket.replace('&', '&amp;')}</TicketToken><Body><ABAdd/></Body></E>"
        )
        action = '"http://www.msn.com/webservices/AddressBook/ABAdd"'
        return at_once(contacts_reply(body.encode(), office, action=action))

    status, body = with_ticket(old)
    assert status == 500
    assert text_of(parse(body), "errorcode") == "PassportAuthFail"
    seat = Seat("node", 1)
    at_once(office.state.show(seat, "a@b.example", Presence("HDN", "Alice")))
    assert with_ticket(old)[0] == 200
    assert with_ticket(messenger)[0] == 500, "it is for another site"
    clock[0] += timedelta(days=30)
    assert with_ticket(old)[0] == 500, "nothing is good for ever"
    clock[0] -= timedelta(days=30)
    assert with_ticket(f"x{old}")[0] == 500
    at_once(office.state.show(seat, "a@b.example", None))
    assert with_ticket(old)[0] == 500


def test_a_name_that_no_document_can_hold() -> None:
    """Somebody else's name may not make an address book unreadable."""
    people = [Account("a@b.example", "x"), Account("c@d.example", "x")]
    office = Office(in_memory(Accounts.of(people)), OFFICE, known(DIALECTS))
    name = "\x01e\ud800v\uffffil <"
    at_once(People(office).put(people[0].principal, "c@d.example", ListName.FORWARD, name))
    ticket = OFFICE.issue("a@b.example", "contacts.msn.com")[0].replace("&", "&amp;")
    body = f"<E><TicketToken>{ticket}</TicketToken><Body><ABFindAll/></Body></E>".encode()
    status, data = at_once(contacts_reply(body, office))
    assert status == 200
    assert "evil <" in [element.text for element in find_all(parse(data), "displayName")]


def test_what_is_no_xml() -> None:
    assert at_once(contacts_reply(b"<", HOUSE))[0] == 500


# --- changes -------------------------------------------------------------------------------------


class Book:
    """The contacts host as a client sees it that asks for changes by the library's own requests."""

    def __init__(self) -> None:
        people = [Account("a@b.example", "x", contacts={"G": ("c@d.example",)})]
        people += [Account("c@d.example", "x"), Account("e@f.example", "x")]
        accounts = Accounts.of(people)
        self.office = Office(in_memory(accounts), OFFICE, known(DIALECTS))
        self.ticket = Secret(OFFICE.issue("a@b.example", "contacts.msn.com")[0])
        self.servers = Servers("ns.example", contacts="https://c.example")

    def run(self, exchange: Exchange[Any]) -> Any:
        request = next(exchange)
        while True:
            status, body = at_once(contacts_reply(request.body, self.office))
            try:
                request = exchange.send(Response(status, (), body))
            except StopIteration as end:
                return end.value

    def do(self, change: Callable[..., Exchange[Any]], *words: Any) -> Any:
        return self.run(change(self.servers, self.ticket, *words))

    def rows(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        book = self.run(addressbook.fetch_book(self.servers, self.ticket, paged=False))
        return {
            entry.passport: (entry.bits, book.contact(entry).groups)
            for entry in book.entries.values()
        }


def test_every_change_is_told_again() -> None:
    book = Book()
    assert book.rows() == {"c@d.example": (3, ("G",))}
    ids = book.run(addressbook.fetch_book(book.servers, book.ticket, paged=True))
    group, contact = next(iter(ids.groups)), ids.entry("c@d.example").id
    added = book.do(addressbook.add_contact, "e@f.example")
    book.do(addressbook.add_member, ListName.BLOCK, "e@f.example")
    new = book.do(addressbook.add_group, "H & I")
    book.do(addressbook.put_into_group, new, added)
    book.do(addressbook.take_out_of_group, group, contact)
    book.do(addressbook.rename_group, new, "J")
    assert book.rows() == {"c@d.example": (3, ()), "e@f.example": (5, ("J",))}
    book.do(addressbook.delete_member, ListName.BLOCK, "e@f.example")
    book.do(addressbook.delete_group, new)
    book.do(addressbook.delete_contact, contact)
    assert book.rows() == {"c@d.example": (2, ()), "e@f.example": (1, ())}


REFUSED: list[tuple[str, Callable[..., Exchange[Any]], tuple[Any, ...]]] = [
    ("ContactAlreadyExists", addressbook.add_contact, ("c@d.example",)),
    ("InvalidPassportUser", addressbook.add_contact, ("no@d.example",)),
    ("BadEmailArgument", addressbook.add_contact, ("no",)),
    ("ContactDoesNotExist", addressbook.delete_contact, ("x",)),
    ("MemberAlreadyExists", addressbook.add_member, (ListName.ALLOW, "c@d.example")),
    ("MemberDoesNotExist", addressbook.delete_member, (ListName.BLOCK, "c@d.example")),
    ("BadRequest", addressbook.add_member, (ListName.ALLOW, "")),
    ("GroupAlreadyExists", addressbook.add_group, ("G",)),
    ("GroupNameInvalid", addressbook.add_group, ("",)),
    ("GroupDoesNotExist", addressbook.delete_group, ("x",)),
    ("GroupDoesNotExist", addressbook.rename_group, ("x", "y")),
    ("GroupNameInvalid", addressbook.rename_group, ("x", "")),
    ("GroupDoesNotExist", addressbook.put_into_group, ("x", "y")),
]


@pytest.mark.parametrize(("code", "change", "words"), REFUSED)
def test_what_is_refused(
    code: str, change: Callable[..., Exchange[Any]], words: tuple[Any, ...]
) -> None:
    book = Book()
    before = book.rows()
    with pytest.raises(CommandRefused) as caught:
        book.do(change, *words)
    assert (caught.value.code, book.rows()) == (code, before)


def test_a_member_by_its_id() -> None:
    book = Book()
    found = book.run(addressbook.fetch_book(book.servers, book.ticket, paged=False))
    guid = found.entry("c@d.example").id
    content = (
        "<memberships><Membership><MemberRole>Allow</MemberRole><Members><Member>"
        f"<MembershipId>Allow/{guid}</MembershipId></Member></Members></Membership></memberships>"
    )
    book.run(call(book.servers, book.ticket, "DeleteMember", content))
    assert book.rows() == {"c@d.example": (1, ("G",))}

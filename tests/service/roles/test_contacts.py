from __future__ import annotations

import pytest

from msnpauth import Secret
from msnpauth.core.tickets.xml import find_all, parse, text_of
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.contacts import contacts_reply
from msnpauth.service.roles.office import Office
from msnpauth.service.stores.memory import Accounts, MemoryLists, MemoryState, at_once
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

OFFICE = TicketOffice()
ACCOUNTS = Accounts.of([Account("a@b.example", Secret("x"), contacts=("x&y@z.example",))])


HOUSE = Office(ACCOUNTS, OFFICE, MemoryState(), MemoryLists(ACCOUNTS), known(DIALECTS))


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


def test_what_is_no_xml() -> None:
    assert at_once(contacts_reply(b"<", HOUSE))[0] == 500

"""Whole answers, byte by byte: old clients read them by counting, and by comparing text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from msnpauth import Secret
from msnpauth.core.tickets.rst import MESSENGER_CLEAR, Soap, request_body
from msnpauth.core.urls import Url
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.contacts import contacts_reply
from msnpauth.service.roles.door import Door
from msnpauth.service.roles.notification import _profile
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.rst import rst_reply
from msnpauth.service.roles.web import WebRequest
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

DATA = Path(__file__).parents[2] / "data" / "answers"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALICE = Account("alice@example.com", Secret("x"), contacts=("b&b@example.com", "c@example.com"))
ACCOUNTS, OFFICE = Accounts.of([ALICE]), TicketOffice(now=lambda: NOW)
HOUSE = Office(in_memory(ACCOUNTS), OFFICE, known(DIALECTS), now=lambda: NOW)


def contacts(operation: str, *, allowed: bool = True) -> bytes:
    ticket = OFFICE.issue("alice@example.com", "contacts.msn.com")[0] if allowed else "none"
    body = (
        f"<E><H><TicketToken>{ticket.replace('&', '&amp;')}</TicketToken></H>"
        f"<Body><{operation}/></Body></E>"
    )
    return at_once(contacts_reply(body.encode(), HOUSE))[1]


def rst(soap: Soap, password: str = "x") -> bytes:
    wanted = {MESSENGER_CLEAR: "MBI_KEY_OLD", "contacts.msn.com": "MBI"}
    url, secret = Url.parse("https://h/RST.srf"), Secret(password)
    body = request_body(soap, "alice@example.com", secret, wanted, url=url, now=NOW)
    return bad_rst(soap, body.reveal().encode())


def bad_rst(soap: Soap, body: bytes = b"<E/>") -> bytes:
    return at_once(
        rst_reply(WebRequest("POST", "/", {}, body), soap, Door(ACCOUNTS), OFFICE, lambda: NOW)
    )


ANSWERS: dict[str, Callable[[], bytes]] = {
    "FindMembership": lambda: contacts("FindMembership"),
    "ABFindAll": lambda: contacts("ABFindAll"),
    "ABFindContactsPaged": lambda: contacts("ABFindContactsPaged"),
    "ABContactUpdate": lambda: contacts("ABContactUpdate"),
    "contacts without a ticket": lambda: contacts("ABFindAll", allowed=False),
    "contacts without XML": lambda: at_once(contacts_reply(b"<", HOUSE))[1],
    "RST": lambda: rst(Soap.RST),
    "RST2": lambda: rst(Soap.RST2),
    "RST, wrong password": lambda: rst(Soap.RST, "y"),
    "RST2, wrong password": lambda: rst(Soap.RST2, "y"),
    "RST, bad request": lambda: bad_rst(Soap.RST),
    "RST2, bad request": lambda: bad_rst(Soap.RST2),
    "profile": lambda: _profile(ALICE.principal, DIALECTS[18], 1795348800, ""),
    "profile, old": lambda: _profile(ALICE.principal, DIALECTS[8], 1795348800, ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_whole_answers(name: str) -> None:
    # What is drawn by chance, or has the time of day in it, is left out.
    answer = re.sub(
        rb"t=gAAAA[A-Za-z0-9_=-]+|(?<=BinarySecret>)[A-Za-z0-9+/=]{32}(?=<)", b"*", ANSWERS[name]()
    )
    assert answer == (DATA / f"{name}.txt").read_bytes()

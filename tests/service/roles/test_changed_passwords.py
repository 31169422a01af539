"""A ticket ends with the password that it was got by, whichever way it was got."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from msnpauth import Secret
from msnpauth.core.tickets.passport14 import authorization
from msnpauth.core.tickets.proof import answer
from msnpauth.core.tickets.rst import MESSENGER, MESSENGER_CLEAR, Soap, request_body
from msnpauth.core.tickets.verdicts import parse_fields
from msnpauth.core.tickets.xml import find_all, parse, text_of
from msnpauth.core.urls import Address, Url
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.login import LoginRole
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.official import OfficialRole
from msnpauth.service.roles.rst import RstRole
from msnpauth.service.roles.web import WebAnswer, WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

ALICE, PASSWORD = "Alice@example.com", Secret("old")
HERE = "login.example"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUID = "{C3E6C2C6-5D6C-5D0A-8A7C-000000000000}"


class House:
    def __init__(self) -> None:
        self.accounts = Accounts.of({ALICE: "old"})
        tickets = TicketOffice()
        self.office = Office(in_memory(self.accounts), tickets, known(DIALECTS))
        door = self.office.door
        self.web = WebSite(
            LoginRole(door, tickets, login=HERE, homes={}, here=HERE).paths(),
            RstRole(door, tickets).paths(),
            OfficialRole(self.office, origin=f"https://{HERE}", host=HERE).paths(),
        )

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> WebAnswer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return at_once(self.web.answer(WebRequest(method, target, named, body)))

    def by_login(self) -> str:
        value = authorization(ALICE, PASSWORD, "lc=1").reveal()
        headers = dict(self.ask("GET", "/login2.srf", authorization=value).headers)
        return parse_fields(headers["Authentication-Info"])["from-pp"]

    def by_not_rst(self) -> str:
        answered = self.ask("POST", "/NotRST.srf", x_user=ALICE, x_password="old")
        return f"t={dict(answered.headers)['X-Token']}&p="

    def by_rst(self, soap: Soap, site: str = MESSENGER) -> tuple[str, str]:
        """Return a ticket, and its secret in base64."""
        url = Url.parse(f"https://{HERE}/{soap}")
        body = request_body(soap, ALICE, PASSWORD, {site: "MBI_KEY_OLD"}, url=url, now=NOW)
        path = "/RST.srf" if soap is Soap.RST else "/RST2.srf"
        root = parse(self.ask("POST", path, body.reveal().encode()).body)
        (ticket,) = find_all(root, "BinarySecurityToken")
        return ticket.text or "", text_of(root, "BinarySecret") or ""

    def twn(self, ticket: str) -> list[str]:
        """Sign in by MSNP12; return the words of the answer."""
        self._challenged(12, "TWN")
        return self._said("USR", "TWN", "S", ticket)

    def sso(self, ticket: str, secret: str) -> list[str]:
        """Sign in by MSNP18; return the words of the answer."""
        nonce = self._challenged(18, "SSO")
        return self._said("USR", "SSO", "S", ticket, answer(Secret(secret), nonce), GUID)

    def _challenged(self, version: int, scheme: str) -> str:
        self.role = NotificationRole(self.office, here=Address("ns.example", 1863))
        self._said("VER", f"MSNP{version}", "CVR0")
        return self._said("USR", scheme, "I", ALICE)[-1]

    def _said(self, verb: str, *words: str) -> list[str]:
        self.role.out.clear()
        at_once(self.role.receive(Command(verb, 4, words)))
        # A policy comes before the challenge, and a profile after OK.
        told = [command for command in self.role.out if command.trid == 4]
        return [word for command in told for word in (command.verb, *command.args)]


WAYS: dict[str, Callable[[House], Callable[[], list[str]]]] = {
    "TWN by login": lambda house: partial(house.twn, house.by_login()),
    "TWN by RST": lambda house: partial(house.twn, house.by_rst(Soap.RST)[0]),
    "TWN by RST2": lambda house: partial(house.twn, house.by_rst(Soap.RST2)[0]),
    "TWN by NotRST": lambda house: partial(house.twn, house.by_not_rst()),
    "SSO by RST": lambda house: partial(house.sso, *house.by_rst(Soap.RST, MESSENGER_CLEAR)),
    "SSO by RST2": lambda house: partial(house.sso, *house.by_rst(Soap.RST2, MESSENGER_CLEAR)),
}
"""Get a ticket now; what comes back shows it later."""


@pytest.mark.parametrize("way", WAYS)
def test_a_ticket_of_a_password_that_was_changed(way: str) -> None:
    house = House()
    show = WAYS[way](house)
    house.accounts.add(Account(ALICE, "new"))
    assert show() == ["911"]
    assert house.role.closing
    assert not house.role.is_signed_in
    assert not house.office.here


@pytest.mark.parametrize("way", WAYS)
def test_a_ticket_of_a_password_that_stayed(way: str) -> None:
    house = House()
    show = WAYS[way](house)
    house.accounts.add(Account(ALICE, "old", display_name="Al"))
    assert show()[:3] == ["USR", "OK", ALICE]
    assert house.role.is_signed_in
    assert not house.role.closing


def test_contacts_of_a_password_that_was_changed() -> None:
    house = House()
    ticket, _ = house.by_rst(Soap.RST, "contacts.msn.com")
    assert at_once(house.office.grant_while_online(ticket, "contacts.msn.com"))
    house.accounts.add(Account(ALICE, "new"))
    assert at_once(house.office.grant_while_online(ticket, "contacts.msn.com")) is None

"""Targets of the service's end: what clients may say to each of its roles."""

from __future__ import annotations

import asyncio

from contract import PASSPORT, PASSWORD, now
from feed import Feed
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.core.wire.lines import LineReader
from msnpauth.service.hosts.gate import Visit
from msnpauth.service.hosts.web import serve_web
from msnpauth.service.roles.chats import Chats
from msnpauth.service.roles.contacts import ContactsRole
from msnpauth.service.roles.door import Door
from msnpauth.service.roles.left_messages import LeftMessagesRole
from msnpauth.service.roles.login import LoginRole, parse_authorization
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.rst import RstRole
from msnpauth.service.roles.switchboard import SwitchboardRole
from msnpauth.service.roles.web import WebAnswer, WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import LOGIN, TicketOffice, new_key

__all__ = ["TARGETS", "Written"]

_ACCOUNTS = Accounts.of(
    [Account(PASSPORT, PASSWORD, allow_md5=True, contacts=("bob@example.com",))]
)
_TICKETS = TicketOffice([new_key()], now=now)
_HERE = Address("ns.example", 1863)


def _office() -> Office:
    return Office(in_memory(_ACCOUNTS), _TICKETS, tuple(DIALECTS.values()), now=now)


def notification(data: bytes) -> None:
    """Say anything to the notification server, before and after a good beginning."""
    feed = Feed(data)
    office = _office()
    dispatch = Address("other.example", 1863) if feed.number(4) == 1 else None
    chats = Chats(office, _HERE)
    role = NotificationRole(office, here=_HERE, transfer_to=dispatch, chats=chats)
    dialect = list(DIALECTS)[feed.number(len(DIALECTS))]
    greeted, signed_in = feed.number(2), feed.number(2)
    if greeted:
        at_once(role.receive(Command("VER", 1, (f"MSNP{dialect}", "CVR0"))))
    if greeted and signed_in:
        account = at_once(_ACCOUNTS.find(PASSPORT))  # as if the ticket had been right
        assert account is not None
        at_once(office.enter(account, role))
        role.account = account
    lines = LineReader(Role.CLIENT)
    lines.feed(feed.rest())
    for _ in range(200):
        command = lines.next_command()
        if not isinstance(command, Command) or role.closing:
            break
        at_once(role.receive(command))
        said, role.out = role.out, []
        b"".join(answer.encode() for answer in said)
    at_once(role.gone())


def switchboard_role(data: bytes) -> None:
    """Say anything to the switchboard, before and after coming in, with somebody there or not."""
    feed = Feed(data)
    office = _office()
    chats = Chats(office, _HERE)
    account = at_once(_ACCOUNTS.find(PASSPORT))
    assert account is not None
    dialect = list(DIALECTS.values())[feed.number(len(DIALECTS))]
    role = SwitchboardRole(chats, faults=office.faults)
    if feed.number(2):
        key = chats.invite(account, "", dialect, None)
        at_once(role.receive(Command("USR", 1, (PASSPORT, key))))
    lines = LineReader(Role.CLIENT)
    lines.feed(feed.rest())
    for _ in range(200):
        command = lines.next_command()
        if not isinstance(command, Command) or role.closing:
            break
        at_once(role.receive(command))
        said, role.out = role.out, []
        b"".join(answer.encode() for answer in said)
    at_once(role.gone())
    assert not chats.rooms


_WEB = WebSite(
    LoginRole(
        Door(_ACCOUNTS),
        _TICKETS,
        login="login.example",
        homes={"hotmail.": "home.example"},
        here="login.example",
    ).paths(),
    RstRole(Door(_ACCOUNTS), _TICKETS, now=now).paths(),
    ContactsRole(_office()).paths(),
    LeftMessagesRole(_office()).paths(),
)


def web(data: bytes) -> None:
    """Send any bytes to the web host; whatever comes back is HTTP, and the host ends."""

    async def main() -> bytes:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        writer = Written()
        # `Written` has the methods of a StreamWriter that the host calls, and no others.
        await serve_web(_WEB, reader, writer, Visit(None, ""))  # type: ignore[arg-type]
        return bytes(writer.written)

    said = asyncio.run(main())
    assert not said or said.startswith(b"HTTP/1.1 "), said[:40]


class Written:
    """What a host needs of a `StreamWriter`."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None: ...

    def close(self) -> None: ...

    def is_closing(self) -> bool:
        return False


_POSTED = (
    *("/RST.srf", "/RST2.srf", "/abservice/abservice.asmx"),
    *("/rsi/rsi.asmx", "/OimWS/oim.asmx"),
)


def soap(data: bytes) -> None:
    """Post any body to RST, RST2, the contacts host and the services of left messages."""
    for path in _POSTED:
        answer = at_once(_WEB.answer(WebRequest("POST", path, {"host": "h"}, data)))
        assert isinstance(answer, WebAnswer)


def authorization(data: bytes) -> None:
    """Read an Authorization header, and sign in by it."""
    value = data.decode("utf-8", "surrogateescape")
    found = parse_authorization(value)
    assert found is None or all(found)
    headers = {"authorization": value, "host": "h", "user-agent": "MSMSGS"}
    at_once(_WEB.answer(WebRequest("GET", "/login2.srf", headers)))


def tickets(data: bytes) -> None:
    """Check anything that claims to be a ticket; only what was issued may pass."""
    text = data.decode("utf-8", "surrogateescape")
    assert _TICKETS.open(text, LOGIN) is None
    assert _TICKETS.check_sso(text, text, "nonce", PASSPORT) is None


TARGETS = {
    "notification": notification,
    "switchboard_role": switchboard_role,
    "web": web,
    "soap": soap,
    "authorization": authorization,
    "tickets": tickets,
}

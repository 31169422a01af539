"""Targets of what a session is for: messages, contact lists, conversations, presence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from client_targets import response_to
from contract import NOW, check_error, is_safe
from feed import Feed
from msnpauth import Command, Looks, Secret, Servers, SignInError, Status
from msnpauth.core.client.actions import SignedIn
from msnpauth.core.client.conversation import Accepted
from msnpauth.core.client.engine import Engine
from msnpauth.core.client.inbox import MAX_UNREAD
from msnpauth.core.client.session_actions import Consult, Open
from msnpauth.core.client.society import Society
from msnpauth.core.client.switchboard import Switchboard
from msnpauth.core.client.waiting import Outcome
from msnpauth.core.people import addressbook as book
from msnpauth.core.people.contact import Contact, ListName
from msnpauth.core.people.lines import Listing
from msnpauth.core.people.offline import delete_left, fetch_left, notice_in, read_mail
from msnpauth.core.people.publication import parse_published
from msnpauth.core.tickets.exchange import Exchange, Response
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Role
from msnpauth.core.wire.dialects import DIALECTS, ListsForm
from msnpauth.core.wire.lines import LineReader
from msnpauth.core.wire.messages import (
    MAX_PAYLOAD,
    PLAIN,
    parse_message,
    split_text,
    text_payload,
)
from msnpauth.core.wire.routed import as_datagram, as_message, parse_routed

__all__ = ["TARGETS"]

_TICKET = Secret("t=53*1hAu8ADuD3TEw&p=5eKBBC!yBH6ex")
_SERVERS = Servers("messenger.example")
_GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"


def message(data: bytes) -> None:
    """Read any payload as a message, in each of its forms; split any text."""
    body = parse_message(data)
    _ = body.text, body.piece, body.is_nudge, body.is_typing
    assert Looks.decode(body.looks.encode()) == body.looks
    notice_in(data)
    as_datagram(data)
    routed = parse_routed(data)
    if routed is not None:
        as_message(routed)
        parse_published(routed.body)
    text = data.decode("utf-8", "surrogateescape")
    read_mail("1", text)
    with suppress(SignInError):
        parts = split_text(text)
        assert "".join(parts) == text
        assert all(len(text_payload(part, PLAIN)) <= MAX_PAYLOAD for part in parts)


def listing(data: bytes) -> None:
    """Read a contact list by lines, in each of its forms, and what changes it."""
    feed = Feed(data)
    form = list(ListsForm)[feed.number(len(ListsForm) - 1)]
    read = Listing(form)
    lines = LineReader(Role.SERVER)
    lines.feed(feed.rest())
    for _ in range(300):
        command = lines.next_command()
        if not isinstance(command, Command):
            break
        read.take(command)
    contacts = [read.book.contact(entry) for entry in read.book.entries.values()]
    assert all(isinstance(contact.lists, frozenset) for contact in contacts)


_BOOK: tuple[Callable[[], Exchange[Any]], ...] = (
    lambda: book.fetch_book(_SERVERS, _TICKET, paged=False),
    lambda: book.fetch_book(_SERVERS, _TICKET, paged=True),
    lambda: book.add_contact(_SERVERS, _TICKET, "a&b@example.com"),
    lambda: book.add_member(_SERVERS, _TICKET, ListName.ALLOW, "a@b"),
    lambda: book.add_group(_SERVERS, _TICKET, "G"),
    lambda: fetch_left(_SERVERS, _TICKET, None),
    lambda: fetch_left(_SERVERS, _TICKET, ("1", "2")),
    lambda: delete_left(_SERVERS, _TICKET, ["1"]),
)


def contacts_host(data: bytes) -> None:
    """Call the contacts host and the service of left messages; each answers by a record."""
    feed = Feed(data)
    exchange = _BOOK[feed.number(len(_BOOK))]()
    try:
        request = next(exchange)
        for _, content in feed.records():
            outcome = response_to(content, request)
            request = (
                exchange.send(outcome) if isinstance(outcome, Response) else exchange.throw(outcome)
            )
            assert request.url.scheme == "https"
    except StopIteration:
        pass
    except SignInError as error:
        check_error(error)
    finally:
        exchange.close()


def switchboard(data: bytes) -> None:
    """Be told anything by a switchboard, behind USR, CAL and a message."""
    happened: list[Any] = []
    board = Switchboard(2, "sb.example:1864", "me@example.com", happened.append)
    board.connected.settle(None)
    waited: list[Outcome[Any]] = [
        board.enter("USR", "me@example.com", "1.2"),
        board.call("bob@example.com", "bob@example.com"),
        board.message(b"x", acknowledged=True),
    ]
    for at in range(0, len(data), 61):
        board.receive(data[at : at + 61])
    board.receive(b"")
    assert board.ended is not None
    check_error(board.ended)
    for outcome in waited:
        assert outcome.is_there
        with suppress(SignInError):
            outcome.result()
    assert len(happened) <= len(data) + 1  # the end is an event, too


# --- a session with everything -------------------------------------------------------------------

_ASKED: tuple[Callable[[Society], Outcome[Any]], ...] = (
    lambda it: it.presence.contacts(),
    lambda it: it.presence.go_online(Status.AWAY, None, None),
    lambda it: it.presence.set_name("Zoë"),
    lambda it: it.chats.send_message(["bob@example.com"], "hello", PLAIN, 5.0),
    lambda it: it.chats.open(["bob@example.com", "carol@example.com"], 5.0),
    lambda it: it.lists.add("carol@example.com", None),
    lambda it: it.lists.remove("bob@example.com"),
    lambda it: it.lists.block("bob@example.com"),
    lambda it: it.lists.add_group("G"),
    lambda it: it.lists.put_into_group("bob@example.com", "G"),
)


def _engine(version: int) -> Engine:
    dialect = DIALECTS[version]
    command = Command("USR", 4, ("OK", "me@example.com", "1", "0"))
    accepted = Accepted(
        "me@example.com", "Me", dialect, verified=True, restricted=False, command=command
    )
    guid = _GUID if dialect.guid else ""
    reader = LineReader(Role.SERVER)
    signed_in = SignedIn(accepted, None, {}, Address("ns.example", 1863), 5, (), reader, guid)
    return Engine(signed_in, now=NOW.timestamp(), uniform=lambda low, _: low)


class _Life:
    """A session, what its caller waits for, and what the driver was asked to do."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clock = NOW.timestamp()
        self._waiting: list[Outcome[Any]] = []
        self._boards: list[int] = []
        self._consults: list[Consult] = []

    def go_on(self, kind: int, content: bytes) -> None:
        """Let something happen, and take down what comes of it."""
        self.clock += 0.5
        self._happens(kind, content)
        for action in self.engine.take_actions():
            match action:
                case Open(number):
                    self._boards.append(number)
                case Consult():
                    self._consults.append(action)
                case _:
                    pass
        for number in (self.engine.connection.number, *self._boards):
            b"".join(command.encode() for command in self.engine.take_output(number, self.clock))
        assert self.engine._deliveries.size <= MAX_UNREAD

    def _happens(self, kind: int, content: bytes) -> None:
        engine, choice = self.engine, kind // 8
        match kind % 8:
            case 0 | 1:
                engine.receive_data(engine.connection.number, content or b"\r\n", self.clock)
            case 2 if self._boards:
                board = self._boards[choice % len(self._boards)]
                engine.receive_data(board, content, self.clock)
            case 3 if self._boards:
                engine.opened(self._boards[choice % len(self._boards)], self.clock)
            case 4 if self._consults:
                consult = self._consults.pop(0)
                engine.consulted(consult.number, _carried(consult, content), self.clock)
            case 5:
                engine.tick(self.clock + kind)
            case 6:
                with suppress(SignInError):
                    self._waiting.append(engine.begin(_ASKED[choice % len(_ASKED)]))
            case 7:
                self.read()
            case _:
                pass

    def read(self) -> None:
        """Take an event."""
        with suppress(SignInError):
            event = self.engine.take_event()
            contact = getattr(event, "contact", None)
            assert contact is None or isinstance(contact, Contact)
            error = getattr(event, "error", None)
            assert error is None or is_safe(str(error))

    def end(self) -> None:
        """Close; nobody may be left waiting."""
        self.engine.close()
        assert all(outcome.is_there for outcome in self._waiting)


def society(data: bytes) -> None:
    """Live through what the records say, with everything a session is for under way."""
    feed = Feed(data)
    life = _Life(_engine(list(DIALECTS)[feed.number(len(DIALECTS))]))
    life.read()
    for kind, content in feed.records():
        life.go_on(kind, content)
    life.end()


def _carried(consult: Consult, content: bytes) -> Any:
    """Return what comes of an exchange when each request is answered by the same bytes."""
    exchange = consult.make(_SERVERS, _TICKET)
    try:
        request = next(exchange)
        for _ in range(10):
            outcome = response_to(content, request)
            request = (
                exchange.send(outcome) if isinstance(outcome, Response) else exchange.throw(outcome)
            )
    except StopIteration as end:
        return end.value
    except SignInError as error:
        check_error(error)
        return error
    exchange.close()
    return SignInError("enough")


TARGETS = {
    "message": message,
    "listing": listing,
    "contacts_host": contacts_host,
    "switchboard": switchboard,
    "society": society,
}

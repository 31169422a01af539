"""What the account shows of itself, as each version says it, and the list behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from msnpauth import CommandRefused, ContactOnline, LocalProtocolError, Secret, Servers, Status
from msnpauth.core.client.connection import Profile, SessionConnection
from msnpauth.core.client.desk import Desk
from msnpauth.core.client.presence import Presence
from msnpauth.core.client.roster import Roster
from msnpauth.core.client.session_actions import Consult
from msnpauth.core.client.waiting import Outcome
from msnpauth.core.people.contact import Book, Entry
from msnpauth.core.people.publication import Published, parse_published
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.tickets.xml import parse, text_of
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.routed import parse_routed
from talk import signed_in

EMPTY = {
    2: ["SYN 1", "LST FL 1 0 0", "LST AL 1 0 0", "LST BL 1 0 0", "LST RL 1 0 0"],
    9: ["SYN 1 0 0"],
    12: ["SYN 1 1 0 0"],
}


def done(work: Outcome[Any]) -> Any:
    """Return what has come of it; it has to be there."""
    assert work.is_there
    return work.result()


class Shown:
    """The presence of an account, and the servers that it is told to."""

    def __init__(self, dialect: int) -> None:
        self.desk = Desk(SessionConnection(signed_in(dialect), now=0.0), 0.0, consults=True)
        self.roster = Roster()
        self.presence = Presence(self.desk, self.roster)
        # The profile may bring a ticket, and has come.
        self.desk.connection.profile = Profile(b"sid: 507\r\n")

    def status(self) -> Status | None:
        return self.presence.status

    def said(self) -> list[Command]:
        commands, self.desk.connection.to_send = self.desk.connection.to_send, []
        return commands

    def lines(self) -> list[str]:
        return [" ".join((command.verb, *command.args)) for command in self.said()]

    def hear(self, trid: int, line: str) -> None:
        verb, *args = line.split()
        command = Command(verb, trid, tuple(args))
        self.desk.answer(command)
        self.presence.take(command)

    def book(self, book: Book) -> None:
        """Let the contacts host answer."""
        (consult,) = self.desk.actions
        assert isinstance(consult, Consult)
        self.desk.actions = []
        self.desk.consulted(consult.number, book)

    def ready(self, *people: Entry) -> None:
        """Read the list of lines, or that of the contacts host, and tell it."""
        dialect = self.desk.connection.dialect
        work = self.presence.go_online(Status.ONLINE, None, None)
        if dialect.number in EMPTY:
            for line in EMPTY[dialect.number]:
                self.hear(5, line)
        else:
            self.book(Book({one.passport.casefold(): one for one in people}))
        while not work.is_there:
            commands = self.said()
            assert commands
            for command in commands:
                assert command.trid is not None
                self.hear(command.trid, f"{command.verb} OK")
        done(work)
        self.said()


def published(command: Command) -> Published | None:
    routed = parse_routed(command.payload or b"")
    assert routed is not None
    assert (routed.sender, routed.to, routed.headers["uri"]) == ("me@b", "me@b", "/user")
    return parse_published(routed.body)


# --- the status ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "line"),
    [(2, "CHG AWY"), (9, "CHG AWY 1073741856"), (16, "CHG AWY 1073741856:0")],
)
def test_another_status(dialect: int, line: str) -> None:
    shown = Shown(dialect)
    shown.ready()
    work = shown.presence.go_online(Status.AWAY, None, None)
    (command,) = shown.said()
    assert " ".join((command.verb, *command.args)) == line
    assert shown.status() is Status.ONLINE, "the server has not agreed yet"
    assert command.trid is not None
    shown.hear(command.trid, line)
    done(work)
    assert shown.status() is Status.AWAY


def test_a_status_that_is_refused_is_not_the_accounts() -> None:
    shown = Shown(9)
    shown.ready()
    work = shown.presence.go_online(Status.BUSY, None, None)
    (command,) = shown.said()
    assert command.trid is not None
    shown.hear(command.trid, "201")
    with pytest.raises(CommandRefused, match="CHG was refused"):
        work.result()
    assert shown.presence.status is Status.ONLINE


# --- the name ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        (2, "REA me@b Z%C3%B6e%20%3A%29"),
        (9, "REA me@b Z%C3%B6e%20%3A%29"),
        (10, "PRP MFN Z%C3%B6e%20%3A%29"),
        (18, "PRP MFN Z%C3%B6e%20%3A%29"),
    ],
)
def test_the_name_by_line(dialect: int, line: str) -> None:
    shown = Shown(dialect)
    work = shown.presence.set_name("Zöe :)")
    assert shown.lines() == [line]
    assert shown.desk.connection.display_name == "Me"
    shown.hear(5, line)
    done(work)
    assert shown.desk.connection.display_name == "Zöe :)"


def test_a_name_that_is_refused_is_not_the_accounts() -> None:
    shown = Shown(12)
    work = shown.presence.set_name("Moderator")
    shown.hear(5, "209")
    with pytest.raises(CommandRefused, match="the display name is not allowed"):
        work.result()
    assert shown.desk.connection.display_name == "Me"


@pytest.mark.parametrize("name", ["", None, "x" * 388, "ö" * 65, "\ud800"])
def test_what_is_no_name(name: Any) -> None:
    shown = Shown(12)
    with pytest.raises(LocalProtocolError):
        shown.presence.set_name(name)
    if name is not None:
        with pytest.raises(LocalProtocolError):
            shown.presence.go_online(Status.ONLINE, name, None)
    assert shown.said() == []


def test_the_longest_name() -> None:
    """A server closes the connection for more than 387 bytes, counted as they travel."""
    shown = Shown(12)
    for name in ("x" * 387, "ö" * 64 + "xyz"):
        shown.presence.set_name(name)
    assert [len(command.args[1]) for command in shown.said()] == [387, 387]


# --- the personal message ------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["hi", "", "<PSM> & ü"])
def test_the_personal_message(text: str) -> None:
    shown = Shown(11)
    work = shown.presence.set_personal_message(text)
    (command,) = shown.said()
    assert command.verb == "UUX"
    data = parse(command.payload or b"")
    assert (text_of(data, "PSM") or "", text_of(data, "CurrentMedia") or "") == (text, "")
    shown.hear(5, "UUX 0")
    done(work)


def test_there_were_none_before_msnp11() -> None:
    shown = Shown(10)
    with pytest.raises(LocalProtocolError, match="MSNP10 has no personal messages; MSNP11"):
        shown.presence.set_personal_message("hi")
    with pytest.raises(LocalProtocolError, match="MSNP10 has no personal messages"):
        shown.presence.go_online(Status.ONLINE, None, "hi")
    assert shown.said() == []


# --- the list ------------------------------------------------------------------------------------


def test_the_contacts_are_told_before_the_status() -> None:
    """Contacts do not see an account whose server does not know them."""
    shown = Shown(15)
    people = [
        Entry("a@b", bits=3),
        Entry("x@b", bits=4),
        Entry("rl@b", bits=8),
        Entry("pl@b", bits=16),
    ]
    shown.presence.go_online(Status.ONLINE, None, None)
    shown.book(Book({one.passport: one for one in people}))
    assert shown.lines() == ["BLP AL"]
    # 218: it is set so already. What is to be so is so.
    shown.hear(5, "218")
    (told,) = shown.said()
    assert told.payload == (
        b'<ml l="1"><d n="b"><c n="a" l="3" t="1"/><c n="x" l="4" t="1"/></d></ml>'
    )
    shown.hear(6, "ADL OK")
    assert shown.lines() == ["CHG NLN 1073741856"]


def test_a_long_list_is_told_in_parts_and_each_of_them_is_waited_for() -> None:
    shown = Shown(15)
    people = {f"u{n}@b": Entry(f"u{n}@b", bits=3) for n in range(301)}
    shown.presence.go_online(Status.ONLINE, None, None)
    shown.book(Book(people))
    shown.hear(5, "BLP AL")
    assert [command.verb for command in shown.said()] == ["BLP", "ADL", "ADL", "ADL"]
    shown.hear(8, "ADL OK")
    shown.hear(6, "ADL OK")
    assert shown.lines() == []
    shown.hear(7, "ADL OK")
    assert shown.lines() == ["CHG NLN 1073741856"]


def test_a_list_that_is_refused_is_told_anew() -> None:
    shown = Shown(15)
    work = shown.presence.go_online(Status.ONLINE, None, None)
    shown.book(Book())
    shown.hear(5, "BLP AL")
    shown.hear(6, "241")
    with pytest.raises(CommandRefused, match="ADL was refused: the list that was sent names what"):
        work.result()
    assert shown.presence.status is None
    shown.said()
    shown.presence.go_online(Status.ONLINE, None, None)
    assert (shown.lines(), shown.desk.actions) == (["BLP AL"], [])


def test_nobody_but_the_address_book_tells_the_own_name() -> None:
    shown = Shown(15)
    work = shown.presence.contacts()
    shown.book(Book(own_name="Alice ♥"))
    assert done(work) == []
    assert shown.desk.connection.display_name == "Alice ♥"
    shown = Shown(15)
    shown.presence.contacts()
    shown.book(Book())
    assert shown.desk.connection.display_name == "Me", "a book without it leaves what is known"


@pytest.mark.parametrize(
    ("dialect", "operation"), [(13, "ABFindAll"), (15, "ABFindAll"), (16, "ABFindContactsPaged")]
)
def test_how_the_address_book_is_asked(dialect: int, operation: str) -> None:
    """Clients of MSNP16 and on read it in pages."""
    shown = Shown(dialect)
    shown.presence.contacts()
    (consult,) = shown.desk.actions
    assert isinstance(consult, Consult)
    exchange = consult.make(Servers("ns.example"), Secret("t=1&p="))
    next(exchange)
    nothing = b'<s:Envelope xmlns:s="urn:s"><s:Body/></s:Envelope>'
    request = exchange.send(Response(200, (), nothing))
    assert str(dict(request.headers)["SOAPAction"]).endswith(f'/{operation}"')


def test_after_a_loss_everybody_is_gone_and_the_list_is_read_anew() -> None:
    shown = Shown(15)
    shown.ready(Entry("a@b", bits=3))
    shown.presence.take(Command("NLN", None, ("NLN", "a@b", "1", "Ann", "0")))
    assert isinstance(shown.desk.happened[-1], ContactOnline)
    shown.presence.lost()
    assert [contact.status for contact in shown.roster.contacts()] == [Status.OFFLINE]
    shown.presence.contacts()
    assert len(shown.desk.actions) == 1
    shown.book(Book({"a@b": Entry("a@b", bits=3)}))
    shown.presence.go_online(Status.ONLINE, None, None)
    assert shown.lines() == ["BLP AL"], "the new connection was told nothing yet"


# --- coming back ---------------------------------------------------------------------------------


def test_nothing_is_set_up_again_that_was_not_there() -> None:
    shown = Shown(12)
    shown.presence.lost()
    assert shown.presence.restored().is_there
    assert shown.said() == []


def test_status_and_message_are_set_up_again() -> None:
    shown = Shown(15)
    shown.ready()
    shown.presence.go_online(Status.BUSY, None, "hi")
    for trid, line in ((8, "CHG BSY"), (9, "UUX 0")):
        shown.hear(trid, line)
    shown.said()
    shown.presence.lost()
    later = SessionConnection(signed_in(15, 20), now=0.0, number=shown.desk.next_number())
    later.profile = Profile(b"sid: 507\r\n")
    shown.desk.change_connection(later)
    work = shown.presence.restored()
    shown.book(Book())
    for trid, line in ((20, "BLP AL"), (21, "ADL OK"), (22, "CHG BSY"), (23, "UUX 0")):
        assert not work.is_there
        shown.hear(trid, line)
    done(work)
    *_, status, message = shown.said()
    assert (status.verb, status.args[0]) == ("CHG", "BSY")
    assert b"<PSM>hi</PSM>" in (message.payload or b"")


# --- MSNP21 --------------------------------------------------------------------------------------


def test_one_document_says_all_of_it() -> None:
    shown = Shown(21)
    work = shown.presence.go_online(Status.AWAY, "Zöe", "<hi>")
    shown.book(Book())
    own, rest = shown.said()
    assert (own.verb, rest.verb) == ("ADL", "ADL"), "and no BLP"
    assert b'n="me"' in (own.payload or b"")
    for trid in (5, 6):
        shown.hear(trid, "ADL OK")
    (command,) = shown.said()
    assert command.verb == "PUT"
    assert published(command) == Published("AWY", "Zöe", "<hi>", "1073741856:0", True)
    assert (shown.presence.status, shown.desk.connection.display_name) == (None, "Me")
    shown.hear(7, "PUT OK 0")
    done(work)
    assert (shown.presence.status, shown.desk.connection.display_name) == (Status.AWAY, "Zöe")


def test_a_change_of_one_of_them_says_the_others_again() -> None:
    shown = Shown(21)
    shown.ready()
    trid = shown.desk.connection.next_trid
    changes: list[tuple[Callable[[], Outcome[None]], Published]] = [
        (
            lambda: shown.presence.set_personal_message("hi"),
            Published("NLN", "Me", "hi", "1073741856:0", True),
        ),
        (
            lambda: shown.presence.set_name("Zöe"),
            Published("NLN", "Zöe", "hi", "1073741856:0", True),
        ),
        (
            lambda: shown.presence.go_online(Status.BUSY, None, None),
            Published("BSY", "Zöe", "hi", "1073741856:0", True),
        ),
        (
            lambda: shown.presence.set_personal_message(""),
            Published("BSY", "Zöe", "", "1073741856:0", True),
        ),
    ]
    for change, expected in changes:
        work = change()
        (command,) = shown.said()
        assert (command.trid, published(command)) == (trid, expected)
        shown.hear(trid, "PUT OK 0")
        done(work)
        trid += 1


def test_a_message_before_the_status_waits_for_it() -> None:
    shown = Shown(21)
    done(shown.presence.set_personal_message("hi"))
    assert shown.said() == []
    shown.presence.go_online(Status.ONLINE, None, None)
    shown.book(Book())
    for trid in (5, 6):
        shown.hear(trid, "ADL OK")
    said = published(shown.said()[-1])
    assert said is not None
    assert said.message == "hi"

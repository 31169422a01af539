"""Every version's contact list and chats, byte by byte, through core, both drivers and service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import msnpauth
from both import AioDriver, SyncDriver
from conftest import Authority
from msnpauth import Secret, Servers, Status
from msnpauth.core.client.actions import SignedIn
from msnpauth.core.client.conversation import Accepted
from msnpauth.core.client.engine import Engine
from msnpauth.core.client.session_actions import Consult, Drop, Open
from msnpauth.core.client.society import Society
from msnpauth.core.client.waiting import Outcome
from msnpauth.core.tickets.exchange import Exchange, Response
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.core.wire.lines import LineReader, NeedData
from msnpauth.core.wire.messages import PLAIN
from msnpauth.core.wire.query import answer
from msnpauth.service.roles.switchboard import SwitchboardRole
from msnpauth.service.stores.memory import at_once
from stage import ALICE, GUID, SWITCHBOARD, Stage
from test_transcripts import SAID, expect, follow, servers, values
from test_transcripts import granted as made_granted
from transcript import FOLDER, Step, steps
from wire import Peer, Server, http

NOW = 100.0
versions = pytest.mark.parametrize("version", DIALECTS)


def filled(version: int, switchboard: str = str(SWITCHBOARD)) -> dict[str, str]:
    """Return what stands for the names."""
    return {
        **values(version),
        "switchboard": switchboard,
        "key": "17262740.1050826919.32308",
        "session": "11752013",
    }


def opening(version: int) -> list[Step]:
    """Return the sign-in that comes before the chats: up to the profile."""
    found = steps(version)
    end = next(at for at, step in enumerate(found) if step.verb == "MSG")
    return found[: end + 1]


def described(event: Any) -> str:
    """Return an event as a transcript has it."""
    name = type(event).__name__
    match event:
        case msnpauth.MessageReceived(_, sender, text):
            return f"{name} {sender} {text}"
        case msnpauth.ContactOnline(contact):
            return f"{name} {contact.passport} {contact.status}"
        case msnpauth.JoinedChat(_, passport) | msnpauth.LeftChat(_, passport):
            return f"{name} {passport}"
        case _:
            return name


def listed(contact: msnpauth.Contact) -> str:
    """Return a contact as a transcript has it."""
    groups, lists = ", ".join(contact.groups), ", ".join(sorted(contact.lists))
    return f"{contact.passport} | {contact.name} | {groups} | {lists}"


def operation(body: bytes) -> str:
    """Return which operation of the contacts host an envelope calls."""
    return body.decode().partition("<soap:Body><")[2].partition(" ")[0]


def test_there_is_one_for_every_version() -> None:
    assert sorted(path.name for path in FOLDER.glob("chat*.txt")) == [
        f"chat{version:02}.txt" for version in DIALECTS
    ]


@versions
def test_it_is_well_formed(version: int) -> None:
    """Every line is one command, of the length that it says."""
    known = filled(version)
    for step in steps(version, "chat"):
        if step.who in "CcSs":
            assert step.command(known).encode() == step.filled(known)


# --- the client, without I/O -------------------------------------------------------------------

CALLS: dict[str, Callable[..., Callable[[Society], Outcome[Any]]]] = {
    "contacts": lambda: lambda society: society.presence.contacts(),
    "go_online": lambda: lambda it: it.presence.go_online(Status.ONLINE, None, None),
    "send_message": lambda to, *words: (
        lambda it: it.chats.send_message([to], " ".join(words), PLAIN, 1.0)
    ),
    "add_contact": lambda who: lambda society: society.lists.add(who, None),
    "remove_contact": lambda who: lambda society: society.lists.remove(who),
}


class Client:
    """An engine behind its sign-in: bytes in, bytes out."""

    def __init__(self, version: int) -> None:
        self.stage = Stage(version)  # answers for the contacts host
        before = opening(version)
        (trid,) = (int(step.text.split()[1]) + 1 for step in before if " OK " in step.text)
        dialect = DIALECTS[version]
        name = "Al ice" if dialect.name_in_ok else ""
        command = Command("USR", trid - 1, ("OK", ALICE, "1", "0"))
        accepted = Accepted(ALICE, name, dialect, verified=True, restricted=False, command=command)
        guid = GUID if dialect.guid else ""
        reader = LineReader(Role.SERVER)
        signed_in = SignedIn(accepted, None, {}, Address("ns", 1863), trid, (), reader, guid)
        self.engine = Engine(signed_in, now=NOW)
        self.engine.take_event()  # society reads along from here on
        for step in before[[step.verb for step in before].index("MSG") - 1 :]:
            if step.verb in ("MSG", "CHL"):
                self.engine.receive_data(1, step.filled(filled(version)), NOW)
        if dialect.chl_first:
            self.said(1)  # the answer to the CHL of the sign-in
        self.board: int | None = None
        self.exchanges: list[tuple[int, Exchange[Any], Any]] = []
        self.pending: dict[int, list[bytes]] = {}

    def said(self, number: int) -> list[bytes]:
        return [command.encode() for command in self.engine.take_output(number, NOW)]

    def perform(self) -> None:
        for action in self.engine.take_actions():
            match action:
                case Open(number):
                    self.board = number
                    assert self.engine.opened(number, NOW)
                case Consult():
                    exchange = action.make(
                        Servers("ns.example", contacts="https://c.example"),
                        Secret(self.stage.ticket()),
                    )
                    self.exchanges.append((action.number, exchange, next(exchange)))
                case Drop():
                    pass
                case _:
                    raise AssertionError(action)

    def next_said(self, number: int) -> bytes:
        """Return the next command on a connection."""
        self.perform()
        waiting = self.pending.setdefault(number, [])
        waiting += self.said(number)
        return waiting.pop(0)

    def consulted(self, asked: str) -> None:
        """Answer what the contacts host is asked for."""
        self.perform()
        number, exchange, request = self.exchanges.pop(0)
        assert f"POST {request.url.target} {operation(request.body)}" == asked
        status, body = self.stage.contacts(request.body)
        try:
            self.exchanges.append((number, exchange, exchange.send(Response(status, (), body))))
        except StopIteration as end:
            self.engine.consulted(number, end.value, NOW)

    def next_event(self) -> Any:
        return self.engine.take_event()


@versions
def test_core(version: int) -> None:
    client, known = Client(version), filled(version)
    outcome: Outcome[Any] = Outcome()
    contacts: list[str] | None = None
    for step in steps(version, "chat"):
        match step.who:
            case ">":
                name, *words = step.text.split()
                outcome = client.engine.begin(CALLS[name](*words))
                contacts = None if name == "contacts" else []
            case "C" | "c":
                number = 1 if step.who == "C" else client.board or 0
                expect(step, client.next_said(number), known)
            case "S" | "s":
                number = 1 if step.who == "S" else client.board or 0
                for byte in step.filled(known):
                    client.engine.receive_data(number, bytes([byte]), NOW)
                client.perform()
            case "H":
                client.consulted(step.text)
            case "=":
                contacts = list(map(listed, outcome.result())) if contacts is None else contacts
                found = contacts.pop(0) if contacts else described(client.next_event())
                assert found == step.text
    outcome.result()
    assert client.next_event() is None
    assert (client.said(1), client.exchanges, contacts) == ([], [], [])


# --- the drivers, on sockets -------------------------------------------------------------------


@pytest.fixture(params=[SyncDriver, AioDriver], ids=["sync", "aio"])
def driver(request: pytest.FixtureRequest) -> Iterator[SyncDriver | AioDriver]:
    with request.param() as made:
        yield made


class Boards:
    """The connections to the switchboard, as the one who plays the server takes them.

    `checked` is released for each line that the client has been asked about. Two connections have
    no order between them, so that the server waits there.
    """

    def __init__(self) -> None:
        self.checked = threading.Semaphore(0)
        self._arrived = threading.Semaphore(0)
        self._peers: list[Peer] = []
        self.peer: Peer | None = None

    def accept(self, peer: Peer) -> None:
        self._peers.append(peer)
        self._arrived.release()
        peer.silence()

    def of(self, step: Step) -> Peer:
        """Return the connection of a step; its first line waits for the connection."""
        if step.verb in ("USR", "ANS") and step.who == "c":
            assert self._arrived.acquire(timeout=20)
            self.peer = self._peers.pop(0)
        assert self.peer is not None
        return self.peer


def play(version: int, peer: Peer, boards: Boards, known: dict[str, str]) -> None:
    """Play the notification server and the switchboard."""
    for step in opening(version):
        follow(step, peer, known)
    if DIALECTS[version].chl_first:
        peer.read_until(known["answer"].encode())
    for step in steps(version, "chat"):
        if step.who == "=":
            assert boards.checked.acquire(timeout=20)
        else:
            where = boards.of(step) if step.who in "cs" else peer
            follow(Step(step.who.upper(), step.text), where, known)


@contextmanager
def played(version: int, authority: Authority, boards: Boards) -> Iterator[Servers]:
    """Run servers that follow the transcripts, a byte at a time."""
    trouble: list[str] = []
    stage, done = Stage(version), threading.Event()
    calls = [step.text for step in steps(version, "chat") if step.who == "H"]

    def notification(peer: Peer) -> None:
        try:
            play(version, peer, boards, filled(version, board.address))
        except (AssertionError, OSError) as problem:
            trouble.append(repr(problem))
            peer.sock.close()
        done.set()

    def web(peer: Peer) -> None:
        head = peer.request()
        target = head.split(" ")[1]
        size = head.lower().partition("content-length: ")[2].split("\r\n")[0]
        if "/abservice/" not in target:
            headers = [f"{name}: {value}" for name, value in granted(version).headers]
            status, body = 200, granted(version).body
        else:
            asked, peer.heard = peer.heard, b""
            while len(asked) < int(size):
                asked += peer.sock.recv(65536)
            expected = calls.pop(0)
            if f"POST {target} {operation(asked)}" != expected:
                trouble.append(f"{target} {operation(asked)} in place of {expected}")
            # Whose ticket it is was checked elsewhere: this one is the transcript's.
            ticket = SAID["ticket"].replace("&", "&amp;").encode()
            own = stage.ticket().replace("&", "&amp;").encode()
            (status, body), headers = stage.contacts(asked.replace(ticket, own)), []
        peer.send(http(status, *headers, body=body))

    with (
        Server(web, authority.server_tls) as secure,
        Server(boards.accept) as board,
        Server(notification) as server,
    ):
        where = servers(version, secure.url, server.address)
        where.contacts = where.oim = Servers("x", contacts=secure.url).contacts
        yield where
        assert done.wait(20)
        assert trouble == []


def granted(version: int) -> Response:
    """Return what the login server or the RST answers."""
    (asked,) = (step for step in opening(version) if step.who == "H")
    return made_granted(asked)


@versions
def test_drivers(version: int, driver: SyncDriver | AioDriver, authority: Authority) -> None:
    contacts: list[str] = []
    boards = Boards()
    with played(version, authority, boards) as where:
        settings = {"dialects": [version], "guid": GUID, "ca_file": authority.ca_file}
        with driver.sign_in(ALICE, Secret("s3cret"), where, timeout=20, **settings) as session:
            for step in steps(version, "chat"):
                if step.who == ">":
                    name, *words = step.text.split()
                    words = [words[0], " ".join(words[1:])] if name == "send_message" else words
                    result = getattr(session, name)(*words)
                    contacts = list(map(listed, result or []))
                elif step.who == "=":
                    found = contacts.pop(0) if contacts else described(session.next_event(20))
                    assert found == step.text
                    boards.checked.release()
    assert contacts == []


# --- the service -------------------------------------------------------------------------------


class Served:
    """Alice's ends of the service: bytes in, one command after another out."""

    def __init__(self, version: int) -> None:
        self.stage = Stage(version)
        self.version = version
        self.lines = LineReader(Role.CLIENT)
        self.guest: SwitchboardRole | None = None
        self.guests_lines = LineReader(Role.CLIENT)
        if DIALECTS[version].chl_first:
            self.stage.alice.ask()
            query = self.stage.alice.out.pop().args[0]
            self.hear(Step("C", f"QRY 5 {DIALECTS[version].product.id} 32\r\n{{answer}}"), query)
            assert self.stage.alice.out.pop().verb == "QRY"

    def hear(self, step: Step, query: str) -> None:
        """Take what Alice says on the notification connection."""
        product = DIALECTS[self.version].product
        right = answer(DIALECTS[self.version].query, query, product.id, product.key) or b""
        for byte in step.filled({"answer": right.decode()}):
            self.lines.feed(bytes([byte]))
            while not isinstance(command := self.lines.next_command(), NeedData):
                assert isinstance(command, Command)
                at_once(self.stage.alice.receive(command))

    def hear_chat(self, step: Step, known: dict[str, str]) -> None:
        """Take what Alice says on a connection to the switchboard."""
        if step.verb in ("USR", "ANS"):
            self.guest, self.guests_lines = self.stage.guest(), LineReader(Role.CLIENT)
        assert self.guest is not None
        for byte in step.filled(known):
            self.guests_lines.feed(bytes([byte]))
            while not isinstance(command := self.guests_lines.next_command(), NeedData):
                assert isinstance(command, Command)
                at_once(self.guest.receive(command))

    def said(self, who: str) -> bytes:
        role = self.stage.alice if who == "S" else self.guest
        assert role is not None
        return role.out.pop(0).encode()

    def consult(self, asked: str) -> None:
        """Call the contacts host, as the client does at this point."""
        name = asked.rpartition(" ")[2]
        exchange = CONSULTED[name](Servers("x"), Secret(self.stage.ticket()))
        request = next(exchange)
        while operation(request.body) != name:
            request = exchange.send(Response(*_http(self.stage.contacts(request.body))))
        status, _ = self.stage.contacts(request.body)
        assert status == 200


def _http(answered: tuple[int, bytes]) -> tuple[int, tuple[()], bytes]:
    return answered[0], (), answered[1]


def _consulted() -> dict[str, Callable[[Servers, Secret], Exchange[Any]]]:
    from msnpauth.core.people import addressbook as book
    from msnpauth.core.people.contact import ListName
    from msnpauth.service.stores.listing import contact_id
    from stage import CAROL

    return {
        "FindMembership": lambda s, t: book.fetch_book(s, t, paged=False),
        "ABFindAll": lambda s, t: book.fetch_book(s, t, paged=False),
        "ABFindContactsPaged": lambda s, t: book.fetch_book(s, t, paged=True),
        "ABContactAdd": lambda s, t: book.add_contact(s, t, CAROL),
        "AddMember": lambda s, t: book.add_member(s, t, ListName.ALLOW, CAROL),
        "ABContactDelete": lambda s, t: book.delete_contact(s, t, contact_id(CAROL)),
    }


CONSULTED = _consulted()


@versions
def test_service(version: int) -> None:
    served = Served(version)
    known = {"switchboard": str(SWITCHBOARD), "query": ""}
    for step in steps(version, "chat"):
        match step.who:
            case "C":
                assert served.stage.alice.out == []
                served.hear(step, known["query"])
            case "c":
                served.hear_chat(step, known)
            case "S" | "s":
                spoken = served.said(step.who)
                found = step.match(spoken)
                assert found is not None, (step, spoken)
                assert found.pop("switchboard", str(SWITCHBOARD)) == str(SWITCHBOARD)
                known |= found
            case "B":
                served.stage.bob.act(step.text)
            case "H":
                served.consult(step.text)
    assert served.stage.alice.out == []
    assert served.guest is None or served.guest.out == []

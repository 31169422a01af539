"""Every version's transcript, byte by byte, through the core, both drivers and the service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from both import AioDriver, SyncDriver
from conftest import Authority
from msnpauth import Command, Secret, Servers, SignIn
from msnpauth.core.client.actions import (
    Action,
    Connect,
    Done,
    Failed,
    Fetch,
    Prepare,
    Send,
    SignedIn,
)
from msnpauth.core.client.connection import SessionConnection
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.tickets.proof import answer as proof
from msnpauth.core.tickets.proof import is_answer, md5_answer
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Role
from msnpauth.core.wire.dialects import DIALECTS, Scheme, known
from msnpauth.core.wire.lines import LineReader, NeedData
from msnpauth.core.wire.query import answer
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice
from transcript import FOLDER, Step, steps
from wire import Peer, Server, http

PASSPORT, PASSWORD = "alice@example.com", Secret("s3cret")
GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
SECRET = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

SAID = {
    "challenge": "lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct=1062764229",
    "nonce": "E4Fhehbe0q2Je+SUSp7IRnJV+rN4uME75ljIpUjIZ1Si+DgmrfuiIL+AFmkMA6Wv",
    "salt": "1013928519.693957190",
    "query": "22210219642164014968",
    "ticket": "t=53*1hAu8ADuD3TEw&p=5eKBBC!yBH6ex",
    "mspauth": f"t={'A' * 292}&p=",
}
"""What the server says where the client is played."""

versions = pytest.mark.parametrize("version", DIALECTS)


def values(version: int) -> dict[str, str]:
    """Return what stands for the names, but for the proof, which is random."""
    product = DIALECTS[version].product
    right = answer(DIALECTS[version].query, SAID["query"], product.id, product.key) or b""
    return {**SAID, "hash": md5_answer(SAID["salt"], PASSWORD), "answer": right.decode()}


def granted(step: Step) -> Response:
    """Return what a server answers to a request for a ticket."""
    if step.text.startswith("GET"):
        info = f"Passport1.4 da-status=success,from-PP='{SAID['ticket']}'"
        return Response(200, (("Authentication-Info", info),))
    site = "messengerclear.live.com"
    ticket = SAID["ticket"].replace("&", "&amp;")
    token = "".join(
        f"<RequestSecurityTokenResponse><AppliesTo><EndpointReference><Address>{address}</Address>"
        "</EndpointReference></AppliesTo><RequestedSecurityToken><BinarySecurityToken>"
        f"{ticket}</BinarySecurityToken></RequestedSecurityToken><RequestedProofToken>"
        f"<BinarySecret>{SECRET.reveal()}</BinarySecret></RequestedProofToken>"
        "</RequestSecurityTokenResponse>"
        for address in (site, "messenger.msn.com", "contacts.msn.com")
    )
    return Response(200, (), f"<Envelope><Body>{token}</Body></Envelope>".encode())


def servers(version: int, where: str, notification: str) -> Servers:
    """Return the servers of the version's own way to a ticket."""
    dialect = DIALECTS[version]
    if dialect.scheme is Scheme.MD5:
        return Servers(notification=notification, schemes=["MD5"])
    name = "rst2" if dialect.rst2 else "rst" if dialect.rst else "login"
    path = {"rst2": "/RST2.srf", "rst": "/RST.srf", "login": "/login"}[name]
    way: dict[str, Any] = {name: where + path}
    return Servers(notification=notification, **way)


def said_by_server(found: list[Step], version: int) -> list[Command]:
    """Return what the caller of a session is shown: all but what the session answers itself."""
    own = {step.command(values(version)).trid for step in found if step.verb == "QRY"}
    shown: list[Command] = []
    signed_in = False
    for step in found:
        if step.who == "S":
            command = step.command(values(version))
            is_own = command.verb == "CHL" or (command.verb == "QRY" and command.trid in own)
            if (signed_in or command.verb == "GCF") and not is_own:
                shown.append(command)
            signed_in = signed_in or command.args[:1] == ("OK",)
    return shown


def test_there_is_one_for_every_version() -> None:
    assert sorted(path.name for path in FOLDER.glob("msnp*.txt")) == [
        f"msnp{version:02}.txt" for version in DIALECTS
    ]


@versions
def test_it_is_well_formed(version: int) -> None:
    """Every line is one command, of the length that it says."""
    filled = values(version) | {"proof": "HAAAAA=="}
    for step in steps(version):
        if step.who != "H":
            assert step.command(filled).encode() == step.filled(filled)


# --- the client, without I/O -------------------------------------------------------------------


class Client:
    """SignIn, then SessionConnection: bytes in, bytes out."""

    def __init__(self, version: int, pipeline: bool) -> None:
        self.machine = SignIn(
            PASSPORT,
            PASSWORD,
            servers(version, "https://login.example", "ns.example:1863"),
            dialects=[version],
            guid=GUID,
            pipeline=pipeline,
        )
        self.said: list[bytes] = []
        self.fetch: Fetch | None = None
        self.result: SignedIn | None = None
        self.session: SessionConnection | None = None
        self.shown: list[Command] = []
        self.perform(self.machine.start())

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(commands):
                    self.said += [command.encode() for command in commands]
                case Fetch():
                    self.fetch = action
                case Done(result):
                    self.result = result
                    self.session = SessionConnection(result, now=0.0)
                    self.take(None)
                case Failed(error):
                    raise error
                case Connect() | Prepare():
                    pass

    def take(self, data: bytes | None) -> None:
        """Take bytes of the server, in a session."""
        assert self.session is not None
        self.shown += self.session.receive(data, 0.0)
        commands, self.session.to_send = self.session.to_send, []
        self.said += [command.encode() for command in commands]

    def feed(self, byte: bytes) -> None:
        if self.session is None:
            self.perform(self.machine.receive_data(byte))
        else:
            self.take(byte)

    def say(self, command: Command) -> None:
        assert self.session is not None
        self.session.send(command.verb, command.args, command.payload)
        self.take(None)


@versions
@pytest.mark.parametrize("pipeline", [True, False])
def test_core(version: int, pipeline: bool) -> None:
    client = Client(version, pipeline)
    for step in steps(version):
        match step.who:
            case "S":
                for byte in step.filled(values(version)):
                    client.feed(bytes([byte]))
            case "H":
                assert client.fetch is not None
                request = client.fetch.request
                assert f"{request.method} {request.url.target}" == step.text
                client.perform(client.machine.receive_response(client.fetch.id, granted(step)))
            case _:
                if client.session is not None and step.verb not in ("QRY", "OUT"):
                    client.say(step.command(values(version)))
                if step.verb != "OUT":
                    expect(step, client.said.pop(0), values(version))
    assert client.said == []
    assert client.shown == said_by_server(steps(version), version)
    assert client.session is not None
    assert client.session.ended is None
    assert client.session.profile["preferredEmail"] == PASSPORT


def expect(step: Step, said: bytes, filled: dict[str, str]) -> None:
    """Check a line of the client; its proof is not the same twice, so it is checked by its key."""
    found = step.match(said)
    assert found is not None, (step, said)
    assert all(filled[name] == text for name, text in found.items() if name != "proof")
    assert "proof" not in found or is_answer(found["proof"], SECRET, filled["nonce"])


# --- the drivers, on sockets -------------------------------------------------------------------


@pytest.fixture(params=[SyncDriver, AioDriver], ids=["sync", "aio"])
def driver(request: pytest.FixtureRequest) -> Iterator[SyncDriver | AioDriver]:
    with request.param() as made:
        yield made


def follow(step: Step, peer: Peer, filled: dict[str, str]) -> None:
    """Play the server's part of one step."""
    if step.who == "S":
        for byte in step.filled(filled):
            peer.send(bytes([byte]))
    elif step.who == "C":
        payload = step.command(filled | {"proof": "x"}).payload
        said = peer.read_until(b"\r\n")
        expect(step, said + (peer.read_until(payload) if payload else b""), filled)


@contextmanager
def played(version: int, authority: Authority) -> Iterator[Servers]:
    """Run servers that follow the transcript, a byte at a time."""
    trouble: list[str] = []
    done = threading.Event()

    def notification(peer: Peer) -> None:
        try:
            for step in steps(version):
                follow(step, peer, values(version))
            if rest := peer.until_closed():
                trouble.append(f"and then {rest!r}")
        except (AssertionError, OSError) as problem:
            trouble.append(repr(problem))
        done.set()

    def login(peer: Peer) -> None:
        (asked,) = (step for step in steps(version) if step.who == "H")
        head = peer.request()
        if not head.startswith(f"{asked.text} HTTP/1.1"):
            trouble.append(head)
        response = granted(asked)
        lines = [f"{name}: {value}" for name, value in response.headers]
        for byte in http(200, *lines, body=response.body):
            peer.send(bytes([byte]))

    with Server(login, authority.server_tls) as secure, Server(notification) as server:
        yield servers(version, secure.url, server.address)
        assert done.wait(20)
        assert trouble == []


@versions
def test_drivers(version: int, driver: SyncDriver | AioDriver, authority: Authority) -> None:
    found, shown = steps(version), []
    with played(version, authority) as where:
        settings = {"dialects": [version], "guid": GUID, "ca_file": authority.ca_file}
        with driver.sign_in(PASSPORT, PASSWORD, where, **settings) as session:
            begun = next(
                at for at, step in enumerate(found) if step.verb == "USR" and " OK " in step.text
            )
            shown += [session.receive(20) for _ in said_by_server(found[: begun + 1], version)]
            for at, step in enumerate(found[begun + 1 :], begun + 1):
                if step.who == "S":
                    expected = said_by_server(found[: at + 1], version)
                    while len(shown) < len(expected):
                        shown.append(session.receive(20))
                elif step.verb not in ("QRY", "OUT"):
                    command = step.command(values(version))
                    session.send(command.verb, *command.args, payload=command.payload)
    assert shown == said_by_server(found, version)
    assert session.ended.reason == "closed"


# --- the service -------------------------------------------------------------------------------


class Served:
    """The notification role: bytes in, one command after another out."""

    def __init__(self) -> None:
        account = Account(
            PASSPORT,
            PASSWORD,
            display_name="Al ice",
            allow_md5=True,
            contacts=("bob@example.com",),
        )
        self.tickets = TicketOffice(now=lambda: NOW)
        accounts = Accounts.of([account])
        right = at_once(accounts.check(PASSPORT, PASSWORD, Scheme.TWN))
        assert right is not None
        self.stamp = right.stamp
        office = Office(
            in_memory(accounts),
            self.tickets,
            known(DIALECTS),
            now=lambda: NOW,
        )
        self.role = NotificationRole(office, here=Address("ns.example", 1863))
        self.lines = LineReader(Role.CLIENT)

    def feed(self, byte: bytes) -> None:
        self.lines.feed(byte)
        while not isinstance(command := self.lines.next_command(), NeedData):
            assert isinstance(command, Command)
            at_once(self.role.receive(command))

    def made_of(self, said: dict[str, str], version: int) -> dict[str, Any]:
        """Return what a client makes of what the server said."""
        product = DIALECTS[version].product
        made = dict(said)
        if "salt" in said:
            made["hash"] = md5_answer(said["salt"], PASSWORD)
        if "challenge" in said:
            made["ticket"] = self.tickets.issue(PASSPORT, stamp=self.stamp)[0]
        if "nonce" in said:
            site = "messengerclear.live.com"
            made["ticket"] = self.tickets.issue(PASSPORT, site, secret=SECRET, stamp=self.stamp)[0]
            made["proof"] = proof(SECRET, said["nonce"])
        if "query" in said:
            rule = DIALECTS[version].query
            right = answer(rule, said["query"], product.id, product.key)
            made["answer"] = (right or b"").decode()
        return made


@versions
def test_service(version: int) -> None:
    served, said = Served(), dict[str, str]()
    for step in steps(version):
        if step.who == "C":
            assert served.role.out == []
            for byte in step.filled(served.made_of(said, version)):
                served.feed(bytes([byte]))
        elif step.who == "S":
            spoken = served.role.out.pop(0).encode()
            found = step.match(spoken)
            assert found is not None, (step, spoken)
            said |= found
    assert served.role.out == []
    assert served.role.closing

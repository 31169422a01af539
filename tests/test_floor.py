"""A sign-in costs exactly the round trips that physics asks for.

The core meets the service's own roles on a network that does not exist: a clock that jumps from one
event to the next, where a TCP handshake takes 1, a TLS handshake 1 more, and a flight each way ½. The
legs run beside each other as the drivers run them; whoever puts one behind the other, asks what is known
already, or opens a connection too late, is found out here without any waiting.

    notification leg: TCP 1, VER CVR USR 1                                      = 2, and 2 for each XFR
    HTTPS leg:        TCP 1, TLS 1 = 2; a nexus before it on the same host 3, on another 5
    sign-in:          the later of the two, the request for a ticket 1, USR … S 1

A handshake of TLS 1.2 takes 2, and 1 when a session is resumed. Where that counts, both ends are real:
the client's as the carriers have it, and the flights are counted.
Under SSO the request for a ticket may be made before the challenge, where that is known to be a round
trip away: behind an XFR, or while the notification server is connected to, if HTTPS stands already.
"""

from __future__ import annotations

import heapq
import itertools
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Authority
from far import Far
from msnpauth import Secret, Servers, SignIn
from msnpauth.core.client.actions import Action, Connect, Done, Failed, Fetch, Prepare, Send
from msnpauth.core.client.memory import Memory
from msnpauth.core.client.policies import USUAL, Policies
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Role
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.core.wire.lines import LineReader, NeedData
from msnpauth.net.sessions import Resumption
from msnpauth.service.roles.door import Door
from msnpauth.service.roles.login import LoginRole
from msnpauth.service.roles.notification import NotificationRole
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.rst import RstRole
from msnpauth.service.roles.web import WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

PASSPORT, PASSWORD = "alice@example.com", Secret("s3cret")
DISPATCH, NS = Address("ds.example", 1863), Address("ns.example", 1863)
LOGIN, NEXUS = "https://login.example", "https://nexus.example"


class Clock:
    """What is to happen, in its order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, delay: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + delay, next(self._order), event))

    def step(self) -> None:
        """Jump to the next event."""
        self.now, _, event = heapq.heappop(self._events)
        event()


class Tls:
    """Settings of both ends, for handshakes that are really made."""

    def __init__(self, authority: Authority, version: ssl.TLSVersion) -> None:
        self.near = ssl.create_default_context(cafile=str(authority.ca_file))
        self.far = authority.tls_for("login.example", "nexus.example")
        self.far.maximum_version = version

    def flights(self, host: str) -> int:
        """Connect, and return the round trips until the first request may leave."""
        resumption = Resumption(self.near, Address(host, 443))
        near = resumption.connection()
        near.start()
        far = Far(self.far)
        flights = far.shake_hands(near)
        near.read()
        resumption.keep(near.tls)
        return flights


class Network:
    """The service's roles, and how far away each is."""

    def __init__(self, tls: Tls | None = None) -> None:
        self.tls = tls
        accounts = Accounts.of([Account(PASSPORT, PASSWORD, allow_md5=True)])
        self.tickets = TicketOffice()
        self.office = Office(in_memory(accounts), self.tickets, known(DIALECTS))
        here = "login.example"
        login = LoginRole(Door(accounts), self.tickets, login=here, homes={}, here=here)
        self.web = WebSite(login.paths(), RstRole(Door(accounts), self.tickets).paths())
        self.asked: list[str] = []
        self.policy = USUAL
        """What the challenges of SSO name."""

    def notification(self, address: Address) -> NotificationRole:
        target = NS if address == DISPATCH else None
        return NotificationRole(self.office, here=address, transfer_to=target)

    def answer(self, action: Fetch) -> Response:
        request = action.request
        self.asked.append(str(request.url))
        headers = {name.decode().lower(): value.decode() for name, value in request.all_headers()}
        asked = WebRequest(request.method, request.url.target, headers, request.body)
        said = at_once(self.web.answer(asked))
        return Response(said.status, said.headers, said.body)


class Talk:
    """The connection to a notification server."""

    def __init__(self, driver: Driver, address: Address) -> None:
        self._driver = driver
        self._role = driver.network.notification(address)
        self._lines = LineReader(Role.CLIENT)
        self._ready_at = driver.clock.now + driver.tcp
        self.dropped = False

    def send(self, action: Send) -> None:
        departs = max(self._ready_at, self._driver.clock.now)
        data = action.encode()
        self._driver.clock.after(departs - self._driver.clock.now + 0.5, lambda: self._heard(data))

    def _heard(self, data: bytes) -> None:
        self._lines.feed(data)
        while not isinstance(command := self._lines.next_command(), NeedData):
            at_once(self._role.receive(command))  # type: ignore[arg-type]  # this client makes no fault
        commands, self._role.out = self._role.out, []
        answer = b"".join(command.encode() for command in commands)
        answer = answer.replace(f" {USUAL} ".encode(), f" {self._driver.network.policy} ".encode())
        self._driver.clock.after(0.5, lambda: self._driver.receive(self, answer))


class Driver:
    """Performs what SignIn asks for, as the drivers do: HTTPS in order, beside the rest.

    `kept` is the origin of the server to which an HTTPS connection stands from the beginning. With
    `fast_open` what is said first travels with the SYN: a connection by itself takes no time.
    """

    def __init__(
        self, machine: SignIn, network: Network, kept: str = "", *, fast_open: bool = False
    ) -> None:
        self.tcp = 0 if fast_open else 1
        self.machine = machine
        self.network = network
        self.clock = Clock()
        self.result: Done | None = None
        self._talk: Talk | None = None
        self._https_free_at = 0.0
        self._origin = kept

    def run(self) -> float:
        """Return the time at which USR OK had come."""
        self.perform(self.machine.start())
        while self.result is None:
            self.clock.step()
        return self.clock.now

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Connect(address):
                    self._talk = talk = Talk(self, address)
                    self.clock.after(self.tcp, lambda talk=talk: self._came_about(talk))  # type: ignore[misc]
                case Send():
                    assert self._talk is not None
                    self._talk.send(action)
                case Prepare(url):
                    self._connected(url.origin)
                case Fetch(number, request):
                    self._connected(request.url.origin)
                    answer = self.network.answer(action)
                    self._https_free_at += 1
                    self._at(self._https_free_at, number, answer)
                case Done():
                    self.result = action
                case Failed(error):
                    raise error

    def receive(self, talk: Talk, data: bytes) -> None:
        if talk is self._talk:
            self.perform(self.machine.receive_data(data))

    def _came_about(self, talk: Talk) -> None:
        if talk is self._talk:
            stands = self._origin != "" and self._https_free_at <= self.clock.now
            self.perform(self.machine.connected(https_stands=stands))

    def _connected(self, origin: str) -> None:
        """Have a connection to that server: the one there is, or another by TCP and TLS."""
        self._https_free_at = max(self._https_free_at, self.clock.now)
        if origin != self._origin:
            tls = self.network.tls
            flights = tls.flights(origin.partition("//")[2]) if tls else 1
            self._https_free_at += self.tcp + flights
            self._origin = origin

    def _at(self, time: float, number: int, answer: Response) -> None:
        self.clock.after(
            time - self.clock.now,
            lambda: self.perform(self.machine.receive_response(number, answer)),
        )


def servers(*, hop: bool, **where: Any) -> Servers:
    first = DISPATCH if hop else NS
    return Servers(notification=str(first), **where)


def cost(servers: Servers, network: Network, *, fast_open: bool = False, **settings: Any) -> float:
    """Return the round trips of one sign-in."""
    machine = SignIn(PASSPORT, PASSWORD, servers, **settings)
    return Driver(machine, network, fast_open=fast_open).run()


class Learner:
    """Signs in again and again, and tells each sign-in what the last one has learned."""

    def __init__(self, scheme: str) -> None:
        self._scheme = scheme
        self._memory = Memory()

    def machine(self, servers: Servers) -> SignIn:
        return SignIn(PASSPORT, PASSWORD, servers, scheme=self._scheme, memory=self._memory)

    def cost(self, servers: Servers, network: Network, *, fast_open: bool = False) -> float:
        machine = self.machine(servers)
        round_trips = Driver(machine, network, fast_open=fast_open).run()
        self._memory = machine.memory
        return round_trips


OLD_TLS, NEW_TLS = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
ONE_HOST = {"nexus": f"{LOGIN}/rdr/pprdr.asp"}
TWO_HOSTS = {"nexus": f"{NEXUS}/rdr/pprdr.asp"}
LOGIN_KNOWN = {"login": f"{LOGIN}/login2.srf"}
RST = {"rst": f"{LOGIN}/RST.srf"}
RST2 = {"rst2": f"{LOGIN}/RST2.srf"}


@pytest.mark.parametrize(
    ("scheme", "where", "floor", "with_hop"),
    [
        pytest.param("TWN", TWO_HOSTS, 7, 7, id="TWN, nexus on another host"),
        pytest.param("TWN", ONE_HOST, 5, 6, id="TWN, nexus and login on one host"),
        pytest.param("TWN", LOGIN_KNOWN, 4, 6, id="TWN, login address known"),
        pytest.param("TWN", RST, 4, 6, id="TWN, by RST"),
        pytest.param("SSO", RST, 4, 6, id="SSO, by RST"),
        pytest.param("SSO", RST2, 4, 6, id="SSO, by RST2"),
        pytest.param("MD5", {}, 3, 5, id="MD5"),
    ],
)
def test_the_first_sign_in(scheme: str, where: dict[str, str], floor: int, with_hop: int) -> None:
    network = Network()
    assert cost(servers(hop=False, **where), network, scheme=scheme) == floor
    assert cost(servers(hop=True, **where), network, scheme=scheme) == with_hop


@pytest.mark.parametrize(
    ("scheme", "where", "floor", "with_hop"),
    [
        pytest.param("TWN", TWO_HOSTS, 4, 6, id="TWN, login address remembered"),
        pytest.param("TWN", RST, 3, 5, id="TWN, ticket still valid"),
        pytest.param("SSO", RST, 3, 5, id="SSO, cached ticket"),
        pytest.param("SSO", RST2, 3, 5, id="SSO, cached ticket by RST2"),
    ],
)
def test_the_next_sign_in(scheme: str, where: dict[str, str], floor: int, with_hop: int) -> None:
    network, learner = Network(), Learner(scheme)
    learner.cost(servers(hop=False, **where), network)
    assert learner.cost(servers(hop=False, **where), network) == floor
    # What was learned of the hop would save it: this is a network with a hop, seen for the first
    # time.
    assert learner.cost(servers(hop=True, **where), network) == with_hop
    assert learner.cost(servers(hop=True, **where), network) == floor


def test_with_a_kept_ticket_no_web_server_is_bothered() -> None:
    network, learner = Network(), Learner("SSO")
    learner.cost(servers(hop=False, **RST), network)
    machine = learner.machine(servers(hop=False, **RST))
    assert [type(action) for action in machine.start()] == [Connect, Send]
    assert network.asked == [f"{LOGIN}/RST.srf"]


@pytest.mark.parametrize("scheme", ["TWN", "SSO"])
def test_one_command_at_a_time_costs_two_more(scheme: str) -> None:
    """For servers that cannot take three commands at once."""
    network = Network()
    assert cost(servers(hop=False, **RST), network, scheme=scheme, pipeline=False) == 6


@pytest.mark.parametrize(
    ("version", "where", "first", "later"),
    [
        pytest.param(OLD_TLS, TWO_HOSTS, 9, 4, id="TLS 1.2, nexus on another host"),
        pytest.param(OLD_TLS, ONE_HOST, 6, 4, id="TLS 1.2, nexus and login on one host"),
        pytest.param(OLD_TLS, LOGIN_KNOWN, 5, 4, id="TLS 1.2, login address known"),
        pytest.param(NEW_TLS, TWO_HOSTS, 7, 4, id="TLS 1.3, nexus on another host"),
        pytest.param(NEW_TLS, LOGIN_KNOWN, 4, 4, id="TLS 1.3, login address known"),
    ],
)
def test_a_resumed_session_saves_a_round_trip_of_tls_1_2(
    authority: Authority, version: ssl.TLSVersion, where: dict[str, str], first: int, later: int
) -> None:
    network, learner = Network(Tls(authority, version)), Learner("TWN")
    known = servers(hop=False, **where)
    assert learner.cost(known, network) == first
    assert [learner.cost(known, network) for _ in range(3)] == [later] * 3


# --- the ticket before the challenge -------------------------------------------------------------


def bet(
    network: Network,
    policies: Policies,
    *,
    hop: bool,
    kept: str = "",
    fast_open: bool = False,
    **settings: Any,
) -> tuple[float, int]:
    """Return the round trips of a sign-in by SSO, and how many requests for tickets it made."""
    before = len(network.asked)
    at = servers(hop=hop, **RST)
    machine = SignIn(PASSPORT, PASSWORD, at, scheme="SSO", policies=policies, **settings)
    round_trips = Driver(machine, network, kept, fast_open=fast_open).run()
    return round_trips, len(network.asked) - before


@pytest.mark.parametrize("change", [False, True], ids=["as expected", "another policy"])
@pytest.mark.parametrize(
    ("settings", "hop", "awaited", "expected"),
    [
        pytest.param({}, False, 4, 4, id="no XFR: nothing to gain"),
        pytest.param({}, True, 6, 5, id="one XFR"),
        pytest.param({"kept": LOGIN}, False, 4, 3, id="HTTPS connection kept"),
        pytest.param({"kept": LOGIN}, True, 6, 5, id="HTTPS connection kept, one XFR"),
        pytest.param({"pipeline": False}, False, 6, 5, id="one command at a time"),
        pytest.param({"pipeline": False}, True, 10, 9, id="one command at a time, one XFR"),
        pytest.param({"fast_open": True}, False, 3, 3, id="fast open, no XFR"),
        pytest.param({"fast_open": True}, True, 4, 3, id="fast open, one XFR"),
        pytest.param({"fast_open": True, "kept": LOGIN}, False, 3, 2, id="fast open, HTTPS kept"),
        pytest.param({"fast_open": True, "kept": LOGIN}, True, 4, 3, id="fast open, HTTPS, XFR"),
        pytest.param({"fast_open": True, "pipeline": False}, False, 5, 4, id="fast open, one"),
        pytest.param({"fast_open": True, "pipeline": False}, True, 8, 7, id="fast open, one, XFR"),
    ],
)
def test_a_policy_that_was_remembered(
    settings: dict[str, Any], hop: bool, awaited: float, expected: float, change: bool
) -> None:
    network, policies = Network(), Policies()
    assert bet(network, policies, hop=hop, **settings) == (awaited, 1)
    if change:
        network.policy = "MBI_KEY"
        # A wrong guess costs a request, and no round trip.
        requests = 1 if expected == awaited else 2
        assert bet(network, policies, hop=hop, **settings) == (awaited, requests)
    assert bet(network, policies, hop=hop, **settings) == (expected, 1)
    assert bet(network, policies, hop=hop, speculate=False, **settings) == (awaited, 1)


def test_the_usual_policy() -> None:
    """At a network that is seen for the first time, for who wants that."""
    assert bet(Network(), Policies(), hop=True, speculate=True) == (5, 1)
    network, policies = Network(), Policies()
    network.policy = "MBI_KEY"
    assert bet(network, policies, hop=True, speculate=True) == (6, 2)
    assert bet(network, policies, hop=True, speculate=True) == (5, 1)


def test_what_one_network_names_is_not_expected_of_another() -> None:
    network, policies = Network(), Policies()
    bet(network, policies, hop=False)  # the same RST, and another notification server
    assert bet(network, policies, hop=True) == (6, 1)


@pytest.mark.parametrize(
    ("settings", "floor", "with_hop"),
    [({}, 7, 9), ({"speculate": False}, 9, 11), ({"fast_open": True}, 5, 6)],
)
def test_a_kept_ticket_that_the_network_has_forgotten(
    settings: dict[str, Any], floor: float, with_hop: float
) -> None:
    """Refused after 3. The sign-in knows the policy already, and asks while it connects again."""
    learner = Learner("SSO")
    learner.cost(servers(hop=False, **RST), Network())
    memory = learner.machine(servers(hop=False, **RST)).memory
    settings = settings | {"memory": memory}
    assert bet(Network(), Policies(), hop=False, **settings) == (floor, 1)
    assert bet(Network(), Policies(), hop=True, **settings) == (with_hop, 1)


# --- words that travel with the SYN --------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "where", "floor", "with_hop"),
    [
        pytest.param("TWN", TWO_HOSTS, 5, 5, id="TWN, nexus on another host"),
        pytest.param("TWN", ONE_HOST, 4, 4, id="TWN, nexus and login on one host"),
        pytest.param("TWN", LOGIN_KNOWN, 3, 4, id="TWN, login address known"),
        pytest.param("TWN", RST, 3, 4, id="TWN, by RST"),
        pytest.param("SSO", RST, 3, 4, id="SSO, by RST"),
        pytest.param("MD5", {}, 2, 3, id="MD5"),
    ],
)
def test_fast_open(scheme: str, where: dict[str, str], floor: int, with_hop: int) -> None:
    network = Network()
    settings: dict[str, Any] = {"scheme": scheme, "fast_open": True}
    assert cost(servers(hop=False, **where), network, **settings) == floor
    assert cost(servers(hop=True, **where), network, **settings) == with_hop


def test_fast_open_with_a_kept_ticket() -> None:
    network, learner = Network(), Learner("SSO")
    learner.cost(servers(hop=False, **RST), network)
    assert learner.cost(servers(hop=False, **RST), network, fast_open=True) == 2
    assert learner.cost(servers(hop=True, **RST), network, fast_open=True) == 3
    assert learner.cost(servers(hop=True, **RST), network, fast_open=True) == 2

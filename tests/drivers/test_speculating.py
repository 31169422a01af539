"""The ticket before the challenge, sync and async: servers that wait until they were asked for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Self

import pytest

import msnpauth.sync.driver as sync_driver
from both import AioDriver, SyncDriver
from conftest import Authority
from msnpauth import RemoteProtocolError, Servers, WrongCredentials
from msnpauth.core.client.actions import Prepare
from msnpauth.core.client.policies import Policies
from msnpauth.sansio import make_async_transport, make_transport
from msnpauth.sync.connection import Connection
from wire import PASSPORT, PASSWORD, Peer, Server, http

Driver = SyncDriver | AioDriver
PATIENCE = 20

GRANTED = http(
    200,
    body=b"<E><Body><RequestSecurityTokenResponse><Address>messengerclear.live.com</Address>"
    b"<BinarySecurityToken>t=1&amp;p=</BinarySecurityToken><RequestedProofToken><BinarySecret>"
    b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX</BinarySecret></RequestedProofToken>"
    b"</RequestSecurityTokenResponse></Body></E>",
)
REFUSED = http(
    500, body=b"<E><Body><Fault><faultcode>wsse:FailedAuthentication</faultcode></Fault></Body></E>"
)


class Network:
    """A dispatch server, a notification server and an RST service, as a test wants them."""

    def __init__(self, authority: Authority) -> None:
        self.policy = "MBI_KEY_OLD"
        self.answer = GRANTED
        self.asked = threading.Semaphore(0)
        """Has one for each request for tickets that came."""
        self.asked_before = True
        """Whether the notification server was to see such a request before it challenged."""
        self.patient = False
        self.requests = 0
        self._authority = authority
        self._dispatch = Server(self._sends_on)
        self._notification = Server(self._challenges)
        self._rst = Server(self._grants, authority.server_tls)

    def settings(self, **others: Any) -> dict[str, Any]:
        return {"ca_file": self._authority.ca_file, "dialects": [15], "timeout": 20} | others

    def servers(self, *, hop: bool = True) -> Servers:
        first = self._dispatch if hop else self._notification
        return Servers(notification=first.address, rst=f"{self._rst.url}/RST.srf")

    def __enter__(self) -> Self:
        for server in (self._dispatch, self._notification, self._rst):
            server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._dispatch, self._notification, self._rst):
            server.__exit__(None, None, None)

    def _sends_on(self, peer: Peer) -> None:
        ver, cvr, usr = (peer.line().split(" ")[1] for _ in range(3))
        peer.send(f"VER {ver} MSNP15\r\nCVR {cvr} 1\r\n")
        peer.send(f"XFR {usr} NS {self._notification.address}\r\n")
        peer.until_closed()

    def _challenges(self, peer: Peer) -> None:
        ver, cvr, usr = (peer.line().split(" ")[1] for _ in range(3))
        if self.patient:
            self.asked_before = self.asked.acquire(timeout=PATIENCE)
        peer.send(f"VER {ver} MSNP15\r\nCVR {cvr} 1\r\nUSR {usr} SSO S {self.policy} bm9uY2U=\r\n")
        trid = peer.line().split(" ")[1]
        peer.send(f"USR {trid} OK {PASSPORT} 1 0\r\n")
        peer.until_closed()

    def _grants(self, peer: Peer) -> None:
        while True:
            head = peer.request().lower()
            length = int(head.partition("content-length:")[2].split("\r\n")[0])
            while len(peer.heard) < length:
                peer.heard += peer.sock.recv(65536)
            peer.heard = b""
            self.requests += 1
            self.asked.release()
            peer.send(self.answer)


@pytest.fixture
def network(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    monkeypatch.setattr("msnpauth.options._POLICIES", Policies())
    with Network(authority) as network:
        yield network


def sign_in(driver: Driver, network: Network, *, hop: bool = True, **others: Any) -> None:
    servers, settings = network.servers(hop=hop), network.settings(**others)
    with driver.sign_in(PASSPORT, PASSWORD, servers, **settings) as session:
        assert session.passport == PASSPORT


def test_behind_an_xfr(driver: Driver, network: Network) -> None:
    """The notification server challenges once the ticket was asked for, or not for a long time."""
    sign_in(driver, network)
    assert network.asked.acquire(timeout=PATIENCE)
    network.patient = True
    sign_in(driver, network)
    assert network.asked_before
    assert network.requests == 2


def test_at_a_network_that_is_seen_for_the_first_time(driver: Driver, network: Network) -> None:
    network.patient = True
    sign_in(driver, network, speculate=True)
    assert network.asked_before
    assert network.requests == 1


def test_over_a_connection_that_was_kept(
    driver: Driver, network: Network, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ticket is asked for while the notification server has not said anything yet."""
    stands = threading.Event()

    class Thread(sync_driver._HttpsThread):
        def _prepare(self, job: Prepare) -> None:
            super()._prepare(job)
            stands.set()

    class Patient(Connection):
        @classmethod
        def open(cls, *arguments: Any, **settings: Any) -> Any:
            # The thread may need longer for a connection that stands than loopback for a new one.
            assert stands.wait(PATIENCE)
            return super().open(*arguments, **settings)

    is_sync = isinstance(driver, SyncDriver)
    make: Any = make_transport if is_sync else make_async_transport
    transport = make("sockets", authority.ca_file, None)
    settings: dict[str, Any] = {"hop": False, "transport": transport, "ca_file": None}
    sign_in(driver, network, **settings)
    assert network.asked.acquire(timeout=PATIENCE)
    network.patient = True
    monkeypatch.setattr(sync_driver, "_HttpsThread", Thread)
    monkeypatch.setattr(sync_driver, "Connection", Patient)
    sign_in(driver, network, **settings)
    assert network.asked_before
    if isinstance(driver, AioDriver):
        driver.call(transport.close())
    else:
        transport.close()


def test_another_policy_than_was_remembered(driver: Driver, network: Network) -> None:
    sign_in(driver, network)
    network.policy = "MBI_KEY"
    sign_in(driver, network)
    assert network.requests == 3
    sign_in(driver, network)
    assert network.requests == 4


@pytest.mark.parametrize("policy", ["MBI_KEY_OLD", "MBI_KEY"])
def test_a_wrong_password_is_sent_once(driver: Driver, network: Network, policy: str) -> None:
    sign_in(driver, network)
    network.policy, network.answer = policy, REFUSED
    with pytest.raises(WrongCredentials):
        sign_in(driver, network)
    assert network.requests == 2


def test_what_else_the_rst_says_is_told_when_the_policy_was_right(
    driver: Driver, network: Network
) -> None:
    sign_in(driver, network)
    network.answer = http(200, body=b"<E><Body></Body></E>")
    with pytest.raises(RemoteProtocolError, match="holds no ticket"):
        sign_in(driver, network)
    assert network.requests == 2

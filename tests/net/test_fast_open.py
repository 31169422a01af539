"""TCP Fast Open: what is asked of the system, and in a network of the test's own what comes of it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from both import AioDriver, SyncDriver
from conftest import Authority
from msnpauth import ConnectionFailed
from msnpauth.core.errors import Step
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.core.urls import Address, Url
from msnpauth.net import names
from msnpauth.net.deadline import Deadline
from msnpauth.net.sockets import connect_tcp
from msnpauth.net.streams import open_streams
from msnpauth.sansio import make_async_transport, make_transport
from msnpauth.service import Service, run
from msnpauth.service.addresses import fast_open
from wire import PASSPORT, PASSWORD, Peer, Server, http

linux = pytest.mark.skipif(sys.platform != "linux", reason="TCP_FASTOPEN_CONNECT is Linux's")
TCP_FASTOPEN_CONNECT = 30


def option_of(sock: Any) -> int:
    found = sock.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT)
    assert isinstance(found, int)
    return found


def by_threads(address: Address, *, fast_open: bool) -> int:
    deadline = Deadline(20)
    with connect_tcp(address, deadline, Step.NOTIFICATION, fast_open=fast_open) as sock:
        return option_of(sock)


def by_asyncio(address: Address, *, fast_open: bool) -> int:
    async def main() -> int:
        deadline = Deadline(20)
        _, writer = await open_streams(address, deadline, Step.NOTIFICATION, fast_open=fast_open)
        found = option_of(writer.get_extra_info("socket"))
        writer.transport.abort()
        return found

    return asyncio.run(main())


@linux
@pytest.mark.parametrize("connect", [by_threads, by_asyncio])
def test_the_system_is_asked_for_it_where_it_is_wanted(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(Peer.silence) as server:
        address = Address("127.0.0.1", server.port)
        assert connect(address, fast_open=True) == 1
        assert connect(address, fast_open=False) == 0
        monkeypatch.setattr(names, "_FAST_OPEN_CONNECT", 9999)  # a kernel without it
        assert connect(address, fast_open=True) == 0
        monkeypatch.setattr(names, "_FAST_OPEN_CONNECT", None)  # another system
        assert connect(address, fast_open=True) == 0


@linux
@pytest.mark.parametrize("connect", [by_threads, by_asyncio])
def test_of_several_addresses_the_first_that_answers_is_taken(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def both(_host: str, port: int, **_: object) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in ("127.0.0.1", "127.0.0.2")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with Server(Peer.silence) as server:
        assert connect(Address("two.example", server.port), fast_open=True) == 0


@pytest.mark.parametrize("connect", [by_threads, by_asyncio])
def test_the_resolver_is_asked_each_time(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a server has moved is noticed when the remembered address is in use already."""
    asked: list[str] = []

    def one(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", one)
    with Server(Peer.silence) as server:
        address = Address("one.example", server.port)
        for fast_open in (False, True, True, False):
            connect(address, fast_open=fast_open)
    assert len(asked) == 3, "once, and for each fast one"


def answers_once(peer: Peer) -> None:
    peer.request()
    peer.send(http(200, "A: b"))
    peer.until_closed()


def fetch(driver: SyncDriver | AioDriver, request: Request, authority: Authority) -> Response:
    if isinstance(driver, SyncDriver):
        with closing(make_transport("sockets", authority.ca_file, None, fast_open=True)) as carrier:
            carrier.prepare(request.url, 20)
            return carrier.fetch(request, 20)

    async def main() -> Response:
        carrier = make_async_transport("sockets", authority.ca_file, None, fast_open=True)
        try:
            await carrier.prepare(request.url, 20)
            return await carrier.fetch(request, 20)
        finally:
            await carrier.close()

    return driver.call(main())


@pytest.fixture(params=[SyncDriver, AioDriver])
def driver(request: pytest.FixtureRequest) -> Any:
    with request.param() as driver:
        yield driver


def test_a_server_without_it(driver: SyncDriver | AioDriver, authority: Authority) -> None:
    """Nothing of it is seen: TLS begins behind the handshake of TCP, as ever."""
    with Server(answers_once, authority.server_tls) as server:
        request = Request("GET", Url.parse(f"{server.url}/x"))
        assert fetch(driver, request, authority).status == 200
        assert server.connections == 1


def test_nobody_listens(driver: SyncDriver | AioDriver, authority: Authority) -> None:
    with Server(Peer.silence) as gone:
        request = Request("GET", Url.parse(f"{gone.url}/x"))
    with pytest.raises(ConnectionFailed, match="refused"):
        fetch(driver, request, authority)


def test_a_sign_in(driver: SyncDriver | AioDriver, service: Service) -> None:
    settings = {"ca_file": service.ca_file, "fast_open": True}
    with driver.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
        assert session.passport == PASSPORT


@linux
@pytest.mark.parametrize("wanted", [True, False])
def test_the_service_listens_with_it(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[set[int]] = []

    def seen(socks: Any) -> None:
        listening = list(socks)
        fast_open(listening)
        lengths = (sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN) for sock in listening)
        told.append({length > 0 for length in lengths})

    monkeypatch.setattr("msnpauth.service.node.fast_open", seen)
    with run({PASSPORT: PASSWORD}, fast_open=wanted):
        assert told == ([{True}] if wanted else [])


def test_a_system_that_knows_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "TCP_FASTOPEN", raising=False)
    fast_open([])
    with run({PASSPORT: PASSWORD}, fast_open=True) as service:
        assert service.servers.notification


SCRIPT = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
import apart
apart.enter(fast_open=True)

import msnpauth
from msnpauth import aio
from msnpauth.service import run

def counted():
    heads, found = open("/proc/thread-self/net/netstat").read().splitlines()[:2]
    count = dict(zip(heads.split(), found.split()))
    return int(count["TCPFastOpenActive"]), int(count["TCPFastOpenPassive"])

async def by_asyncio(*arguments, **settings):
    async with aio.sign_in(*arguments, **settings):
        pass

with run({"alice@example.com": "secret"}, fast_open=True) as service:
    arguments = "alice@example.com", "secret", service.servers
    settings = {"ssl_context": service.ssl_context, "scheme": "SSO"}
    for fast_open in (False, True, True):
        with msnpauth.sign_in(*arguments, **settings, fast_open=fast_open):
            pass
        print("sync", fast_open, *counted())
    asyncio.run(by_asyncio(*arguments, **settings, fast_open=True))
    print("aio", True, *counted())

    settings["fast_open"] = True
    gone = "127.0.0.1:9"
    for where in {"notification": gone}, {"rst": f"https://{gone}/RST.srf"}:
        known = {"notification": service.notification, "rst": str(service.servers.rst)} | where
        arguments = "alice@example.com", "secret", msnpauth.Servers(**known)
        try:
            msnpauth.sign_in(*arguments, **settings)
        except msnpauth.ConnectionFailed as error:
            print("sync", error.server, error.text)
        try:
            asyncio.run(by_asyncio(*arguments, **settings))
        except msnpauth.ConnectionFailed as error:
            print("aio", error.server, error.text)
"""


@linux
def test_what_is_said_first_travels_with_the_syn() -> None:
    """The system's own counters say so: of the client's connections, and of those to the service."""
    bench = Path(__file__).parent.parent.parent / "bench"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(bench)],
        capture_output=True, text=True, timeout=25, check=False, env=os.environ,
    )  # fmt: skip
    if "no network of our own" in done.stderr:
        pytest.skip("this container lets nobody make a network of their own")
    assert done.stderr == ""
    rows = [line.split() for line in done.stdout.splitlines()]
    rows, refused = rows[:4], rows[4:]
    assert [row[:2] for row in rows] == [
        ["sync", "False"], ["sync", "True"], ["sync", "True"], ["aio", "True"]
    ]  # fmt: skip
    active, passive = ([int(row[place]) for row in rows] for place in (2, 3))
    assert active[0] == passive[0] == 0  # nobody asked for it
    # Dispatch, notification and RST. The first time the cookie has to be asked for.
    assert [active[2] - active[1], active[3] - active[2]] == [3, 3]
    assert [passive[2] - passive[1], passive[3] - passive[2]] == [3, 3]
    # Who is not there is found out by the first words, which is later than without.
    assert refused == [
        [driver, server, "connection", "refused"]
        for server in ("127.0.0.1:9", "https://127.0.0.1:9")
        for driver in ("sync", "aio")
    ]

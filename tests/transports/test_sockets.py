"""What only the default carriers do: the connection is kept, prepared and closed from afar."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from conftest import Authority
from msnpauth import ConnectionFailed
from msnpauth.core.http import Request
from msnpauth.core.urls import Url
from msnpauth.transports.async_sockets import AsyncSocketsTransport
from msnpauth.transports.sockets import SocketsTransport
from wire import Peer, Server, granted


class Awaited:
    """The asyncio carrier, run to the end of each call."""

    def __init__(self, transport: AsyncSocketsTransport, runner: asyncio.Runner) -> None:
        self._transport = transport
        self._runner = runner

    def fetch(self, request: Request, timeout: float) -> object:
        return self._runner.run(self._transport.fetch(request, timeout))

    def prepare(self, url: Url, timeout: float) -> None:
        self._runner.run(self._transport.prepare(url, timeout))

    def close(self) -> None:
        self._runner.run(self._transport.close())


Carrier = SocketsTransport | Awaited


@pytest.fixture(params=["sync", "async"])
def carrier(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Carrier]:
    if request.param == "sync":
        plain = SocketsTransport(authority.client_tls)
        yield plain
        plain.close()
        return
    with asyncio.Runner() as runner:
        made = Awaited(AsyncSocketsTransport(authority.client_tls), runner)
        yield made
        made.close()


def get(server: Server) -> Request:
    return Request("GET", Url.parse(f"{server.url}/l"))


def always(peer: Peer) -> None:
    while True:
        peer.request()
        peer.send(granted())


def test_the_connection_is_kept(carrier: Carrier, authority: Authority) -> None:
    with Server(always, authority.server_tls) as server:
        for _ in range(3):
            carrier.fetch(get(server), 20)
        assert server.connections == 1


def test_and_prepared(carrier: Carrier, authority: Authority) -> None:
    with Server(always, authority.server_tls) as server:
        carrier.prepare(Url.parse(server.url), 20)
        carrier.prepare(Url.parse(server.url), 20)
        carrier.fetch(get(server), 20)
        assert server.connections == 1


def test_for_another_host_there_is_another(carrier: Carrier, authority: Authority) -> None:
    with Server(always, authority.server_tls) as one, Server(always, authority.server_tls) as two:
        for server in (one, two, one):
            carrier.fetch(get(server), 20)
        assert (one.connections, two.connections) == (2, 1)


def test_a_kept_connection_that_was_closed_from_afar(
    carrier: Carrier, authority: Authority
) -> None:
    closed = threading.Event()

    def once(peer: Peer) -> None:
        peer.request()
        peer.send(granted())
        peer.sock.shutdown(2)
        peer.sock.close()
        closed.set()

    with Server(once, authority.server_tls) as server:
        for _ in range(3):
            closed.clear()
            carrier.fetch(get(server), 20)
            assert closed.wait(20)
        assert server.connections == 3


def test_but_not_asked_twice_once_it_has_begun_to_answer(
    carrier: Carrier, authority: Authority
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(granted())
        peer.request()
        peer.send("HTTP/1.1 2")

    with Server(script, authority.server_tls) as server:
        carrier.fetch(get(server), 20)
        with pytest.raises(ConnectionFailed):
            carrier.fetch(get(server), 20)
        assert server.connections == 1


def test_closing_wakes_a_thread_that_waits(authority: Authority) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        asked.set()
        peer.silence()

    transport = SocketsTransport(authority.client_tls)
    errors: list[Exception] = []

    def fetch() -> None:
        try:
            transport.fetch(get(server), 50)
        except ConnectionFailed as error:
            errors.append(error)

    with Server(script, authority.server_tls) as server:
        thread = threading.Thread(target=fetch)
        thread.start()
        assert asked.wait(20)
        transport.close()
        thread.join(20)
    assert len(errors) == 1


def test_closed_for_good(authority: Authority) -> None:
    transport = SocketsTransport(authority.client_tls)
    transport.close()
    with (
        Server(always, authority.server_tls) as server,
        pytest.raises(ConnectionFailed, match="closed"),
    ):
        transport.fetch(get(server), 20)

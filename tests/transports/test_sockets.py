"""What only the default carriers do: the connection is kept, prepared and closed from afar."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from conftest import Authority
from msnpauth import CertificateRejected, ConnectionFailed, SignInError, SignInTimeout
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.tickets.http import ClientConnection
from msnpauth.core.urls import Url
from msnpauth.transports.async_sockets import AsyncSocketsTransport
from msnpauth.transports.kept import KEPT_PATIENCE, Age
from msnpauth.transports.sockets import SocketsTransport
from wire import Peer, Server, granted, http


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

    def wait_for_data(self) -> None:
        """Let asyncio take what has come on the kept connection."""
        stream = self._transport._stream
        assert stream is not None

        async def main() -> None:
            while stream.is_quiet():
                await asyncio.sleep(0.005)

        self._runner.run(main())


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


def test_a_kept_connection_to_whom_nobody_trusts_any_more(
    carrier: Carrier, authority: Authority
) -> None:
    """A renewed file of authorities makes new settings, and they decide."""
    transport = carrier if isinstance(carrier, SocketsTransport) else carrier._transport
    with Server(always, authority.server_tls) as server:
        for context in (authority.client_tls, authority.client_tls, new_settings(authority)):
            transport._context = partial(_given, context)
            carrier.fetch(get(server), 20)
        assert server.connections == 2
        transport._context = ssl.create_default_context
        with pytest.raises(CertificateRejected):
            carrier.fetch(get(server), 20)


def new_settings(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.ca_file))


def _given(context: ssl.SSLContext) -> ssl.SSLContext:
    return context


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


# --- kept connections -------------------------------------------------------------------------


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["sync", "async"])
def aged(
    request: pytest.FixtureRequest, authority: Authority
) -> Iterator[tuple[Carrier, Clock, SocketsTransport | AsyncSocketsTransport]]:
    """Return a carrier whose connections grow old as fast as the clock says."""
    clock = Clock()
    if request.param == "sync":
        plain = SocketsTransport(authority.client_tls, clock=clock)
        yield plain, clock, plain
        plain.close()
        return
    with asyncio.Runner() as runner:
        inner = AsyncSocketsTransport(authority.client_tls, clock=clock)
        made = Awaited(inner, runner)
        yield made, clock, inner
        made.close()


Aged = tuple[Carrier, Clock, SocketsTransport | AsyncSocketsTransport]


def once_and_never_again(peer: Peer) -> None:
    """Be behind a router that forgets: what comes later on this connection is lost."""
    peer.request()
    peer.send(granted())
    peer.silence()


def test_a_connection_that_a_router_forgot_is_replaced(aged: Aged, authority: Authority) -> None:
    carrier, clock, _ = aged
    with Server(once_and_never_again, authority.server_tls) as server:
        carrier.fetch(get(server), 20)
        clock.now += 30
        begun = time.monotonic()
        assert carrier.fetch(get(server), 1).status == 200  # type: ignore[attr-defined]
        assert time.monotonic() - begun < 1, "half of the time is left for the new connection"
        assert server.connections == 2


def test_it_is_replaced_once(aged: Aged, authority: Authority) -> None:
    carrier, clock, _ = aged
    first = iter([once_and_never_again])

    def script(peer: Peer) -> None:
        next(first, Peer.silence)(peer)

    with Server(script, authority.server_tls) as server:
        carrier.fetch(get(server), 20)
        clock.now += 30
        with pytest.raises(SignInTimeout):
            carrier.fetch(get(server), 1)
        assert server.connections == 2


def test_one_that_begins_to_answer_has_all_the_time(aged: Aged, authority: Authority) -> None:
    carrier, clock, _ = aged

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(granted())
        peer.request()
        peer.send("HTTP/1.1 2")
        peer.silence()

    with Server(script, authority.server_tls) as server:
        carrier.fetch(get(server), 20)
        clock.now += 30
        with pytest.raises(SignInTimeout):
            carrier.fetch(get(server), 0.5)
        assert server.connections == 1


def test_one_that_was_used_just_now_has_all_the_time(aged: Aged, authority: Authority) -> None:
    carrier, clock, _ = aged
    with Server(once_and_never_again, authority.server_tls) as server:
        carrier.fetch(get(server), 20)
        clock.now += 9
        with pytest.raises(SignInTimeout):
            carrier.fetch(get(server), 0.5)
        assert server.connections == 1


def test_an_old_one_is_not_used_at_all(aged: Aged, authority: Authority) -> None:
    carrier, clock, _ = aged
    heard: list[str] = []

    def script(peer: Peer) -> None:
        while True:
            heard.append(peer.request())
            peer.send(granted())

    with Server(script, authority.server_tls) as server:
        carrier.fetch(get(server), 20)
        clock.now += 61
        carrier.fetch(get(server), 20)
        assert (server.connections, len(heard)) == (2, 2)


def test_patience() -> None:
    clock = Clock()
    age = Age(clock)
    assert age.patience(30) == 30
    clock.now += 11
    assert age.patience(30) == KEPT_PATIENCE
    assert age.patience(1) == 0.5
    age.used()
    assert age.patience(30) == 30


@pytest.mark.parametrize(("seconds", "expected"), [(0, False), (60, False), (61, True)])
def test_too_old(seconds: float, expected: bool) -> None:
    clock = Clock()
    age = Age(clock)
    clock.now += seconds
    assert age.is_too_old is expected


@pytest.mark.parametrize("late", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"x"])
def test_bytes_that_nobody_asked_for_are_no_answer(
    aged: Aged, authority: Authority, late: bytes
) -> None:
    """They came on the kept connection before the next request: it is not used any more."""
    carrier, _, _ = aged
    told, go_on = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(granted())
        go_on.wait(20)
        peer.send(late)
        told.set()
        peer.request()
        peer.send(granted("t=b&p="))

    with Server(script, authority.server_tls) as server:
        carrier.fetch(get(server), 20)
        go_on.set()
        assert told.wait(20)
        if isinstance(carrier, Awaited):
            carrier.wait_for_data()
        else:
            assert carrier._sock is not None
            select.select([carrier._sock.sock], [], [], 20)
        response = carrier.fetch(get(server), 20)
        assert server.connections == 2
        assert "p=" in str(response.headers)  # type: ignore[attr-defined]


# --- closed and interrupted -------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["connect", "handshake"])
@pytest.mark.parametrize("how", ["fetch", "prepare"])
def test_closing_ends_what_is_on_its_way(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, stage: str, how: str
) -> None:
    """In whichever stage: nobody waits for the deadline."""
    reached = threading.Event()
    if stage == "connect":

        def slow(*_: object, **__: object) -> list[object]:
            reached.set()
            stop.wait(20)
            return []

        monkeypatch.setattr(socket, "getaddrinfo", slow)
    stop = threading.Event()
    transport = SocketsTransport(authority.client_tls)
    errors: list[SignInError] = []

    def script(peer: Peer) -> None:
        peer.sock.recv(1)
        reached.set()
        peer.silence()

    def run() -> None:
        url = Url.parse(f"https://localhost:{server.port}")
        try:
            if how == "fetch":
                transport.fetch(Request("GET", url), 25)
            else:
                transport.prepare(url, 25)
        except SignInError as error:
            errors.append(error)

    with Server(script) as server:
        thread = threading.Thread(target=run)
        thread.start()
        assert reached.wait(20)
        transport.close()
        thread.join(5)
        assert not thread.is_alive()
        stop.set()
    assert [error.text for error in errors] == ["the transport is closed"]
    assert transport._sock is None


def test_a_second_thread_waits_no_longer_than_its_own_deadline(authority: Authority) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        asked.set()
        peer.silence()

    def first() -> None:
        with pytest.raises(ConnectionFailed):
            transport.fetch(get(server), 25)

    transport = SocketsTransport(authority.client_tls)
    with Server(script, authority.server_tls) as server:
        thread = threading.Thread(target=first)
        thread.start()
        assert asked.wait(20)
        with pytest.raises(SignInTimeout):
            transport.fetch(get(server), 0.1)
        transport.close()
        thread.join(5)
        assert not thread.is_alive()


def test_ctrl_c_leaves_nothing(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = SocketsTransport(authority.client_tls)
    with Server(always, authority.server_tls) as server:
        transport.prepare(Url.parse(server.url), 20)

        def interrupted(_: ClientConnection, data: bytes) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(ClientConnection, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            transport.fetch(get(server), 20)
        assert transport._sock is None
        transport.close()


def test_two_tasks_do_not_mix_their_answers(authority: Authority) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.send(http(200, f"X-Asked: {peer.request().split()[1]}"))

    async def main(url: str) -> list[str | None]:
        transport = AsyncSocketsTransport(authority.client_tls)
        asked = [transport.fetch(Request("GET", Url.parse(f"{url}/{n}")), 20) for n in range(5)]
        responses = await asyncio.gather(*asked)
        await transport.close()
        return [response.header("X-Asked") for response in responses]

    with Server(script, authority.server_tls) as server:
        assert asyncio.run(main(server.url)) == [f"/{n}" for n in range(5)]
        assert server.connections == 1

"""Session, sync and async, against the service and against servers that follow a script."""

from __future__ import annotations

import asyncio
import functools
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from both import AioDriver, SyncDriver
from conftest import Authority
from msnpauth import (
    Command,
    CommandRefused,
    ConnectionFailed,
    LocalProtocolError,
    Reconnect,
    RemoteProtocolError,
    Servers,
    ServiceUnavailable,
    SessionEnded,
    SignInTimeout,
    WrongCredentials,
)
from msnpauth.core.client import connection as core_connection
from msnpauth.core.client import inbox as core_inbox
from msnpauth.core.client.inbox import Inbox
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.service import Service
from msnpauth.sync import session as sync_session
from msnpauth.transports import AsyncTransport, Transport, make_transport
from wire import PASSPORT, PASSWORD, Peer, Script, Server, answers, granted, later, to_ok

Driver = SyncDriver | AioDriver


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do; the test's own time limit ends it."""
    while not condition():
        threading.Event().wait(0.001)


Joined = Callable[..., Any]


@pytest.fixture
def joined(driver: Driver, authority: Authority) -> Joined:
    """Return what signs in at a server that follows a script from USR OK on."""

    @contextmanager
    def join(script: Script, version: int = 12, **settings: Any) -> Iterator[Any]:
        def whole(peer: Peer) -> None:
            to_ok(peer, version)
            script(peer)

        with Server(answers(granted()), authority.server_tls) as login, Server(whole) as server:
            servers = Servers(notification=server.address, login=login.url)
            with driver.sign_in(
                PASSPORT, PASSWORD, servers, ca_file=authority.ca_file, **settings
            ) as session:
                yield session

    return join


def test_send_and_receive(joined: Joined) -> None:
    def script(peer: Peer) -> None:
        heard.append(peer.line())
        assert peer.read_until(b"hello") == b"UUX 6 5\r\nhello"
        peer.send("CHG 5 NLN 0\r\nUBX x@y 2\r\nhiOUT SSD\r\n")
        peer.until_closed()

    heard: list[str] = []
    with joined(script) as session:
        assert session.send("CHG", "NLN", "0") == 5
        assert session.send("UUX", payload=b"hello") == 6
        assert session.receive(20) == Command("CHG", 5, ("NLN", "0"))
        assert session.receive(20) == Command("UBX", None, ("x@y",), b"hi")
        assert session.receive(20) == Command("OUT", None, ("SSD",))
        with pytest.raises(SessionEnded, match="going down") as ended:
            session.receive()
        assert session.ended is not ended.value
        assert session.ended.reason == ended.value.reason == "SSD"
        with pytest.raises(SessionEnded):
            session.send("CHG", "NLN", "0")
        assert session.state == "ended"
        assert "ended" in repr(session)
    assert heard == ["CHG 5 NLN 0"]


def test_png_has_no_transaction_id(joined: Joined) -> None:
    def script(peer: Peer) -> None:
        assert peer.line() == "PNG"
        peer.send("QNG 50\r\n")
        peer.until_closed()

    with joined(script) as session:
        assert session.send("PNG") is None
        assert session.receive(20) == Command("QNG", None, ("50",))


@pytest.mark.parametrize("words", [("CHG", "a b"), ("CHG", "a\r\nOUT"), ("chg",), ("CHG", "")])
def test_what_is_no_command(joined: Joined, words: tuple[str, ...]) -> None:
    with joined(Peer.until_closed) as session, pytest.raises(LocalProtocolError):
        session.send(*words)


def test_request(joined: Joined) -> None:
    def script(peer: Peer) -> None:
        peer.line()
        peer.send("NLN NLN x@y X 0\r\nCHG 5 NLN 0\r\nILN 5 NLN z@y Z 0\r\n")
        assert peer.line() == "CHG 6 FLN"
        peer.send("201 6\r\n")
        assert peer.line() == "CHG 7 BSY 0"
        peer.until_closed()

    with joined(script) as session:
        assert session.request("CHG", "NLN", "0") == Command("CHG", 5, ("NLN", "0"))
        assert [session.receive(20).verb for _ in range(2)] == ["NLN", "ILN"]
        with pytest.raises(CommandRefused) as refused:
            session.request("CHG", "FLN")
        assert refused.value.code == 201
        with pytest.raises(SignInTimeout, match="reply to CHG within 0.1 seconds"):
            session.request("CHG", "BSY", "0", timeout=0.1)
        with pytest.raises(LocalProtocolError):
            session.request("PNG")


def test_request_when_the_session_ends(joined: Joined) -> None:
    def script(peer: Peer) -> None:
        peer.line()
        peer.send("OUT OTH\r\n")

    with joined(script) as session, pytest.raises(SessionEnded) as ended:
        session.request("CHG", "NLN", "0")
    assert ended.value.reason == "OTH"


def test_a_time_out_ends_nothing(joined: Joined) -> None:
    def script(peer: Peer) -> None:
        peer.line()
        peer.send("CHG 5 NLN 0\r\n")
        peer.until_closed()

    with joined(script) as session:
        with pytest.raises(SignInTimeout, match="no command within 0.1 seconds"):
            session.receive(timeout=0.1)
        session.send("CHG", "NLN", "0")
        assert session.receive(20).verb == "CHG"


def test_iteration_ends_with_out(joined: Joined) -> None:
    def script(peer: Peer) -> None:
        peer.send("NLN NLN x@y X 0\r\nOUT OTH\r\n")
        peer.until_closed()

    with joined(script) as session:
        assert [command.verb for command in session] == ["NLN", "OUT"]
        assert session.ended.reason == "OTH"


def test_iteration_tells_of_a_lost_connection(joined: Joined) -> None:
    seen = []
    with joined(lambda peer: peer.send("NLN NLN x@y X 0\r\n")) as session:
        with pytest.raises(ConnectionFailed, match="closed"):
            for command in session:
                seen.append(command.verb)  # noqa: PERF401 - what came before the error counts
    assert seen == ["NLN"]


def test_a_stream_that_makes_no_sense(joined: Joined) -> None:
    with joined(lambda peer: peer.send("nonsense\r\n")) as session:
        with pytest.raises(RemoteProtocolError):
            session.receive(20)


def test_leaving_says_out(joined: Joined) -> None:
    heard = []
    done = threading.Event()

    def script(peer: Peer) -> None:
        heard.append(peer.until_closed())
        done.set()

    with joined(script) as session:
        pass
    assert done.wait(20)
    assert heard == [b"OUT\r\n"]
    assert session.ended.reason == "closed"
    session.close()
    with pytest.raises(SessionEnded):
        session.receive()


def test_nothing_is_said_to_a_server_that_is_gone(joined: Joined) -> None:
    with joined(lambda peer: peer.send("OUT OTH\r\n")) as session:
        assert session.receive(20).verb == "OUT"


def test_challenges_are_answered(joined: Joined) -> None:
    heard = []

    def script(peer: Peer) -> None:
        peer.send("CHL 0 22210219642164014968\r\n")
        heard.append(peer.read_until(b"102c"))
        peer.send("QRY 5\r\nNLN NLN x@y X 0\r\n")
        peer.until_closed()

    with joined(script, product=("PROD0090YUAUV{2B", "YMM8C_H7KCQ2S_KL")) as session:
        assert session.receive(20).verb == "NLN"
    assert heard == [b"QRY 5 PROD0090YUAUV{2B 32\r\n85ecb0db8f32113df79ce0892b9a102c"]


def test_an_idle_session_is_kept_alive(joined: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks the session for anything, and it pings all the same."""
    monkeypatch.setattr(core_connection, "PING_INTERVAL", 0.02)
    pinged = threading.Event()

    def script(peer: Peer) -> None:
        for _ in range(3):
            assert peer.line() == "PNG"
            peer.send("QNG\r\n")
        pinged.set()
        peer.until_closed()

    with joined(script, version=8) as session:
        assert pinged.wait(20)
        assert session.ended is None


def test_a_server_that_no_longer_answers(joined: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_connection, "PING_INTERVAL", 0.02)
    with (
        joined(Peer.silence) as session,
        pytest.raises(ConnectionFailed, match="no longer answers"),
    ):
        session.receive(20)


def breaks(peer: Peer) -> None:
    """Break the connection off: no end of the stream, but a reset."""
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.sock.close()


def test_a_connection_that_breaks(joined: Joined) -> None:
    with joined(breaks) as session, pytest.raises(ConnectionFailed):
        session.receive(20)


def test_a_server_that_does_not_read(joined: Joined) -> None:
    with joined(Peer.silence, timeout=1.0) as session:
        with pytest.raises(ConnectionFailed, match="nothing could be sent for 1 seconds"):
            session.send("MSG", "U", payload=b"x" * 30_000_000)
        with pytest.raises(ConnectionFailed):
            session.send("PNG")


def test_sending_into_a_broken_connection(joined: Joined) -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        go_on.wait(20)
        breaks(peer)

    with joined(script) as session:
        payload = b"x" * 30_000_000
        thread = threading.Timer(0, go_on.set)
        thread.start()
        with pytest.raises(ConnectionFailed):
            session.send("MSG", "U", payload=payload)
        thread.join()


def test_detach(joined: Joined) -> None:
    go_on = threading.Event()
    heard = []

    def script(peer: Peer) -> None:
        peer.send("NLN NLN x@y X 0\r\nMSG a b 5\r\nhe")
        go_on.wait(20)
        heard.append(peer.line())
        peer.send("llo")
        peer.until_closed()

    with joined(script) as session:
        wait_until(lambda: bool(session._engine.connection.unread))
        detached = session.detach()
        assert detached.pending == (Command("NLN", None, ("NLN", "x@y", "X", "0")),)
        assert detached.unread == b"MSG a b 5\r\nhe"
        assert detached.next_trid == 5
        go_on.set()
        if hasattr(detached, "socket"):
            detached.socket.sendall(b"PNG\r\n")
            assert detached.socket.recv(3) == b"llo"
            detached.socket.close()
        else:
            detached.streams[1].write(b"PNG\r\n")
            read = session._driver.call(detached.streams[0].readexactly(3))
            assert read == b"llo"
            detached.streams[1].close()
        with pytest.raises(SessionEnded) as ended:
            session.send("CHG", "NLN", "0")
        assert ended.value.reason == "detached"
        with pytest.raises(SessionEnded):
            session.detach()
    assert heard == ["PNG"]


def test_who_never_receives_has_a_session_all_the_same(
    joined: Joined, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The oldest commands go, one warning tells of it, and CHL and requests are answered."""
    monkeypatch.setattr(core_inbox, "Inbox", functools.partial(Inbox, limit=20_000))

    def script(peer: Peer) -> None:
        peer.send("".join(f"NLN NLN x{number}@y X 0\r\n" for number in range(500)))
        peer.send("CHL 0 22210219642164014968\r\n")
        assert peer.read_until(b" 32\r\n").startswith(b"QRY 5 ")
        peer.read_until(b"CHG 6 NLN 0\r\n")
        peer.send("CHG 6 NLN 0\r\nNLN NLN last@y X 0\r\n")
        peer.until_closed()

    with joined(script) as session:
        wait_until(lambda: session._engine.connection.next_trid == 6)
        assert session.request("CHG", "NLN", "0").verb == "CHG"
        left = [session.receive(20)]
        while left[-1].args[1] != "last@y":
            left.append(session.receive(20))
        assert 10 < len(left) < 100
        assert left[-2].args[1] == "x499@y"
        assert session.state == "alive"
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert re.search(r"[1-9]\d* unread commands were dropped", warnings[0].getMessage())


def test_who_wants_nothing_says_so(joined: Joined) -> None:
    def script(peer: Peer) -> None:
        peer.send("NLN NLN x@y X 0\r\n" * 500 + "CHL 0 22210219642164014968\r\n")
        peer.read_until(b" 32\r\n")
        peer.until_closed()

    with joined(script, receive=False) as session:
        wait_until(lambda: session._engine.connection.next_trid == 6)
        with pytest.raises(LocalProtocolError, match="receive=False"):
            session.receive(20)


def test_profile_that_never_comes(joined: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_session, "_PROFILE_PATIENCE", 0.05)
    with joined(Peer.until_closed) as session:
        assert dict(session.profile) == {}


def test_a_second_sign_in_ends_the_first(driver: Driver, service: Service) -> None:
    settings = {"ca_file": service.ca_file}
    with driver.sign_in("bob@hotmail.com", "s3cret", service.servers, **settings) as first:
        with driver.sign_in("bob@hotmail.com", "s3cret", service.servers, **settings) as second:
            assert [command.verb for command in first][-1] == "OUT"
            assert first.ended.reason == "OTH"
            assert second.request("CHG", "NLN", "0").verb == "CHG"


def test_many_requests_at_once(service: Service) -> None:
    """Any thread may send, and each gets its own reply."""
    with SyncDriver().sign_in(
        PASSPORT, PASSWORD, service.servers, ca_file=service.ca_file
    ) as session:
        found: list[str] = []
        states = ["NLN", "BSY", "AWY", "PHN", "LUN"] * 4

        def ask(state: str) -> None:
            found.append(session.request("CHG", state, "0").args[0])

        threads = [threading.Thread(target=ask, args=(state,)) for state in states]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert sorted(found) == sorted(states)


AT_ONCE = Reconnect(attempts=3, first=0, longest=0)


@contextmanager
def two_servers(
    driver: Driver, authority: Authority, scripts: list[Script], **settings: Any
) -> Iterator[tuple[Any, Server]]:
    """Sign in at a server that follows each script in turn; the last of them again and again."""

    def whole(peer: Peer) -> None:
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        script(peer)

    with (
        Server(answers(*[granted()] * 9), authority.server_tls) as login,
        Server(whole) as server,
    ):
        servers = Servers(notification=server.address, login=login.url)
        with driver.sign_in(
            PASSPORT, PASSWORD, servers, ca_file=authority.ca_file, **settings
        ) as session:
            yield session, server


def then(*steps: Callable[[Peer], object]) -> Script:
    def script(peer: Peer) -> None:
        for step in steps:
            step(peer)

    return script


def says(text: str) -> Script:
    return lambda peer: peer.send(text)


@pytest.mark.parametrize("end", ["", "OUT SSD\r\n", "OUT\r\n", "nonsense\r\n"])
def test_a_session_that_was_lost_comes_back(driver: Driver, authority: Authority, end: str) -> None:
    scripts = [
        then(to_ok, says("NLN NLN x@y X 0\r\n" + end)),
        then(later, says("NLN NLN z@y Z 0\r\n"), Peer.until_closed),
    ]
    with two_servers(driver, authority, scripts, reconnect=AT_ONCE) as (session, server):
        seen = [session.receive(20)]
        while seen[-1].args[1:2] != ("z@y",):
            seen.append(session.receive(20))
        words = [command.verb for command in seen if command.verb != "OUT"]
        assert words == ["NLN", "USR", "NLN"]
        assert session.ended is None
        assert "alive" in repr(session)
        assert server.connections == 2


def test_a_session_without_a_policy_does_not_come_back(
    driver: Driver, authority: Authority
) -> None:
    with two_servers(driver, authority, [to_ok]) as (session, server):
        with pytest.raises(ConnectionFailed):
            session.receive(20)
        assert server.connections == 1


def test_never_back_after_a_sign_in_elsewhere(driver: Driver, authority: Authority) -> None:
    scripts = [then(to_ok, says("OUT OTH\r\n"))]
    with two_servers(driver, authority, scripts, reconnect=AT_ONCE) as (session, server):
        assert [command.verb for command in session] == ["OUT"]
        assert session.ended.reason == "OTH"
        assert server.connections == 1


def test_a_reply_that_was_lost_is_told(driver: Driver, authority: Authority) -> None:
    """What was under way fails; what is asked for afterwards does not."""

    def replies(peer: Peer) -> None:
        _, trid, *_ = peer.line().split(" ")
        peer.send(f"CHG {trid} NLN 0\r\n")
        peer.until_closed()

    scripts = [then(to_ok, Peer.line), then(later, replies)]
    with two_servers(driver, authority, scripts, reconnect=AT_ONCE) as (session, _):
        with pytest.raises(ConnectionFailed):
            session.request("CHG", "NLN", "0")
        assert session.receive(20).verb == "USR"
        assert session.request("CHG", "NLN", "0").args == ("NLN", "0")


def test_a_session_that_cannot_come_back(driver: Driver, authority: Authority) -> None:
    def refused(peer: Peer) -> None:
        peer.line()
        peer.send("911 5\r\n")

    scripts: list[Script] = [to_ok, refused]
    with two_servers(driver, authority, scripts, reconnect=AT_ONCE) as (session, server):
        with pytest.raises(WrongCredentials):
            session.receive(20)
        assert isinstance(session.ended, WrongCredentials)
        assert server.connections == 2
        with pytest.raises(WrongCredentials):
            session.send("CHG", "NLN", "0")


def test_attempts_come_to_an_end(driver: Driver, authority: Authority) -> None:
    scripts: list[Script] = [to_ok, then(Peer.line, says("601 5\r\n"), Peer.until_closed)]
    with two_servers(driver, authority, scripts, reconnect=AT_ONCE) as (session, server):
        with pytest.raises(ServiceUnavailable, match="notification at"):
            session.receive(20)
        assert server.connections == 4


def test_a_session_is_sent_on(driver: Driver, authority: Authority) -> None:
    """Without any policy: the server wants it so."""
    with Server(then(later, says("SBS 0 null\r\n"), Peer.until_closed)) as other:
        scripts = [then(to_ok, says(f"XFR 0 NS {other.address}\r\n"), Peer.until_closed)]
        with two_servers(driver, authority, scripts) as (session, server):
            assert [session.receive(20).verb for _ in range(3)] == ["XFR", "USR", "SBS"]
            assert session.server == other.address
            assert (server.connections, other.connections) == (1, 1)
            assert session.ended is None


def test_a_session_that_is_sent_to_nobody(driver: Driver, authority: Authority) -> None:
    scripts = [then(to_ok, says("XFR 0 NS 127.0.0.1:1\r\n"), Peer.until_closed)]
    with two_servers(driver, authority, scripts) as (session, _):
        assert session.receive(20).verb == "XFR"
        with pytest.raises(ConnectionFailed) as failed:
            session.receive(20)
        assert failed.value.server == "127.0.0.1:1"


def test_with_a_policy_it_begins_again_where_it_began(driver: Driver, authority: Authority) -> None:
    scripts = [
        then(to_ok, says("XFR 0 NS 127.0.0.1:1\r\n"), Peer.until_closed),
        then(later, Peer.until_closed),
    ]
    with two_servers(driver, authority, scripts, reconnect=AT_ONCE) as (session, server):
        assert [session.receive(20).verb for _ in range(2)] == ["XFR", "USR"]
        assert session.server == server.address


def test_leaving_while_it_waits_to_come_back(driver: Driver, authority: Authority) -> None:
    scripts = [then(to_ok, says("OUT RCT 600\r\n"), Peer.until_closed)]
    with two_servers(driver, authority, scripts, reconnect=AT_ONCE) as (session, server):
        assert session.receive(20).verb == "OUT"
        assert (session.ended, session.state) == (None, "away")
        assert "away" in repr(session)
        with pytest.raises(ConnectionFailed, match="is away and signs in again"):
            session.send("CHG", "NLN", "0")
        session.close()
        assert session.ended.reason == "closed"
        assert server.connections == 1


def test_leaving_while_it_signs_in_again(driver: Driver, authority: Authority) -> None:
    heard = threading.Event()
    scripts: list[Script] = [to_ok, then(lambda peer: heard.set(), Peer.silence)]
    with two_servers(driver, authority, scripts, reconnect=AT_ONCE) as (session, _):
        assert heard.wait(20)
        session.close()
        with pytest.raises(SessionEnded):
            session.receive(20)


class FailsLater(Transport):
    """A transport of somebody else's, with a fault in it."""

    def __init__(self, authority: Authority) -> None:
        self._carrier = make_transport("sockets", authority.ca_file, None)
        self._fetched = 0

    def fetch(self, request: Request, timeout: float) -> Response:
        self._fetched += 1
        if self._fetched > 1:
            raise ZeroDivisionError
        return self._carrier.fetch(request, timeout)

    def close(self) -> None:
        self._carrier.close()


class FailsLaterAsync(AsyncTransport):
    def __init__(self, authority: Authority) -> None:
        self._carrier = FailsLater(authority)

    async def fetch(self, request: Request, timeout: float) -> Response:
        return await asyncio.to_thread(self._carrier.fetch, request, timeout)

    async def close(self) -> None:
        self._carrier.close()


def test_a_fault_of_a_transport_ends_the_session(driver: Driver, authority: Authority) -> None:
    transport = (FailsLater if isinstance(driver, SyncDriver) else FailsLaterAsync)(authority)
    scripts: list[Script] = [to_ok, later]

    def whole(peer: Peer) -> None:
        scripts.pop(0)(peer)

    with Server(answers(granted()), authority.server_tls) as login, Server(whole) as server:
        servers = Servers(notification=server.address, login=login.url)
        once = Reconnect(attempts=1, first=0, longest=0)
        with driver.sign_in(
            PASSPORT, PASSWORD, servers, transport=transport, reconnect=once
        ) as session:
            with pytest.raises(ConnectionFailed, match="ZeroDivisionError") as failed:
                session.receive(20)
            assert failed.value.__cause__ is failed.value.__context__ is None
    closing = transport.close()
    if isinstance(driver, AioDriver) and closing is not None:
        driver.call(closing)

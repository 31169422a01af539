"""Connections as asyncio's streams, and over TLS: who is told of them, and what errors say.

Which of several addresses is taken, and what is left of a cancelled one, is in test_connecting.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Authority
from msnpauth import CertificateRejected, ConnectionFailed, SignInError, SignInTimeout, observe
from msnpauth.core.errors import Step
from msnpauth.core.urls import Address
from msnpauth.net.deadline import Deadline
from msnpauth.net.streams import open_streams, open_tls
from msnpauth.watch import Watch
from wire import Peer, Server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every name be this machine's; return what the resolver is asked."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def unused() -> Address:
    """Return an address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return Address("127.0.0.1", sock.getsockname()[1])


def failed(opening: Callable[[], Any]) -> SignInError:
    async def main() -> SignInError:
        with pytest.raises(SignInError) as caught:
            await opening()
        return caught.value

    error = asyncio.run(main())
    assert error.__context__ is None
    return error


def stays(peer: Peer) -> None:
    peer.until_closed()


def echo(peer: Peer) -> None:
    peer.send(peer.line())


def test_what_is_told_of_a_connection(names: list[str]) -> None:
    seen: list[observe.Event] = []
    watch = Watch(seen.append)

    async def main(port: int) -> bytes:
        for _ in range(2):
            reader, writer = await open_streams(
                Address("a.example", port), Deadline(20), Step.LOGIN, watch=watch
            )
            writer.write(b"hello\r\n")
            said = await reader.read()
            writer.close()
        return said

    with Server(echo) as server:
        assert asyncio.run(main(server.port)) == b"hello"
    looked_up, connected, again = seen
    assert isinstance(looked_up, observe.LookedUp)
    assert (looked_up.host, looked_up.addresses) == ("a.example", ("127.0.0.1",))
    for event in (connected, again):
        assert isinstance(event, observe.Connected)
        assert (event.server, event.address) == (f"a.example:{server.port}", server.address)
    assert names == ["a.example"], "what is remembered is not looked up"


def test_what_is_told_of_tls(authority: Authority, names: list[str]) -> None:
    """The server is called as the caller calls it; the certificate is of the host's name."""
    seen: list[observe.Event] = []

    async def main(port: int) -> str | None:
        stream = await open_tls(
            Address("localhost", port),
            Deadline(20),
            Step.LOGIN,
            authority.client_tls,
            server="https://localhost",
            watch=Watch(seen.append),
        )
        stream.abort()
        return stream.tls.tls.version()

    with Server(stays, authority.server_tls) as server:
        version = asyncio.run(main(server.port))
    assert [type(event) for event in seen] == [
        observe.LookedUp,
        observe.Connected,
        observe.Secured,
    ]
    connected, secured = seen[1:]
    assert isinstance(connected, observe.Connected)
    assert (connected.server, connected.address) == ("https://localhost", server.address)
    assert isinstance(secured, observe.Secured)
    assert (secured.server, secured.version) == ("https://localhost", version)


@pytest.mark.parametrize("step", [Step.NOTIFICATION, Step.CHAT])
def test_nobody_listens(step: Step) -> None:
    where = unused()
    error = failed(lambda: open_streams(where, Deadline(20), step))
    assert isinstance(error, ConnectionFailed)
    assert (error.text, error.step, error.server) == ("connection refused", step, str(where))


@pytest.mark.parametrize("server", [None, "https://login.example"])
def test_what_errors_call_a_server_of_tls(authority: Authority, server: str | None) -> None:
    where = unused()
    error = failed(
        lambda: open_tls(where, Deadline(20), Step.LOGIN, authority.client_tls, server=server)
    )
    assert (type(error), error.server) == (ConnectionFailed, server or str(where))


def test_a_certificate_of_another_host(authority: Authority, names: list[str]) -> None:
    seen: list[observe.Event] = []
    with Server(stays, authority.server_tls) as server:
        where = Address("a.example", server.port)
        error = failed(
            lambda: open_tls(
                where, Deadline(20), Step.LOGIN, authority.client_tls, watch=Watch(seen.append)
            )
        )
        assert server.connections == 1, "what is wrong with it does not change by another one"
    assert isinstance(error, CertificateRejected)
    assert (error.step, error.server) == (Step.LOGIN, str(where))
    assert not [event for event in seen if isinstance(event, observe.Secured)]


def test_a_server_without_tls(authority: Authority) -> None:
    with Server(lambda peer: peer.send("220 welcome\r\n")) as server:
        where = Address("127.0.0.1", server.port)
        error = failed(lambda: open_tls(where, Deadline(20), Step.LOGIN, authority.client_tls))
    assert type(error) is ConnectionFailed
    assert error.server == str(where)


@pytest.mark.parametrize("host", ["127.0.0.1", "a.example"])
def test_nothing_is_begun_when_the_time_is_up(
    host: str, names: list[str], authority: Authority
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        where = Address(host, server.getsockname()[1])
        late = Deadline(1e-9)
        for opening in (
            lambda: open_streams(where, late, Step.LOGIN),
            lambda: open_tls(where, late, Step.LOGIN, authority.client_tls),
        ):
            error = failed(opening)
            assert isinstance(error, SignInTimeout)
            assert (error.text, error.server) == ("no answer within 1e-09 seconds", str(where))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert names == []


def test_settings_that_no_handshake_comes_of_leave_no_connection(authority: Authority) -> None:
    """The other side sees the end of the connection, and does not wait for a first word."""
    heard: list[bytes] = []
    ended = threading.Event()

    def script(peer: Peer) -> None:
        heard.append(peer.until_closed())
        ended.set()

    class Broken(ssl.SSLContext):
        def wrap_bio(self, *_: Any, **__: Any) -> Any:
            raise ValueError("no such setting")

    with Server(script) as server:
        where = Address("127.0.0.1", server.port)
        error = failed(
            lambda: open_tls(where, Deadline(20), Step.LOGIN, Broken(ssl.PROTOCOL_TLS_CLIENT))
        )
        assert ended.wait(20)
    assert (type(error), error.text) == (ConnectionFailed, "the connection failed (ValueError)")
    assert heard == [b""]

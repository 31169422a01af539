"""Connections on blocking sockets: who is told of them, and what becomes of them afterwards.

Which of several addresses is taken, and how one is called off, is in test_connecting.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from msnpauth import ConnectionFailed, SignInTimeout, observe
from msnpauth.core.errors import Step
from msnpauth.core.urls import Address
from msnpauth.net.deadline import Deadline
from msnpauth.net.sockets import Connecting, connect_tcp, shut_down
from msnpauth.watch import Watch


@contextmanager
def listening(family: socket.AddressFamily = socket.AF_INET) -> Iterator[socket.socket]:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as sock:
        yield sock


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every name have two addresses; return what the resolver is asked."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (where, port))
            for where in ("127.0.0.1", "127.0.0.1", "127.0.0.2")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_what_is_told_of_a_connection(names: list[str]) -> None:
    seen: list[observe.Event] = []
    watch = Watch(seen.append)
    with listening() as server:
        port = port_of(server)
        for _ in range(2):
            connect_tcp(Address("a.example", port), Deadline(20), Step.LOGIN, watch=watch).close()
    looked_up, connected, again = seen
    assert isinstance(looked_up, observe.LookedUp)
    assert looked_up.host == "a.example"
    assert looked_up.addresses == ("127.0.0.1", "127.0.0.2"), "each of them once"
    for event in (connected, again):
        assert isinstance(event, observe.Connected)
        assert (event.server, event.address) == (f"a.example:{port}", f"127.0.0.1:{port}")
    assert names == ["a.example"], "what is remembered is not looked up"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_an_address_is_no_name(
    family: socket.AddressFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*_: Any, **__: Any) -> Any:
        raise AssertionError("the resolver was asked")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    seen: list[observe.Event] = []
    with listening(family) as server:
        host, port = server.getsockname()[:2]
        where = Address(host, port)
        connect_tcp(where, Deadline(20), Step.LOGIN, watch=Watch(seen.append)).close()
    (connected,) = seen
    assert isinstance(connected, observe.Connected)
    assert (connected.server, connected.address) == (str(where), str(where))


def test_a_failure_is_told_by_its_error_alone() -> None:
    seen: list[observe.Event] = []
    with listening() as server:
        port = port_of(server)
    with pytest.raises(ConnectionFailed) as caught:
        connect_tcp(Address("127.0.0.1", port), Deadline(20), Step.CHAT, watch=Watch(seen.append))
    assert seen == []
    assert (caught.value.step, caught.value.server) == (Step.CHAT, f"127.0.0.1:{port}")


@pytest.mark.parametrize(("server", "name"), [("https://login.example", "https://login.example"),
                                              (None, "127.0.0.1:{port}")])  # fmt: skip
def test_what_errors_call_the_server(server: str | None, name: str) -> None:
    with listening() as sock:
        port = port_of(sock)
    with pytest.raises(ConnectionFailed) as caught:
        Connecting(Address("127.0.0.1", port), Deadline(20), Step.LOGIN, server).run()
    assert caught.value.server == name.format(port=port)


@pytest.mark.parametrize("host", ["127.0.0.1", "a.example"])
def test_nothing_is_begun_when_the_time_is_up(host: str, names: list[str]) -> None:
    with listening() as server:
        server.setblocking(False)
        with pytest.raises(SignInTimeout, match="no answer within 1e-09 seconds"):
            connect_tcp(Address(host, port_of(server)), Deadline(1e-9), Step.LOGIN)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("host", ["127.0.0.1", "a.example"])
def test_what_was_handed_over_is_not_called_off(host: str, names: list[str]) -> None:
    """The connection is somebody else's by then, and so may its descriptor's number be."""
    with listening() as server:
        connecting = Connecting(Address(host, port_of(server)), Deadline(20), Step.LOGIN)
        with connecting.run() as sock:
            connecting.cancel()
            there, _ = server.accept()
            with there:
                sock.sendall(b"hello")
                assert there.recv(5) == b"hello"


def test_once_it_was_called_off_it_stays_so() -> None:
    with listening() as server:
        connecting = Connecting(Address("127.0.0.1", port_of(server)), Deadline(20), Step.CHAT)
        connecting.cancel()
        connecting.cancel()
        for _ in range(2):
            with pytest.raises(ConnectionFailed, match="the connection was called off") as caught:
                connecting.run()
            assert caught.value.step is Step.CHAT


def test_to_shut_down_calls_the_plain_method_beneath() -> None:
    """What a class adds to it would take the encryption off, or wait for another thread."""
    called: list[str] = []

    class Between(socket.socket):
        def shutdown(self, how: int) -> None:
            called.append("between")

    class Secure(Between):
        def shutdown(self, how: int) -> None:
            called.append("secure")

    with listening() as server:
        sock = Secure(socket.AF_INET, socket.SOCK_STREAM)
        sock.connect(server.getsockname())
        there, _ = server.accept()
        with sock, there:
            shut_down(sock)
            assert there.recv(1) == b"", "the other side sees the end"
    assert called == []


def test_to_shut_down_what_was_never_connected_does_no_harm() -> None:
    with socket.socket() as sock:
        shut_down(sock)

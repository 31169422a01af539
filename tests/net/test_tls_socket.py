from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from conftest import Authority
from msnpauth import Secret, SignInTimeout
from msnpauth.core.errors import Step
from msnpauth.core.urls import Address
from msnpauth.net.deadline import Deadline
from msnpauth.net.tls_socket import TlsSocket
from wire import Peer, Script, Server


def patience() -> float:
    return 20.0


@contextmanager
def connected(
    script: Script, authority: Authority, tls: ssl.SSLContext | None = None, *, plain: bool = False
) -> Iterator[TlsSocket]:
    """Connect to a server; nothing is shaken yet."""
    with Server(script, None if plain else tls or authority.server_tls) as server:
        raw = socket.create_connection(("127.0.0.1", server.port))
        address = Address("localhost", server.port)
        sock = TlsSocket.over(raw, authority.client_tls, address)
        try:
            yield sock
        finally:
            sock.close()


def test_a_question_and_its_answer(authority: Authority) -> None:
    def script(peer: Peer) -> None:
        assert peer.line() == "hello"
        peer.send("welcome")

    with connected(script, authority) as sock:
        sock.shake_hands(patience)
        assert sock.version == "TLSv1.3"
        assert sock.is_quiet()
        sock.write(b"hello\r\n", patience)
        assert sock.read(patience) == b"welcome"
        assert sock.read(patience) == b""
        assert not sock.is_quiet()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_the_first_words_go_with_the_handshake(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    tls = authority.tls_for("localhost")
    tls.maximum_version = version
    order: list[str] = []

    def first() -> Secret:
        order.append("asked")
        return Secret("hello\r\n")

    def script(peer: Peer) -> None:
        peer.send(peer.line())

    with connected(script, authority, tls) as sock:
        sock.shake_hands(patience, first)
        sock.flush(patience)
        assert sock.read(patience) == b"hello"
    assert order == ["asked"]


def test_they_do_not_go_to_somebody_else(authority: Authority) -> None:
    heard: list[bytes] = []

    def script(peer: Peer) -> None:
        heard.append(peer.until_closed())

    other = authority.tls_for("localhost", ca=trustme.CA())
    with connected(script, authority, other) as sock:
        with pytest.raises(ssl.SSLCertVerificationError):
            sock.shake_hands(patience, lambda: Secret("hello\r\n"))
        sock.sock.shutdown(socket.SHUT_RDWR)
    assert b"".join(heard) == b""


@pytest.mark.parametrize("how", ["closes", "resets", "greets"])
def test_a_handshake_that_fails(authority: Authority, how: str) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(1)
        if how == "greets":
            peer.send(b"220 welcome\r\n" * 10)
        if how == "resets":
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            peer.until_closed() if how == "greets" else peer.sock.recv(4096)

    with connected(script, authority, plain=True) as sock:
        with pytest.raises(ConnectionResetError if how == "resets" else ssl.SSLError):
            sock.shake_hands(patience)


def test_the_time_is_up_however_much_comes(authority: Authority) -> None:
    def script(peer: Peer) -> None:
        peer.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 9999)

    with connected(script, authority, plain=True) as sock:
        deadline = Deadline(0.3)
        with pytest.raises((SignInTimeout, TimeoutError)):
            sock.shake_hands(lambda: deadline.check(Step.LOGIN, "x"))


@pytest.mark.parametrize("has_poll", [True, False])
def test_bytes_that_nobody_asked_for(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, has_poll: bool
) -> None:
    if not has_poll:
        monkeypatch.delattr("select.poll")
    told = threading.Event()

    def script(peer: Peer) -> None:
        peer.line()
        peer.send("answer")
        peer.line()
        peer.send("late")
        told.set()
        peer.until_closed()

    with connected(script, authority) as sock:
        sock.shake_hands(patience)
        sock.write(b"a\r\n", patience)
        assert sock.read(patience) == b"answer"
        assert sock.is_quiet()
        sock.write(b"b\r\n", patience)
        assert told.wait(20)
        assert not sock.is_quiet()


def test_a_socket_that_was_closed_meanwhile(authority: Authority) -> None:
    with connected(Peer.silence, authority) as sock:
        sock.shake_hands(patience)
        sock.sock.close()
        assert not sock.is_quiet()

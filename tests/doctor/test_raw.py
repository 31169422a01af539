from __future__ import annotations

import pytest

from conftest import Authority
from msnpauth.core.errors import ConnectionFailed
from msnpauth.core.urls import Address
from msnpauth.doctor import raw
from msnpauth.net.deadline import Deadline
from wire import Peer, Server


def test_a_whole_answer_of_http(authority: Authority) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        for piece in (b"HTTP/1.1 401 No\r\nX: y\r\nContent-", b"Length: 3\r\n\r\na", b"bc"):
            peer.send(piece)
        peer.until_closed()

    with Server(script, authority.server_tls) as server:
        reply = raw.ask(
            Address("127.0.0.1", server.port),
            b"GET / HTTP/1.1\r\n\r\n",
            Deadline(10),
            tls=raw.unchecked(),
        )
    assert (reply.status, reply.body, reply.is_closed, reply.is_silence) == (
        401,
        b"abc",
        False,
        False,
    )
    assert reply.head.endswith(b"Content-Length: 3\r\n")


def test_lines_one_byte_at_a_time() -> None:
    def script(peer: Peer) -> None:
        peer.send(peer.line()[::-1] + "\r\n")
        peer.until_closed()

    with Server(script) as server:
        reply = raw.ask(Address("127.0.0.1", server.port), b"VER 1\r\n", Deadline(10), pieces=4)
    assert reply.data == b"1 REV\r\n"
    assert reply.status is None


def test_silence_and_its_opposite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "_SILENCE", 0.1)
    with Server(lambda peer: peer.silence()) as server:
        reply = raw.ask(Address("127.0.0.1", server.port), b"x\r\n", Deadline(10))
    assert reply.is_silence
    with Server(lambda peer: None) as server:
        reply = raw.ask(Address("127.0.0.1", server.port), b"x\r\n", Deadline(10))
    assert reply.is_closed
    assert not reply.is_silence
    with Server(lambda peer: peer.flood(b"x" * 65536)) as server:
        reply = raw.ask(Address("127.0.0.1", server.port), b"x\r\n", Deadline(10))
    assert 256 * 1024 <= len(reply.data) < 512 * 1024


def test_nobody_there() -> None:
    with Server(lambda peer: None) as gone:
        pass
    with pytest.raises(ConnectionFailed):
        raw.ask(Address("127.0.0.1", gone.port), b"", Deadline(10))


def test_a_port_that_does_not_speak_tls() -> None:
    with Server(lambda peer: peer.send("hello\r\n")) as server, pytest.raises(ConnectionFailed):
        raw.ask(Address("127.0.0.1", server.port), b"", Deadline(10), tls=raw.unchecked())


def test_a_peer_that_drips_has_had_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "_SILENCE", 0.2)
    with Server(lambda peer: peer.drip(b"x")) as server:
        reply = raw.ask(Address("127.0.0.1", server.port), b"x\r\n", Deadline(10))
    assert not reply.is_closed
    assert 0 < len(reply.data) < 1000

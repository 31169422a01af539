from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from conftest import Authority
from far import Far
from msnpauth.core.errors import Step
from msnpauth.core.urls import Address
from msnpauth.net.deadline import Deadline
from msnpauth.net.streams import open_tls
from msnpauth.net.tls_connection import TlsConnection
from msnpauth.net.tls_stream import TlsStream
from wire import Peer, Script, Server


@asynccontextmanager
async def stream_to(server: Server, authority: Authority) -> AsyncIterator[TlsStream]:
    where = Address("localhost", server.port)
    stream = await open_tls(where, Deadline(20), Step.LOGIN, authority.client_tls)
    try:
        yield stream
    finally:
        stream.abort()
        await asyncio.sleep(0)


@pytest.fixture
def play(authority: Authority) -> Callable[..., None]:
    """Return what plays a script of the server's against a client's."""

    def run(script: Script, client: Callable[[TlsStream], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            async with stream_to(server, authority) as stream:
                await client(stream)

        with Server(script, authority.server_tls) as server:
            asyncio.run(main())

    return run


Play = Callable[..., None]


def test_a_question_and_its_answer(play: Play) -> None:
    def script(peer: Peer) -> None:
        assert peer.line() == "hello"
        peer.send("welcome")

    async def client(stream: TlsStream) -> None:
        assert stream.is_quiet()
        stream.write(b"hello\r\n")
        await stream.drain()
        assert await stream.read() == b"welcome"
        assert await stream.read() == b""
        assert not stream.is_quiet()

    play(script, client)


def test_who_does_not_read_is_not_sent_more(play: Play) -> None:
    """A server that floods waits, and all of it arrives once it is read."""
    size = 4_000_000
    done = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(b"x" * size)
        done.set()
        peer.until_closed()

    async def client(stream: TlsStream) -> None:
        transport = stream._transport
        assert transport is not None
        while transport.is_reading():
            await asyncio.sleep(0)
        assert stream.tls.waiting < 600_000
        assert not done.is_set()
        count = 0
        while count < size:
            count += len(await stream.read())
        assert count == size

    play(script, client)


def test_a_peer_that_does_not_read(play: Play) -> None:
    """`drain` waits for room, and is told when there will be none any more."""
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        go_on.wait(20)
        # Not a good-bye: a reset.
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(peer.sock)

    async def client(stream: TlsStream) -> None:
        stream.write(b"x" * 20_000_000)
        draining = asyncio.ensure_future(stream.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        go_on.set()
        with pytest.raises(ConnectionError):
            await draining
        with pytest.raises(ConnectionError):
            await stream.read()

    play(script, client)


def test_room_comes_back(play: Play) -> None:
    heard = []

    def script(peer: Peer) -> None:
        heard.append(len(peer.read_until(b"\n")))
        peer.send("thanks")

    async def client(stream: TlsStream) -> None:
        stream.write(b"x" * 5_000_000 + b"\n")
        await stream.drain()
        assert await stream.read() == b"thanks"

    play(script, client)
    assert heard == [5_000_001]


def test_to_read_may_be_given_up(play: Play) -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        go_on.wait(20)
        peer.send("here")

    async def client(stream: TlsStream) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await stream.read()
        go_on.set()
        assert await stream.read() == b"here"

    play(script, client)


def test_aborted_by_ourselves(play: Play) -> None:
    async def client(stream: TlsStream) -> None:
        reading = asyncio.ensure_future(stream.read())
        await asyncio.sleep(0)
        stream.abort()
        assert await reading == b""
        with pytest.raises(ConnectionResetError):
            await stream.drain()

    play(Peer.silence, client)


def test_a_reset_within_the_handshake(authority: Authority) -> None:
    """It reads as the end that it is: who is not spoken to by TLS mostly leaves."""

    async def main() -> None:
        stream = TlsStream(TlsConnection(authority.client_tls, "localhost"))
        shaking = asyncio.ensure_future(stream.shake_hands())
        await asyncio.sleep(0)
        stream.connection_lost(ConnectionResetError())
        with pytest.raises(ssl.SSLEOFError):
            await shaking

    asyncio.run(main())


def test_settings_that_cannot_work(authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def main() -> None:
        with pytest.raises(ssl.SSLError):
            stream = TlsStream(TlsConnection(context, "localhost"))
            stream.connection_made(Transport())
            await stream.shake_hands()

    asyncio.run(main())


class Transport(asyncio.Transport):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self._written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written += data

    def sent(self) -> bytes:
        """Return what was written since the last time."""
        written, self._written = self._written, b""
        return written

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def abort(self) -> None:
        self.told.append("abort")


def test_nothing_is_read_before_the_answers_have_left(authority: Authority) -> None:
    """A peer that wants new keys over and over, and reads none of them, cannot fill our memory."""
    far = Far(authority.server_tls)
    stream, transport = TlsStream(TlsConnection(authority.client_tls, "localhost")), Transport()
    stream.connection_made(transport)
    stream.data_received(far.answer(transport.sent()))
    stream.data_received(far.answer(transport.sent()))
    assert stream.tls.is_secured
    assert stream.is_quiet()
    stream.pause_writing()
    stream.data_received(far.say(b"x"))
    assert not stream._hear()
    assert stream.tls.waiting
    stream.resume_writing()
    assert stream._hear()


def test_a_fault_ends_the_connection(authority: Authority) -> None:
    far = Far(authority.tls_for("localhost", ca=trustme.CA()))
    stream, transport = TlsStream(TlsConnection(authority.client_tls, "localhost")), Transport()
    stream.connection_made(transport)
    stream.data_received(far.answer(transport.sent()))
    assert transport.told == ["abort"]
    assert transport.sent(), "the alert"
    assert not stream.is_quiet()

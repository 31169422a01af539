"""Connections from their first moment to their last: none is served that may not, none is left."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from conftest import Authority
from msnpauth.service.hosts.gate import Gate, Visit
from msnpauth.service.hosts.listener import Listener, from_proxies

HERE = "127.0.0.1"


class House:
    """Serves connections by saying them back, and knows what became of each."""

    def __init__(self, gate: Gate | None = None) -> None:
        self.gate = gate or Gate()
        self.visits: list[Visit] = []
        self.ends: list[str] = []
        self.came = asyncio.Event()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, visit: Visit
    ) -> None:
        self.visits.append(visit)
        self.came.set()
        try:
            while data := await reader.read(100):
                writer.write(data)
                await writer.drain()
            self.ends.append("end")
        except asyncio.CancelledError:
            self.ends.append("cancelled")
            raise
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    house: House, tls: ssl.SSLContext | None = None, **settings: Any
) -> AsyncIterator[tuple[Listener, int]]:
    serve = settings.pop("serve", house.serve)
    sock = socket.create_server((HERE, 0))
    port: int = sock.getsockname()[1]
    listener = Listener(serve, tls, house.gate, **settings)
    await listener.start(sock)
    try:
        yield listener, port
    finally:
        await listener.stop()


def played(work: Coroutine[Any, Any, None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await work

    asyncio.run(main())


async def said(port: int, *parts: bytes) -> bytes:
    """Return what comes back until the other side closes, after ours has said all of it."""
    reader, writer = await asyncio.open_connection(HERE, port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        writer.write_eof()
        return await reader.read()
    except OSError:  # by then it is closed
        return b""
    finally:
        writer.close()


async def is_ended(reader: asyncio.StreamReader) -> bool:
    """Tell whether the other side ends the connection without a word."""
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def empty(gate: Gate) -> None:
    while gate.count:
        await asyncio.sleep(0)


def test_a_connection_is_served_and_leaves_nothing_behind() -> None:
    async def main() -> None:
        house = House()
        async with listening(house) as (listener, port):
            assert await said(port, b"hello") == b"hello"
            assert await said(port, b"a", b"b", b"c") == b"abc"
            await empty(house.gate)
            assert not listener._connections
        assert [visit.address for visit in house.visits] == [HERE] * 2
        assert house.ends == ["end"] * 2

    played(main())


def test_what_came_before_anybody_served_is_not_lost() -> None:
    """A client may say its first words with the SYN; here they are there before the accept."""

    async def main() -> None:
        house = House()
        with socket.create_server((HERE, 0)) as sock, socket.socket() as client:
            client.connect(sock.getsockname())
            client.sendall(b"VER 1 MSNP12\r\n")
            client.shutdown(socket.SHUT_WR)
            client.setblocking(False)
            listener = Listener(house.serve)
            await listener.start(sock)
            loop = asyncio.get_running_loop()
            assert await loop.sock_recv(client, 100) == b"VER 1 MSNP12\r\n"
            await listener.stop()

    played(main())


def test_who_is_not_let_in_is_closed_unserved() -> None:
    async def main() -> None:
        house = House(Gate(in_all=1))
        async with listening(house) as (_, port):
            reader, writer = await asyncio.open_connection(HERE, port)
            await house.came.wait()
            house.visits[0].proved()
            assert await said(port, b"hello") == b""
            assert (house.gate.refused, len(house.visits)) == (1, 1)
            writer.write(b"I am still here")
            assert await reader.read(100) == b"I am still here"
            writer.close()

    played(main())


def test_who_makes_room_for_others_ends_with_all_that_is_done_for_it() -> None:
    async def main() -> None:
        house = House(Gate(in_all=1))
        async with listening(house) as (_, port):
            reader, writer = await asyncio.open_connection(HERE, port)
            await house.came.wait()
            assert await said(port, b"hello") == b"hello"
            assert await is_ended(reader)
            writer.close()
            assert house.ends == ["cancelled", "end"]
            await empty(house.gate)

    played(main())


def test_the_end_ends_every_connection() -> None:
    async def main() -> None:
        house = House()
        async with listening(house) as (listener, port):
            clients = [await asyncio.open_connection(HERE, port) for _ in range(3)]
            while len(house.visits) < 3:
                await asyncio.sleep(0)
            await listener.stop()
            assert house.ends == ["cancelled"] * 3
            assert house.gate.count == 0
            assert not listener._connections
            for _, writer in clients:
                writer.close()

    played(main())


class Transport(asyncio.Transport):
    """A connection that was taken a moment ago."""

    is_aborted = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (HERE, 5) if name == "peername" else default

    def abort(self) -> None:
        self.is_aborted = True


def test_a_connection_that_is_taken_in_the_last_moment_is_ended_too() -> None:
    """Its task is cancelled before its first step, and nothing of it has run."""

    async def main() -> None:
        house, first, second = House(), Transport(), Transport()
        listener = Listener(house.serve, None, house.gate)
        listener._accepted(first)
        await listener.stop()
        listener._accepted(second)
        assert (first.is_aborted, second.is_aborted) == (True, True)
        assert (house.gate.count, house.visits) == (0, [])
        assert not listener._connections

    played(main())


def test_closing_takes_nobody_new_and_lets_those_go_on_who_are_there() -> None:
    async def main() -> None:
        house = House()
        async with listening(house) as (listener, port):
            reader, writer = await asyncio.open_connection(HERE, port)
            await house.came.wait()
            listener.close()
            with pytest.raises(ConnectionError):
                await asyncio.open_connection(HERE, port)
            writer.write(b"hello")
            assert await reader.read(100) == b"hello"
            writer.close()

    played(main())


def test_what_never_began_can_be_ended() -> None:
    async def main() -> None:
        listener = Listener(House().serve)
        listener.close()
        await listener.stop()

    played(main())


def test_a_connection_that_fails_ends_alone() -> None:
    async def main() -> None:
        house, faults = House(), []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told))

        async def serve(reader: Any, writer: asyncio.StreamWriter, visit: Visit) -> None:
            if not house.visits:
                house.visits.append(visit)
                writer.close()
                raise ZeroDivisionError
            await house.serve(reader, writer, visit)

        async with listening(house, serve=serve) as (_, port):
            assert await said(port, b"hello") == b""
            assert await said(port, b"hello") == b"hello"
            await empty(house.gate)
        assert len(faults) <= 1, "asyncio tells of it at most"

    played(main())


# --- TLS -----------------------------------------------------------------------------------------


def test_over_tls(authority: Authority) -> None:
    async def main() -> None:
        house = House()
        async with listening(house, authority.server_tls) as (_, port):
            reader, writer = await asyncio.open_connection(
                HERE, port, ssl=authority.client_tls, server_hostname="localhost"
            )
            writer.write(b"hello")
            assert await reader.read(100) == b"hello"
            writer.close()
            await writer.wait_closed()
            await empty(house.gate)
            assert house.ends == ["end"]

    played(main())


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b""])
def test_who_speaks_no_tls_is_closed_unserved(authority: Authority, data: bytes) -> None:
    async def main() -> None:
        house, faults = House(), []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told))
        async with listening(house, authority.server_tls) as (_, port):
            assert b"hello" not in await said(port, data)
            await empty(house.gate)
            assert house.visits == []
        assert faults == [], "that is nothing that anybody has to look at"

    played(main())


def test_who_says_nothing_of_tls_is_ended_with_the_listener(authority: Authority) -> None:
    async def main() -> None:
        house = House()
        async with listening(house, authority.server_tls) as (listener, port):
            reader, writer = await asyncio.open_connection(HERE, port)
            while not house.gate.count:
                await asyncio.sleep(0)
            await listener.stop()
            assert house.gate.count == 0
            assert await is_ended(reader)
            writer.close()

    played(main())


# --- proxies alone -------------------------------------------------------------------------------


class Peer:
    """The writing half of a connection from an address."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self.closed = False

    def get_extra_info(self, name: str) -> tuple[str, int] | None:
        assert name == "peername"
        return None if self._address is None else (self._address, 5)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("address", "allowed", "is_served"),
    [
        ("192.0.2.7", ["192.0.2.7"], True),
        ("::ffff:192.0.2.7", ["192.0.2.7"], True),
        ("2001:db8:0::7", ["2001:db8::7"], True),
        ("192.0.2.8", ["192.0.2.7"], False),
        ("192.0.2.70", ["192.0.2.7"], False),
        ("192.0.2.7", [], False),
        (None, ["192.0.2.7"], False),
    ],
)
def test_only_proxies_are_served(
    address: str | None, allowed: Collection[str], is_served: bool
) -> None:
    served: list[Any] = []

    async def serve(reader: Any, writer: Any, visit: Any) -> None:
        served.append((reader, writer, visit))

    async def main() -> None:
        peer, reader, visit = Peer(address), asyncio.StreamReader(), Visit(None, "x")
        await from_proxies(serve, allowed)(reader, peer, visit)  # type: ignore[arg-type]
        assert served == ([(reader, peer, visit)] if is_served else [])
        assert peer.closed is not is_served

    played(main())

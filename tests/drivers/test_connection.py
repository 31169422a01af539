"""One connection of either driver, on a real pair of sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from msnpauth.aio.connection import Connection as AioConnection
from msnpauth.core.client.actions import Send
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.errors import ConnectionFailed, SignInTimeout, Step
from msnpauth.core.servers import Servers
from msnpauth.core.wire.commands import Command
from msnpauth.net.deadline import Deadline
from msnpauth.observe import Event, Sent
from msnpauth.sync import driver as sync_driver
from msnpauth.sync.connection import Connection
from msnpauth.transports import make_transport
from msnpauth.watch import Watch

PNG = Command("PNG")
LARGE = Command("MSG", 1, ("U",), bytes(8 * 1024 * 1024))  # more than two buffers of the kernel


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def test_what_is_written_is_told_and_read(pair: Pair) -> None:
    heard: list[Event] = []
    connection = Connection(pair[0], "ns:1863", Watch(heard.append))
    connection.write([PNG, Command("CHG", 5, ("NLN", "0"))])
    assert pair[1].recv(100) == b"PNG\r\nCHG 5 NLN 0\r\n"
    assert [(event.server, event.text) for event in heard if isinstance(event, Sent)] == [
        ("ns:1863", "PNG"),
        ("ns:1863", "CHG 5 NLN 0"),
    ]
    pair[1].sendall(b"QNG 9\r\n")
    assert connection.read() == b"QNG 9\r\n"
    pair[1].close()
    assert connection.read() == b""


def test_commands_are_taken_until_there_are_none(pair: Pair) -> None:
    connection = Connection(pair[0], "ns:1863", Watch())
    left = [[PNG], [PNG, PNG], []]
    connection.write_all(lambda: left.pop(0))
    assert pair[1].recv(100) == b"PNG\r\n" * 3
    connection.goodbye(lambda: [Command("OUT")])
    assert pair[1].recv(100) == b"OUT\r\n"


@pytest.mark.parametrize(("number", "step"), [(0, Step.NOTIFICATION), (2, Step.SESSION)])
def test_a_connection_that_broke_says_so_to_everybody(pair: Pair, number: int, step: Step) -> None:
    connection = Connection(pair[0], "ns:1863", Watch())
    if number:
        connection.begin_session(number, 5.0)
    pair[1].close()
    errors = []
    for _ in range(2):
        with pytest.raises(ConnectionFailed) as caught:
            connection.write([LARGE])
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert [(error.step, error.server) for error in errors] == [(step, "ns:1863")] * 2
    assert connection.number == number


def test_a_server_that_does_not_read(pair: Pair) -> None:
    connection = Connection(pair[0], "ns:1863", Watch())
    connection.begin_session(1, 0.01)
    with pytest.raises(ConnectionFailed) as caught:
        connection.write([LARGE])
    assert caught.value.text == "nothing could be sent for 0.01 seconds"


def test_a_write_is_interrupted(pair: Pair) -> None:
    connection = Connection(pair[0], "ns:1863", Watch())
    connection.begin_session(1, 60.0)
    failed: list[ConnectionFailed] = []

    def write() -> None:
        try:
            connection.write([LARGE])
        except ConnectionFailed as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    pair[1].recv(1)  # it is being written
    connection.interrupt()
    thread.join(20)
    assert len(failed) == 1
    connection.drop()
    assert pair[0].fileno() == -1


def test_a_sign_in_whose_write_takes_all_the_time_is_late(pair: Pair) -> None:
    """As on asyncio, where the deadline is a timer: both drivers say that it was too late."""
    servers = Servers(notification="ns.example")
    machine = SignIn("a@b.example", "x", servers, scheme="MD5")
    deadline, carrier = Deadline(0.05), make_transport(None, None, None)
    driver = sync_driver._Driver(machine, carrier, deadline, Watch())
    try:
        with pytest.raises(SignInTimeout, match=r"no answer within 0\.05 seconds"):
            driver._send(Send((LARGE,)), Connection(pair[0], "ns:1863", Watch()))
    finally:
        driver.close()
        carrier.close()


def test_asyncio(pair: Pair) -> None:
    async def main() -> None:
        heard: list[Event] = []
        streams = await asyncio.open_connection(sock=pair[0].dup())
        connection = AioConnection(streams, "ns:1863", Watch(heard.append))
        connection.write([])
        connection.write([PNG])
        await connection.drained(5)
        assert pair[1].recv(100) == b"PNG\r\n"
        assert [event.text for event in heard if isinstance(event, Sent)] == ["PNG"]
        pair[1].sendall(b"QNG 9\r\n")
        assert await connection.read() == b"QNG 9\r\n"
        connection.begin_session(3)
        assert (connection.number, connection.step) == (3, Step.SESSION)
        connection.write([LARGE])
        with pytest.raises(ConnectionFailed) as caught:
            await connection.drained(0.01)
        assert caught.value.text == "nothing could be sent for 0.01 seconds"
        assert caught.value.step is Step.SESSION
        waiting = asyncio.create_task(connection.drained(5))
        await asyncio.sleep(0)  # it waits for room now
        connection.drop()
        with pytest.raises(ConnectionFailed) as caught:
            await waiting
        assert caught.value.text == "the connection was closed"

    asyncio.run(main())


def test_the_last_words_on_asyncio(pair: Pair) -> None:
    async def main() -> None:
        streams = await asyncio.open_connection(sock=pair[0].dup())
        await AioConnection(streams, "ns:1863", Watch()).goodbye([Command("OUT")])

    asyncio.run(main())
    assert pair[1].recv(100) == b"OUT\r\n"

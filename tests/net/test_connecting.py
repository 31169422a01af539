"""Which of a host's addresses a connection is made to (RFC 8305), in both drivers."""

from __future__ import annotations

import asyncio
import errno
import gc
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import Authority
from far import Far
from msnpauth import ConnectionFailed, SignInError, SignInTimeout
from msnpauth.core.errors import Step
from msnpauth.core.urls import Address
from msnpauth.net import streams
from msnpauth.net.deadline import Deadline
from msnpauth.net.names import ATTEMPT_DELAY, interleaved, most_telling
from msnpauth.net.sessions import Resumption
from msnpauth.net.sockets import Connecting, connect_tcp, shut_down
from msnpauth.net.streams import open_streams, open_tls


def descriptors() -> list[int]:
    """Return the open ones; none where the system does not tell."""
    folder = Path("/proc/self/fd")
    return [int(entry.name) for entry in folder.iterdir()] if folder.is_dir() else []


V4, V6 = socket.AF_INET, socket.AF_INET6
Connect = Callable[[str, int, float], str]


def by_threads(host: str, port: int, timeout: float) -> str:
    with connect_tcp(Address(host, port), Deadline(timeout), Step.NOTIFICATION) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert 0 < (sock.gettimeout() or 0) <= timeout
        return str(sock.getpeername()[0])


def by_asyncio(host: str, port: int, timeout: float) -> str:
    async def main() -> str:
        _, writer = await open_streams(Address(host, port), Deadline(timeout), Step.NOTIFICATION)
        assert writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        peer = writer.get_extra_info("peername")[0]
        writer.transport.abort()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return str(peer)

    return asyncio.run(main())


@pytest.fixture(params=[by_threads, by_asyncio])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Connect by one of the drivers, and see that nothing is left."""
    gc.collect()
    before = len(descriptors())
    yield request.param
    assert len(descriptors()) <= before


@contextmanager
def listening(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    with socket.create_server((host, port)) as sock:
        yield sock.getsockname()[1]


@contextmanager
def silent(host: str, port: int) -> Iterator[None]:
    """Be an address that drops what is sent to it: its queue of new connections is full."""
    with socket.socket() as sock:
        sock.bind((host, port))
        sock.listen(0)
        waiting = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((host, port))
            waiting.append(one)
        yield
        for one in waiting:
            one.close()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let every name have these addresses."""

    def named(*places: tuple[socket.AddressFamily, str]) -> None:
        def look_up(host: str, port: int, **_: Any) -> list[Any]:
            return [
                (family, socket.SOCK_STREAM, 6, "", (where, port, 0, 0)[: 2 if family == V4 else 4])
                for family, where in places
            ]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return named


Resolve = Callable[..., None]


def test_the_families_take_turns() -> None:
    a, b, c = [(V6, (f"::{n}", 1, 0, 0)) for n in "abc"]
    x, y = [(V4, (f"10.0.0.{n}", 1)) for n in "12"]
    assert interleaved([a, b, c, x, y]) == [a, x, b, y, c]
    assert interleaved([x, a, b]) == [x, a, b]
    assert interleaved([x, a, x, y]) == [x, a, y]
    assert interleaved([x]) == [x]
    assert interleaved([]) == []


def test_a_dead_address_costs_a_moment(connect: Connect, resolve: Resolve) -> None:
    resolve((V4, "127.0.0.2"), (V4, "127.0.0.1"))
    with listening() as port, silent("127.0.0.2", port):
        begun = time.monotonic()
        assert connect("two.example", port, 20) == "127.0.0.1"
        took = time.monotonic() - begun
    assert ATTEMPT_DELAY <= took < 10, "not half of the deadline"


def test_several_dead_addresses(connect: Connect, resolve: Resolve) -> None:
    resolve((V4, "127.0.0.2"), (V4, "127.0.0.3"), (V4, "127.0.0.4"), (V4, "127.0.0.1"))
    with listening() as port, silent("127.0.0.2", port), silent("127.0.0.3", port):
        assert connect("four.example", port, 20) == "127.0.0.1"


def test_one_that_refuses_costs_nothing(
    connect: Connect, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msnpauth.net.sockets.ATTEMPT_DELAY", 60)
    monkeypatch.setattr("msnpauth.net.streams.ATTEMPT_DELAY", 60)
    resolve((V6, "::1"), (V4, "127.0.0.2"), (V4, "127.0.0.1"))
    with listening() as port:
        assert connect("three.example", port, 20) == "127.0.0.1"


def test_the_first_that_answers_wins(connect: Connect, resolve: Resolve) -> None:
    resolve((V4, "127.0.0.1"), (V4, "127.0.0.2"))
    with listening() as port, listening("127.0.0.2", port):
        assert connect("two.example", port, 20) == "127.0.0.1"


def test_a_kernel_without_ipv6(
    connect: Connect, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Without(socket.socket):
        def __init__(self, family: int = -1, *arguments: Any, **settings: Any) -> None:
            if family == V6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *arguments, **settings)

    resolve((V6, "::1"), (V4, "127.0.0.1"))
    with listening() as port:
        monkeypatch.setattr("msnpauth.net.names.socket.socket", Without)
        assert connect("two.example", port, 20) == "127.0.0.1"
        resolve((V6, "::1"))
        with pytest.raises(ConnectionFailed, match="this machine has no IPv6"):
            connect("six.example", port, 20)
        monkeypatch.undo()


def test_all_refuse(connect: Connect, resolve: Resolve) -> None:
    resolve((V6, "::1"), (V4, "127.0.0.1"), (V4, "127.0.0.2"))
    with listening() as port:
        pass
    with pytest.raises(ConnectionFailed) as caught:
        connect("three.example", port, 20)
    assert caught.value.text == "connection refused"
    assert caught.value.server == f"three.example:{port}"
    assert caught.value.__context__ is None


def test_one_is_silent_and_one_refuses(connect: Connect, resolve: Resolve) -> None:
    resolve((V4, "127.0.0.2"), (V4, "127.0.0.3"))
    with listening() as port:
        pass
    with silent("127.0.0.2", port):
        begun = time.monotonic()
        with pytest.raises(SignInTimeout) as caught:
            connect("two.example", port, 0.6)
        assert time.monotonic() - begun < 1.6
    text = "no answer within 0.6 seconds (another address: connection refused)"
    assert caught.value.text == text
    assert caught.value.__context__ is None


@pytest.mark.parametrize("places", [1, 3])
def test_all_are_silent(connect: Connect, resolve: Resolve, places: int) -> None:
    resolve(*[(V4, "127.0.0.2")] * places, *[(V4, "127.0.0.3")] * (places - 1))
    with listening() as port:
        pass
    with silent("127.0.0.2", port), silent("127.0.0.3", port):
        begun = time.monotonic()
        with pytest.raises(SignInTimeout) as caught:
            connect("some.example", port, 0.6)
        assert time.monotonic() - begun < 1.6
    assert caught.value.text == "no answer within 0.6 seconds"


def test_no_address_at_all(connect: Connect, resolve: Resolve) -> None:
    resolve()
    with pytest.raises(ConnectionFailed, match="the host has no address"):
        connect("none.example", 1, 20)


def test_a_resolver_that_is_slow(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for its thread, which ends when it ends."""
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(20) and [])
    begun = time.monotonic()
    with pytest.raises(SignInTimeout):
        connect("slow.example", 1, 0.3)
    assert time.monotonic() - begun < 1.3
    done.set()


@pytest.mark.parametrize("spare", range(4))
def test_no_descriptor_is_left(connect: Connect, resolve: Resolve, spare: int) -> None:
    """EMFILE anywhere on the way is an error of ours, or there were enough of them."""
    resolve((V4, "127.0.0.1"), (V4, "127.0.0.2"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with listening() as port:
        outcome: list[BaseException | str] = []

        def go() -> None:
            try:
                outcome.append(connect("two.example", port, 5))
            except BaseException as error:  # noqa: BLE001 - looked at below
                outcome.append(error)

        used = max(descriptors()) + 1
        if connect is by_asyncio:
            used += 3  # what the loop itself needs
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + spare, limits[1]))
        try:
            go()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    [found] = outcome
    assert isinstance(found, str | ConnectionFailed), repr(found)
    if isinstance(found, ConnectionFailed):
        assert found.text == "too many open files"
        assert "limit" in found.hint


def test_a_thread_cannot_be_started(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ConnectionFailed, match="no thread could be started") as caught:
        connect("some.example", 1, 5)
    monkeypatch.undo()
    assert caught.value.__context__ is None


def test_the_reason_that_says_most() -> None:
    def of(*numbers: int) -> int | None:
        problem = most_telling([OSError(number, "") for number in numbers])
        assert isinstance(problem, OSError)
        return problem.errno

    assert of(errno.ENETUNREACH, errno.ECONNREFUSED) == errno.ECONNREFUSED
    assert of(errno.EAFNOSUPPORT, errno.ETIMEDOUT) == errno.ETIMEDOUT
    assert of(errno.EAFNOSUPPORT, errno.ENETUNREACH) == errno.ENETUNREACH
    assert of(errno.ECONNREFUSED, errno.EMFILE) == errno.EMFILE
    assert of(errno.EINVAL, errno.EAFNOSUPPORT) == errno.EINVAL


# --- interrupted ------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [1, 2])
def test_called_off_from_another_thread(resolve: Resolve, places: int) -> None:
    resolve(*[(V4, f"127.0.0.{n}") for n in (2, 3)][:places])
    with listening() as port:
        pass
    with silent("127.0.0.2", port), silent("127.0.0.3", port):
        connecting = Connecting(Address("some.example", port), Deadline(25), Step.LOGIN)
        errors: list[SignInError] = []

        def run() -> None:
            try:
                connecting.run()
            except SignInError as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while len(connecting._open) < places:
            threading.Event().wait(0.005)
        connecting.cancel()
        thread.join(5)
        assert not thread.is_alive()
    assert [error.text for error in errors] == ["the connection was called off"]
    assert not connecting._open


def test_called_off_while_the_resolver_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, done = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> list[Any]:
        asked.set()
        done.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    connecting = Connecting(Address("some.example", 1), Deadline(25), Step.LOGIN)

    def cancel() -> None:
        asked.wait(20)
        connecting.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(ConnectionFailed, match="called off"):
        connecting.run()
    done.set()
    thread.join()


def test_called_off_before_it_began() -> None:
    connecting = Connecting(Address("127.0.0.1", 1), Deadline(25), Step.LOGIN)
    connecting.cancel()
    with pytest.raises(ConnectionFailed, match="called off"):
        connecting.run()


@pytest.mark.parametrize("tls", [False, True])
def test_cancelled(resolve: Resolve, authority: Authority, tls: bool) -> None:
    """Whatever it is waiting for: two silent addresses, or a silent handshake."""
    resolve(*([(V4, "127.0.0.1")] if tls else [(V4, "127.0.0.2"), (V4, "127.0.0.3")]))
    context = authority.client_tls if tls else None

    async def main(port: int) -> None:
        where = Address("some.example", port)
        opening: Coroutine[Any, Any, object] = (
            open_tls(where, Deadline(25), Step.LOGIN, context)
            if context
            else open_streams(where, Deadline(25), Step.LOGIN)
        )
        task = asyncio.create_task(opening)
        before = len(descriptors())
        while len(descriptors()) < before + (1 if tls else 2):
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(0)
        assert len(descriptors()) == before

    with listening() as port:
        if tls:
            asyncio.run(main(port))
            return
    with silent("127.0.0.2", port), silent("127.0.0.3", port):
        asyncio.run(main(port))


def test_cancelled_at_every_step_of_a_handshake(authority: Authority) -> None:
    """Python lets go of the descriptor each time: the next connection gets the same number."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def main() -> set[bool]:
        """Tell what became of the attempts: some are cancelled, and the last ones are not."""
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=authority.server_tls)
        where = Address("localhost", server.sockets[0].getsockname()[1])
        opened: set[bool] = set()
        async with server:
            for steps in [*range(60)] * 4:  # how many a handshake takes is not always the same
                opening = open_tls(where, Deadline(25), Step.LOGIN, authority.client_tls)
                task = asyncio.create_task(opening)
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                opened.add(not task.cancelled())
                if not task.cancelled():
                    task.result().abort()
                _, writer = await open_streams(where, Deadline(25), Step.LOGIN)
                writer.transport.abort()
        return opened

    assert asyncio.run(main()) == {False, True}


def test_a_server_that_goes_while_a_session_is_offered(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handshake is cut, and then nobody is there: that is told, and not tried for ever."""
    context, where = (
        ssl.create_default_context(cafile=str(authority.ca_file)),
        Address("localhost", 1),
    )
    before = Resumption(context, where)
    tls = before.connection()
    tls.start()
    Far(authority.server_tls).shake_hands(tls)
    tls.read()
    rounds: list[bool] = []

    async def opened(*_: object, finish: Any, **_settings: object) -> None:
        rounds.append(True)
        if len(rounds) > 1:
            raise ConnectionFailed("nobody is there")
        near, far = socket.socketpair()
        far.close()
        with pytest.raises(ssl.SSLEOFError):
            await finish(near)
        raise ConnectionFailed("the handshake was cut")

    monkeypatch.setattr(streams, "_opened", opened)
    with pytest.raises(ConnectionFailed, match="nobody is there"):
        asyncio.run(open_tls(where, Deadline(25), Step.LOGIN, context))
    assert len(rounds) == 2


def test_ctrl_c_in_the_middle_of_the_race(
    resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve((V4, "127.0.0.2"), (V4, "127.0.0.3"))
    with listening() as port:
        pass
    with silent("127.0.0.2", port), silent("127.0.0.3", port):
        before = len(descriptors())

        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("selectors.EpollSelector.select", interrupted)
        with pytest.raises(KeyboardInterrupt):
            by_threads("two.example", port, 20)
        assert len(descriptors()) == before


def test_to_shut_down_wakes_a_thread_that_reads() -> None:
    here, there = socket.socketpair()
    thread = threading.Thread(target=here.recv, args=(1,))
    thread.start()
    shut_down(here)
    thread.join(10)
    assert not thread.is_alive()
    here.close()
    there.close()
    shut_down(here)  # once more does no harm


def test_to_shut_down_leaves_the_encryption_on(authority: Authority) -> None:
    """Whoever is about to write must not write in the clear."""
    here, there = socket.socketpair()
    sock = authority.client_tls.wrap_socket(
        here, server_hostname="localhost", do_handshake_on_connect=False
    )
    shut_down(sock)
    assert sock._sslobj is not None  # type: ignore[attr-defined]
    sock.close()
    there.close()

"""How sessions end: by close, by nobody keeping them, by a fork, by a fault of our own."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from both import AioDriver, SyncDriver
from msnpauth import (
    ConnectionFailed,
    LocalProtocolError,
    Reconnect,
    Servers,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    aio,
    sign_in,
)
from msnpauth.core.client.connection import SessionConnection
from wire import PASSPORT, PASSWORD, Peer, Script, Server

Says = Callable[[Peer], object]
Driver = SyncDriver | AioDriver


def by_md5(*then: Says) -> Script:
    """Return a script that signs in by MD5, which needs no other server, and goes on.

    With several continuations each connection has its own.
    """
    left = list(then)

    def script(peer: Peer) -> None:
        trid = peer.line().split(" ")[1]
        peer.send(f"VER {trid} MSNP7\r\n")
        trid = peer.line().split(" ")[1]
        peer.send(f"INF {trid} MD5\r\n")
        trid = peer.line().split(" ")[1]
        peer.send(f"USR {trid} MD5 S 1.2\r\n")
        trid = peer.line().split(" ")[1]
        peer.send(f"USR {trid} OK {PASSPORT} Alice 1\r\n")
        (left.pop(0) if len(left) > 1 else left[0])(peer)

    return script


def at(server: Server, **settings: Any) -> dict[str, Any]:
    return {"servers": Servers(notification=server.address), "scheme": "MD5", **settings}


def test_close_beside_a_send_that_is_stuck(driver: Driver) -> None:
    """The server reads nothing: the send would hold on for its whole time-out."""
    failed: list[SignInError] = []
    begun = threading.Event()

    with Server(by_md5(Peer.silence)) as server:
        with driver.sign_in(PASSPORT, PASSWORD, **at(server, timeout=600)) as session:

            def send() -> None:
                begun.set()
                try:
                    session.send("MSG", "U", payload=bytes(30_000_000))
                except SignInError as error:
                    failed.append(error)

            thread = threading.Thread(target=send)
            thread.start()
            begun.wait(20)
            session.close()
            session.close()
            thread.join(20)
            assert not thread.is_alive()
    assert len(failed) == 1


def test_close_raises_nothing_that_nobody_asked_for() -> None:
    """A send was cancelled beside a server that does not read: close must not be cancelled too."""

    async def main() -> None:
        with Server(by_md5(Peer.silence)) as server:
            session = await aio.sign_in(PASSPORT, PASSWORD, **at(server))
            sending = asyncio.create_task(session.send("MSG", "U", payload=bytes(5_000_000)))
            await asyncio.sleep(0)
            sending.cancel()
            for _ in range(2):
                await session.close()
            assert [task for task in asyncio.all_tasks() if "msnpauth" in task.get_name()] == []

    asyncio.run(main())


@pytest.mark.parametrize("steps", range(1, 7))
def test_a_close_that_is_cancelled_leaves_nothing(steps: int) -> None:
    async def main() -> None:
        with Server(by_md5(Peer.silence)) as server:
            session = await aio.sign_in(PASSPORT, PASSWORD, **at(server))
            writer = session._pump.connection.streams[1]
            closing = asyncio.create_task(session.close())
            for _ in range(steps):
                await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait({closing})
            await asyncio.wait({session._pump._task})
            assert writer.transport.is_closing()

    asyncio.run(main())


@pytest.mark.parametrize("turns", range(4))
def test_close_at_the_moment_of_a_loss(turns: int) -> None:
    async def main() -> None:
        lost = asyncio.Event()
        loop = asyncio.get_running_loop()

        def loses(peer: Peer) -> None:
            peer.sock.close()
            loop.call_soon_threadsafe(lost.set)

        with Server(by_md5(loses)) as server:
            policy = Reconnect(first=5, longest=5)
            session = await aio.sign_in(PASSPORT, PASSWORD, **at(server, reconnect=policy))
            await lost.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
            await session.close()
            assert session.state == "ended"

    asyncio.run(main())


def test_a_session_that_nobody_keeps_says_so_and_is_closed() -> None:
    heard: list[bytes] = []
    closed = threading.Event()

    def script(peer: Peer) -> None:
        heard.append(peer.until_closed())
        closed.set()

    with Server(by_md5(script)) as server:
        session = sign_in(PASSPORT, PASSWORD, **at(server))
        assert session.state == "alive"
        kept = [session]
        del session
        with pytest.warns(ResourceWarning, match="unclosed <Session of 'alice@example.com'"):
            kept.clear()
        assert closed.wait(20)
    assert heard == [b"OUT\r\n"]


def test_a_session_that_nobody_keeps_on_asyncio() -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.until_closed()
        closed.set()

    async def main() -> None:
        with Server(by_md5(script)) as server:
            session = await aio.sign_in(PASSPORT, PASSWORD, **at(server))
            assert session.state == "alive"
            kept = [session]
            del session
            with pytest.warns(ResourceWarning, match="unclosed <Session of 'alice@example.com'"):
                kept.clear()
            assert await asyncio.to_thread(closed.wait, 20)

    asyncio.run(main())


def test_a_loop_that_ends_takes_its_sessions_along() -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.until_closed()
        closed.set()

    async def main(server: Server) -> aio.Session:
        return await aio.sign_in(PASSPORT, PASSWORD, **at(server))

    with Server(by_md5(script)) as server:
        session = asyncio.run(main(server))
        assert closed.wait(20)
        assert session.state == "ended"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_has_a_copy_that_cannot_harm() -> None:
    def script(peer: Peer) -> None:
        assert peer.line() == "CHG 5 NLN"
        peer.send("CHG 5 NLN\r\n")
        heard.append(peer.until_closed())

    heard: list[bytes] = []
    with Server(by_md5(script)) as server, sign_in(PASSPORT, PASSWORD, **at(server)) as session:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads and fork
            child = os.fork()
        if child == 0:
            os._exit(_of_the_child(session))
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert session.state == "alive"
        assert session.request("CHG", "NLN", timeout=20).verb == "CHG"
    assert heard == [b"OUT\r\n"]


def _of_the_child(session: Any) -> int:
    """Try everything with the copy; return 0 when all of it was refused."""
    calls = [
        lambda: session.send("PNG"),
        lambda: session.request("CHG", "NLN"),
        lambda: session.receive(5),
        lambda: session.profile,
        session.renew,
        session.detach,
    ]
    refused = 0
    for call in calls:
        try:
            call()
        except LocalProtocolError as error:
            refused += "forked process's copy" in error.text
    told = session.state == "ended" and isinstance(session.ended, LocalProtocolError)
    session.close()
    session.close()
    return 0 if refused == len(calls) and told else 1


def breaks_at(monkeypatch: pytest.MonkeyPatch, word: bytes) -> None:
    """Have the core fail on these bytes, as no input should be able to make it."""
    receive = SessionConnection.receive

    def failing(core: SessionConnection, data: bytes | None, now: float) -> Any:
        if data is not None and word in data:
            raise ZeroDivisionError
        return receive(core, data, now)

    monkeypatch.setattr(SessionConnection, "receive", failing)


def nln_when_asked(peer: Peer) -> None:
    peer.line()
    peer.send("NLN NLN x@y X\r\n")
    peer.until_closed()


def test_a_fault_of_our_own_is_no_silence(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks_at(monkeypatch, b"NLN")

    with Server(by_md5(nln_when_asked)) as server:
        with driver.sign_in(PASSPORT, PASSWORD, **at(server)) as session:
            session.send("PNG")
            with pytest.raises(ConnectionFailed, match=r"fault of its own \(ZeroDivisionError\)"):
                session.receive(20)
            assert session.state == "ended"


def test_after_a_fault_of_our_own_it_comes_back(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_at(monkeypatch, b"NLN")
    script = by_md5(nln_when_asked, Peer.until_closed)
    policy = Reconnect(attempts=3, first=0, longest=0)
    with Server(script) as server:
        with driver.sign_in(PASSPORT, PASSWORD, **at(server, reconnect=policy)) as session:
            session.send("PNG")
            assert session.receive(20).verb == "USR"
            assert session.state == "alive"


@pytest.mark.parametrize("product", [("MY CLIENT", "key"), ("id",), 5])
def test_a_product_that_cannot_be_one_is_refused_before_anything_is_sent(
    driver: Driver, product: Any
) -> None:
    with Server(Peer.silence) as server:
        with pytest.raises(LocalProtocolError, match="product="):
            with driver.sign_in(PASSPORT, PASSWORD, **at(server, product=product)):
                pass
        assert server.connections == 0


def test_a_session_that_was_closed_says_so(driver: Driver) -> None:
    with Server(by_md5(Peer.until_closed)) as server:
        with driver.sign_in(PASSPORT, PASSWORD, **at(server)) as session:
            session.close()
            for call in (session.send, session.request):
                with pytest.raises(SessionEnded) as ended:
                    call("CHG", "NLN")
                assert ended.value.reason == "closed"
            with pytest.raises(SessionEnded):
                session.detach()


def refuses(peer: Peer) -> None:
    trid = peer.line().split(" ")[1]
    peer.send(f"601 {trid}\r\n")


def test_from_the_start_it_tries_again(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    scripts: list[Script] = [refuses, refuses, by_md5(Peer.until_closed)]
    policy = Reconnect(attempts=5, first=0, longest=0, from_start=True)
    with Server(lambda peer: scripts.pop(0)(peer)) as server:  # noqa: PLW0108 - each its own
        with driver.sign_in(PASSPORT, PASSWORD, **at(server, reconnect=policy)) as session:
            assert session.state == "alive"
        assert server.connections == 3
    assert caplog.text.count("trying again in 0.0 seconds") == 2


@pytest.mark.parametrize(
    ("policy", "connections"),
    [
        (Reconnect(attempts=2, first=0, longest=0, from_start=True), 2),
        (Reconnect(attempts=2, first=0, longest=0), 1),
        (None, 1),
    ],
)
def test_the_first_sign_in_gives_up_at_last(
    driver: Driver, policy: Reconnect | None, connections: int
) -> None:
    with Server(refuses) as server:
        with pytest.raises(ServiceUnavailable):
            with driver.sign_in(PASSPORT, PASSWORD, **at(server, reconnect=policy)):
                pass
        assert server.connections == connections


def test_a_mistake_of_the_callers_is_told_at_once(driver: Driver) -> None:
    policy = Reconnect(from_start=True)
    with Server(Peer.silence) as server:
        with pytest.raises(LocalProtocolError, match="ca_file"):
            with driver.sign_in(
                PASSPORT,
                PASSWORD,
                Servers(notification=server.address, login="https://127.0.0.1:1"),
                ca_file="/there/is/none.pem",
                reconnect=policy,
            ):
                pass


def test_close_ends_a_sign_in_that_is_under_way(driver: Driver) -> None:
    """The session was lost, and the server that it comes back to is silent."""
    heard = threading.Event()

    def silent(peer: Peer) -> None:
        peer.line()
        heard.set()
        peer.silence()

    scripts: list[Script] = [by_md5(lambda _: None), silent]
    policy = Reconnect(first=0, longest=0)
    with Server(lambda peer: scripts.pop(0)(peer)) as server:  # noqa: PLW0108 - each its own
        settings = at(server, reconnect=policy, timeout=600)
        with driver.sign_in(PASSPORT, PASSWORD, **settings) as session:
            assert heard.wait(20)
            session.close()
            assert session.state == "ended"
            assert not [t for t in threading.enumerate() if t.name == "msnpauth-session"]


def test_the_machines_guid_is_not_asked_for_in_vain(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dialects before MSNP16 need none, and where there is no place for it they need no place."""

    def fail() -> str:
        raise AssertionError("nobody needs it")

    monkeypatch.setattr("msnpauth.store.machine.machine_guid", fail)
    with Server(by_md5(Peer.until_closed)) as server:
        with driver.sign_in(PASSPORT, PASSWORD, **at(server)) as session:
            assert session.state == "alive"

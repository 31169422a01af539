"""Every exchange ends: by its deadline, by `close`, when it is cancelled, and leaves nothing."""

from __future__ import annotations

import asyncio
import gc
import queue
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Authority
from leaks import assert_no_secret
from msnpauth import ConnectionFailed, Secret, SignInError, SignInTimeout
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from msnpauth.transports import curl_engine, make_async_transport, make_transport
from wire import Peer, Script, Server, http

from .conftest import CARRIERS, Carrier

PASSWORD = "p,a=ss%w"
NAMES = ["sockets", "curl", "httpx"]


def request_to(server: Server, **settings: Any) -> Request:
    headers = (("Authorization", Secret(f"Passport1.4 pwd={PASSWORD}")),)
    return Request("POST", Url.parse(f"{server.url}/x"), headers, Secret(PASSWORD), **settings)


def descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def threads() -> list[str]:
    # By name: another test's service may run in this process, and its thread stays.
    ours = ("msnpauth-curl", "msnpauth-httpx", "msnpauth-resolve")
    return [thread.name for thread in threading.enumerate() if thread.name in ours]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    gc.collect()
    before = descriptors()
    yield
    while threads() or descriptors() > before:  # the time limit of the test ends it
        gc.collect()
        threading.Event().wait(0.01)


def asked(then: Script) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.read_until(PASSWORD.encode())
        then(peer)

    return script


def dripped(data: bytes) -> Script:
    return asked(lambda peer: peer.drip(data))


def body_drips(peer: Peer) -> None:
    peer.send(HEAD)
    peer.drip(b"x")


def body_stays_out(peer: Peer) -> None:
    peer.send(HEAD)
    peer.silence()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(asked(Peer.silence), id="silence"),
        pytest.param(dripped(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9999), id="headers drip"),
        pytest.param(asked(body_drips), id="the body drips"),
        pytest.param(asked(body_stays_out), id="the body stays out"),
        pytest.param(dripped(b"HTTP/1.1 100 Continue\r\n\r\n"), id="interim answers drip"),
    ],
)  # fmt: skip
def test_in_time(carrier: Carrier, authority: Authority, script: Script) -> None:
    with Server(script, authority.server_tls) as server:
        begun = time.monotonic()
        with pytest.raises(SignInTimeout) as caught:
            carrier.fetch(request_to(server, wants_body=True), 0.5)
        assert time.monotonic() - begun < 1.5
        assert_no_secret(caught.value, PASSWORD)


@pytest.mark.parametrize("tls", ["silent", "drips"])
def test_in_time_while_tls_is_made(carrier: Carrier, tls: str) -> None:
    # A TLS record that announces 16,384 bytes and never has them all.
    script = (
        Peer.silence
        if tls == "silent"
        else lambda peer: peer.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 9999)
    )
    with Server(script) as server:
        begun = time.monotonic()
        with pytest.raises(SignInTimeout):
            carrier.fetch(request_to(server), 0.5)
        assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("spec", [spec for spec in CARRIERS if "curl" not in spec])
def test_in_time_while_the_resolver_is_slow(
    spec: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libcurl asks the system without Python, and is left in its thread in the same way."""
    kind, name = spec.split()
    done = threading.Event()
    real = socket.getaddrinfo

    def slow(host: Any, *arguments: Any, **settings: Any) -> Any:
        if host in ("slow.example", b"slow.example"):
            done.wait(20)
            raise socket.gaierror(socket.EAI_NONAME, "")
        return real(host, *arguments, **settings)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    request = Request("GET", Url.parse("https://slow.example/"))
    carrier = Carrier(kind, name, authority.ca_file)
    begun = time.monotonic()
    with pytest.raises(SignInTimeout):
        carrier.fetch(request, 0.5)
    assert time.monotonic() - begun < 1.5
    done.set()
    carrier.end()


@pytest.mark.parametrize("spec", CARRIERS)
def test_the_same_object_works_after_a_time_out(spec: str, authority: Authority) -> None:
    kind, name = spec.split()
    carrier = Carrier(kind, name, authority.ca_file)
    first = iter([Peer.silence])

    def script(peer: Peer) -> None:
        peer.request()
        for play in first:
            play(peer)
        peer.send(http(200))

    with Server(script, authority.server_tls) as server:
        with pytest.raises(SignInTimeout):
            carrier.fetch(request_to(server), 0.3)
        assert carrier.fetch(request_to(server), 20).status == 200
    carrier.end()


@pytest.mark.parametrize("timeout", [1e7, 1e12, 1e300])
def test_a_time_out_beyond_what_the_system_counts(
    carrier: Carrier, authority: Authority, timeout: float
) -> None:
    with Server(asked(lambda peer: peer.send(http(200))), authority.server_tls) as server:
        assert carrier.fetch(request_to(server), timeout).status == 200


# --- close ------------------------------------------------------------------------------------


def test_closed_for_good(carrier: Carrier, authority: Authority) -> None:
    carrier.close()
    carrier.close()
    with Server(asked(Peer.silence), authority.server_tls) as server:
        with pytest.raises(ConnectionFailed, match="the transport is closed"):
            carrier.fetch(request_to(server), 20)
        assert server.connections == 0


@pytest.mark.parametrize("stage", ["handshake", "answer"])
def test_to_close_ends_what_is_under_way(
    carrier: Carrier, authority: Authority, stage: str
) -> None:
    reached = threading.Event()

    def then(peer: Peer) -> None:
        reached.set()
        peer.silence()

    def greeted(peer: Peer) -> None:
        peer.sock.recv(1)
        then(peer)

    outcomes: queue.SimpleQueue[BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            carrier.fetch(request_to(server), 25)
        except BaseException as error:  # noqa: BLE001 - looked at below
            outcomes.put(error)

    tls = authority.server_tls if stage == "answer" else None
    with Server(asked(then) if tls else greeted, tls) as server:
        thread = threading.Thread(target=run)
        thread.start()
        assert reached.wait(20)
        begun = time.monotonic()
        carrier.close()
        error = outcomes.get(timeout=20)
        assert time.monotonic() - begun < 1.5
        thread.join(20)
        while threads():  # curl looks once a second whether it should stop
            threading.Event().wait(0.01)
        assert time.monotonic() - begun < 3
    assert type(error) is ConnectionFailed
    assert error.text == "the transport is closed"
    assert_no_secret(error, PASSWORD)


# --- cancelled and interrupted ----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stage", ["handshake", "answer"])
def test_cancelled(name: str, stage: str, authority: Authority) -> None:
    """It lets go at once, closes its connection, and the object works afterwards."""
    reached, again = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        if again.is_set():
            peer.request()
            peer.send(http(200))
            return
        if stage == "answer":
            peer.request()
        else:
            peer.sock.recv(1)
        reached.set()
        peer.until_closed()

    async def main() -> None:
        transport = make_async_transport(name, authority.ca_file, None)
        task = asyncio.create_task(transport.fetch(request_to(server), 25))
        await asyncio.to_thread(reached.wait, 20)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - begun < 0.5
        assert asyncio.all_tasks() == {asyncio.current_task()}
        again.set()
        if stage == "answer":
            assert (await transport.fetch(request_to(server), 20)).status == 200
        await transport.close()

    with Server(script, authority.server_tls if stage == "answer" else None) as server:
        asyncio.run(main())


@pytest.mark.parametrize("name", NAMES)
def test_cancelled_before_it_began(name: str, authority: Authority) -> None:
    """A password that nobody wants to send any more is not sent."""
    heard: list[str] = []
    called_off = threading.Event()

    def script(peer: Peer) -> None:
        """Shake hands once the request is called off: a thread may have begun it by then."""
        called_off.wait(20)
        with authority.server_tls.wrap_socket(peer.sock, server_side=True) as secure:
            heard.append(Peer(secure, peer.stopped).request())

    async def main() -> None:
        transport = make_async_transport(name, authority.ca_file, None)
        url = Url.parse(server.url)
        task = asyncio.create_task(transport.fetch(Request("GET", url), 25))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        called_off.set()
        await transport.close()

    with Server(script) as server:
        asyncio.run(main())
        while threads():
            threading.Event().wait(0.01)
    assert heard == []


@pytest.mark.parametrize("name", ["curl", "httpx"])
def test_ctrl_c(name: str, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that asks is let go, and the exchange with it."""
    transport = make_transport(name, authority.ca_file, None)
    waits = threading.Event()

    class Interrupted(queue.SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            waits.wait(20)
            raise KeyboardInterrupt

    def then(peer: Peer) -> None:
        waits.set()
        peer.until_closed()

    def ready(*_: object) -> list[object]:
        if waits.is_set():
            raise KeyboardInterrupt
        return real(*_)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr("msnpauth.transports.worker.queue.SimpleQueue", Interrupted)
    real = curl_engine._ready
    monkeypatch.setattr(curl_engine, "_ready", ready)
    with Server(asked(then), authority.server_tls) as server:
        with pytest.raises(KeyboardInterrupt):
            transport.fetch(request_to(server), 25)
        while threads():
            threading.Event().wait(0.01)
    transport.close()


# --- no descriptors, no threads ---------------------------------------------------------------


@pytest.mark.parametrize("spec", CARRIERS)
def test_no_descriptor_is_left(spec: str, authority: Authority) -> None:
    kind, name = spec.split()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    carrier = Carrier(kind, name, authority.ca_file)
    kinds = set()
    with Server(asked(lambda peer: peer.send(http(200))), authority.server_tls) as server:
        used = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir()) + 1
        for spare in range(4):
            resource.setrlimit(resource.RLIMIT_NOFILE, (used + spare, hard))
            error: BaseException | None = None
            try:
                carrier.fetch(request_to(server), 0.5)
            except BaseException as problem:  # noqa: BLE001 - looked at below
                error = problem
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            if error is not None:
                assert isinstance(error, SignInError), repr(error)
                assert_no_secret(error, PASSWORD)
                kinds.add(type(error))
        assert kinds <= {ConnectionFailed, SignInTimeout}
    carrier.end()


@pytest.mark.parametrize("spec", ["async curl", "sync httpx"])
def test_no_thread_can_be_started(
    spec: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    kind, name = spec.split()
    carrier = Carrier(kind, name, authority.ca_file)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ConnectionFailed, match="no thread could be started") as caught:
        carrier.fetch(Request("GET", Url.parse("https://127.0.0.1:1/")), 5)
    assert caught.value.__context__ is None
    monkeypatch.undo()
    carrier.end()


def test_curl_needs_no_thread(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    transport = make_transport("curl", authority.ca_file, None)
    with Server(asked(lambda peer: peer.send(http(200))), authority.server_tls) as server:
        transport.prepare(Url.parse(server.url), 20)
        start = threading.Thread.start

        def only_the_servers(thread: threading.Thread) -> None:
            (refuse if thread.name.startswith("msnpauth") else start)(thread)

        monkeypatch.setattr(threading.Thread, "start", only_the_servers)
        assert transport.fetch(request_to(server), 20).status == 200
        transport.close()


# --- whatever a library raises ----------------------------------------------------------------


BREAK: dict[str, str] = {
    "sync sockets": "msnpauth.core.tickets.http.h11.Connection.send",
    "async sockets": "msnpauth.core.tickets.http.h11.Connection.send",
    "sync curl": "msnpauth.transports.curl.Answer",
    "async curl": "msnpauth.transports.curl.Answer",
    "sync httpx": "httpx2.Client.send",
    "async httpx": "httpx2.AsyncClient.send",
}


@pytest.mark.parametrize("spec", CARRIERS)
@pytest.mark.parametrize(
    "kind", [ValueError, RuntimeError, OverflowError, MemoryError, OSError, KeyError]
)
def test_foreign_errors(
    spec: str,
    kind: Callable[[str], Exception],
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        header = f"Authorization: {PASSWORD}"
        raise kind(header)

    driver, name = spec.split()
    carrier = Carrier(driver, name, authority.ca_file)
    with Server(asked(Peer.silence), authority.server_tls) as server:
        monkeypatch.setattr(BREAK[spec], fail)
        with pytest.raises(ConnectionFailed) as caught:
            carrier.fetch(request_to(server), 5)
        monkeypatch.undo()
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert_no_secret(error, PASSWORD)
    carrier.end()

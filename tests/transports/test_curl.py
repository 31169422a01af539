"""What curl is for: proxies, and settings in the environment."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest

from conftest import Authority
from msnpauth import ConnectionFailed, MSNPAuth, Servers, SignInError, aio
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from msnpauth.transports.curl import AsyncCurlTransport, CurlTransport
from wire import CHALLENGE, PASSPORT, PASSWORD, TICKET, Peer, Server, answers, granted


def tunnel(peer: Peer) -> None:
    """Be an HTTP proxy for one CONNECT."""
    request = peer.request()
    assert request.startswith("CONNECT 127.0.0.1:")
    assert "Authorization: Passport" not in request
    port = int(request.split()[1].rpartition(":")[2])
    peer.send(
        "HTTP/1.1 200 Connection established\r\nAuthentication-Info: Passport1.4 from-PP='no'\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as onward:
        thread = threading.Thread(target=copy, args=(peer.sock.recv, onward.sendall))
        thread.start()
        copy(onward.recv, peer.sock.sendall)
        onward.shutdown(socket.SHUT_RDWR)
        peer.sock.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def copy(read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
    try:
        while data := read(65536):
            write(data)
    except OSError:
        pass


@pytest.mark.parametrize("carrier", ["curl", "httpx"])
def test_through_a_proxy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, carrier: str
) -> None:
    with Server(tunnel) as proxy, Server(answers(granted()), authority.server_tls) as server:
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        servers = Servers(login=server.url)
        with MSNPAuth(
            PASSPORT,
            PASSWORD,
            CHALLENGE,
            servers=servers,
            transport=carrier,
            ca_file=authority.ca_file,
        ) as auth:
            assert auth.get_key() == TICKET
        assert proxy.connections == 1


def test_closing_ends_what_is_under_way(authority: Authority) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        asked.set()
        peer.silence()

    transport = CurlTransport(authority.ca_file)
    errors: list[SignInError] = []

    def fetch() -> None:
        try:
            transport.fetch(Request("GET", Url.parse(server.url)), 50)
        except SignInError as error:
            errors.append(error)

    with Server(script, authority.server_tls) as server:
        thread = threading.Thread(target=fetch)
        thread.start()
        assert asked.wait(20)
        transport.close()
        thread.join(20)
    assert [type(error) for error in errors] == [ConnectionFailed]


def test_cancelling_ends_what_is_under_way(authority: Authority) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        asked.set()
        peer.silence()

    async def main(url: str) -> None:
        auth = aio.MSNPAuth(
            PASSPORT, PASSWORD, CHALLENGE,
            servers=Servers(login=url), transport="curl", ca_file=authority.ca_file, timeout=50,
        )  # fmt: skip
        task = asyncio.create_task(auth.get_key())
        await asyncio.to_thread(asked.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Server(script, authority.server_tls) as server:
        asyncio.run(main(server.url))


def test_it_may_be_closed_more_than_once(authority: Authority) -> None:
    transport = CurlTransport(authority.ca_file)
    transport.close()
    transport.close()
    asyncio.run(AsyncCurlTransport().close())


def test_a_body_that_is_wanted(authority: Authority) -> None:
    heard = []

    def script(peer: Peer) -> None:
        heard.append(peer.request() + peer.read_until(b"</x>").decode())
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<y/>")

    with Server(script, authority.server_tls) as server:
        request = Request("POST", Url.parse(server.url), body=b"<x></x>", wants_body=True)
        transport = CurlTransport(authority.ca_file)
        assert transport.fetch(request, 20).body == b"<y/>"
        transport.close()
    assert heard[0].startswith("POST / HTTP/1.1\r\n")
    assert "Content-Length: 7\r\n" in heard[0]
    assert "Expect" not in heard[0]

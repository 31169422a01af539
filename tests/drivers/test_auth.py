"""MSNPAuth, sync and async, beyond what every carrier does alike."""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import Any

import pytest

import msnpauth
from conftest import Authority
from msnpauth import LocalProtocolError, MSNPAuth, Secret, Servers, aio
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.service import Service
from wire import CHALLENGE, PASSPORT, PASSWORD, TICKET, Peer, Server, granted


def always(peer: Peer) -> None:
    while True:
        peer.request()
        peer.send(granted())


def new(kind: Any, server: Server, authority: Authority, **settings: Any) -> Any:
    return kind(
        PASSPORT, Secret(PASSWORD), CHALLENGE,
        servers=Servers(login=server.url), ca_file=authority.ca_file, **settings,
    )  # fmt: skip


def test_the_old_three_arguments() -> None:
    auth = MSNPAuth("bob@hotmail.com", "secret", "lc=1033,id=507,tw=40")
    assert repr(auth) == "<MSNPAuth for 'bob@hotmail.com'>"
    assert "secret" not in repr(vars(auth))


def test_constructing_does_no_io(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **settings: Any) -> Any:
        raise AssertionError("I/O")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(socket, "socket", fail)
    monkeypatch.setattr("builtins.open", fail)
    for kind in (MSNPAuth, aio.MSNPAuth):
        kind(PASSPORT, PASSWORD, CHALLENGE)


@pytest.mark.parametrize("kind", [MSNPAuth, aio.MSNPAuth])
@pytest.mark.parametrize("challenge", ["", "S", "a b", "a\r\n"])
def test_what_is_no_challenge(kind: Any, challenge: str) -> None:
    with pytest.raises(LocalProtocolError, match="lc=1033,id=507"):
        kind(PASSPORT, PASSWORD, challenge)


def test_the_connection_is_kept(authority: Authority) -> None:
    with Server(always, authority.server_tls) as server:
        auth = new(MSNPAuth, server, authority)
        for _ in range(3):
            assert auth.get_key() == TICKET
        assert server.connections == 1
        auth.close()
        assert auth.get_ticket().reveal() == TICKET
        assert server.connections == 2
        auth.close()


def test_dropping_the_object_closes_it(authority: Authority) -> None:
    """Nothing is left for the garbage collector to warn of."""
    with Server(always, authority.server_tls) as server:
        assert new(MSNPAuth, server, authority).get_key() == TICKET
        gc.collect()


def test_async_keeps_it_within_a_block(authority: Authority) -> None:
    async def main(server: Server) -> tuple[int, int]:
        auth = new(aio.MSNPAuth, server, authority)
        async with auth:
            for _ in range(3):
                assert await auth.get_key() == TICKET
        inside = server.connections
        for _ in range(2):
            assert (await auth.get_ticket()).reveal() == TICKET
        return inside, server.connections

    with Server(always, authority.server_tls) as server:
        assert asyncio.run(main(server)) == (1, 3)
    assert "MSNPAuth" in repr(aio.MSNPAuth(PASSPORT, PASSWORD, CHALLENGE))


class Own(msnpauth.Transport):
    closed = False

    def fetch(self, request: Request, timeout: float) -> Response:
        info = "Passport1.4 da-status=success,from-PP='t=1&p='"
        return Response(200, (("Authentication-Info", info),))

    def close(self) -> None:
        self.closed = True


class AsyncOwn(msnpauth.AsyncTransport):
    closed = False

    async def fetch(self, request: Request, timeout: float) -> Response:
        return Own().fetch(request, timeout)

    async def close(self) -> None:
        self.closed = True


def test_a_transport_of_ones_own_stays_open() -> None:
    own = Own()
    with MSNPAuth(PASSPORT, PASSWORD, CHALLENGE, transport=own) as auth:
        assert auth.get_key() == "t=1&p="
    assert not own.closed
    asyn = AsyncOwn()
    assert (
        asyncio.run(aio.MSNPAuth(PASSPORT, PASSWORD, CHALLENGE, transport=asyn).get_key())
        == "t=1&p="
    )
    assert not asyn.closed


@pytest.mark.parametrize("passport", ["alice@example.com", "Bob@Hotmail.com"])
def test_against_the_service(service: Service, passport: str) -> None:
    password = PASSWORD if passport == PASSPORT else "s3cret"
    settings: dict[str, Any] = {"servers": service.servers, "ca_file": service.ca_file}
    with MSNPAuth(passport, password, CHALLENGE, **settings) as auth:
        key = auth.get_key()
    assert key.startswith("t=")
    assert asyncio.run(aio.MSNPAuth(passport, password, CHALLENGE, **settings).get_key()) != key

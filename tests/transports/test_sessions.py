"""TLS sessions over real sockets: the second connection to a server resumes the first's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from conftest import Authority
from msnpauth import CertificateRejected, ConnectionFailed, MSNPAuth, Servers, aio
from msnpauth.net import sessions
from wire import CHALLENGE, PASSPORT, PASSWORD, TICKET, Peer, Script, Server, granted

OLD = ssl.TLSVersion.TLSv1_2

Get = Callable[..., str]


@pytest.fixture(autouse=True)
def _nothing_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_ready", sessions._Ready())


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> Path:
    """Return a file of its own, so that there are no sessions yet."""
    path = tmp_path / "ca.pem"
    authority.ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(params=["sync", "async"])
def get(request: pytest.FixtureRequest, ca_file: Path) -> Get:
    """Return what gets a ticket by an object of its own, over a connection of its own."""

    def by_threads(url: str, **settings: Any) -> str:
        given: dict[str, Any] = {"ca_file": ca_file, "servers": Servers(login=url)} | settings
        with MSNPAuth(PASSPORT, PASSWORD, CHALLENGE, **given) as auth:
            return auth.get_key()

    def by_asyncio(url: str, **settings: Any) -> str:
        async def main() -> str:
            given: dict[str, Any] = {"ca_file": ca_file, "servers": Servers(login=url)} | settings
            async with aio.MSNPAuth(PASSPORT, PASSWORD, CHALLENGE, **given) as auth:
                return await auth.get_key()

        return asyncio.run(main())

    return by_threads if request.param == "sync" else by_asyncio


class Noted:
    """A login server, which notes of each connection whether it was resumed."""

    def __init__(self) -> None:
        self.resumed: list[bool] = []

    def __call__(self, peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        self.resumed.append(peer.sock.session_reused is True)
        peer.request()
        peer.send(granted())
        peer.until_closed()


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, OLD])
def test_objects_of_one_ca_file_share_sessions(
    get: Get, noted: Noted, authority: Authority, version: ssl.TLSVersion
) -> None:
    tls = authority.tls_for("127.0.0.1")
    tls.maximum_version = version
    with Server(noted, tls) as server:
        assert [get(server.url) for _ in range(4)] == [TICKET] * 4
    assert noted.resumed == [False, True, True, True]


def test_and_objects_of_one_context(get: Get, noted: Noted, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    with Server(noted, authority.tls_for("127.0.0.1")) as server:
        for _ in range(2):
            get(server.url, ssl_context=context, ca_file=None)
        get(server.url)
    assert noted.resumed == [False, True, False]


def test_a_new_authority_means_new_sessions(
    get: Get, noted: Noted, authority: Authority, ca_file: Path
) -> None:
    """Who is not trusted any more is found out at once."""
    with Server(noted, authority.tls_for("127.0.0.1")) as server:
        get(server.url)
        trustme.CA().cert_pem.write_to_path(str(ca_file), append=True)
        get(server.url)
        trustme.CA().cert_pem.write_to_path(str(ca_file))
        with pytest.raises(CertificateRejected):
            get(server.url)
    assert noted.resumed == [False, False]


def replay(*contexts: ssl.SSLContext, then: Script) -> Script:
    """Serve each connection by the next settings; the last ones stay."""
    left = list(contexts)

    def script(peer: Peer) -> None:
        tls = left.pop(0) if len(left) > 1 else left[0]
        with tls.wrap_socket(peer.sock, server_side=True) as secure:
            then(Peer(secure, peer.stopped))

    return script


def test_a_server_that_has_forgotten_its_tickets(
    get: Get, noted: Noted, authority: Authority
) -> None:
    tls = [authority.tls_for("127.0.0.1") for _ in range(2)]
    with Server(replay(tls[0], tls[1], then=noted)) as server:
        assert [get(server.url) for _ in range(3)] == [TICKET] * 3
    assert noted.resumed == [False, False, True]


def test_a_server_that_keeps_none(get: Get, noted: Noted, authority: Authority) -> None:
    tls = authority.tls_for("127.0.0.1")
    tls.num_tickets = 0
    tls.options |= ssl.OP_NO_TICKET
    with Server(noted, tls) as server:
        assert [get(server.url) for _ in range(3)] == [TICKET] * 3
    assert noted.resumed == [False] * 3


def test_a_certificate_that_has_become_bad(get: Get, noted: Noted, authority: Authority) -> None:
    """The server has forgotten its tickets and shows a certificate for another name."""
    tls = [authority.tls_for("127.0.0.1"), authority.tls_for("other.example")]
    with Server(replay(*tls, then=noted)) as server:
        get(server.url)
        for _ in range(2):
            with pytest.raises(CertificateRejected, match="not for the name"):
                get(server.url)
    assert noted.resumed == [False]


def offers_session(hello: bytes) -> bool:
    """Tell whether a ClientHello has the extension pre_shared_key (RFC 8446, 4.1.2)."""
    at = 5 + 4 + 2 + 32  # record, message, version, random
    at += 1 + hello[at]  # the old session id
    at += 2 + int.from_bytes(hello[at : at + 2])  # ciphers
    at += 1 + hello[at] + 2  # compression, and the length of all extensions
    found = []
    while at < len(hello):
        found.append(int.from_bytes(hello[at : at + 2]))
        at += 4 + int.from_bytes(hello[at + 2 : at + 4])
    return 41 in found


@pytest.mark.parametrize("how", ["closes", "resets", "alerts"])
def test_a_server_that_does_not_like_to_be_offered_one(
    get: Get, noted: Noted, authority: Authority, how: str
) -> None:
    """It ends the connection instead of making a full handshake: then one is asked for."""
    tls = authority.tls_for("127.0.0.1")
    offered = []

    def script(peer: Peer) -> None:
        offered.append(offers_session(peer.sock.recv(4096, socket.MSG_PEEK)))
        if not offered[-1]:
            replay(tls, then=noted)(peer)
        elif how == "alerts":
            peer.sock.recv(4096)
            peer.send(b"\x15\x03\x03\x00\x02\x02\x2f")  # illegal_parameter
        elif how == "closes":
            peer.sock.recv(4096)

    with Server(script) as server:
        assert [get(server.url) for _ in range(2)] == [TICKET] * 2
    assert offered == [False, True, False]


def test_it_is_tried_once_more_and_not_for_ever(
    get: Get, noted: Noted, authority: Authority
) -> None:
    tls = authority.tls_for("127.0.0.1")
    met = []

    def script(peer: Peer) -> None:
        met.append(peer)
        if len(met) == 1:
            replay(tls, then=noted)(peer)

    with Server(script) as server:
        get(server.url)
        with pytest.raises(ConnectionFailed):
            get(server.url)
    assert len(met) == 3

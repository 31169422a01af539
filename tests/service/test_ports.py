"""Ports that are there when somebody wants them: plain ones, and a second login server."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from msnpauth import LocalProtocolError, MSNPAuth, sign_in
from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.passport14 import authorization
from msnpauth.service import run
from msnpauth.service.stores.memory import at_once

ALICE, BOB, PASSWORD = "alice@example.com", "bob@hotmail.com", "secret"
NEXUS = b"GET /rdr/pprdr.asp HTTP/1.0\r\n\r\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(20)
        sock.sendall(request)
        heard = b""
        with suppress(ConnectionResetError):  # closed while something was unread
            while data := sock.recv(65536):
                heard += data
        return heard


def test_behind_a_proxy_that_does_the_tls() -> None:
    port = free_port()
    where = {"ports": {"plain_http": port}, "trusted_proxies": ["127.0.0.1"]}
    value = authorization(ALICE, Secret(PASSWORD), "lc=1").reveal()
    with run({ALICE: PASSWORD}, **where):  # type: ignore[arg-type]
        # The clients are at the proxy, at 443, and not at any port of this machine.
        assert b"DALogin=127.0.0.1/login2.srf," in ask(port, NEXUS)
        config = ask(port, b"GET /Config/MsgrConfig.asmx HTTP/1.0\r\n\r\n")
        assert b"<url>https://127.0.0.1/abservice/abservice.asmx</url>" in config
        request = f"GET /login2.srf HTTP/1.0\r\nAuthorization: {value}\r\n\r\n"
        assert b"from-PP='t=" in ask(port, request.encode())
        assert b"Envelope" in ask(port, b"POST /RST.srf HTTP/1.0\r\nContent-Length: 1\r\n\r\n<")


def test_nobody_comes_past_the_proxy() -> None:
    port = free_port()
    where = {"ports": {"plain_http": port}, "trusted_proxies": ["192.0.2.1"]}
    with run({ALICE: PASSWORD}, **where):  # type: ignore[arg-type]
        assert ask(port, NEXUS) == b""


@pytest.mark.parametrize("address", ["::ffff:127.0.0.1", "127.0.0.1"])
def test_a_proxy_however_its_address_is_spelled(address: str) -> None:
    port = free_port()
    with run({ALICE: PASSWORD}, ports={"plain_http": port}, trusted_proxies=address):
        assert b"PassportURLs: " in ask(port, NEXUS)


def test_the_contacts_host_alone_without_tls() -> None:
    port = free_port()
    with run({ALICE: PASSWORD}, ports={"plain_contacts": port}):
        path = b"POST /abservice/SharingService.asmx HTTP/1.0\r\nContent-Length: 1\r\n\r\n<"
        assert b"Envelope" in ask(port, path)
        assert ask(port, NEXUS).startswith(b"HTTP/1.1 404 ")


def test_one_login_server_or_two() -> None:
    with run({ALICE: PASSWORD, BOB: PASSWORD}) as one:
        assert one.login_urls[0] == one.login_urls[1]
        for passport in (ALICE, BOB):
            with MSNPAuth(passport, PASSWORD, "lc=1", servers=one.servers) as auth:
                assert auth.get_ticket().server == one.login_urls[0].removesuffix("/login2.srf")
    with run({ALICE: PASSWORD, BOB: PASSWORD}, homes=["hotmail."]) as two:
        assert two.login_urls[0] != two.login_urls[1]
        servers = two.servers
        with MSNPAuth(BOB, PASSWORD, "lc=1", servers=servers) as auth:
            assert auth.get_ticket().server == two.login_urls[1].removesuffix("/login2.srf")


def test_the_networks_own_certificates_come_with_its_addresses() -> None:
    with run({ALICE: PASSWORD}) as service, sign_in(ALICE, PASSWORD, service.servers) as session:
        assert session.dialect == 18


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"trusted_proxies": ["proxy"]}, "no IP address"),
        ({"ports": {"plain": 1}}, "there is no role plain"),
    ],
)
def test_what_cannot_be(where: dict[str, object], says: str) -> None:
    with pytest.raises(LocalProtocolError, match=says):
        run({ALICE: PASSWORD}, **where)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "network"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("203.0.113.1, 192.0.2.9", "192.0.2.9"),  # what stands before was the client's to write
        ("203.0.113.1\r\nX-Forwarded-For: 192.0.2.9", "192.0.2.9"),  # a line of the proxy's own
        ("192.0.2.9, 10.0.0.1", "192.0.2.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("", "127.0.0.1"),
    ],
)
def test_whom_a_proxy_brings(header: str, network: str) -> None:
    port = free_port()
    value = authorization(ALICE, Secret(PASSWORD), "lc=1").reveal()
    proxies = ["127.0.0.1", "10.0.0.1"]
    with run({ALICE: PASSWORD}, ports={"plain_http": port}, trusted_proxies=proxies) as service:
        told = f"X-Forwarded-For: {header}\r\n" if header else ""
        request = f"GET /login2.srf HTTP/1.0\r\n{told}Authorization: {value}\r\n\r\n"
        assert b"from-PP='t=" in ask(port, request.encode())
        assert at_once(service.accounts.knows(ALICE, network))


def test_clients_behind_a_proxy_are_not_counted_as_one_network() -> None:
    port = free_port()
    where = {"ports": {"plain_http": port}, "trusted_proxies": ["127.0.0.1"]}
    with run({ALICE: PASSWORD}, connections_of_network=1, **where):  # type: ignore[arg-type]
        first = socket.create_connection(("127.0.0.1", port))
        with first:
            assert b"PassportURLs: " in ask(port, NEXUS)

"""Whom a balancer brings: byte by byte, and with what comes behind left where it is."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth import sign_in
from msnpauth.service import Service, run
from msnpauth.service.hosts import proxied
from msnpauth.service.hosts.proxied import read_introduction
from msnpauth.service.stores.memory import at_once

ALICE, PASSWORD = "alice@example.com", "secret"
BALANCER = "127.0.0.9"


class Line:
    """What has come, and may be read piece by piece."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    async def receive(self, count: int) -> bytes:
        data, self.rest = self.rest[:count], self.rest[count:]
        return data


def read(data: bytes) -> tuple[str | None, bytes]:
    line = Line(data)
    return at_once(read_introduction(line.receive)), line.rest


def binary(
    family: int, addresses: bytes, *, command: int = 0x21, length: int | None = None
) -> bytes:
    size = len(addresses) if length is None else length
    head = bytes([command, family]) + size.to_bytes(2)
    return b"\r\n\r\n\0\r\nQUIT\n" + head + addresses


IPV4 = bytes([192, 0, 2, 7, 10, 0, 0, 5]) + (51234).to_bytes(2) + (1863).to_bytes(2)
IPV6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(20)
MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.7") + bytes(20)

GOOD = {
    b"PROXY TCP4 192.0.2.7 10.0.0.5 51234 1863\r\n": "192.0.2.7",
    b"PROXY TCP6 2001:DB8:0:0::7 ::1 1 2\r\n": "2001:db8::7",
    b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n": "192.0.2.7",
    b"PROXY UNKNOWN\r\n": "",
    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n": "",
    binary(0x11, IPV4): "192.0.2.7",
    binary(0x21, IPV6): "2001:db8::7",
    binary(0x21, MAPPED): "192.0.2.7",
    binary(0x11, IPV4 + b"\x04\x00\x01x"): "192.0.2.7",  # a field behind the addresses
    binary(0x00, b"", command=0x20): "",  # a check of whether somebody is there
    binary(0x11, IPV4, command=0x20): "",
}

BAD = [
    b"",
    b"PROXY",
    b"PROXY TCP4 192.0.2.7 10.0.0.5 51234 1863\n",
    b"PROXY TCP4 192.0.2.7 10.0.0.5 51234\r\n",
    b"PROXY TCP4 192.0.2.x 10.0.0.5 51234 1863\r\n",
    b"PROXY TCP5 192.0.2.7 10.0.0.5 51234 1863\r\n",
    b"PROXY  TCP4 192.0.2.7 10.0.0.5 51234 1863\r\n",
    b"PROXY TCP4 " + b"1" * 200 + b"\r\n",
    b"proxy TCP4 192.0.2.7 10.0.0.5 51234 1863\r\n",
    b"VER 1 MSNP18 CVR0\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01" + bytes(40),
    binary(0x11, IPV4)[:-1],
    binary(0x11, IPV4[:8]),
    binary(0x11, IPV4, command=0x11),
    binary(0x11, IPV4, command=0x22),
    binary(0x31, IPV4),  # a Unix socket
    binary(0x11, IPV4, length=65535),
]


@pytest.mark.parametrize(("data", "address"), GOOD.items())
@pytest.mark.parametrize("behind", [b"", b"\x16\x03\x01", b"VER 1 MSNP18\r\n", b"\r\n"])
def test_whom_it_brings_and_what_is_behind(data: bytes, address: str, behind: bytes) -> None:
    assert read(data + behind) == (address, behind)


@pytest.mark.parametrize("data", GOOD)
def test_what_is_cut_brings_nobody(data: bytes) -> None:
    for end in range(len(data)):
        assert read(data[:end])[0] is None


@pytest.mark.parametrize("data", BAD)
def test_what_is_no_introduction(data: bytes) -> None:
    assert read(data)[0] is None


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda data: binary(0x11, data)))
def test_anything(data: bytes) -> None:
    address, _ = read(data)
    assert address is None or address == "" or "." in address or ":" in address


# --- on sockets ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with run({ALICE: PASSWORD}, trusted_proxies=[BALANCER], proxy_protocol=True) as made:
        yield made


def brought(service: Service, introduction: bytes, source: str = BALANCER) -> socket.socket:
    """Return a connection to the notification server, which begins so."""
    host, _, port = service.notification.rpartition(":")
    sock = socket.create_connection((host, int(port)), 20, (source, 0))
    sock.sendall(introduction)
    return sock


VER = b"VER 1 MSNP12 CVR0\r\n"


def test_who_is_brought_is_answered_and_counted(service: Service) -> None:
    line = b"PROXY TCP4 192.0.2.7 10.0.0.5 51234 1863\r\n"
    with brought(service, line + VER) as sock:
        assert sock.recv(100) == b"VER 1 MSNP12\r\n"
        assert "192.0.2.7" in service._gate._networks
    while "192.0.2.7" in service._gate._networks:
        pass


def test_byte_by_byte(service: Service) -> None:
    with brought(service, b"") as sock:
        for byte in binary(0x21, IPV6) + VER:
            sock.sendall(bytes([byte]))
        assert sock.recv(100) == b"VER 1 MSNP12\r\n"


def test_tls_may_come_at_once_behind_it(service: Service) -> None:
    nexus = service.servers.nexus
    assert nexus is not None
    context = ssl.create_default_context(cafile=str(service.ca_file))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=nexus.host)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    where = (nexus.host, nexus.address.port)
    with socket.create_connection(where, 20, (BALANCER, 0)) as sock:
        sock.sendall(binary(0x11, IPV4) + outgoing.read())
        while True:
            incoming.write(sock.recv(65536))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                continue
            break
        assert tls.version()


@pytest.mark.parametrize(
    "data", [VER, b"PROXY TCP4 x y 1 2\r\n" + VER, binary(0x00, b"", command=0x20)]
)
def test_who_brings_nobody_is_closed(service: Service, data: bytes) -> None:
    with brought(service, data) as sock:
        with suppress(ConnectionResetError):
            assert sock.recv(100) == b""


def test_who_says_nothing_is_closed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxied, "_SECONDS", 0.05)
    with brought(service, b"PROXY TCP4 ") as sock:
        with suppress(ConnectionResetError):
            assert sock.recv(100) == b""
    while service._gate.count:
        pass


def test_others_bring_nobody_and_are_served_themselves(service: Service) -> None:
    with sign_in(ALICE, PASSWORD, service.servers, ca_file=service.ca_file) as session:
        assert session.request("CHG", "NLN", "0").verb == "CHG"
    with brought(service, b"PROXY TCP4 192.0.2.7 10.0.0.5 1 2\r\n" + VER, "127.0.0.1") as sock:
        assert sock.recv(100) == b"", "anybody may write that"


def test_a_connection_that_is_no_socket() -> None:
    assert asyncio.run(proxied.introduced(asyncio.Transport())) is None

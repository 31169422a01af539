"""The listener for old TLS, asked by the client that speaks it."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from tlslite import HandshakeSettings, TLSConnection

from msnpauth import LocalProtocolError
from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.passport14 import authorization
from msnpauth.service import Service, run
from msnpauth.service.hosts import legacy
from msnpauth.service.hosts.legacy import LegacyListener

ALICE, PASSWORD = "alice@example.com", "secret"


@pytest.fixture(scope="module")
def old() -> Iterator[tuple[Service, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with run({ALICE: PASSWORD}, ports={"legacy_tls": port}, names=["login.live.com"]) as service:
        yield service, port


def ask(
    port: int, request: bytes, *ciphers: str, version: int = 1, name: str | None = None
) -> tuple[bytes, TLSConnection]:
    """Ask as an old system does; return the answer and the connection."""
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, version)
    settings.cipherNames = list(ciphers)
    settings.macNames = ["sha", "md5", "sha256", "aead"]
    settings.keyExchangeNames = ["rsa", "ecdhe_rsa"]
    sock = socket.create_connection(("127.0.0.1", port))
    with sock:
        sock.settimeout(20)
        connection = TLSConnection(sock)
        connection.handshakeClientCert(settings=settings, serverName=name)
        connection.write(request)
        heard = b""
        while b"\r\n\r\n" not in heard and (data := connection.read(max=65536, min=1)):
            heard += bytes(data)
        return heard, connection


SIGN_IN = (
    f"GET /login2.srf HTTP/1.1\r\nHost: x\r\nAuthorization: "
    f"{authorization(ALICE, Secret(PASSWORD), 'lc=1').reveal()}\r\n\r\n"
).encode()
NEXUS = b"GET /rdr/pprdr.asp\r\n\r\n"


@pytest.mark.parametrize("cipher", ["3des", "rc4", "aes128", "aes256"])
def test_windows_xp_and_later(old: tuple[Service, int], cipher: str) -> None:
    answer, connection = ask(old[1], SIGN_IN, cipher)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"from-PP='t=" in answer
    assert connection.version == (3, 1)
    key = connection.session.serverCertChain.getEndEntityPublicKey()
    assert type(key).__name__.endswith("RSAKey"), "old systems know no other"


@pytest.mark.parametrize("version", [2, 3])
def test_better_versions_where_a_client_has_them(old: tuple[Service, int], version: int) -> None:
    answer, connection = ask(old[1], NEXUS, "aes128", version=version, name="login.live.com")
    assert b"PassportURLs: DARealm" in answer
    assert connection.version == (3, version)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /abservice/abservice.asmx HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /rsi/rsi.asmx HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST /storageservice/SchematizedStore.asmx HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_nothing_else_is_served(old: tuple[Service, int], request_: bytes) -> None:
    assert ask(old[1], request_, "aes128")[0].startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("path", ["/RST.srf", "/RST2.srf", "/NotRST.srf"])
def test_every_login_is_served(old: tuple[Service, int], path: str) -> None:
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
    assert ask(old[1], request, "aes128")[0].startswith(b"HTTP/1.1 200 ")


def test_the_nexus_names_a_login_server_that_they_can_speak_to(old: tuple[Service, int]) -> None:
    answer, _ = ask(old[1], NEXUS, "rc4")
    assert f"DALogin=127.0.0.1:{old[1]}/login2.srf,".encode() in answer


def test_a_handshake_that_drips_ends(
    old: tuple[Service, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy, "_HANDSHAKE_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", old[1])) as sock:
        sock.settimeout(0.1)
        for byte in b"\x16\x03\x01\x10\x00" + bytes(200):
            try:
                sock.sendall(bytes([byte]))
                if sock.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
    raise AssertionError("it went on for 20 seconds")


def test_a_network_has_few_of_its_connections_and_keeps_nobody_out() -> None:
    """Each costs four descriptors, and a handshake in pure Python."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with run({ALICE: PASSWORD}, ports={"legacy_tls": port}) as service, ExitStack() as stack:
        (gate,) = [one.gate for one in service._listeners if isinstance(one, LegacyListener)]
        held = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 20)) for _ in range(8)
        ]
        while gate.count < 8:
            pass
        assert ask(port, NEXUS, "aes128")[0].startswith(b"HTTP/1.1 200 ")
        assert gate.ended == 1
        assert held[0].recv(1) == b"", "before its handshake, and the oldest"


def test_no_descriptors_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(socket.socket):
        lacks = 3

        def accept(self) -> tuple[socket.socket, object]:
            self.lacks -= 1
            if self.lacks >= 0:
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    monkeypatch.setattr(legacy, "_PAUSE", 0.0)
    start = legacy.LegacyListener.start

    async def short(listener: legacy.LegacyListener, sock: socket.socket) -> None:
        await start(listener, Short(fileno=sock.detach()))

    monkeypatch.setattr(legacy.LegacyListener, "start", short)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with run({ALICE: PASSWORD}, ports={"legacy_tls": port}):
        assert ask(port, NEXUS, "aes128")[0].startswith(b"HTTP/1.1 200 ")


def test_configuration_is_served(old: tuple[Service, int]) -> None:
    answer, _ = ask(old[1], b"GET /Config/MsgrConfig.asmx HTTP/1.0\r\n\r\n", "3des")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_who_speaks_no_tls_costs_nothing(old: tuple[Service, int]) -> None:
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05abcde", b"\x80\x2e\x01"):
        with socket.create_connection(("127.0.0.1", old[1])) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(20)
            while sock.recv(4096):
                pass
    assert ask(old[1], NEXUS, "rc4")[0]


def test_its_authority_is_told_and_gone_with_it() -> None:
    with run({ALICE: PASSWORD}, ports={"legacy_tls": 0}) as service:
        path = service.legacy_ca_file
        assert path is not None
        assert b"BEGIN CERTIFICATE" in path.read_bytes()
    assert not path.exists()
    with run({ALICE: PASSWORD}) as service:
        assert service.legacy_ca_file is None


def test_an_end_with_somebody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with run({ALICE: PASSWORD}, ports={"legacy_tls": port}):
        idle = socket.create_connection(("127.0.0.1", port))
    with idle:
        idle.settimeout(20)
        with suppress(ConnectionResetError):  # what nobody has accepted yet is reset
            assert idle.recv(1) == b""


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tlslite", None)
    with pytest.raises(LocalProtocolError, match=r"msnpauth\[legacy\]"):
        run({ALICE: PASSWORD}, ports={"legacy_tls": 0})

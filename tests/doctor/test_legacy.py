"""Old TLS, played by the same library that asks for it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import trustme
from tlslite import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

from conftest import Authority
from examined import patient, says
from msnpauth.doctor import legacy
from msnpauth.doctor.legacy import OLD_SYSTEMS, old_tls


@contextmanager
def old_server(*ciphers: str, versions: tuple[int, int] = (1, 1)) -> Iterator[int]:
    """Serve TLS 1.0 with an RSA key; yield the port."""
    made = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert(
        "127.0.0.1", key_type=trustme.KeyType.RSA
    )
    chain = X509CertChain()
    chain.parsePemList(b"".join(pem.bytes() for pem in made.cert_chain_pems).decode())
    key = parsePEMKey(made.private_key_pem.bytes().decode(), private=True)
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = (3, versions[0]), (3, versions[1])
    settings.cipherNames = list(ciphers)
    settings.macNames = ["sha", "md5"]
    settings.keyExchangeNames = ["rsa"]
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            with sock, suppress(Exception):
                sock.settimeout(10)
                TLSConnection(sock).handshakeServer(
                    certChain=chain, privateKey=key, settings=settings
                )

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


def seen(port: int) -> str:
    [finding] = old_tls(patient(nexus=f"https://127.0.0.1:{port}/"))
    return finding.seen


def test_a_server_for_windows_xp() -> None:
    with old_server("3des", "rc4", "aes128") as port:
        one = patient(nexus=f"https://127.0.0.1:{port}/")
        [finding] = old_tls(one)
    assert finding.state == "passed"
    assert finding.seen.startswith("Windows 98, Me, 2000 and XP: yes, by RC4; Windows Vista: yes")
    assert all(one.facts[f"old TLS: {system.name}"] for system in OLD_SYSTEMS)


def test_a_server_of_aes_alone() -> None:
    with old_server("aes128") as port:
        words = seen(port)
    assert words.startswith("Windows 98, Me, 2000 and XP: no; Windows Vista: yes, by AES;")


def test_a_server_of_today(authority: Authority) -> None:
    from wire import Server

    with Server(lambda peer: None, authority.server_tls) as server:
        one = patient(nexus=server.url)
        [finding] = old_tls(one)
    assert (finding.code, finding.state) == ("MA-DOC-10", "warning")
    assert finding.seen.count(": no") == len(OLD_SYSTEMS)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy, "find_spec", lambda _: None)
    [finding] = old_tls(patient(nexus="https://n.example/"))
    assert finding.state == "not tried"
    assert finding.advice == "pip install 'msnpauth[legacy]'"


def test_a_server_that_cannot_be_reached_is_left_alone() -> None:
    one = patient(nexus="https://n.example/")
    one.unreachable.add("n.example:443")
    assert says(old_tls(one)) == [
        "not tried MA-DOC-28 TLS of old systems with n.example:443: it cannot be reached"
    ]


def test_a_server_that_drips_is_not_waited_for() -> None:
    from wire import Server

    with Server(lambda peer: peer.drip(b"\x16\x03\x01\x40\x00" + b"x" * 99)) as server:
        one = patient(nexus=server.url)
        one.deadline.at -= one.deadline.timeout - 2.0
        [finding] = old_tls(one)
        assert one.deadline.remaining() > -30, "each try ends by the deadline"
    assert finding.state == "warning"

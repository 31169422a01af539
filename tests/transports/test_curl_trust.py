"""What libcurl's handles share: files that are read once, and sessions."""

from __future__ import annotations

import os
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pycurl
import pytest
import trustme

from conftest import Authority
from msnpauth import CertificateRejected
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from msnpauth.transports import curl_engine, curl_trust
from msnpauth.transports.curl import CurlTransport
from msnpauth.transports.curl_answer import Answer
from msnpauth.transports.curl_trust import trust_of
from wire import Peer, Server, granted, http


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> Path:
    """Return a file of its own, of which nothing is known yet."""
    path = tmp_path / "ca.pem"
    authority.ca.cert_pem.write_to_path(str(path))
    return path


class Clocks:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.day, self.monotonic = time.time(), time.monotonic()
        monkeypatch.setattr("msnpauth.transports.curl_trust.time.time", lambda: self.day)
        monkeypatch.setattr("msnpauth.transports.curl_trust.time.monotonic", lambda: self.monotonic)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def fetch(server: Server, transport: CurlTransport) -> int:
    return transport.fetch(Request("GET", Url.parse(server.url)), 20).status


def fetch_alone(server: Server, ca_file: Path) -> int:
    transport = CurlTransport(ca_file)
    try:
        return fetch(server, transport)
    finally:
        transport.close()


class Noted:
    """Notes of each connection whether it was resumed; it is closed after one answer."""

    def __init__(self) -> None:
        self.resumed: list[bool] = []

    def __call__(self, peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        peer.request()  # where the certificate is not accepted none comes
        self.resumed.append(peer.sock.session_reused is True)
        peer.send(http(200, "Connection: close"))
        peer.until_closed()


def test_handles_share_sessions(authority: Authority, ca_file: Path) -> None:
    noted = Noted()
    with Server(noted, authority.tls_for("127.0.0.1")) as server:
        assert [fetch_alone(server, ca_file) for _ in range(4)] == [200] * 4
    assert noted.resumed == [False, True, True, True]


@pytest.mark.parametrize("clock", ["day", "monotonic"])
def test_for_an_hour(authority: Authority, ca_file: Path, clocks: Clocks, clock: str) -> None:
    noted = Noted()
    with Server(noted, authority.tls_for("127.0.0.1")) as server:
        for seconds in (0, 3590, 20, 0):
            setattr(clocks, clock, getattr(clocks, clock) + seconds)
            fetch_alone(server, ca_file)
    assert noted.resumed == [False, True, False, True]


def test_not_beyond_the_end_of_the_certificate(
    authority: Authority, ca_file: Path, clocks: Clocks
) -> None:
    noted = Noted()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = datetime.fromtimestamp(clocks.day, UTC) + timedelta(minutes=10)
    authority.ca.issue_cert("127.0.0.1", not_after=end).configure_cert(tls)
    with Server(noted, tls) as server:
        for seconds in (0, 590, 20):
            clocks.day += seconds
            fetch_alone(server, ca_file)
    assert noted.resumed == [False, True, False]


def test_not_beyond_the_end_of_a_certificate_between(
    authority: Authority, ca_file: Path, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Noted()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = datetime.fromtimestamp(clocks.day, UTC) + timedelta(minutes=10)
    monkeypatch.setattr(trustme, "DEFAULT_EXPIRY", end)
    between = authority.ca.create_child_ca()
    between.issue_cert("127.0.0.1", not_after=end + timedelta(days=90)).configure_cert(tls)
    with Server(noted, tls) as server:
        for seconds in (0, 590, 20):
            clocks.day += seconds
            fetch_alone(server, ca_file)
    assert noted.resumed == [False, True, False]


def test_a_new_version_of_the_file(authority: Authority, ca_file: Path) -> None:
    noted = Noted()
    kept = CurlTransport(ca_file)
    with Server(noted, authority.tls_for("127.0.0.1")) as server:
        fetch(server, kept)
        trustme.CA().cert_pem.write_to_path(str(ca_file), append=True)
        fetch(server, kept)
        trustme.CA().cert_pem.write_to_path(str(ca_file))
        with pytest.raises(CertificateRejected):
            fetch(server, kept)
    kept.close()
    assert noted.resumed == [False, False]


def test_the_file_is_read_once(
    authority: Authority, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its content is changed behind libcurl's back: the next connection does not notice."""
    monkeypatch.setattr(curl_trust, "_version", lambda _: (1,))
    tls = authority.tls_for("127.0.0.1")
    tls.num_tickets = 0  # a full handshake each time
    noted = Noted()
    transport = CurlTransport(ca_file)
    with Server(noted, tls) as server:
        fetch(server, transport)
        ca_file.write_bytes(b"no certificates at all")
        fetch(server, transport)
    transport.close()
    assert noted.resumed == [False, False]


def test_one_trust_for_one_version(ca_file: Path) -> None:
    name = os.fsencode(ca_file)
    first = trust_of(name)
    assert trust_of(name) is first
    os.utime(ca_file, ns=(1, 1))
    assert trust_of(name) is not first
    ca_file.unlink()
    assert trust_of(name) is not first


def test_few_versions_are_kept(tmp_path: Path) -> None:
    for number in range(10):
        trust_of(os.fsencode(tmp_path / f"{number}.pem"))
    assert len(curl_trust._trusts) == 4


@pytest.mark.parametrize("name", ["5ed36f99.0", "readme"])
def test_a_folder_beside_the_systems_file(
    ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """One that has no certificates by their hashes is none for OpenSSL, either."""
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / name).touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    is_hashed = name.endswith(".0")
    assert curl_trust._system().folder == (os.fsencode(folder) if is_hashed else None)


def test_a_certificate_whose_end_is_not_told(ca_file: Path) -> None:
    """By another TLS library than OpenSSL: then nothing is shared."""
    trust = trust_of(os.fsencode(ca_file))
    assert not trust.is_over
    curl = pycurl.Curl()
    trust.note(curl, "https://a.example")
    curl.close()
    assert trust.is_over


def test_ctrl_c_within_a_callback(
    authority: Authority, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pycurl prints what is raised there; it has to come out all the same."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(granted())
        peer.until_closed()

    monkeypatch.setattr(Answer, "on_header", interrupted)
    transport = CurlTransport(ca_file)
    with Server(script, authority.server_tls) as server, pytest.raises(KeyboardInterrupt):
        fetch(server, transport)
    transport.close()


def test_a_system_without_poll(
    authority: Authority, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("select.poll")
    assert curl_engine._ready({}, 0.0) == []
    with Server(Noted(), authority.tls_for("127.0.0.1")) as server:
        assert fetch_alone(server, ca_file) == 200

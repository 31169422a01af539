from __future__ import annotations

import os
import queue
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
import truststore

from conftest import Authority
from msnpauth import CertificateRejected, ConnectionFailed, LocalProtocolError, SignInError
from msnpauth.core.errors import Step
from msnpauth.core.urls import Address
from msnpauth.network import client_context, look_up, network_error, numeric


def test_a_context_of_ones_own_is_used_as_it_is(authority: Authority) -> None:
    assert client_context(ssl_context=authority.client_tls) is authority.client_tls


def test_ca_file(authority: Authority) -> None:
    context = client_context(authority.ca_file)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] == 1


def test_both_is_one_too_many(authority: Authority) -> None:
    with pytest.raises(LocalProtocolError, match="load_verify_locations"):
        client_context(authority.ca_file, authority.client_tls)


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\xff\xfe"])
def test_a_ca_file_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LocalProtocolError, match=r"ca\.pem.*PEM"):
        client_context(path)


def test_the_systems_trust(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    if sys.platform == "linux":
        assert client_context() is context


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep trust elsewhere")
def test_a_system_that_openssl_finds_nothing_on(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL was built to look where this system keeps nothing."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    candidates = "truststore._openssl._CA_FILE_CANDIDATES"
    monkeypatch.setattr(candidates, [str(authority.ca_file)])
    assert isinstance(client_context(), truststore.SSLContext)
    monkeypatch.setattr(candidates, [])
    with pytest.raises(ConnectionFailed, match="no trusted certificates.*ca-certificates.*ca_file"):
        client_context()


def test_a_system_with_its_own_keeper_of_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    first, second = client_context(), client_context()
    assert isinstance(first, truststore.SSLContext)
    assert first is not second


def test_a_python_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ssl", None)
    with pytest.raises(ConnectionFailed, match="built without TLS.*install Python"):
        client_context()


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), ConnectionFailed, "connection refused"),
        (socket.gaierror(-2, "x"), ConnectionFailed, "there is no such host name"),
        (OSError(), ConnectionFailed, "connection lost"),
        (ConnectionResetError(104, "Reset"), ConnectionFailed, "closed the connection (reset)"),
        (BrokenPipeError(32, "Pipe"), ConnectionFailed, "closed the connection (pipe)"),
        (ConnectionAbortedError(103, "Gone"), ConnectionFailed, "closed the connection (gone)"),
        (ValueError("check_hostname"), ConnectionFailed, "check_hostname"),
        (ssl.SSLError(1, "x"), ConnectionFailed, "TLS failed: connection lost"),
        (ssl.SSLCertVerificationError(), CertificateRejected, "certificate was rejected"),
        (ssl.SSLEOFError(), ConnectionFailed, "TLS failed: connection lost"),
        (ConnectionFailed("ours"), ConnectionFailed, "ours"),
    ],
)
def test_errors(error: Exception, kind: type[SignInError], text: str) -> None:
    found = network_error(error, Step.LOGIN, "h:1")
    assert type(found) is kind
    assert text in found.text


def test_the_reason_of_tls() -> None:
    error = ssl.SSLError(1, "x")
    error.reason = "NO_SHARED_CIPHER"
    assert "TLS failed: no shared cipher" in network_error(error, Step.LOGIN, "h").text
    error.reason = "WRONG_VERSION_NUMBER"
    assert "does not speak TLS" in network_error(error, Step.LOGIN, "h").text


def looked_up(host: str) -> Any:
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()
    look_up(Address(host, 5), Step.LOGIN, found.put)
    return found.get(timeout=20)


def test_look_up() -> None:
    assert looked_up("127.0.0.1") == [(socket.AF_INET, ("127.0.0.1", 5))]


@pytest.mark.parametrize("error", [socket.gaierror(-2, "no"), UnicodeError("label too long")])
def test_look_up_of_nobody(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **settings: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    found = looked_up("x.example")
    assert isinstance(found, ConnectionFailed)
    assert "no such host" in found.text


def test_a_ca_file_is_read_again_when_it_changes(authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    first, second = trustme.CA(), trustme.CA()
    first.cert_pem.write_to_path(str(path))
    context = client_context(path)
    assert client_context(path) is context
    second.cert_pem.write_to_path(str(path))
    os.utime(path, ns=(1, 1))
    assert client_context(path) is not context
    path.unlink()
    with pytest.raises(LocalProtocolError):
        client_context(path)


@pytest.mark.parametrize(
    ("host", "family"),
    [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6), ("localhost", None), ("1.2.3", None)],
)
def test_what_is_an_address_already(host: str, family: socket.AddressFamily | None) -> None:
    assert numeric(Address(host, 5)) == ([(family, (host, 5))] if family else [])

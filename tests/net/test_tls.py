from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

import pytest
import trustme
import truststore

from conftest import Authority
from msnpauth import ConnectionFailed, LocalProtocolError
from msnpauth.core.errors import Step
from msnpauth.net.tls import (
    CertificateFault,
    certificate_error,
    client_context,
    context_source,
    tls_error,
)


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
    with pytest.raises(ConnectionFailed, match="built without TLS.*transport='curl'"):
        client_context()


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


def test_a_ca_file_that_is_gone_for_a_moment(tmp_path: Path) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        client_context(tmp_path / "ca.pem")
    assert "ca.pem" in caught.value.text
    assert "No such file or directory" in caught.value.text
    assert "being renewed" in caught.value.hint
    assert caught.value.__context__ is None


def test_a_ca_file_is_taken_as_curl_takes_it(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as strictly as Python 3.13, and certificates that are no authority's count too."""
    make = ssl.create_default_context

    def strict(**settings: str) -> ssl.SSLContext:
        context = make(**settings)  # type: ignore[arg-type]
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    os.utime(authority.ca_file)  # a version that nobody has read yet
    flags = client_context(authority.ca_file).verify_flags
    assert not flags & ssl.VERIFY_X509_STRICT
    assert flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    if sys.platform == "linux":
        assert client_context().verify_flags & ssl.VERIFY_X509_STRICT, "the system's stay strict"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep trust elsewhere")
def test_the_systems_trust_is_read_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, folder = tmp_path / "bundle.pem", tmp_path / "certs"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    trustme.CA().cert_pem.write_to_path(str(bundle))
    source = context_source()
    first = source()
    assert source() is first
    with bundle.open("ab") as file:
        file.write(trustme.CA().cert_pem.bytes())
    second = source()
    assert second is not first
    assert second.cert_store_stats()["x509_ca"] == 2
    os.utime(folder, ns=(1, 1))
    assert source() is not second


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep trust elsewhere")
def test_the_systems_trust_is_being_replaced(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the paths and the look at the file, the file is gone."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))

    def gone(_: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "stat", gone)
    assert client_context().cert_store_stats()["x509_ca"] == 1


def test_where_trust_comes_from(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    assert context_source(ssl_context=authority.client_tls)() is authority.client_tls
    by_file = context_source(authority.ca_file)
    assert by_file() is client_context(authority.ca_file)
    with pytest.raises(LocalProtocolError):
        context_source("/nowhere")
    monkeypatch.setattr(sys, "platform", "darwin")
    by_system = context_source()
    assert by_system() is by_system(), "truststore asks the system by itself, at each handshake"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (10, CertificateFault.EXPIRED),
        (9, CertificateFault.NOT_YET_VALID),
        (18, CertificateFault.SELF_SIGNED),
        (19, CertificateFault.UNKNOWN_AUTHORITY),
        (20, CertificateFault.UNKNOWN_AUTHORITY),
        (62, CertificateFault.WRONG_NAME),
        (64, CertificateFault.WRONG_NAME),
        (23, CertificateFault.REVOKED),
        (66, CertificateFault.WEAK),
        (79, CertificateFault.BADLY_MADE),
        (89, CertificateFault.BADLY_MADE),
        (1, CertificateFault.OTHER),
        (0, CertificateFault.OTHER),
        (12345, CertificateFault.OTHER),
    ],
)
def test_what_openssls_numbers_mean(code: int, fault: CertificateFault) -> None:
    assert CertificateFault.of(code) is fault


@pytest.mark.parametrize(
    ("fault", "text", "hint"),
    [
        (CertificateFault.EXPIRED, "it has expired", "clock"),
        (CertificateFault.NOT_YET_VALID, "it is not yet valid", "clock"),
        (CertificateFault.UNKNOWN_AUTHORITY, "no authority", "ca_file="),
        (CertificateFault.WRONG_NAME, "not for the name login.example", "login.example"),
        (CertificateFault.REVOKED, "withdrawn", "renew"),
        (CertificateFault.WEAK, "too weak", "stronger"),
        (CertificateFault.BADLY_MADE, "OpenSSL's reason 89", "basicConstraints=critical"),
        (CertificateFault.OTHER, "OpenSSL's reason 89", "ca_file="),
    ],
)
def test_each_fault_has_its_hint(fault: CertificateFault, text: str, hint: str) -> None:
    for server in ("https://login.example", "login.example:443"):
        error = certificate_error(fault, Step.LOGIN, server, 89)
        assert error.text.startswith("the server's certificate was rejected: ")
        assert text in error.text
        assert hint in error.hint
        assert (error.step, error.server) == (Step.LOGIN, server)
        assert "0" not in certificate_error(fault, Step.LOGIN, "h").text.partition("(")[2]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("WRONG_VERSION_NUMBER", "does not speak TLS"),
        ("HTTP_REQUEST", "does not speak TLS"),
        ("RECORD_LAYER_FAILURE", "does not speak TLS"),
        ("NO_SHARED_CIPHER", "no encryption that is strong enough"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "no encryption that is strong enough"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "only versions of TLS before 1.2"),
        ("UNEXPECTED_EOF_WHILE_READING", "TLS failed: connection lost"),
        ("", "TLS failed: connection lost"),
        ("something else, p=secret", "TLS failed: connection lost"),
        ("TLSV1_ALERT_INTERNAL_ERROR", "TLS failed: tlsv1 alert internal error"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "the server wants a certificate of the client"),
    ],
)
def test_the_reason_of_tls(reason: str, text: str) -> None:
    error = tls_error(reason, Step.LOGIN, "h")
    assert text in error.text
    assert (error.step, error.server) == (Step.LOGIN, "h")
    strength = (
        "TLS 1.2 is the least; the server may also want a certificate: tell the network's owners"
    )
    assert (error.hint == strength) is ("strong enough" in text)

"""The service's certificates: of its own authority, or from files that change meanwhile."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from msnpauth import LocalProtocolError
from msnpauth.service.certificates import Certificates, FromFiles, OfAuthority, rsa_chain

CA = trustme.CA()
EC, RSA = trustme.KeyType.ECDSA, trustme.KeyType.RSA


def shown(
    server: ssl.SSLContext,
    client: ssl.SSLContext | None = None,
    *,
    name: str | None = "localhost",
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> bytes:
    """Return the certificate, in PEM, that a client is shown which trusts the authority."""
    if client is None:
        client = ssl.create_default_context()
        CA.configure_trust(client)
    client.check_hostname = name is not None
    client.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (here, there, here, there, here):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    certificate = here.getpeercert(binary_form=True)
    assert certificate is not None
    return ssl.DER_cert_to_PEM_cert(certificate).encode()


class Files:
    """A certificate and its key, as an ACME client leaves them and renews them."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "fullchain.pem", folder / "privkey.pem"
        self.written = 0

    def put(self, key_type: trustme.KeyType = EC) -> bytes:
        """Write new ones; return the certificate."""
        made = CA.issue_cert("localhost", key_type=key_type)
        self.write(self.certificate, b"".join(pem.bytes() for pem in made.cert_chain_pems))
        self.write(self.key, made.private_key_pem.bytes())
        return made.cert_chain_pems[0].bytes()

    def write(self, file: Path, data: bytes) -> None:
        # As renewals are: months apart, and not within one tick of a clock.
        self.written += 1
        file.write_bytes(data)
        os.utime(file, (self.written, self.written))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO, "msnpauth.service"):
        yield caplog


# --- of an authority -----------------------------------------------------------------------------


def test_an_authority_of_its_own(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    made = OfAuthority(CA, ca_file, ["localhost", "127.0.0.1"])
    assert isinstance(made, Certificates)
    assert made.ca_file == ca_file
    assert ca_file.read_bytes() == CA.cert_pem.bytes()
    certificate = shown(made.context, made.client_context)
    assert shown(made.context, made.client_context, name="127.0.0.1") == certificate
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(made.context, made.client_context, name="other.example")
    made.refresh()
    made.refresh(forced=True)
    assert shown(made.context, made.client_context) == certificate


def test_the_file_of_an_authority_is_left_alone(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(CA.cert_pem.bytes())
    ca_file.chmod(0o400)
    made = OfAuthority(CA, ca_file, ["localhost"])
    assert ca_file.stat().st_mode & 0o777 == 0o400
    assert shown(made.context, made.client_context)


# --- from files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["localhost", None])
def test_from_files(files: Files, version: ssl.TLSVersion, name: str | None) -> None:
    certificate = files.put()
    made = FromFiles(files.certificate, files.key)
    assert made.ca_file is None
    assert made.client_context.verify_mode is ssl.CERT_REQUIRED
    assert shown(made.context, name=name, version=version) == certificate
    renewed = files.put()
    made.refresh()
    assert renewed != certificate
    assert shown(made.context, name=name, version=version) == renewed


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("before", [EC, RSA])
@pytest.mark.parametrize("after", [EC, RSA])
def test_a_renewed_one_may_have_a_key_of_another_kind(
    files: Files, before: trustme.KeyType, after: trustme.KeyType, version: ssl.TLSVersion
) -> None:
    first = files.put(before)
    made = FromFiles(files.certificate, files.key)
    context = made.context
    assert shown(context, version=version) == first
    second = files.put(after)
    assert shown(context, version=version) == first, "nobody has looked yet"
    made.refresh()
    assert made.context is context, "the listeners have it"
    assert shown(context, version=version) == second


def test_it_is_read_again_when_it_has_changed_and_not_otherwise(
    files: Files, said: pytest.LogCaptureFixture
) -> None:
    files.put()
    made = FromFiles(files.certificate, files.key)
    for _ in range(3):
        made.refresh()
    assert not said.records
    made.refresh(forced=True)
    assert said.messages == ["the certificate was read again"]
    files.put()
    for _ in range(3):
        made.refresh()
    assert said.messages == ["the certificate was read again"] * 2


def test_a_file_that_is_put_in_the_place_of_the_other(files: Files) -> None:
    first = files.put()
    made = FromFiles(files.certificate, files.key)
    new = Files(files.certificate.parent / "new")
    new.certificate.parent.mkdir()
    second = new.put()
    for mine, theirs in ((files.certificate, new.certificate), (files.key, new.key)):
        os.utime(theirs, (mine.stat().st_mtime, mine.stat().st_mtime))
        theirs.replace(mine)
    assert shown(made.context) == first
    made.refresh()
    assert shown(made.context) == second


DAMAGED = [b"", b"x", b"-----BEGIN CERTIFICATE-----\nxxxx\n-----END CERTIFICATE-----\n"]


@pytest.mark.parametrize("data", [*DAMAGED, None])
@pytest.mark.parametrize("which", ["certificate", "key"])
def test_the_old_one_stays_when_the_new_one_is_damaged(
    files: Files, said: pytest.LogCaptureFixture, which: str, data: bytes | None
) -> None:
    first = files.put()
    made = FromFiles(files.certificate, files.key)
    second = files.put()
    damaged: Path = getattr(files, which)
    whole = damaged.read_bytes()
    if data is None:
        damaged.unlink()
    else:
        files.write(damaged, data)
    for _ in range(3):
        made.refresh()
    assert shown(made.context) == first
    assert len(said.messages) == 1, "it is told once"
    assert said.messages[0].startswith("the old certificate stays: ")
    assert str(files.certificate) in said.messages[0]
    files.write(damaged, whole)
    made.refresh()
    assert shown(made.context) == second


def test_the_old_one_stays_while_half_of_the_new_one_is_there(
    files: Files, said: pytest.LogCaptureFixture
) -> None:
    first = files.put()
    made = FromFiles(files.certificate, files.key)
    old_key = files.key.read_bytes()
    second = files.put()
    new_key = files.key.read_bytes()
    files.write(files.key, old_key)
    made.refresh()
    assert shown(made.context) == first
    assert "the old certificate stays" in said.text
    files.write(files.key, new_key)
    made.refresh()
    assert shown(made.context) == second


@pytest.mark.parametrize("data", [*DAMAGED, None])
@pytest.mark.parametrize("which", ["certificate", "key"])
def test_files_that_cannot_be_used(files: Files, which: str, data: bytes | None) -> None:
    files.put()
    damaged: Path = getattr(files, which)
    if data is None:
        damaged.unlink()
    else:
        files.write(damaged, data)
    with pytest.raises(LocalProtocolError, match="cannot be used: ") as caught:
        FromFiles(files.certificate, files.key)
    assert str(files.key) in caught.value.text
    assert "PEM" in caught.value.hint


def test_a_key_of_another_certificate(files: Files) -> None:
    files.put()
    files.write(files.key, CA.issue_cert("localhost", key_type=EC).private_key_pem.bytes())
    with pytest.raises(LocalProtocolError, match="cannot be used: ") as caught:
        FromFiles(files.certificate, files.key)
    assert files.key.read_text().splitlines()[1] not in str(caught.value)


def test_a_key_with_a_passphrase_asks_nobody(files: Files) -> None:
    files.put()
    key = load_pem_private_key(files.key.read_bytes(), None)
    form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    files.write(files.key, key.private_bytes(*form))
    with pytest.raises(LocalProtocolError) as caught:
        FromFiles(files.certificate, files.key)
    assert "no passphrase" in caught.value.hint


# --- for old TLS ---------------------------------------------------------------------------------


def test_a_chain_of_rsa(tmp_path: Path) -> None:
    chain, key = rsa_chain(CA, ["localhost"])
    assert b"RSA PRIVATE KEY" in key
    (tmp_path / "chain.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    assert shown(context) in chain

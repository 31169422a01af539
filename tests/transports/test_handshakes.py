"""Certificates and TLS that are not as they should be: every carrier says the same of them."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conftest import Authority
from msnpauth import CertificateRejected, ConnectionFailed, SignInError
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from wire import Peer, Server, answers, http

from .conftest import CARRIERS, Carrier

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def seen_by(carrier: Carrier, tls: ssl.SSLContext, host: str = "127.0.0.1") -> SignInError | None:
    """Return what the carrier says of a server."""
    with Server(answers(http(200)), tls) as server:
        try:
            carrier.fetch(Request("GET", Url.parse(f"https://{host}:{server.port}/")))
        except SignInError as caught:
            error = caught
        else:
            return None
    assert error.__context__ is None
    assert error.__cause__ is None
    return error


def issued(
    authority: Authority,
    *names: str,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued_one = authority.ca.issue_cert(*names, not_before=not_before, not_after=not_after)
    issued_one.configure_cert(context)
    return context


def test_expired(carrier: Carrier, authority: Authority) -> None:
    error = seen_by(carrier, issued(authority, "127.0.0.1", not_after=NOW - DAY))
    assert isinstance(error, CertificateRejected)
    assert error.text == "the server's certificate was rejected: it has expired"
    assert "clock" in error.hint
    assert f"{NOW:%Y}" in error.hint


def test_not_yet_valid(carrier: Carrier, authority: Authority) -> None:
    tls = issued(authority, "127.0.0.1", not_before=NOW + DAY, not_after=NOW + 9 * DAY)
    error = seen_by(carrier, tls)
    assert isinstance(error, CertificateRejected)
    assert error.text == "the server's certificate was rejected: it is not yet valid"
    assert error.hint.startswith("set this machine's clock")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_for_another_name(carrier: Carrier, authority: Authority, host: str) -> None:
    error = seen_by(carrier, issued(authority, "other.example"), host)
    assert isinstance(error, CertificateRejected)
    assert error.text == f"the server's certificate was rejected: it is not for the name {host}"
    assert host in error.hint


def test_of_an_authority_that_nobody_knows(carrier: Carrier, authority: Authority) -> None:
    error = seen_by(carrier, authority.tls_for("127.0.0.1", ca=trustme.CA()))
    assert isinstance(error, CertificateRejected)
    assert "no authority that is trusted here" in error.text
    assert "ca_file=" in error.hint


class Made:
    """Certificates made by hand, as people with a server of their own make them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca_file = folder / "home.pem"
        self.authority(critical=False)

    def _pem(
        self,
        subject: str,
        key: ec.EllipticCurvePrivateKey,
        *extensions: tuple[x509.ExtensionType, bool],
    ) -> bytes:
        def name(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("home"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + 9 * DAY)
        )
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def authority(self, *, critical: bool) -> None:
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.ca_file.write_bytes(self._pem("home", self._key, (constraints, critical)))

    def tls(self, common_name: str, *alternatives: x509.GeneralName) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [(x509.SubjectAlternativeName(alternatives), False)] if alternatives else []
        path = self._folder / "server.pem"
        path.write_bytes(
            self._pem(common_name, key, *extensions)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture
def home(tmp_path: Path) -> Made:
    return Made(tmp_path)


@pytest.fixture(params=CARRIERS)
def home_carrier(
    request: pytest.FixtureRequest, home: Made, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Carrier]:
    """Return a carrier that trusts the home-made authority, by a Python as strict as 3.13."""
    make = ssl.create_default_context

    def strict(**settings: str) -> ssl.SSLContext:
        context = make(**settings)  # type: ignore[arg-type]
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    kind, name = request.param.split()
    made = Carrier(kind, name, home.ca_file)
    yield made
    made.end()


def test_an_authority_made_at_home(home_carrier: Carrier, home: Made) -> None:
    """Its basicConstraints are not critical, and it has no key identifier."""
    tls = home.tls("localhost", x509.DNSName("localhost"))
    assert seen_by(home_carrier, tls, "localhost") is None


def test_a_certificate_with_a_common_name_alone(home_carrier: Carrier, home: Made) -> None:
    assert seen_by(home_carrier, home.tls("localhost"), "localhost") is None
    error = seen_by(home_carrier, home.tls("other.example"), "localhost")
    assert isinstance(error, CertificateRejected)
    assert "not for the name localhost" in error.text


def test_a_common_name_does_not_count_beside_alternative_names(
    home_carrier: Carrier, home: Made
) -> None:
    error = seen_by(home_carrier, home.tls("localhost", x509.DNSName("b.example")), "localhost")
    assert isinstance(error, CertificateRejected)


def test_the_servers_own_certificate_as_ca_file(authority: Authority, tmp_path: Path) -> None:
    """Who names the certificate itself trusts that one: all carriers take it so."""
    issued_one = authority.ca.issue_cert("127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued_one.configure_cert(tls)
    path = tmp_path / "one.pem"
    issued_one.cert_chain_pems[0].write_to_path(str(path))
    for spec in CARRIERS:
        kind, name = spec.split()
        carrier = Carrier(kind, name, path)
        assert seen_by(carrier, tls) is None
        carrier.end()


@pytest.mark.parametrize("weakness", ["TLS 1.1", "AES128-SHA", "ECDHE-RSA-AES128-SHA"])
def test_encryption_that_is_too_weak(carrier: Carrier, authority: Authority, weakness: str) -> None:
    tls = issued(authority, "127.0.0.1")
    if weakness == "TLS 1.1":
        tls.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):  # that it is weak is the point
            tls.minimum_version = ssl.TLSVersion.TLSv1
            tls.maximum_version = ssl.TLSVersion.TLSv1_1
    else:
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        tls.set_ciphers(f"{weakness}:@SECLEVEL=0")
    error = seen_by(carrier, tls)
    assert type(error) is ConnectionFailed
    old, weak = (
        "knows only versions of TLS before 1.2",
        "takes no encryption that is strong enough",
    )
    assert error.text == f"TLS failed: the server {old if weakness == 'TLS 1.1' else weak}"
    assert "TLS 1.2" in error.hint


@pytest.mark.parametrize(
    "greeting", [b"220 welcome\r\n" * 10, b"HTTP/1.1 400 Bad\r\n\r\n", bytes(range(256))]
)
def test_no_tls_at_all(carrier: Carrier, greeting: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.send(greeting)
        peer.until_closed()

    with Server(script) as server, pytest.raises(ConnectionFailed) as caught:
        carrier.fetch(Request("GET", Url.parse(server.url)))
    assert caught.value.text == "the server does not speak TLS on that port"


def test_a_server_that_leaves_within_the_handshake(carrier: Carrier) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(1)

    with Server(script) as server, pytest.raises(ConnectionFailed) as caught:
        carrier.fetch(Request("GET", Url.parse(server.url)))
    assert type(caught.value) is ConnectionFailed
    assert caught.value.__context__ is None


def test_the_name_that_tls_is_asked_for(carrier: Carrier, authority: Authority) -> None:
    """The server is told the host's name, so that one of several on an address answers."""
    asked: list[str | None] = []
    tls = issued(authority, "127.0.0.1", "localhost")
    tls.sni_callback = lambda _sock, name, _context: asked.append(name)
    assert seen_by(carrier, tls, "localhost") is None
    assert asked == ["localhost"]


def test_a_renewed_bundle_is_seen_by_a_carrier_that_lives_on(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot keeps one carrier for months: its next connection trusts what is in the file then."""
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nowhere"))
    for spec in CARRIERS:
        trustme.CA().cert_pem.write_to_path(str(bundle))
        kind, name = spec.split()
        carrier = Carrier(kind, name, None)
        assert isinstance(seen_by(carrier, authority.server_tls), CertificateRejected), spec
        with bundle.open("ab") as file:
            file.write(authority.ca.cert_pem.bytes())
        assert seen_by(carrier, authority.server_tls) is None, spec
        carrier.end()

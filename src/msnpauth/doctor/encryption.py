"""Checks present-day TLS: certificates, versions, clocks, handshakes without a server name."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ..core.errors import SignInError, SignInTimeout, Step
from ..core.tickets.exchange import Request, Response
from ..core.tickets.http import ClientConnection
from ..core.urls import Address, Url
from ..core.wire.lines import NeedData
from ..net.deadline import Deadline
from ..net.names import network_error
from ..net.sockets import connect_tcp
from .finding import Finding, State, failed, found
from .patient import Patient
from .raw import unchecked

__all__ = ["encryption"]

_OLD = frozenset({"TLSv1", "TLSv1.1", "SSLv3"})

_SOON = timedelta(days=14)
"""The time before the end of a certificate at which the finding becomes a warning. Programs that
renew certificates do so a month before the end."""

_WINDOW = 300.0
"""Seconds by which the time of an RST2 request may be wrong (Escargot)."""


class _Secured(NamedTuple):
    """Facts about a TLS connection.

    Attributes:
        version: the version of TLS, as `ssl` names it.
        cipher: the name of the cipher.
        certificate: the server's certificate; None where it cannot be read.
        date: the `Date` header of the server's answer; None where there is none.
    """

    version: str
    cipher: str
    certificate: x509.Certificate | None
    date: str | None


def encryption(patient: Patient) -> Iterator[Finding]:
    """Check each https server."""
    places = patient.web_places()
    if not places:
        yield found("MA-DOC-28", "encryption", State.NOT_TRIED, "no https server is known")
    for place, (address, roles) in places.items():
        title = f"TLS of {place} ({', '.join(roles)})"
        if place in patient.unreachable:
            yield found("MA-DOC-28", title, State.NOT_TRIED, "it cannot be reached")
        elif patient.is_over:
            yield found("MA-DOC-30", title, State.NOT_TRIED, "the time is up")
        else:
            yield from _of_server(patient, place, address, title)


def _of_server(patient: Patient, place: str, address: Address, title: str) -> Iterator[Finding]:
    try:
        secured = _shake_hands(address, patient.context(), patient.patience(), address.host)
        rejected = False
    except SignInError as error:
        yield failed(title, error)
        rejected = True
        patient.facts["tls"] = False
        if isinstance(error, SignInTimeout):
            patient.unreachable.add(place)  # a silent server is not waited for again
            return
        try:
            # Only `GET /` is sent: the certificate is shown, and not trusted.
            secured = _shake_hands(address, unchecked(), patient.patience(), address.host)
        except SignInError:
            return
    if not rejected:
        patient.facts.setdefault("tls", True)
        yield found("MA-DOC-07", title, State.PASSED, _versions(patient, address, secured))
    elif secured.version in _OLD:
        seen = f"the server has {secured.version.replace('TLSv', 'TLS ')} and nothing newer"
        advice = (
            "put a TLS proxy of today in front of it, or enable TLS 1.2 beside the old versions"
        )
        yield found("MA-DOC-07", title, State.WARNING, seen, advice)
    if secured.certificate is not None:
        yield _certificate(place, secured.certificate, rejected=rejected)
    yield _clock(place, secured.date)
    yield _without_name(patient, place, address, secured.certificate)


def _versions(patient: Patient, address: Address, secured: _Secured) -> str:
    """Return the versions and the cipher of a server, in words."""
    had = [secured.version.replace("TLSv", "TLS ")]
    for version, name in ((ssl.TLSVersion.TLSv1_3, "TLS 1.3"), (ssl.TLSVersion.TLSv1_2, "TLS 1.2")):
        if name in had:
            continue
        context = unchecked()
        context.minimum_version = context.maximum_version = version
        try:
            _shake_hands(address, context, patient.patience(), address.host, ask=False)
        except SignInError:
            continue
        had.append(name)
    return f"{' and '.join(had)}; {secured.cipher}"


def _shake_hands(
    address: Address,
    context: ssl.SSLContext,
    deadline: Deadline,
    name: str | None,
    *,
    ask: bool = True,
) -> _Secured:
    """Connect by TLS, and request `/` to read the server's Date.

    Args:
        address: the server's host and port.
        context: TLS settings.
        deadline: the time at which the attempt ends.
        name: the server name to send (SNI), or None to send none.
        ask: whether to send the request for `/`.

    Raises:
        SignInError: the connection failed.
    """
    server = f"https://{address}"
    raw = connect_tcp(address, deadline, Step.LOGIN)
    try:
        with context.wrap_socket(raw, server_hostname=name, do_handshake_on_connect=False) as sock:
            sock.settimeout(deadline.check(Step.LOGIN, server))
            sock.do_handshake()
            der = sock.getpeercert(binary_form=True)
            cipher = (sock.cipher() or ("",))[0]
            secured = _Secured(sock.version() or "", cipher, _read(der), None)
            return secured._replace(date=_date(sock, address, deadline)) if ask else secured
    except TimeoutError:
        error: SignInError = deadline.passed(Step.LOGIN, server)
    except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave
        error = network_error(problem, Step.LOGIN, server)
    finally:
        raw.close()
    raise error


def _read(der: bytes | None) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der) if der else None
    except ValueError:  # a certificate that OpenSSL accepts and `cryptography` does not
        return None


def _date(sock: ssl.SSLSocket, address: Address, deadline: Deadline) -> str | None:
    """Return the Date of the answer to `GET /`; None where there is none."""
    http = ClientConnection()
    try:
        sock.sendall(http.send(Request("GET", Url("https", address, "/"), (("Accept", "*/*"),))))
        while (left := deadline.remaining()) > 0:
            sock.settimeout(left)
            answer = http.receive(sock.recv(16384))
            if isinstance(answer, NeedData):
                continue
            return answer.header("Date") if isinstance(answer, Response) else None
    except OSError:
        pass
    return None


# --- the certificate -----------------------------------------------------------------------------


def _certificate(place: str, certificate: x509.Certificate, *, rejected: bool) -> Finding:
    title = f"certificate of {place}"
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    seen = (
        f"for {_told(_names, certificate)}; signed by {_told(_issuer, certificate)};"
        f" {_told(_key, certificate)}; from {certificate.not_valid_before_utc:%Y-%m-%d} to"
        f" {certificate.not_valid_after_utc:%Y-%m-%d}"
    )
    if rejected:
        advice = "see why it was rejected, above"
        return found("MA-DOC-08", title, State.WARNING, seen, advice)
    if left < _SOON:
        advice = f"it ends in {max(0, left.days)} days: the network has to renew it"
        return found("MA-DOC-08", title, State.WARNING, seen, advice)
    return found("MA-DOC-08", title, State.PASSED, seen)


def _told(part: Callable[[x509.Certificate], str], certificate: x509.Certificate) -> str:
    """Return a part of a certificate in words; `cryptography` cannot read all that OpenSSL can."""
    try:
        return part(certificate)
    except Exception as problem:  # noqa: BLE001 - a dozen kinds, for rare names and keys
        return f"something that cannot be read ({type(problem).__name__})"


def _names(certificate: x509.Certificate) -> str:
    """Return the names that a certificate is for, at most six of them."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts: list[str] = names.get_values_for_type(x509.DNSName)
        hosts += [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        hosts = [str(name.value) for name in common]
    return ", ".join(hosts[:6] + (["…"] if len(hosts) > 6 else [])) or "no name"


def _issuer(certificate: x509.Certificate) -> str:
    if certificate.issuer == certificate.subject:
        return "itself"
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for name in certificate.issuer.get_attributes_for_oid(kind):
            return str(name.value)
    return "somebody without a name"


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA key of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC key ({key.curve.name})"
    return f"{type(key).__name__.strip('_').removesuffix('PublicKey')} key"


# --- the clock, and handshakes without a server name ---------------------------------------------


def _clock(place: str, date: str | None) -> Finding:
    title = f"clock of {place}"
    try:
        theirs = parsedate_to_datetime(date) if date else None
    except (ValueError, TypeError, IndexError, OverflowError):
        theirs = None
    if theirs is None:
        seen = "the server's Date cannot be read" if date else "the server states no Date"
        return found("MA-DOC-09", title, State.NOT_TRIED, seen)
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    skew = (theirs - datetime.now(UTC)).total_seconds()
    which = "ahead of" if skew > 0 else "behind"
    seen = f"the server's clock is {_seconds(abs(skew))} {which} this machine's"
    if abs(skew) <= _WINDOW / 2:
        return found("MA-DOC-09", title, State.PASSED, seen)
    state = State.WARNING if abs(skew) <= _WINDOW else State.FAILED
    return found(
        "MA-DOC-09", title, state, f"{seen}, which says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    )


def _seconds(count: float) -> str:
    if count < 120:
        return f"{count:.0f} seconds"
    if count < 7200:
        return f"{count / 60:.0f} minutes"
    return f"{count / 3600:.0f} hours" if count < 172800 else f"{count / 86400:.0f} days"


def _without_name(
    patient: Patient, place: str, address: Address, usual: x509.Certificate | None
) -> Finding:
    title = f"{place} without a server name (SNI)"
    try:
        other = _shake_hands(address, unchecked(), patient.patience(), None, ask=False)
    except SignInError:
        patient.facts["without_sni"] = False
        seen = "the server refuses a handshake that names no server"
        return found("MA-DOC-29", title, State.WARNING, seen)
    if usual is not None and other.certificate is not None and other.certificate != usual:
        patient.facts["without_sni"] = False
        seen = f"another certificate comes, for {_told(_names, other.certificate)}"
        return found("MA-DOC-29", title, State.WARNING, seen)
    patient.facts.setdefault("without_sni", True)
    return found("MA-DOC-29", title, State.PASSED, "the same certificate comes")

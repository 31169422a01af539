"""TLS settings of a client, and what a failed handshake means."""

from __future__ import annotations

import enum
import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.errors import CertificateRejected, ConnectionFailed, LocalProtocolError, Step
from ..core.patterns import pattern

if TYPE_CHECKING:
    import ssl

__all__ = [
    "CertificateFault",
    "ContextSource",
    "certificate_error",
    "client_context",
    "context_source",
    "tls_error",
]

ContextSource = Callable[[], "ssl.SSLContext"]
"""A function that returns the TLS settings for the next connection."""

_Path = str | os.PathLike[str] | None

_NO_TLS = "this Python was built without TLS (no ssl module), and a password never goes without it"
_INSTALL = {
    "darwin": "install Python from python.org, or by Homebrew",
    "win32": "install Python from python.org",
}
_NO_TLS_HINT = (
    _INSTALL.get(sys.platform, "install libssl-dev (openssl-devel) and build Python anew, or use")
    + ("" if sys.platform in _INSTALL else " the system's python3")
    + "; transport='curl' brings its own TLS"
)
_NO_TRUST = "this system has no trusted certificates to check the server's against"
_NO_TRUST_HINT = (
    "install them (Debian: apt-get install ca-certificates) or name yours with ca_file="
)


# --- settings ---------------------------------------------------------------------------------


def client_context(
    ca_file: _Path = None, ssl_context: ssl.SSLContext | None = None
) -> ssl.SSLContext:
    """Return the TLS settings of a client.

    Args:
        ca_file: certificates to trust, in PEM, instead of the system's.
        ssl_context: the caller's own settings, used unchanged.

    Raises:
        LocalProtocolError: both are given, or the file cannot be used.
        ConnectionFailed: this Python has no TLS, or no trusted certificates.
    """
    if ssl_context is not None:
        if ca_file is not None:
            raise LocalProtocolError(
                "ca_file and ssl_context were both given",
                hint="load the file into your context: ssl_context.load_verify_locations(…)",
            )
        return ssl_context
    try:
        import ssl  # noqa: F401 - only to find out whether the module is there
    except ImportError:
        found = False
    else:
        found = True
    if not found:
        raise ConnectionFailed(_NO_TLS, hint=_NO_TLS_HINT, finding="MA-TLS-14")
    return _system_context() if ca_file is None else _context_of_file(os.fspath(ca_file))


def context_source(
    ca_file: _Path = None, ssl_context: ssl.SSLContext | None = None
) -> ContextSource:
    """Return a function that gives a carrier its TLS settings for each connection that it opens.

    A bot may keep one carrier for months, and the system renews its certificates meanwhile. Before
    each connection the files' times are checked; the files are read again only after a change.

    Raises:
        LocalProtocolError, ConnectionFailed: as `client_context`, at once.
    """
    first = client_context(ca_file, ssl_context)
    if ssl_context is not None or not _is_plain(first):
        # The caller's own settings are used unchanged. A context of truststore asks the system at
        # each handshake, so it never becomes outdated.
        return lambda: first
    return lambda: client_context(ca_file)


def _is_plain(context: ssl.SSLContext) -> bool:
    import ssl

    return type(context) is ssl.SSLContext


def _context_of_file(path: str) -> ssl.SSLContext:
    try:
        return _file_context(path, *_version(path))
    except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
        # OpenSSL's reason is one of its constants; without one, only "no PEM" is known.
        reason = getattr(problem, "reason", None) or getattr(problem, "strerror", None) or "no PEM"
        is_missing = isinstance(problem, FileNotFoundError)
    hint = "it is a file of certificates in PEM form"
    if is_missing:
        hint += "; if it is being renewed just now, try again"
    text = f"ca_file {path!r} cannot be used: {reason}"
    raise LocalProtocolError(text, hint=hint, finding="MA-ARG-03")


def _version(path: str | None) -> tuple[int, ...]:
    """Return numbers that change when the file, or the folder's list of files, changes."""
    if path is None:
        return ()
    found = os.stat(path)  # noqa: PTH116 - importing pathlib takes longer than all of this module
    return found.st_mtime_ns, found.st_size, found.st_ino


@functools.lru_cache(maxsize=8)
def _file_context(path: str, *_version: int) -> ssl.SSLContext:
    """Return a context that trusts a file, read once for each version of the file.

    Reading it takes a third of the time of a TLS connection.
    """
    import ssl

    context = ssl.create_default_context(cafile=path)
    # Since Python 3.13 the default requires every detail of RFC 5280. Most home-made authorities
    # lack one of them (a "basicConstraints" that is not critical, for example), although the
    # person who named the file trusts exactly that certificate. curl and older versions of Python
    # do not require them either.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # Every certificate in the file is trusted, also an intermediate authority or the server's own
    # certificate: curl has always done so, and Python does since 3.13.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _system_context() -> ssl.SSLContext:
    import ssl

    import truststore

    if sys.platform not in ("darwin", "win32"):
        context = _openssl_context(*_openssl_version())
        if context is not None:
            return context
    # Not cached: such a context allows one handshake at a time, so a silent server would delay all
    # other connections.
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform not in ("darwin", "win32"):
        # truststore looks for certificates at its first use, and it has no method that counts
        # them. A connection object that is never used shows how many it has found.
        used = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
        if not used.context.cert_store_stats()["x509_ca"]:
            raise ConnectionFailed(_NO_TRUST, hint=_NO_TRUST_HINT, finding="MA-TLS-15")
    return context


def _openssl_version() -> tuple[object, ...]:
    """Return a value that changes when the system's certificates are renewed.

    The paths respect `SSL_CERT_FILE` and `SSL_CERT_DIR`. A folder's time changes when a certificate
    is added, replaced or removed, and that is how distributions renew their certificates.
    """
    import ssl

    paths = ssl.get_default_verify_paths()
    try:
        return paths.cafile, _version(paths.cafile), paths.capath, _version(paths.capath)
    except OSError:  # the file was there a moment ago: it is being replaced just now
        return paths.cafile, (), paths.capath, ()


@functools.lru_cache(maxsize=4)
def _openssl_context(*_version: object) -> ssl.SSLContext | None:
    """Return a context with OpenSSL's own certificates; None where OpenSSL has none.

    They are read once for each version of the files.
    """
    import ssl

    context = ssl.create_default_context()
    directory = ssl.get_default_verify_paths().capath
    if context.cert_store_stats()["x509_ca"] or _has_files(directory):
        return context
    return None


def _has_files(directory: str | None) -> bool:
    if not directory:
        return False
    with os.scandir(directory) as found:
        return any(found)


# --- what went wrong --------------------------------------------------------------------------


class CertificateFault(enum.Enum):
    """Why a certificate was not accepted."""

    EXPIRED = enum.auto()
    NOT_YET_VALID = enum.auto()
    UNKNOWN_AUTHORITY = enum.auto()
    SELF_SIGNED = enum.auto()
    WRONG_NAME = enum.auto()
    REVOKED = enum.auto()
    WEAK = enum.auto()
    BADLY_MADE = enum.auto()
    OTHER = enum.auto()

    @classmethod
    def of(cls, verify_code: int) -> CertificateFault:
        """Return the fault behind OpenSSL's number (`X509_V_ERR_…` of x509_vfy.h)."""
        for fault, numbers in _NUMBERS.items():
            if verify_code in numbers:
                return fault
        return cls.OTHER


_NUMBERS = {
    CertificateFault.EXPIRED: {10},
    CertificateFault.NOT_YET_VALID: {9},
    CertificateFault.UNKNOWN_AUTHORITY: {2, 19, 20, 21, 27},
    CertificateFault.SELF_SIGNED: {18},
    CertificateFault.WRONG_NAME: {62, 63, 64},
    CertificateFault.REVOKED: {23},
    CertificateFault.WEAK: {66, 67, 68},
    # 24 and 79: no authority; 26: made for another purpose; 80 to 94: the strict checks.
    CertificateFault.BADLY_MADE: {24, 26, 32, 37, 41, 79, *range(80, 95)},
}


_BADLY_MADE_HINT = (
    "an authority needs basicConstraints=critical,CA:TRUE and keyUsage=critical,keyCertSign;"
    " if it is the network's own, name it with ca_file=, which asks for less"
)
_SENTENCES = {
    CertificateFault.EXPIRED: (
        "it has expired",
        "the network has to renew it, unless this machine's clock is wrong: it says {today}",
    ),
    CertificateFault.NOT_YET_VALID: (
        "it is not yet valid",
        "set this machine's clock, which says {today}",
    ),
    CertificateFault.UNKNOWN_AUTHORITY: (
        "no authority that is trusted here has signed it",
        CertificateRejected.default_hint,
    ),
    CertificateFault.SELF_SIGNED: (
        "it is signed by itself",
        "if you know it to be the network's, name the file with ca_file=",
    ),
    CertificateFault.WRONG_NAME: (
        "it is not for the name {host}",
        "use the name that the certificate is for; if {host} is right, this is another server",
    ),
    CertificateFault.REVOKED: ("its authority has withdrawn it", "the network has to renew it"),
    CertificateFault.WEAK: (
        "its key or its signature is too weak",
        "the network has to get a stronger one",
    ),
    CertificateFault.BADLY_MADE: (
        "it, or its authority's, is not made as RFC 5280 wants{reason}",
        _BADLY_MADE_HINT,
    ),
    CertificateFault.OTHER: ("it was not accepted{reason}", CertificateRejected.default_hint),
}

_FINDINGS = {
    CertificateFault.EXPIRED: "MA-TLS-01",
    CertificateFault.NOT_YET_VALID: "MA-TLS-02",
    CertificateFault.UNKNOWN_AUTHORITY: "MA-TLS-03",
    CertificateFault.SELF_SIGNED: "MA-TLS-04",
    CertificateFault.WRONG_NAME: "MA-TLS-05",
    CertificateFault.REVOKED: "MA-TLS-06",
    CertificateFault.WEAK: "MA-TLS-07",
    CertificateFault.BADLY_MADE: "MA-TLS-08",
    CertificateFault.OTHER: "MA-TLS-09",
}


def certificate_error(
    fault: CertificateFault, step: Step, server: str, verify_code: int = 0
) -> CertificateRejected:
    """Return the error for a certificate that was not accepted, with the hint for its cause.

    The errors of all carriers are made here, so that all report the same for the same certificate.
    """
    text, hint = _SENTENCES[fault]
    from datetime import UTC, datetime  # for errors only

    facts = {
        "today": f"{datetime.now(UTC):%Y-%m-%d}",
        "host": _host_of(server),
        "reason": f" (OpenSSL's reason {verify_code})" if verify_code else "",
    }
    return CertificateRejected(
        f"the server's certificate was rejected: {text.format(**facts)}",
        step=step,
        server=server,
        hint=hint.format(**facts),
        finding=_FINDINGS[fault],
    )


def _host_of(server: str) -> str:
    """Return the host in an origin or a `host:port`."""
    from urllib.parse import urlsplit  # for errors only

    return urlsplit(server if "://" in server else f"//{server}").hostname or server


# OpenSSL's reasons for a peer that speaks another protocol, and for a peer with outdated TLS.
_NOT_TLS = pattern(
    "WRONG_VERSION_NUMBER|HTTPS?_(PROXY_)?REQUEST|RECORD_LAYER_FAILURE|PACKET_LENGTH_TOO_LONG"
    "|UNKNOWN_PROTOCOL|RECORD_OVERFLOW|BAD_RECORD_TYPE|UNEXPECTED_MESSAGE"
)
_OLD = pattern("UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE")
_NOTHING_IN_COMMON = pattern(
    "HANDSHAKE_FAILURE|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY|NO_CIPHERS_AVAILABLE|KEY_TOO_SMALL"
    "|NO_SUITABLE|WRONG_CIPHER"
)
_CONSTANT = pattern(r"[A-Z0-9_]{1,60}")
_SAYS = (
    (
        _NOT_TLS,
        "MA-TLS-10",
        "the server does not speak TLS on that port",
        "another service answers there: check the port",
    ),
    (
        _OLD,
        "MA-TLS-11",
        "TLS failed: the server knows only versions of TLS before 1.2",
        "TLS 1.2 is the least; `msnpauth doctor` shows what there is: tell the network's owners",
    ),
    (
        _NOTHING_IN_COMMON,
        "MA-TLS-12",
        "TLS failed: the server takes no encryption that is strong enough",
        "TLS 1.2 is the least; the server may also want a certificate: tell the network's owners",
    ),
    (
        pattern("CERTIFICATE_REQUIRED"),
        "MA-TLS-16",
        "TLS failed: the server wants a certificate of the client",
        "another service answers there, or the network has to switch that off",
    ),
)


def tls_error(reason: str, step: Step, server: str) -> ConnectionFailed:
    """Return the error for a TLS connection that failed, by OpenSSL's name for the reason.

    Args:
        reason: such as `NO_SHARED_CIPHER`; "" where there is none.
        step: the step of the sign-in.
        server: the server, as errors name it.
    """
    for said, finding, text, hint in _SAYS:
        if said.search(reason):
            return ConnectionFailed(text, step=step, server=server, hint=hint, finding=finding)
    # Of the peer's text only OpenSSL's constant is shown.
    is_lost = reason.endswith("EOF_WHILE_READING") or not _CONSTANT.fullmatch(reason)
    words = "connection lost" if is_lost else reason.replace("_", " ").lower()
    text = f"TLS failed: {words}"
    return ConnectionFailed(text, step=step, server=server, finding="MA-TLS-13")

"""Names to addresses, TLS contexts, and what their errors mean: what both drivers need."""

from __future__ import annotations

import functools
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.errors import (
    CertificateRejected,
    ConnectionFailed,
    LocalProtocolError,
    SignInError,
    Step,
)
from .core.urls import Address

if TYPE_CHECKING:
    import ssl

__all__ = ["AddressInfo", "client_context", "look_up", "network_error", "numeric"]

AddressInfo = tuple[socket.AddressFamily, tuple[Any, ...]]
"""An address family, and where in it: what `socket.connect` takes."""

_NO_TLS = "this Python was built without TLS (no ssl module), and a password never goes without it"
_NO_TLS_HINT = "install Python with OpenSSL (Debian: python3; pyenv: libssl-dev first)"
_NO_TRUST = "this system has no trusted certificates to check the server's against"
_NO_TRUST_HINT = (
    "install them (Debian: apt-get install ca-certificates) or name yours with ca_file="
)


def client_context(
    ca_file: str | os.PathLike[str] | None = None, ssl_context: ssl.SSLContext | None = None
) -> ssl.SSLContext:
    """Return the TLS settings of a client.

    Args:
        ca_file: certificates to trust, in PEM, instead of the system's.
        ssl_context: settings of the caller's own, used as they are.

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
        import ssl  # noqa: F401 - is there one?
    except ImportError:
        raise ConnectionFailed(_NO_TLS, hint=_NO_TLS_HINT) from None
    if ca_file is None:
        return _system_context()
    try:
        found = Path(ca_file).stat()
        return _file_context(os.fspath(ca_file), found.st_mtime_ns, found.st_size, found.st_ino)
    except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
        reason = getattr(problem, "reason", None) or getattr(problem, "strerror", None) or "no PEM"
        raise LocalProtocolError(
            f"ca_file {os.fspath(ca_file)!r} cannot be used: {reason}",
            hint="it is a file of certificates in PEM form",
        ) from None


@functools.lru_cache(maxsize=8)
def _file_context(path: str, *_version: int) -> ssl.SSLContext:
    """Return the trust in a file, read once for each of its versions: it costs a third of TLS."""
    import ssl

    return ssl.create_default_context(cafile=path)


def _system_context() -> ssl.SSLContext:
    import ssl

    import truststore

    if sys.platform not in ("darwin", "win32"):
        context = _openssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        if context is not None:
            return context
    # Not kept: it lets one handshake in at a time, so a silent server would hold up the others.
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform not in ("darwin", "win32"):
        # It looks for certificates when it is used, and its own count of them is not to be had.
        used = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
        if not used.context.cert_store_stats()["x509_ca"]:
            raise ConnectionFailed(_NO_TRUST, hint=_NO_TRUST_HINT)
    return context


@functools.cache
def _openssl_context(_cert_file: str | None, _cert_dir: str | None) -> ssl.SSLContext | None:
    """Return OpenSSL's own trust, read once for each setting; None where it has none."""
    import ssl

    context = ssl.create_default_context()
    directory = ssl.get_default_verify_paths().capath
    if context.cert_store_stats()["x509_ca"] or (directory and any(Path(directory).iterdir())):
        return context
    return None


def numeric(address: Address) -> list[AddressInfo]:
    """Return the socket address of a host that is a number already; nothing for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, address.host)
            return [(family, (address.host, address.port))]
    return []


def look_up(
    address: Address, step: Step, done: Callable[[list[AddressInfo] | SignInError], None]
) -> None:
    """Find the socket addresses of a host, and hand them, or the error, to `done`.

    The system's resolver cannot be told when to give up: it runs in a thread of its own, in which
    `done` is called, and which is left behind by those who do not wait for it.
    """

    def run() -> None:
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except OSError as error:
            done(network_error(error, step, str(address)))
        except UnicodeError:  # a label that is empty or too long for the resolver's codec
            done(network_error(socket.gaierror(), step, str(address)))
        else:
            done([(family, where) for family, _, _, _, where in found])

    threading.Thread(target=run, name="msnpauth-resolve", daemon=True).start()


def network_error(error: Exception, step: Step, server: str) -> SignInError:
    """Return our error for one of the socket, ssl or resolver kind."""
    if isinstance(error, SignInError):
        return error
    if isinstance(error, socket.gaierror):
        return ConnectionFailed("there is no such host name", step=step, server=server)
    # By name, so that this module can be imported by a Python without ssl.
    kind = type(error).__name__
    reason = str(getattr(error, "reason", None) or "")
    if kind in ("SSLCertVerificationError", "CertificateError"):
        return _certificate_error(error, step, server)
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        text = "the server does not speak TLS on that port"
        return ConnectionFailed(text, step=step, server=server)
    if kind.startswith("SSL"):
        words = reason.replace("_", " ").lower() or "connection lost"
        return ConnectionFailed(f"TLS failed: {words}", step=step, server=server)
    words = getattr(error, "strerror", None) or str(error) or "connection lost"
    words = words[:1].lower() + words[1:]
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        # Three names for one thing: which of them comes depends on who was sending just then.
        words = f"the server closed the connection ({words})"
    return ConnectionFailed(words, step=step, server=server)


def _certificate_error(error: Exception, step: Step, server: str) -> CertificateRejected:
    words = getattr(error, "verify_message", None) or "it was not accepted"
    return CertificateRejected(
        f"the server's certificate was rejected: {words}", step=step, server=server
    )

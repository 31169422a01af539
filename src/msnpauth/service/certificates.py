"""The service's certificates: of an authority of its own, or from files that others renew."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterable
from pathlib import Path

import trustme

from ..core.errors import LocalProtocolError
from ..core.secrets import printable

__all__ = ["Certificates", "FromFiles", "OfAuthority", "rsa_chain"]

_log = logging.getLogger("msnpauth.service")


class Certificates:
    """What the listeners of HTTPS show.

    Attributes:
        context: the listeners' settings. They read the certificate at each handshake, so that a new
            one counts from then on, and no connection ends.
        ca_file: the authority that clients need; None when every client knows it anyway.
        client_context: client settings that trust it.
    """

    context: ssl.SSLContext
    ca_file: Path | None
    client_context: ssl.SSLContext

    def refresh(self, *, forced: bool = False) -> None:
        """Take another certificate if there is one."""


class OfAuthority(Certificates):
    """Certificates that an authority of the service's own issues, one for each run.

    Args:
        authority: issues it.
        ca_file: where the authority's own certificate is put, for clients.
        names: what it is for.
    """

    def __init__(self, authority: trustme.CA, ca_file: Path, names: Iterable[str]) -> None:
        self.ca_file = ca_file
        if not ca_file.exists():
            authority.cert_pem.write_to_path(str(ca_file))
        self.client_context = ssl.create_default_context(cafile=str(ca_file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(self.context)


class FromFiles(Certificates):
    """A certificate and its key in files, as an ACME client leaves them.

    Args:
        certificate: the chain, in PEM, the service's own first.
        key: its key, in PEM, without a passphrase.

    Raises:
        LocalProtocolError: they cannot be read, or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self.ca_file = None
        self.client_context = ssl.create_default_context()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._seen = self._stamps()
        problem = self._load()
        if problem:
            raise LocalProtocolError(problem, hint="both are PEM, and the key has no passphrase")

    def refresh(self, *, forced: bool = False) -> None:
        """Read the files again when they have changed; a damaged one leaves all as it was."""
        seen = self._stamps()
        if seen == self._seen and not forced:
            return
        self._seen = seen
        problem = self._load()
        if problem:
            _log.error("the old certificate stays: %s", problem)
        else:
            _log.info("the certificate was read again")

    def _load(self) -> str:
        """Have the listeners use what the files have; return what is wrong with it."""
        certificate, key = self._files
        try:
            fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            # No question at the terminal: a service has none.
            fresh.load_cert_chain(certificate, key, password=lambda: "")
        except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
            why = getattr(fault, "reason", None) or getattr(fault, "strerror", None) or str(fault)
            return f"{certificate} and {key} cannot be used: {printable(str(why), 100)}"

        def show(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = fresh

        # Loaded into the listeners' own context, a key of another kind would stand beside the old
        # one, which would be shown until it ends. This is asked at each handshake, with or without
        # a name.
        self.context.sni_callback = show
        return ""

    def _stamps(self) -> tuple[int, ...]:
        stamps = []
        for file in self._files:
            try:
                about = file.stat()
            except OSError:
                stamps += [0, 0]
            else:
                stamps += [about.st_mtime_ns, about.st_ino]
        return tuple(stamps)


def rsa_chain(authority: trustme.CA, names: Iterable[str]) -> tuple[bytes, bytes]:
    """Return chain and key, in PEM, of a certificate for old TLS: old systems know RSA alone."""
    made = authority.issue_cert(*names, key_type=trustme.KeyType.RSA)
    return b"".join(pem.bytes() for pem in made.cert_chain_pems), made.private_key_pem.bytes()

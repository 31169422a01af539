"""The certificates of the service, from its own authority or from files that others renew."""

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
    """The certificate that the listeners of HTTPS use.

    Attributes:
        context: the TLS settings of the listeners. They use the present certificate at each
            handshake, so that a new certificate takes effect without closing any connection.
        ca_file: the file of the authority that clients need; None when clients know the authority.
        client_context: TLS settings for a client that trusts the authority.
    """

    context: ssl.SSLContext
    ca_file: Path | None
    client_context: ssl.SSLContext

    def refresh(self, *, forced: bool = False) -> None:
        """Use a new certificate if there is one."""


class OfAuthority(Certificates):
    """A certificate that an authority of the service's own issues, a new one for each run.

    Args:
        authority: issues the certificate.
        ca_file: the file into which the authority's own certificate is written, for clients.
        names: the host names and addresses for which the certificate is issued.
    """

    def __init__(self, authority: trustme.CA, ca_file: Path, names: Iterable[str]) -> None:
        self.ca_file = ca_file
        if not ca_file.exists():
            authority.cert_pem.write_to_path(str(ca_file))
        self.client_context = ssl.create_default_context(cafile=str(ca_file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(self.context)


class FromFiles(Certificates):
    """A certificate and its key in files, as an ACME client writes them.

    Args:
        certificate: the file of the certificate chain in PEM, the service's own certificate first.
        key: the file of its key in PEM, without a passphrase.

    Raises:
        LocalProtocolError: the files cannot be read, or do not belong together.
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
        """Read the files again if they have changed; if one is damaged, keep the old ones."""
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
        """Let the listeners use the files; return the problem if the files cannot be used."""
        certificate, key = self._files
        try:
            fresh = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            # Without the password, OpenSSL would ask for one at the terminal.
            fresh.load_cert_chain(certificate, key, password=lambda: "")
        except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
            why = getattr(fault, "reason", None) or getattr(fault, "strerror", None) or str(fault)
            return f"{certificate} and {key} cannot be used: {printable(str(why), 100)}"

        def show(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = fresh

        # The new certificate is not loaded into the listeners' own context: there, a certificate
        # with another kind of key would be kept beside the old one, and the old one would still be
        # used. This callback runs at each handshake, with or without SNI.
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
    """Return the chain and key in PEM of a certificate for old TLS, which supports only RSA."""
    made = authority.issue_cert(*names, key_type=trustme.KeyType.RSA)
    return b"".join(pem.bytes() for pem in made.cert_chain_pems), made.private_key_pem.bytes()

"""The keys of a service with a data folder: how they are made, changed and read.

    ticket-keys          the ring of keys for tickets: a line for each key, with its date
    app-password-key     encrypts the app passwords for MD5
    verify-key           the key that a server in another language sends to /verify
    ca.pem, ca-key.pem   the authority that issues the certificate of the service

The keys are made when a service starts, and never while it runs: otherwise a file that was deleted
by mistake would be replaced by a different key, and everybody would be signed out.

Functions pass a key on as a `Secret`, and a function that finds a damaged key raises its error only
when none of its variables holds the text of the key any more, because error reports may show the
variables of all functions in the traceback.
"""

from __future__ import annotations

import hashlib
import secrets
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, Protocol

import trustme

from ..core.errors import LocalProtocolError
from ..core.secrets import Secret
from ..core.tickets.ticket import utc_now
from .tickets import LONGEST_LIFE, fernet_of, new_key

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

__all__ = ["SHARED_KEYS", "KeyStore", "Keys", "RingKey"]

_RING, _APP_PASSWORDS, _VERIFY = "ticket-keys", "app-password-key", "verify-key"

_AUTHORITIES = ("ca", "legacy-ca")
SHARED_KEYS = (
    *(_RING, _APP_PASSWORDS, _VERIFY),
    *(f"{name}{end}" for name in _AUTHORITIES for end in (".pem", "-key.pem")),
)
"""The names of all keys that the nodes of one network share."""


class KeyStore(Protocol):
    """Stores keys by name: in files of one node, or in a database that all nodes use."""

    def read(self, name: str) -> Secret | None:
        """Return the key with that name; None when there is none.

        Raises:
            LocalProtocolError: the key cannot be read.
            ServiceUnavailable: the database failed.
        """

    def change(self, names: tuple[str, ...], change: Change) -> None:
        """Change several keys as one step.

        Args:
            names: the names of the keys.
            change: receives the present keys and returns the new keys; it may be called several
                times.

        Raises:
            LocalProtocolError: the keys cannot be written.
            ServiceUnavailable: the database failed.
        """

    def called(self, name: str) -> str:
        """Return the description of a key for messages to the operator, such as its path."""


Change = Callable[[Mapping[str, Secret | None]], Mapping[str, Secret]]


class RingKey(NamedTuple):
    """A key of the ring for tickets, and the time at which it was made."""

    made: datetime
    key: Secret


class Keys:
    """The keys of a service.

    Args:
        store: the store that has the keys.
        now: returns the present time, in UTC.
    """

    def __init__(self, store: KeyStore, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def make_missing(self) -> list[str]:
        """Make the keys that do not exist yet, and return their names.

        Raises:
            LocalProtocolError: the keys cannot be read or written.
        """
        makers = {
            _RING: lambda: self._written([self._new()]),
            _APP_PASSWORDS: lambda: Secret(f"{new_key()}\n"),
            _VERIFY: lambda: Secret(f"{secrets.token_urlsafe(32)}\n"),
        }
        missing = [name for name in makers if self._store.read(name) is None]

        def make(found: Mapping[str, Secret | None]) -> Mapping[str, Secret]:
            # Another process may have made some of them in the meantime.
            return {name: found[name] or makers[name]() for name in missing}

        if missing:
            self._store.change(tuple(missing), make)
        return missing

    # --- the ring --------------------------------------------------------------------------------

    def ring(self) -> list[RingKey]:
        """Return the keys of the ring, the newest first.

        Raises:
            LocalProtocolError: the ring is damaged or missing.
        """
        return self._ring_of(self._wanted(_RING))

    def rotate(self) -> list[RingKey]:
        """Put a new key in front of the ring, and return the ring. Nobody is signed out.

        A key is removed when the last ticket that it may have encrypted cannot be used any more.

        Raises:
            LocalProtocolError: the ring is damaged or missing, or cannot be written.
        """
        self.ring()
        self._store.change((_RING,), self._rotated)
        return self.ring()

    def replace(self) -> None:
        """Replace the ring by one new key. All tickets become invalid.

        Raises:
            LocalProtocolError: the ring cannot be written.
        """
        self._store.change((_RING,), lambda _: {_RING: self._written([self._new()])})

    def _rotated(self, found: Mapping[str, Secret | None]) -> Mapping[str, Secret]:
        before, kept = self._ring_of(found[_RING] or Secret("")), [self._new()]
        # A key encrypted tickets until the key before it in the list was made.
        for newer, old in zip([kept[0], *before], before, strict=False):
            if newer.made + LONGEST_LIFE > kept[0].made:
                kept.append(old)
        return {_RING: self._written(kept)}

    def _new(self) -> RingKey:
        return RingKey(self._now(), Secret(new_key()))

    def _written(self, ring: list[RingKey]) -> Secret:
        return Secret("".join(f"{made.isoformat()} {key.reveal()}\n" for made, key in ring))

    def _ring_of(self, text: Secret) -> list[RingKey]:
        found = [_ring_key(Secret(line)) for line in text.reveal().splitlines() if line.strip()]
        ring = [key for key in found if key is not None]
        if ring and len(ring) == len(found):
            return ring
        raise LocalProtocolError(
            f"{self._store.called(_RING)} is damaged",
            hint="bring it back from a backup; `msnpauth keys replace` makes a new ring, by which"
            " everybody signs in anew",
        )

    # --- single keys -----------------------------------------------------------------------------

    def app_password_key(self) -> Fernet:
        """Return the key that encrypts and decrypts the app passwords for MD5.

        Raises:
            LocalProtocolError: the key is damaged or missing.
        """
        opened = fernet_of(self._wanted(_APP_PASSWORDS))
        if opened is None:
            raise LocalProtocolError(
                f"{self._store.called(_APP_PASSWORDS)} is damaged",
                hint="bring it back from a backup; without it app passwords for MD5 are lost",
            )
        return opened

    def mark_key(self) -> bytes:
        """Return the key for the hashes of wrong passwords, so that all nodes make the same ones.

        Raises:
            LocalProtocolError: the key for app passwords, from which it is derived, is missing.
        """
        return hashlib.sha256(f"marks {self._wanted(_APP_PASSWORDS).reveal()}".encode()).digest()

    def verify_keys(self) -> list[Secret]:
        """Return the keys that /verify accepts.

        Raises:
            LocalProtocolError: the key is missing.
        """
        lines = self._wanted(_VERIFY).reveal().splitlines()
        return [Secret(line.strip()) for line in lines if line.strip()]

    def _wanted(self, name: str) -> Secret:
        text = self._store.read(name)
        if text is None:
            raise LocalProtocolError(
                f"{self._store.called(name)} is not there",
                hint="bring it back from a backup; a service that begins makes a new one",
            )
        return text

    # --- the certificate's authority -------------------------------------------------------------

    def authority(self, name: str = "ca", key_type: trustme.KeyType | None = None) -> trustme.CA:
        """Return a certificate authority of the service's own; make it if it does not exist.

        Args:
            name: the common part of the names of the certificate and its key.
            key_type: the kind of its key; elliptic curves by default.

        Raises:
            LocalProtocolError: the authority is damaged, or cannot be written.
        """
        certificate, key = f"{name}.pem", f"{name}-key.pem"

        def make(found: Mapping[str, Secret | None]) -> Mapping[str, Secret]:
            kept = {one: text for one, text in found.items() if text is not None}
            if len(kept) == 2:
                return kept
            made = trustme.CA(key_type=key_type or trustme.KeyType.ECDSA)
            return {
                key: Secret(made.private_key_pem.bytes().decode()),
                certificate: Secret(made.cert_pem.bytes().decode()),
            }

        if self._store.read(certificate) is None or self._store.read(key) is None:
            self._store.change((key, certificate), make)
        pair = [self._store.read(one) or Secret("") for one in (certificate, key)]
        authority = _authority(*pair)
        if authority is None:
            called = " and ".join(map(self._store.called, (certificate, key)))
            raise LocalProtocolError(
                f"{called} are no certificate authority",
                hint="bring them back from a backup, or delete both: clients then need the new one",
            )
        return authority


def _authority(certificate: Secret, key: Secret) -> trustme.CA | None:
    """Return the authority; None when certificate or key is damaged, or they do not match.

    trustme does not check this, and OpenSSL can read them only from files.
    """
    with suppress(OSError, ValueError):
        _check_pair(certificate, key)
        return trustme.CA.from_pem(certificate.reveal().encode(), key.reveal().encode())
    return None


def _check_pair(certificate: Secret, key: Secret) -> None:
    with TemporaryDirectory() as place:  # a folder that nobody else may read
        files = [Path(place, name) for name in ("ca.pem", "ca-key.pem")]
        for file, text in zip(files, (certificate, key), strict=True):
            file.write_text(text.reveal(), "ascii")
        probe = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Without the password, OpenSSL would ask for one at the terminal.
        probe.load_cert_chain(files[0], files[1], password=lambda: "")


def _ring_key(line: Secret) -> RingKey | None:
    """Return a key of the ring; None when the line is damaged."""
    made, _, key = line.reveal().strip().partition(" ")
    if fernet_of(Secret(key)) is None:
        return None
    with suppress(ValueError):
        moment = datetime.fromisoformat(made)
        return RingKey(moment if moment.tzinfo else moment.replace(tzinfo=UTC), Secret(key))
    return None

"""The keys of a service that lasts: what they are for, and how they are made, changed and read.

    ticket-keys          the ring that seals tickets: a line for each key, and when it was made
    app-password-key     opens the app passwords for MD5
    verify-key           what a server in another language shows at /verify
    ca.pem, ca-key.pem   the authority that issues the service's certificate

They are made when a service begins, and never while it runs: a file that somebody has deleted by
mistake would come back as another one, and everybody would be signed out.
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
from typing import NamedTuple, Protocol

import trustme
from cryptography.fernet import Fernet

from ..core.errors import LocalProtocolError
from ..core.tickets.ticket import utc_now
from .tickets import LONGEST_LIFE, new_key

__all__ = ["SHARED_KEYS", "Keys", "RingKey", "Shelf"]

_RING, _APP_PASSWORDS, _VERIFY = "ticket-keys", "app-password-key", "verify-key"

_AUTHORITIES = ("ca", "legacy-ca")
SHARED_KEYS = (
    *(_RING, _APP_PASSWORDS, _VERIFY),
    *(f"{name}{end}" for name in _AUTHORITIES for end in (".pem", "-key.pem")),
)
"""All that nodes of one network have in common."""


class Shelf(Protocol):
    """Where keys lie, by name: in files of a node's own, or where all nodes find them."""

    def read(self, name: str) -> str | None:
        """Return what lies there; None when nothing does.

        Raises:
            LocalProtocolError: it cannot be read.
            ServiceUnavailable: nobody can tell now.
        """

    def change(self, names: tuple[str, ...], change: Change) -> None:
        """Change several things at once, or none of them.

        Args:
            names: what they are called.
            change: returns what is to lie there of what does; it may be called several times.

        Raises:
            LocalProtocolError: they cannot be written, and all is as it was.
            ServiceUnavailable: nobody can tell now.
        """

    def called(self, name: str) -> str:
        """Return what an operator knows it by."""


Change = Callable[[Mapping[str, str | None]], Mapping[str, str]]


class RingKey(NamedTuple):
    """A key of the ring that seals tickets."""

    made: datetime
    key: str


class Keys:
    """See the module.

    Args:
        shelf: where they lie.
        now: the clock.
    """

    def __init__(self, shelf: Shelf, *, now: Callable[[], datetime] = utc_now) -> None:
        self._shelf = shelf
        self._now = now

    def make_missing(self) -> list[str]:
        """Make those that are not there, and return which they were.

        Raises:
            LocalProtocolError: they cannot be read or written.
        """
        makers = {
            _RING: lambda: self._written([self._new()]),
            _APP_PASSWORDS: lambda: f"{new_key()}\n",
            _VERIFY: lambda: f"{secrets.token_urlsafe(32)}\n",
        }
        missing = [name for name in makers if self._shelf.read(name) is None]

        def make(found: Mapping[str, str | None]) -> Mapping[str, str]:
            # Another process may have been quicker.
            return {name: found[name] or makers[name]() for name in missing}

        if missing:
            self._shelf.change(tuple(missing), make)
        return missing

    # --- the ring --------------------------------------------------------------------------------

    def ring(self) -> list[RingKey]:
        """Return the keys of the ring, the newest first.

        Raises:
            LocalProtocolError: it is damaged, or gone.
        """
        return self._ring_of(self._wanted(_RING))

    def rotate(self) -> list[RingKey]:
        """Put a new key in front of the ring, and return the ring. Nobody is signed out by it.

        A key is dropped when the last ticket that it may have sealed is of no use any more.

        Raises:
            LocalProtocolError: the ring is damaged or gone, or cannot be written.
        """
        self.ring()
        self._shelf.change((_RING,), self._rotated)
        return self.ring()

    def replace(self) -> None:
        """Put one new key in the place of the ring. Everybody who comes back needs the password.

        Raises:
            LocalProtocolError: it cannot be written.
        """
        self._shelf.change((_RING,), lambda _: {_RING: self._written([self._new()])})

    def _rotated(self, found: Mapping[str, str | None]) -> Mapping[str, str]:
        before, kept = self._ring_of(found[_RING] or ""), [self._new()]
        # A key was the newest until the one before it in the list was made.
        for newer, old in zip([kept[0], *before], before, strict=False):
            if newer.made + LONGEST_LIFE > kept[0].made:
                kept.append(old)
        return {_RING: self._written(kept)}

    def _new(self) -> RingKey:
        return RingKey(self._now(), new_key())

    def _written(self, ring: list[RingKey]) -> str:
        return "".join(f"{made.isoformat()} {key}\n" for made, key in ring)

    def _ring_of(self, text: str) -> list[RingKey]:
        with suppress(ValueError):
            found = [_ring_key(line) for line in text.splitlines() if line.strip()]
            if found:
                return found
        # Outside of `except`: that error may quote the key.
        raise LocalProtocolError(
            f"{self._shelf.called(_RING)} is damaged",
            hint="bring it back from a backup; `msnpauth keys replace` makes a new ring, by which"
            " everybody signs in anew",
        )

    # --- single keys -----------------------------------------------------------------------------

    def app_password_key(self) -> Fernet:
        """Return what opens the app passwords for MD5.

        Raises:
            LocalProtocolError: it is damaged, or gone.
        """
        try:
            return Fernet(self._wanted(_APP_PASSWORDS).strip())
        except ValueError:
            raise LocalProtocolError(
                f"{self._shelf.called(_APP_PASSWORDS)} is damaged",
                hint="bring it back from a backup; without it app passwords for MD5 are lost",
            ) from None

    def mark_key(self) -> bytes:
        """Return what marks wrong passwords, so that all nodes know one again.

        Raises:
            LocalProtocolError: the key that it is made of is gone.
        """
        return hashlib.sha256(f"marks {self._wanted(_APP_PASSWORDS)}".encode()).digest()

    def verify_keys(self) -> list[str]:
        """Return what may be shown at /verify.

        Raises:
            LocalProtocolError: it is gone.
        """
        text = self._wanted(_VERIFY)
        return [line.strip() for line in text.splitlines() if line.strip()]

    def _wanted(self, name: str) -> str:
        text = self._shelf.read(name)
        if text is None:
            raise LocalProtocolError(
                f"{self._shelf.called(name)} is not there",
                hint="bring it back from a backup; a service that begins makes a new one",
            )
        return text

    # --- the certificate's authority -------------------------------------------------------------

    def authority(self, name: str = "ca", key_type: trustme.KeyType | None = None) -> trustme.CA:
        """Return a certificate authority of the service's own; make it where there is none.

        Args:
            name: of the two that belong together.
            key_type: of its key; elliptic curves by default.

        Raises:
            LocalProtocolError: it is damaged, or cannot be written.
        """
        certificate, key = f"{name}.pem", f"{name}-key.pem"

        def make(found: Mapping[str, str | None]) -> Mapping[str, str]:
            kept = {one: text for one, text in found.items() if text is not None}
            if len(kept) == 2:
                return kept
            made = trustme.CA(key_type=key_type or trustme.KeyType.ECDSA)
            return {
                key: made.private_key_pem.bytes().decode(),
                certificate: made.cert_pem.bytes().decode(),
            }

        if self._shelf.read(certificate) is None or self._shelf.read(key) is None:
            self._shelf.change((key, certificate), make)
        pair = [self._shelf.read(one) or "" for one in (certificate, key)]
        try:
            return _authority(*pair)
        except (OSError, ValueError):
            called = " and ".join(map(self._shelf.called, (certificate, key)))
            raise LocalProtocolError(
                f"{called} are no certificate authority",
                hint="bring them back from a backup, or delete both: clients then need the new one",
            ) from None


def _authority(certificate: str, key: str) -> trustme.CA:
    """Return the authority, after a look at whether its halves belong together.

    trustme does not look, and OpenSSL reads them from files alone.
    """
    with TemporaryDirectory() as place:  # which nobody else may read
        files = [Path(place, name) for name in ("ca.pem", "ca-key.pem")]
        for file, text in zip(files, (certificate, key), strict=True):
            file.write_text(text, "ascii")
        probe = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Without the password it would ask for one at the terminal.
        probe.load_cert_chain(files[0], files[1], password=lambda: "")
    return trustme.CA.from_pem(certificate.encode(), key.encode())


def _ring_key(line: str) -> RingKey:
    made, _, key = line.strip().partition(" ")
    Fernet(key)
    moment = datetime.fromisoformat(made)
    return RingKey(moment if moment.tzinfo else moment.replace(tzinfo=UTC), key)

"""A data folder: everything that a service keeps, in files that are its own.

    accounts.sqlite3     accounts, lists, messages, used tickets
    ticket-keys          the ring that seals tickets: a line for each key, and when it was made
    app-password-key     opens the app passwords for MD5
    verify-key           what a server in another language shows at /verify
    ca.pem, ca-key.pem   the authority that issues the service's certificate
    audit.log            who signed in, who was refused, what was changed
    lock                 held by the service that runs on the folder
    files.lock           held for a moment by whoever writes one of these files

Every file is readable by its owner alone, but for `ca.pem`, which clients need.
"""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.fernet import Fernet
from filelock import FileLock, Timeout

from ..core.errors import LocalProtocolError
from ..core.tickets.ticket import utc_now
from .settings import Argon2
from .stores.sql.database import Database
from .stores.sql.directory import AccountDirectory
from .stores.sql.hashing import Hasher
from .tickets import LONGEST_LIFE, new_key

__all__ = ["DataFolder", "RingKey", "open_directory"]


class RingKey(NamedTuple):
    """A key of the ring that seals tickets."""

    made: datetime
    key: str


class DataFolder:
    """See the module.

    Args:
        path: the folder; made where there is none.
        now: the clock.

    Raises:
        LocalProtocolError: it cannot be made, or written to.
    """

    def __init__(self, path: Path | str, *, now: Callable[[], datetime] = utc_now) -> None:
        self.path = Path(path)
        self._now = now
        self._lock = FileLock(self.path / "lock", mode=0o600)
        self._files = FileLock(self.path / "files.lock", mode=0o600)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as fault:
            raise LocalProtocolError(
                f"{self.path} cannot be used for data: {fault.strerror}",
                hint="name a folder that the service's user may write",
            ) from None

    @property
    def database(self) -> Path:
        """Where accounts, lists, messages and used tickets are."""
        return self.path / "accounts.sqlite3"

    @property
    def audit_log(self) -> Path:
        """Where sign-ins, refusals and changes are noted."""
        return self.path / "audit.log"

    def lock(self) -> None:
        """Keep the folder for this process, until it ends or calls `unlock`.

        Raises:
            LocalProtocolError: another service runs on it.
        """
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise LocalProtocolError(
                f"another service runs on {self.path}",
                hint="stop it first, or give this one a folder of its own",
            ) from None

    def unlock(self) -> None:
        """Let go of the folder."""
        self._lock.release()

    # --- keys ------------------------------------------------------------------------------------

    @property
    def ticket_keys(self) -> Path:
        """The file with the ring."""
        return self.path / "ticket-keys"

    def ring(self) -> list[RingKey]:
        """Return the keys of the ring, the newest first; make the first one where there is none.

        Raises:
            LocalProtocolError: the file is damaged.
        """
        text = self._kept("ticket-keys", lambda: f"{self._now().isoformat()} {new_key()}\n")
        with suppress(ValueError):
            found = [_ring_key(line) for line in text.splitlines() if line.strip()]
            if found:
                return found
        # Outside of `except`: that error may quote the key.
        raise LocalProtocolError(
            f"{self.ticket_keys} is damaged",
            hint="bring it back from a backup; without it everybody signs in anew",
        )

    def rotate(self) -> list[RingKey]:
        """Put a new key in front of the ring, and return it. Nobody is signed out by it.

        A key is dropped when the last ticket that it may have sealed is of no use any more.
        """
        now = self._now()
        with self._writing():
            before = self.ring()
            kept = [RingKey(now, new_key())]
            # A key was the newest until the one before it in the list was made.
            for newer, old in zip([kept[0], *before], before, strict=False):
                if newer.made + LONGEST_LIFE > now:
                    kept.append(old)
            lines = [f"{made.isoformat()} {key}\n" for made, key in kept]
            _write(self.ticket_keys, "".join(lines))
        return kept

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Have the files for this process alone: two that write at once would lose a key.

        Raises:
            LocalProtocolError: nothing can be written, and all is as it was.
        """
        why = ""
        try:
            with self._files:
                yield
        except OSError as fault:
            why = fault.strerror or type(fault).__name__
        if why:
            raise LocalProtocolError(
                f"{self.path} cannot be written: {why}", hint="is there room on the disk?"
            )

    def app_password_key(self) -> Fernet:
        """Return what opens the app passwords for MD5; make it where there is none.

        Raises:
            LocalProtocolError: the file is damaged.
        """
        try:
            return Fernet(self._kept("app-password-key", lambda: f"{new_key()}\n").strip())
        except ValueError:
            raise LocalProtocolError(
                f"{self.path / 'app-password-key'} is damaged",
                hint="bring it back from a backup; without it app passwords for MD5 are lost",
            ) from None

    def verify_keys(self) -> list[str]:
        """Return what may be shown at /verify, a line each; make the first where there is none."""
        text = self._kept("verify-key", lambda: f"{secrets.token_urlsafe(32)}\n")
        return [line.strip() for line in text.splitlines() if line.strip()]

    # --- the certificate's authority -------------------------------------------------------------

    def authority(self, name: str = "ca", key_type: trustme.KeyType | None = None) -> trustme.CA:
        """Return a certificate authority of this folder's own; make it where there is none.

        Args:
            name: of its files.
            key_type: of its key; elliptic curves by default.

        Raises:
            LocalProtocolError: its files are damaged.
        """
        certificate, key = self.path / f"{name}.pem", self.path / f"{name}-key.pem"
        with self._writing():
            if not certificate.exists() or not key.exists():
                made = trustme.CA(key_type=key_type or trustme.KeyType.ECDSA)
                # The key first: a certificate without its key would be of no use.
                _write(key, made.private_key_pem.bytes().decode())
                _write(certificate, made.cert_pem.bytes().decode(), mode=0o644)
        try:
            # trustme does not look whether they belong together. No question at the terminal.
            probe = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            probe.load_cert_chain(certificate, key, password=lambda: "")
            return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
        except (OSError, ValueError):
            raise LocalProtocolError(
                f"{certificate} and {key} are no certificate authority",
                hint="bring them back from a backup, or delete both: clients then need the new one",
            ) from None

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        path = self.path / name
        with suppress(FileNotFoundError):
            return self._read(path)
        made = make()
        with self._writing():
            _write(path, made, once=True)
        return self._read(path)

    def _read(self, path: Path) -> str:
        try:
            return path.read_text("ascii")
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as fault:
            why = getattr(fault, "strerror", "it is damaged")
        # Outside of `except`: that error may have the file's bytes in it.
        raise LocalProtocolError(f"{path} cannot be read: {why}")


def open_directory(path: Path | str, cost: Argon2 | None = None) -> AccountDirectory:
    """Return the accounts of a data folder, to be changed.

    Args:
        path: the folder.
        cost: of new hashes.

    Raises:
        LocalProtocolError: the folder cannot be used.
    """
    folder = DataFolder(path)
    seal = folder.app_password_key()
    return AccountDirectory(Database(folder.database), Hasher(cost or Argon2()), seal)


def _ring_key(line: str) -> RingKey:
    made, _, key = line.strip().partition(" ")
    Fernet(key)
    moment = datetime.fromisoformat(made)
    return RingKey(moment if moment.tzinfo else moment.replace(tzinfo=UTC), key)


def _write(path: Path, text: str, *, mode: int = 0o600, once: bool = False) -> None:
    """Write a file whole or not at all.

    Args:
        path: the file.
        text: what is to be in it.
        mode: who may read it.
        once: leave it alone if somebody else was quicker.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        if once:
            with suppress(FileExistsError):
                os.link(temporary, path)
        else:
            temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()

"""A data folder, in which a node keeps all its data.

    accounts.sqlite3     accounts, lists, messages, used tickets
    audit.log            sign-ins, refusals and changes
    lock                 locked by the service that uses the folder
    files.lock           locked for a moment by a process that writes one of the keys

The keys that `keys` describes are in the folder too. A network of several nodes has its accounts in
a separate database, and there also the keys, encrypted by a key that each node has in its folder:

    service-key          decrypts the keys in the database; the same at all nodes

Only the owner can read the files, except `ca.pem` and `legacy-ca.pem`, which clients need.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ..core.errors import LocalProtocolError
from ..core.secrets import Secret
from ..core.tickets.ticket import utc_now
from ..store.private_file import write_whole
from .keys import Change, Keys
from .tickets import fernet_of, new_key

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

__all__ = ["DataFolder"]

_FOR_EVERYBODY = ("ca.pem", "legacy-ca.pem")
_SERVICE_KEY = "service-key"


class DataFolder:
    """A data folder, which is also a `KeyStore`.

    Args:
        path: the path of the folder, which is made if it does not exist.
        now: returns the present time, in UTC.

    Raises:
        LocalProtocolError: the folder cannot be made, or cannot be written to.
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
        """The SQLite file for accounts, lists, messages and used tickets, if no URL is given."""
        return self.path / "accounts.sqlite3"

    @property
    def audit_log(self) -> Path:
        """The log file for sign-ins, refusals and changes."""
        return self.path / "audit.log"

    @property
    def keys(self) -> Keys:
        """The keys in the folder."""
        return Keys(self, now=self._now)

    def lock(self) -> None:
        """Lock the folder for this process, until the process ends or calls `unlock`.

        Raises:
            LocalProtocolError: another service uses the folder.
        """
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise LocalProtocolError(
                f"another service runs on {self.path}",
                hint="stop it first, or give this one a folder of its own",
            ) from None

    def unlock(self) -> None:
        """Release the lock of the folder."""
        self._lock.release()

    @property
    def is_locked(self) -> bool:
        """Whether a service uses the folder now."""
        if self._lock.is_locked:
            return True
        try:
            with self._lock.acquire(blocking=False):
                return False
        except Timeout:
            return True

    def service_key(self, *, make: bool) -> Fernet:
        """Return the key that decrypts the keys that all nodes share.

        Args:
            make: make the key if it does not exist; only for the first node of a network.

        Raises:
            LocalProtocolError: the key is damaged, or does not exist.
        """
        name = _SERVICE_KEY
        if make and self.read(name) is None:
            self.change((name,), lambda has: {name: has[name] or Secret(new_key())})
        opened = fernet_of(self.read(name) or Secret(""))
        if opened is None:
            raise LocalProtocolError(
                f"{self.called(name)} is damaged, or not there",
                hint="copy it from another node of the network, or from a backup",
            )
        return opened

    # --- as a KeyStore ---------------------------------------------------------------------------

    def read(self, name: str) -> Secret | None:
        """As `KeyStore.read`."""
        path = self.path / name
        try:
            return Secret(path.read_text("ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as fault:
            why = getattr(fault, "strerror", "it is damaged")
        # Outside of `except`, so that the new error does not refer to the old one, which may
        # contain the bytes of the file.
        raise LocalProtocolError(f"{path} cannot be read: {why}")

    def change(self, names: tuple[str, ...], change: Change) -> None:
        """As `KeyStore.change`.

        Several files are written one after another. If only half of a pair was written, `Keys`
        makes the pair again.
        """
        with self._writing():
            found = {name: self.read(name) for name in names}
            for name, text in change(found).items():
                if text != found[name]:
                    mode = 0o644 if name in _FOR_EVERYBODY else 0o600
                    write_whole(self.path / name, text, mode=mode)

    def called(self, name: str) -> str:
        """As `KeyStore.called`."""
        return str(self.path / name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Lock the files for this process, because two processes that write at once lose a key.

        Raises:
            LocalProtocolError: the files cannot be written.
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

"""A ticket cache in a file: private, whole at any moment, shared between processes, sealed."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from .core.errors import LocalProtocolError
from .core.tickets import utc_now

__all__ = ["FileTicketCache", "PlainCacheWarning"]

_KEYRING_SERVICE = "msnpauth"
_LOCK_SECONDS = 10.0

_Kept = dict[str, tuple[str, str | None]]


class PlainCacheWarning(UserWarning):
    """Tickets lie in a file that nothing but its permissions protects."""


class FileTicketCache:
    """A `TicketCache` in a file that only its owner may read.

    With the extra `[keyring]` the file is sealed by a key that the system's keyring keeps.
    Without, or where there is no keyring, tickets lie in it as they are, and a
    `PlainCacheWarning` says so. A file that cannot be read is as good as none: what is in it can
    be had again.

    Args:
        path: the file; its folder is made.
        now: the clock.

    Raises:
        LocalProtocolError: the folder cannot be made.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, now: Callable[[], datetime] = utc_now
    ) -> None:
        from filelock import FileLock

        self._path = Path(path)
        self._now = now
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise LocalProtocolError(
                f"no folder for the ticket cache: {problem.strerror}",
                hint="name a file in a folder of your own",
            ) from None
        self._lock = FileLock(f"{self._path}.lock", timeout=_LOCK_SECONDS)
        with self._lock:  # two processes that make a key each could not read one another
            self._key = _key_from_keyring(str(self._path.resolve()))
        if self._key is None:
            text = (
                f"tickets will lie unsealed in {self._path}: there is no system keyring;"
                " pip install 'msnpauth[keyring]'"
            )
            warnings.warn(text, PlainCacheWarning, stacklevel=2)

    def get(self, key: str) -> str | None:
        """Return what was put under `key` and has not ended, or None."""
        value, expires = self._read().get(key, (None, None))
        ended = expires is not None and datetime.fromisoformat(expires) <= self._now()
        return None if ended else value

    def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        """Keep `value` until `expires`, or until forgotten."""
        with self._changing() as kept:
            kept[key] = (value, expires.isoformat() if expires else None)

    def forget(self, key: str) -> None:
        """Drop what is kept under `key`; not an error when there is nothing."""
        with self._changing() as kept:
            kept.pop(key, None)

    def __repr__(self) -> str:
        return f"<FileTicketCache {str(self._path)!r}, {'sealed' if self._key else 'plain'}>"

    @contextlib.contextmanager
    def _changing(self) -> Iterator[_Kept]:
        """Give what is kept, to be changed, and write it back; no other process does meanwhile."""
        try:
            with self._lock:
                kept = self._read()
                yield kept
                self._write(kept)
        except OSError as problem:  # filelock's time-out is one
            # A full disk or a stuck lock costs a round trip the next time, not this sign-in.
            reason = problem.strerror or type(problem).__name__
            logging.getLogger("msnpauth").warning("%s was not written: %s", self._path, reason)

    def _read(self) -> _Kept:
        try:
            data = self._open_sealed(self._path.read_bytes())
            content = json.loads(data)
            kept = {key: (str(value), expires) for key, (value, expires) in content.items()}
            for _, expires in kept.values():
                if expires is not None:
                    datetime.fromisoformat(expires)
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
        return kept

    def _write(self, kept: _Kept) -> None:
        now = self._now()
        living = {
            key: pair
            for key, pair in kept.items()
            if pair[1] is None or datetime.fromisoformat(pair[1]) > now
        }
        data = self._seal(json.dumps(living).encode())
        # mkstemp makes it readable by its owner only; replacing is atomic.
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise

    def _seal(self, data: bytes) -> bytes:
        if self._key is None:
            return data
        from cryptography.fernet import Fernet

        return Fernet(self._key).encrypt(data)

    def _open_sealed(self, data: bytes) -> bytes:
        if self._key is None:
            return data
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return Fernet(self._key).decrypt(data)
        except InvalidToken:
            raise ValueError("not sealed by this key") from None


def _key_from_keyring(name: str) -> str | None:
    """Return the sealing key of a file, made once; None where there is no keyring."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    from cryptography.fernet import Fernet

    try:
        key = keyring.get_password(_KEYRING_SERVICE, name)
        if key is None:
            keyring.set_password(_KEYRING_SERVICE, name, Fernet.generate_key().decode())
            key = keyring.get_password(_KEYRING_SERVICE, name)
        Fernet(key or "")
    except (keyring.errors.KeyringError, ValueError):
        return None
    return key

"""A ticket cache in a file: private, complete at any moment, shared by processes, encrypted.

The file has a header line and then one line for each change: a name, the time when the entry
expires, and the value. Only the last line of a name counts. So a change writes one line, however
many entries there are, and a look-up reads the whole file. When most of the lines no longer count,
the file is rewritten.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import json
import logging
import os
import threading
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..core.errors import LocalProtocolError
from ..core.tickets.ticket import utc_now
from .private_file import new_file

__all__ = ["FileTicketCache", "PlainCacheWarning"]

_KEYRING_SERVICE = "msnpauth"
_KEYRING_SECONDS = 2.0
_LOCK_SECONDS = 1.0

_FIRST_LINE = b"msnpauth-tickets 2 "
_NEVER = b"-"
# Below this size in bytes rewriting the file gains nothing.
_SMALL = 64 * 1024


class PlainCacheWarning(UserWarning):
    """Warns that tickets are kept in a file that only its permissions protect."""


class FileTicketCache:
    """A `TicketCache` in a file that only its owner may read.

    With the extra `[keyring]` the values are encrypted by a key that the system's keyring keeps.
    Without the extra, or where no keyring answers, tickets are kept unencrypted, and a
    `PlainCacheWarning` says so. A file that cannot be read counts as an empty one: the tickets
    can be requested again. A file that cannot be written, or that another process locks for more
    than a second, causes a warning in the log and a few more round trips at the next sign-in.

    Args:
        path: the file; its folder is made. For a symbolic link it is the file that the link names.
        now: returns the current time.

    Raises:
        LocalProtocolError: the path cannot be the path of a file.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, now: Callable[[], datetime] = utc_now
    ) -> None:
        try:
            self._path = Path(os.path.realpath(path))
        except (TypeError, ValueError):
            is_path = False
        else:
            is_path = not self._path.is_dir()
        if not is_path:
            raise LocalProtocolError(
                "the ticket cache needs the path of a file", hint="name a file of your own"
            )
        from filelock import FileLock

        self._now = now
        self._lock = FileLock(f"{self._path}.lock", timeout=_LOCK_SECONDS)
        with contextlib.ExitStack() as held:
            with self._told():
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                held.enter_context(self._lock)
            # Under the lock: two processes that each made a key could not read each other's values.
            self._key = _within(_KEYRING_SECONDS, lambda: _key_from_keyring(str(self._path)))
        self._name_key = hashlib.sha256(f"names {self._key}".encode()).digest()
        if self._key is None:
            text = (
                f"tickets will lie unsealed in {self._path}: there is no system keyring that"
                " answers; pip install 'msnpauth[keyring]'"
            )
            warnings.warn(text, PlainCacheWarning, stacklevel=2)

    def get(self, key: str) -> str | None:
        """Return the value that was put under `key` and has not expired, or None."""
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        line = _last_line(content, self._name(key))
        return None if line is None else self._value(line, key)

    def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        """Keep `value` until `expires`, or until forgotten."""
        ends = _NEVER if expires is None else str(expires.astimezone(UTC).timestamp()).encode()
        self._change(b" ".join((self._name(key), ends, self._seal(json.dumps([key, value])))))

    def forget(self, key: str) -> None:
        """Drop the value under `key`; it is not an error when there is none."""
        name = self._name(key)
        with contextlib.suppress(OSError):
            if _last_line(self._path.read_bytes(), name) is not None:
                self._change(name)

    def __repr__(self) -> str:
        return f"<FileTicketCache {str(self._path)!r}, {'sealed' if self._key else 'plain'}>"

    # --- lines -----------------------------------------------------------------------------------

    def _name(self, key: str) -> bytes:
        """Return the name of a key in the file; the key itself would reveal the passport."""
        digest = hmac.new(self._name_key, key.encode("utf-8", "replace"), hashlib.sha256).digest()
        return urlsafe_b64encode(digest[:18])

    def _value(self, line: bytes, key: str) -> str | None:
        words = line.split(b" ")
        if len(words) != 3 or self._has_ended(words[1]):
            return None
        try:
            kept = json.loads(self._open_sealed(words[2]))
        except (ValueError, RecursionError):
            return None
        right = isinstance(kept, list) and len(kept) == 2 and kept[0] == key
        return kept[1] if right and isinstance(kept[1], str) else None

    def _has_ended(self, ends: bytes) -> bool:
        if ends == _NEVER:
            return False
        try:
            return float(ends) <= self._now().timestamp()
        except (ValueError, OverflowError):
            return True

    def _seal(self, text: str) -> bytes:
        if self._key is None:
            return urlsafe_b64encode(text.encode())
        from cryptography.fernet import Fernet

        return Fernet(self._key).encrypt(text.encode())

    def _open_sealed(self, data: bytes) -> bytes:
        """Return the decrypted data.

        Raises:
            ValueError: the data was not encrypted by this key.
        """
        if self._key is None:
            from base64 import urlsafe_b64decode

            return urlsafe_b64decode(data)
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return Fernet(self._key).decrypt(data)
        except InvalidToken:
            pass
        raise ValueError("not sealed by this key")

    # --- the file --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn a problem with the file into a warning in the log: it never fails a sign-in."""
        try:
            yield
        except OSError as problem:  # filelock's time-out is one
            reason = problem.strerror or type(problem).__name__
        except Exception as problem:  # noqa: BLE001 - filelock raises more than OSError
            reason = type(problem).__name__
        else:
            return
        logging.getLogger("msnpauth").warning("%s was not written: %s", self._path, reason)

    def _change(self, line: bytes) -> None:
        """Add a line; rewrite the file when most of it no longer counts."""
        with self._told(), self._lock:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                size = os.fstat(descriptor).st_size
                first = file.readline(100)
                if self._is_worn(first, size):
                    self._write_anew(self._path.read_bytes(), line)
                else:
                    _append(file, size, line)

    def _is_worn(self, first: bytes, size: int) -> bool:
        """Tell whether the file is not a cache, or has more than doubled since it was rewritten."""
        if not first.startswith(_FIRST_LINE):
            return True
        try:
            written = int(first[len(_FIRST_LINE) :][:20])
        except ValueError:
            return True
        return size > 2 * written + _SMALL

    def _write_anew(self, content: bytes, line: bytes) -> None:
        """Write the lines that still count into a new file, which replaces the old one."""
        lines: dict[bytes, bytes] = {}
        if content.startswith(_FIRST_LINE):
            for old in [*content.split(b"\n")[1:], line]:
                lines[old.split(b" ")[0]] = old
        else:
            lines[line.split(b" ")[0]] = line
        living = [
            kept
            for kept in lines.values()
            if kept.count(b" ") == 2 and not self._has_ended(kept.split(b" ")[1])
        ]
        body = b"".join(kept + b"\n" for kept in living)
        with new_file(self._path) as temporary:
            temporary.write_bytes(_FIRST_LINE + str(len(body)).encode() + b"\n" + body)
            temporary.replace(self._path)


def _last_line(content: bytes, name: bytes) -> bytes | None:
    """Return the last line that begins with the name."""
    at = content.rfind(b"\n" + name) if content.startswith(_FIRST_LINE) else -1
    if at < 0:
        return None
    end = content.find(b"\n", at + 1)
    # A line without its end was cut off by a crash, and does not count.
    return None if end < 0 else content[at + 1 : end]


def _append(file: object, size: int, line: bytes) -> None:
    """Add a line at the end; remove it again when the disk is full."""
    descriptor = file.fileno()  # type: ignore[attr-defined]
    os.lseek(descriptor, max(size - 1, 0), os.SEEK_SET)
    whole = os.read(descriptor, 1) in (b"\n", b"")
    data = (b"" if whole else b"\n") + line + b"\n"
    os.lseek(descriptor, size, os.SEEK_SET)
    try:
        if os.write(descriptor, data) == len(data):
            return
        problem = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as caught:
        problem = caught
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, size)
    raise problem


def _within(seconds: float, work: Callable[[], str | None]) -> str | None:
    """Return the result of `work`, or None when it takes too long: a keyring may ask a person."""
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread is left
        return None
    thread.join(seconds)
    return found[0] if found else None


def _key_from_keyring(name: str) -> str | None:
    """Return a file's encryption key, which is made once; None where there is no keyring."""
    try:
        import keyring
        from cryptography.fernet import Fernet

        key = keyring.get_password(_KEYRING_SERVICE, name)
        if key is None:
            keyring.set_password(_KEYRING_SERVICE, name, Fernet.generate_key().decode())
            key = keyring.get_password(_KEYRING_SERVICE, name)
        Fernet(key or "")
    except Exception:  # noqa: BLE001 - a keyring passes on any error of its libraries
        return None
    return key

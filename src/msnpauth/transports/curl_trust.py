"""The certificates that libcurl trusts, one object for each version of the files.

TLS sessions are kept with them.
"""

from __future__ import annotations

import os
import re
import ssl
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any, NamedTuple

import pycurl

__all__ = ["Trust", "trust_of"]

_CA_CACHE_TIMEOUT = 321  # libcurl 7.87
_DAY = 24 * 60 * 60

_LONGEST = 60 * 60.0
"""Seconds for which sessions are shared. libcurl does not report whether a session was resumed, so
it is not known whether a server has sent another certificate since."""

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")


class _Files(NamedTuple):
    """The places of the certificates, and their version.

    Attributes:
        file: the path of a file in PEM; None for none.
        folder: the path of a folder with hashed names; None for none.
        version: numbers that change when the certificates change.
    """

    file: bytes | None
    folder: bytes | None
    version: tuple[object, ...]


class Trust:
    """One version of the files, and the TLS sessions of the connections that trust it.

    Attributes:
        share: the sessions.
    """

    def __init__(self, files: _Files) -> None:
        self._files = files
        self.share: Any = pycurl.CurlShare()
        self.share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_SSL_SESSION)
        self._known: set[str] = set()
        self._began = time.monotonic()
        self._until = time.time() + _LONGEST

    @property
    def is_over(self) -> bool:
        """True when the sessions must not be offered any more."""
        return time.monotonic() - self._began >= _LONGEST or not (
            self._until - _LONGEST <= time.time() < self._until
        )

    def set_up(self, curl: Any, origin: str) -> None:
        """Set the certificates of a handle; a new server's certificate is requested for `note`."""
        curl.setopt(pycurl.OPT_CERTINFO, int(origin not in self._known))
        with suppress(pycurl.error):  # libcurl before 7.87 keeps no certificates
            # Another version of the files has another Trust, so the certificates stay valid.
            curl.setopt(_CA_CACHE_TIMEOUT, _DAY)
        file, folder, _ = self._files
        if file:
            curl.setopt(pycurl.CAINFO, file)
        if folder:
            curl.setopt(pycurl.CAPATH, folder)
        elif file:
            _without_folder(curl)
        else:
            curl.setopt(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)

    def note(self, curl: Any, origin: str) -> None:
        """Note when the certificate that was just accepted expires."""
        if origin in self._known:
            return
        self._known.add(origin)
        # An intermediate certificate may expire before the server's own certificate.
        chain = curl.getinfo(pycurl.INFO_CERTINFO) or ()
        ends = [text for one in chain for name, text in one if name == "Expire date"]
        try:
            end: float = min(map(ssl.cert_time_to_seconds, ends))
        except ValueError:  # another TLS library writes it in another form
            end = 0.0
        self._until = min(self._until, end)


_trusts: OrderedDict[_Files, Trust] = OrderedDict()
_lock = threading.Lock()


def trust_of(ca_file: bytes | None) -> Trust:
    """Return the trust in a file, or in the system's certificates, in their present version."""
    files = _system() if ca_file is None else _Files(ca_file, None, _version(ca_file))
    with _lock:
        found = _trusts.get(files)
        if found is None or found.is_over:
            found = _trusts[files] = Trust(files)
            while len(_trusts) > 4:
                _trusts.popitem(last=False)
        return found


def _system() -> _Files:
    # A libcurl that came in a wheel does not know where this system keeps its certificates.
    paths = ssl.get_default_verify_paths()
    file = os.fsencode(paths.cafile) if paths.cafile else None
    folder = os.fsencode(paths.capath) if paths.capath else None
    version = (_version(file), _version(folder))
    if file and folder and not _is_hashed(folder):
        folder = None  # with a folder libcurl would read the file again for each connection
    return _Files(file, folder, version)


def _version(path: bytes | None) -> tuple[int, ...]:
    try:
        found = os.stat(path) if path else None  # noqa: PTH116 - pathlib does not accept bytes
    except OSError:  # libcurl reports that, too
        found = None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else ()


def _is_hashed(folder: bytes) -> bool:
    with suppress(OSError), os.scandir(folder) as found:
        return any(_HASHED.fullmatch(os.fsdecode(entry.name)) for entry in found)
    return False


def _without_folder(curl: Any) -> None:
    """Make libcurl use no folder, not even the one that it was built with."""
    try:
        curl.unsetopt(pycurl.CAPATH)
    except pycurl.error:  # an older libcurl; with this setting it cannot keep the certificates
        curl.setopt(pycurl.CAPATH, os.devnull)

"""Targets of what lies on disk, or is pasted: whatever it is, there is an answer or an error of ours.

A damaged file of the package's own is as good as none, and never stops a sign-in.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from contract import now
from msnpauth import FileTicketCache, Secret, SignInError
from msnpauth.core.tickets.ticket import load_ticket
from msnpauth.decoding import decode
from msnpauth.doctor import explained_code
from msnpauth.networks import known_networks
from msnpauth.store.machine import is_guid
from msnpauth.store.private_file import kept_word

__all__ = ["TARGETS"]

warnings.simplefilter("ignore")  # that a cache is not sealed is meant here
_FOLDER = Path(tempfile.mkdtemp(prefix="msnpauth-fuzz-"))
_CACHE_FILE = _FOLDER / "tickets"
_CACHE = FileTicketCache(_CACHE_FILE, now=now)
_SERVICES, _GUID = _FOLDER / "services.toml", _FOLDER / "machine-guid"
os.environ["MSNPAUTH_SERVICES"] = str(_SERVICES)


def cache_file(data: bytes) -> None:
    """Find any file in place of the cache: it is read, and a new entry is kept."""
    _CACHE_FILE.write_bytes(data)
    value = _CACHE.get("key")
    assert value is None or isinstance(value, str)
    _CACHE.put("other", "value")
    assert _CACHE.get("other") == "value"
    _CACHE.forget("key")
    assert _CACHE.get("key") is None


def ticket(data: bytes) -> None:
    """Load a ticket of any text."""
    load_ticket(Secret(data.decode("utf-8", "surrogateescape")))


def services_file(data: bytes) -> None:
    """Find any file in place of a person's own networks."""
    _SERVICES.write_bytes(data)
    with suppress(SignInError):
        assert "escargot" in known_networks()


def guid_file(data: bytes) -> None:
    """Find any file in place of the machine's GUID."""
    _GUID.write_bytes(data)
    guid = kept_word(_GUID, lambda: str(uuid4()), is_guid)
    assert UUID(guid)
    assert kept_word(_GUID, lambda: "another", is_guid) == guid


def pasted(data: bytes) -> None:
    """Explain any text: in one line each, without what it calls a password."""
    text = data.decode("utf-8", "replace")
    try:
        found = decode(text)
    except SignInError:
        return
    for decoded in found:
        told = [decoded.kind, decoded.belongs, *decoded.problems]
        told += [part for field in decoded.fields for part in field]
        assert not any("\n" in part or "\x1b" in part for part in told)


def code(data: bytes) -> None:
    """Explain any code."""
    with suppress(SignInError):
        assert explained_code(data.decode("utf-8", "replace")).means


TARGETS = {
    "pasted": pasted,
    "code": code,
    "cache_file": cache_file,
    "ticket": ticket,
    "services_file": services_file,
    "guid_file": guid_file,
}

"""The machine's GUID, and the key of a person's caches: both are made once and then kept."""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import secrets
import uuid

from ..core.secrets import Secret
from .private_file import kept_word, own_path

__all__ = ["is_guid", "machine_guid", "password_tag"]

GUID_VARIABLE = "MSNPAUTH_MACHINE_GUID_FILE"
"""Environment variable that names the file the GUID is kept in."""
KEY_VARIABLE = "MSNPAUTH_CACHE_KEY_FILE"
"""Environment variable that names the file the key of the caches is kept in."""

_KEY = re.compile(r"[0-9a-f]{64}")


def machine_guid() -> str:
    """Return the GUID that distinguishes this machine from a person's others (MSNP16 and later).

    It is kept in a file of the person's own; where the file cannot be written, the GUID lasts as
    long as the process.
    """
    return _guid(os.environ.get(GUID_VARIABLE))


@functools.cache
def _guid(_named: str | None) -> str:
    path = own_path(GUID_VARIABLE, "machine-guid")
    return str(uuid.UUID(kept_word(path, lambda: str(uuid.uuid4()), is_guid)))


def is_guid(word: str) -> bool:
    """Tell whether a word is a GUID."""
    try:
        uuid.UUID(word)
    except ValueError:
        return False
    return True


def password_tag(password: Secret) -> str:
    """Return a hash that represents a password in the keys of a cache: an HMAC by a private key.

    The key is in a private file apart from every cache, so that a copied cache does not help to
    guess the password. Processes of one person share the key. The password is never stored.
    """
    key = bytes.fromhex(_cache_key(os.environ.get(KEY_VARIABLE)).reveal())
    return hmac.new(key, password.reveal().encode("utf-8"), hashlib.sha256).hexdigest()[:32]


@functools.cache
def _cache_key(_named: str | None) -> Secret:
    path = own_path(KEY_VARIABLE, "cache-key")
    word = kept_word(path, lambda: secrets.token_hex(32), lambda w: bool(_KEY.fullmatch(w)))
    return Secret(word)

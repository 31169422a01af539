"""Hashes that another service has made. Each is replaced when its account signs in.

Escargot (`util/hash.py`) writes a hash as its kind, numbers, salt and digest, separated by `$`. The
salt is text, and the digest is base64:

    pbkdf2_sha256$24000$salt$digest    PBKDF2-HMAC-SHA256, with that number of rounds
    md5$salt$digest                    MD5 of salt and password together
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from ....core.secrets import Secret

__all__ = ["is_foreign", "is_foreign_right"]

_PBKDF2 = re.compile(r"pbkdf2_sha256\$(\d{1,7})\$([^$]{1,128})\$([A-Za-z0-9+/]{43}=)", re.ASCII)
_MD5 = re.compile(r"md5\$([^$]{0,128})\$([A-Za-z0-9+/]{22}==)", re.ASCII)
_MOST_ROUNDS = 2_000_000
"""This number takes a processor some seconds. A hash with more rounds would block the service."""


def is_foreign(hashed: str) -> bool:
    """Tell whether a hash was made by another service and can be checked."""
    match = _PBKDF2.fullmatch(hashed)
    if match is not None:
        return 0 < int(match[1]) <= _MOST_ROUNDS
    return _MD5.fullmatch(hashed) is not None


def is_foreign_right(hashed: str, password: Secret) -> bool:
    """Tell whether the password matches a hash of another service."""
    data = password.reveal().encode("utf-8", "surrogatepass")
    match = _PBKDF2.fullmatch(hashed)
    if match is not None and is_foreign(hashed):
        made = hashlib.pbkdf2_hmac("sha256", data, match[2].encode(), int(match[1]))
        return hmac.compare_digest(made, base64.b64decode(match[3]))
    match = _MD5.fullmatch(hashed)
    if match is not None:
        made = hashlib.md5(match[1].encode() + data, usedforsecurity=False).digest()
        return hmac.compare_digest(made, base64.b64decode(match[2]))
    return False

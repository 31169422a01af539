"""Hashes that another service has made. Each is replaced when its account signs in.

A hash contains the cost of its check. A hash whose check costs too much is not checked at all:
otherwise anybody who knows the address of its account could stop the service with one guess.

Escargot (`util/hash.py`) writes a hash as its kind, numbers, salt and digest, separated by `$`. The
salt is text, and the digest is base64:

    pbkdf2_sha256$24000$salt$digest    PBKDF2-HMAC-SHA256, with that number of rounds
    md5$salt$digest                    MD5 of salt and password together

An argon2id hash has the form that the argon2 library writes, whichever service has made the hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from ....core.secrets import Secret

__all__ = ["is_argon2id", "is_bearable", "is_foreign", "is_foreign_right"]

_PBKDF2 = re.compile(r"pbkdf2_sha256\$(\d{1,7})\$([^$]{1,128})\$([A-Za-z0-9+/]{43}=)", re.ASCII)
_MD5 = re.compile(r"md5\$([^$]{0,128})\$([A-Za-z0-9+/]{22}==)", re.ASCII)
_MOST_ROUNDS = 2_000_000
"""This number takes a processor some seconds. A hash with more rounds would block the service."""


# The encoded form that argon2 writes; argon2 accepts no salt under 8 bytes and no hash under 4.
_ARGON2ID = re.compile(
    r"\$argon2id\$(?:v=\d{1,3}\$)?m=(\d{1,9}),t=(\d{1,5}),p=(\d{1,3})"
    r"\$[A-Za-z0-9+/]{11,128}\$[A-Za-z0-9+/]{6,128}",
    re.ASCII,
)
_MOST_MEMORY = 1024 * 1024
"""In KiB. RFC 9106 recommends up to 2 GiB, which no service has for each guess of a stranger."""
_MOST_WORK = 4 * 1024 * 1024
"""KiB multiplied by passes. This amount takes a processor some seconds."""
_MOST_LANES = 16


def is_argon2id(hashed: str) -> bool:
    """Tell whether this is an argon2id hash whose check is not too expensive."""
    match = _ARGON2ID.fullmatch(hashed)
    if match is None:
        return False
    return is_bearable(*map(int, match.groups()))


def is_bearable(memory: int, passes: int, lanes: int) -> bool:
    """Tell whether a check by argon2id with this cost is not too expensive; memory is in KiB."""
    return memory <= _MOST_MEMORY and memory * passes <= _MOST_WORK and lanes <= _MOST_LANES


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

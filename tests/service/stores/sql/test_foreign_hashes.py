"""Hashes of other services, by known vectors."""

from __future__ import annotations

import base64

import pytest

from msnpauth import Secret
from msnpauth.service.stores.sql.foreign_hashes import is_argon2id, is_foreign, is_foreign_right


def b64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


# RFC 7914, section 11: the first 32 bytes do not depend on how many are wanted.
ONE_ROUND = b64("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")
MANY_ROUNDS = b64("4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56")
MD5 = b64("67a1e09bb1f83f5007dc119c14d663aa")  # of the word `saltpassword`

RIGHT = {
    f"pbkdf2_sha256$1$salt${ONE_ROUND}": "passwd",
    f"pbkdf2_sha256$80000$NaCl${MANY_ROUNDS}": "Password",
    f"md5$salt${MD5}": "password",
    f"md5$${MD5}": "saltpassword",
}


@pytest.mark.parametrize(("hashed", "password"), RIGHT.items())
def test_the_right_password_and_no_other(hashed: str, password: str) -> None:
    assert is_foreign(hashed)
    assert is_foreign_right(hashed, Secret(password))
    for wrong in ("", f"{password} ", password.upper(), "\udc80"):
        assert not is_foreign_right(hashed, Secret(wrong))


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        f"pbkdf2_sha256$0$salt${ONE_ROUND}",
        f"pbkdf2_sha256$9999999$salt${ONE_ROUND}",
        f"pbkdf2_sha256$-1$salt${ONE_ROUND}",
        f"pbkdf2_sha256$١$salt${ONE_ROUND}",
        f"pbkdf2_sha256$1$${ONE_ROUND}",
        f"pbkdf2_sha256$1$salt${ONE_ROUND[:-2]}",
        f"pbkdf2_sha1$1$salt${ONE_ROUND}",
        f"md5$salt${MD5}x",
        f"md5$sa$lt${MD5}",
        f"md5${'x' * 129}${MD5}",
        f"md5crypt$salt${MD5}",
        MD5,
    ],
)
def test_what_is_none(hashed: str) -> None:
    assert not is_foreign(hashed)
    assert not is_foreign_right(hashed, Secret("password"))
    assert not is_foreign_right(hashed, Secret("passwd"))


HASH = "c2FsdHNhbHQ$aGFzaGhhc2g"


@pytest.mark.parametrize(
    "hashed",
    [
        f"$argon2id$v=19$m=65536,t=3,p=4${HASH}",
        f"$argon2id$m=65536,t=3,p=4${HASH}",
        f"$argon2id$v=19$m=1048576,t=4,p=16${HASH}",
    ],
)
def test_argon2id(hashed: str) -> None:
    assert is_argon2id(hashed)
    assert not is_foreign(hashed)


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        f"$argon2i$v=19$m=64,t=1,p=1${HASH}",
        f"$argon2id$v=19$m=64,t=1${HASH}",
        f"$argon2id$v=19$m=64,t=1,p=1${HASH}\n",
        f"$argon2id$v=19$m=1048577,t=1,p=1${HASH}",
        f"$argon2id$v=19$m=1048576,t=5,p=1${HASH}",
        f"$argon2id$v=19$m=64,t=65537,p=1${HASH}",
        f"$argon2id$v=19$m=64,t=1,p=17${HASH}",
        f"$argon2id$v=19$m={'9' * 30},t=1,p=1${HASH}",
        f"$argon2id$v=19$m=١,t=1,p=1${HASH}",
    ],
)
def test_what_is_no_argon2id_or_costs_too_much(hashed: str) -> None:
    assert not is_argon2id(hashed)

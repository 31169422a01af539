"""Proofs that do not send the secret itself: the SSO response, and the answer to an MD5 salt.

The SSO response proves that the client that sends a ticket also has its key (MSNPiki MSNP15:SSO).

The nonce is used as text, and never decoded. The keys are expanded by P_SHA1 (RFC 2246, section 5);
the cipher is 3DES-EDE in CBC mode.
"""

from __future__ import annotations

import base64
import hmac
import os
import struct

from ..secrets import Secret

__all__ = ["answer", "derive_key", "is_answer", "md5_answer"]

_HASH_KEY = b"WS-SecureConversationSESSION KEY HASH"
_CIPHER_KEY = b"WS-SecureConversationSESSION KEY ENCRYPTION"

# Header size, CBC, 3DES, SHA-1, length of IV, length of hash; the length of the cipher follows.
_HEADER = struct.Struct("<7I")
_FIXED = (28, 1, 0x6603, 0x8004, 8, 20)


def derive_key(key: bytes, label: bytes) -> bytes:
    """Return P_SHA1 of key and label, 24 bytes."""
    first = _hmac(key, label)
    second = _hmac(key, first)
    return _hmac(key, first + label) + _hmac(key, second + label)[:4]


def answer(proof_key: Secret, nonce: str, iv: bytes | None = None) -> str:
    """Return the response for `USR n SSO S ticket response`.

    Args:
        proof_key: the BinarySecret that came with the ticket, in base64.
        nonce: the last word of the challenge, `USR n SSO S policy nonce`.
        iv: the initialisation vector, eight bytes; random bytes by default.

    Raises:
        ValueError: the key is not base64.
    """
    # No variable holds the key, for the reason that `Secret` names.
    if not _is_base64(proof_key):
        raise ValueError("the proof key is not base64")
    iv = os.urandom(8) if iv is None else iv
    text = nonce.encode("utf-8", "surrogateescape")
    cipher = _encrypt(proof_key, iv, text)
    proof = _hmac(_derived(proof_key, _HASH_KEY), text)
    return base64.b64encode(_HEADER.pack(*_FIXED, len(cipher)) + iv + proof + cipher).decode()


def _is_base64(secret: Secret) -> bool:
    try:
        base64.b64decode(secret.reveal(), validate=True)
    except ValueError:  # binascii.Error is one
        return False
    return True


def _derived(secret: Secret, label: bytes) -> bytes:
    """Return a key, for use in an expression: no variable of a function may hold the key."""
    return derive_key(base64.b64decode(secret.reveal()), label)


def is_answer(response: str, proof_key: Secret, nonce: str) -> bool:
    """Tell, in constant time, whether `response` answers the nonce; it may be any text."""
    try:
        data = base64.b64decode(response, validate=True)
    except ValueError:
        return False
    if len(data) < _HEADER.size + 28 or _HEADER.unpack_from(data)[:6] != _FIXED:
        return False
    iv = data[_HEADER.size : _HEADER.size + 8]
    return hmac.compare_digest(answer(proof_key, nonce, iv), response)


def _encrypt(secret: Secret, iv: bytes, text: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    padding = 8 - len(text) % 8
    encryptor = Cipher(TripleDES(_derived(secret, _CIPHER_KEY)), CBC(iv)).encryptor()
    return encryptor.update(text + bytes([padding]) * padding) + encryptor.finalize()


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha1")


def md5_answer(salt: str, password: Secret) -> str:
    """Return the answer to a salt (draft-movva 7.3): MD5 of the two, in hex."""
    import hashlib  # not needed by other schemes

    # A lone surrogate must not raise: the error of the codec would quote the password.
    return hashlib.md5(
        f"{salt}{password.reveal()}".encode("utf-8", "surrogatepass"), usedforsecurity=False
    ).hexdigest()

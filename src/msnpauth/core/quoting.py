"""Percent-encoding by RFC 3986, for the few words that every sign-in encodes.

`quoted` does the same as `urllib.parse.quote(text, safe="")`, and `unquoted` the same as
`urllib.parse.unquote_to_bytes`. To import `urllib.parse` takes as long as to import all of
`core.tickets`, and most sign-ins do not need it for anything else.
"""

from __future__ import annotations

from itertools import product

__all__ = ["quoted", "unquoted"]

# The unreserved characters (RFC 3986, 2.3), which never need percent-encoding.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HEX = b"0123456789ABCDEFabcdef"
_BYTES: dict[bytes, bytes] = {}
_QUOTED = [chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in range(256)]


def quoted(text: str, errors: str = "strict") -> str:
    """Return `text` percent-encoded as UTF-8, except letters, digits and `-._~`.

    Raises:
        UnicodeEncodeError: the text cannot be written as UTF-8; `errors` as in `str.encode`.
    """
    return "".join([_QUOTED[byte] for byte in text.encode("utf-8", errors)])


def unquoted(data: bytes) -> bytes:
    """Return bytes with their percent-encoding decoded; what is no escape is left unchanged."""
    if not _BYTES:  # made by the first use
        _BYTES.update(
            {bytes(two): bytes.fromhex(bytes(two).decode()) for two in product(_HEX, _HEX)}
        )
    first, *parts = data.split(b"%")
    decoded = [first]
    for part in parts:
        byte = _BYTES.get(part[:2])
        decoded.append(b"%" + part if byte is None else byte + part[2:])
    return b"".join(decoded)

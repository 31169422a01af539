"""Percent-encoding as RFC 3986 has it, for the few words that every sign-in encodes.

It is what `urllib.parse.quote(text, safe="")` does. That module takes as long to import as all of
the core's own tickets, and most sign-ins have no other use for it.
"""

from __future__ import annotations

__all__ = ["quoted"]

# Unreserved (RFC 3986, 2.3): what stands for itself everywhere.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_QUOTED = [chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in range(256)]


def quoted(text: str, errors: str = "strict") -> str:
    """Return `text` with everything but letters, digits and `-._~` percent-encoded as UTF-8.

    Raises:
        UnicodeEncodeError: it cannot be written as UTF-8; `errors` as for `str.encode`.
    """
    return "".join([_QUOTED[byte] for byte in text.encode("utf-8", errors)])

"""What the tests of `decoding` share: samples, and one thing explained."""

from __future__ import annotations

from msnpauth.decoding import Decoded, decode

__all__ = ["KEY", "NONCE", "TICKET", "fields", "one"]

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
NONCE = "n" * 64
TICKET = "t=53*1hAu8ADuD3TEwSecret&p=5eKBBCsecret!y"


def one(text: str, *keys: str) -> Decoded:
    """Return the only explanation of a text."""
    [decoded] = decode(text, keys)
    return decoded


def fields(text: str, *keys: str) -> dict[str, str]:
    """Return its fields by name."""
    return {field.name: field.value for field in one(text, *keys).fields}

"""Secrets: a password, a ticket or a key that can be carried about without being printed."""

from __future__ import annotations

import hmac
import re
from typing import NoReturn
from urllib.parse import quote

__all__ = ["MASK", "Secret", "conceal", "printable"]

MASK = "***"

# C0, DEL, C1 and the line separators: what could forge a second line or drive a terminal.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Secret:
    """A text that no repr, log or pickle shows; `reveal()` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __len__(self) -> int:
        return len(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_as_bytes(self._text), _as_bytes(other._text))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would lie in the open")


def conceal(text: str, *secrets: Secret) -> str:
    """Return `text` with every occurrence of the secrets masked, as they are or percent-encoded.

    For words that a peer sent: a server that repeats the password must not get it into an error.
    Secrets of one or two characters are left alone: masking would only tell how short they are.
    """
    for secret in secrets:
        word = secret.reveal()
        if len(word) < 3:
            continue
        for spelling in {word, quote(word, safe="", errors="surrogateescape")}:
            text = re.sub(re.escape(spelling), MASK, text, flags=re.IGNORECASE)
    return text


def printable(text: str, limit: int = 300) -> str:
    """Return `text` as one line that is safe on a terminal, cut at `limit` characters."""
    line = _UNPRINTABLE.sub(" ", text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

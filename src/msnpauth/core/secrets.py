"""Secrets: passwords, tickets and keys that can be passed on without being printed by mistake."""

from __future__ import annotations

from typing import NoReturn

from .patterns import pattern

__all__ = ["MASK", "Secret", "holds", "printable", "told"]

MASK = "***"

# C0, DEL, C1 and the line separators, which could forge a second line or control a terminal, and
# lone surrogates.
_UNPRINTABLE = pattern("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Secret:
    """A text that no repr, log or pickle shows; only `reveal()` returns it.

    No variable of a function should hold the revealed text: an exception holds the variables of
    every function that it passes through, and error reporting tools record those.

    Args:
        text: the secret.
        shown: the text that a log may show instead, such as a header with its password masked.
    """

    __slots__ = ("_text", "shown")

    def __init__(self, text: str, shown: str = MASK) -> None:
        self._text = text
        self.shown = shown

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
        import hmac  # few secrets are ever compared

        return hmac.compare_digest(_as_bytes(self._text), _as_bytes(other._text))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would lie in the open")


def holds(text: str, *secrets: Secret) -> bool:
    """Tell whether the text contains one of the secrets, in any form in which it may be sent.

    The forms are plain, percent-encoded (headers), escaped for XML (RST) and base64, in any letter
    case. Secrets of one or two characters are not searched: almost every text contains them.
    """
    folded = text.casefold()
    return any(form.casefold() in folded for secret in secrets for form in _forms(secret))


def _forms(secret: Secret) -> set[str]:
    word = secret.reveal()
    if len(word) < 3:
        return set()
    # Imported here, because only texts of a server are searched, and most servers send none.
    import base64
    from html import escape
    from urllib.parse import quote, quote_plus

    data = word.encode("utf-8", "surrogatepass")
    encoded = {quote(data, safe=""), quote_plus(data), escape(word), escape(word, quote=False)}
    # In the base64 of a longer text a secret has one of three forms, which depends on its position.
    # The letters at both ends of the form depend on the neighbouring text, and are left out.
    for shift in range(3):
        inner = base64.b64encode(bytes(shift) + data).decode().rstrip("=")
        inner = inner[(0, 2, 3)[shift] : len(inner) - 2]
        if len(inner) >= 4:
            encoded.add(inner)
    return encoded | {word}


def told(words: str, *secrets: Secret, limit: int = 300) -> str:
    """Return a peer's text in a form that may be shown; "" when the text contains a secret.

    A peer that repeats the password must not get it into an error or a log. The whole text is left
    out, because a mask in the middle of a known sentence would reveal something about the secret.
    """
    return "" if holds(words, *secrets) else printable(words, limit)


def printable(text: str, limit: int = 300) -> str:
    """Return `text` as one line that is safe on a terminal, cut at `limit` characters."""
    line = _UNPRINTABLE.sub(" ", text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

"""The words in a browser's cookie, and the tokens in its forms, without I/O.

A form is taken when it carries a token that was made for the very cookie that comes with it. A page
of somebody else can make a browser send a form. It can neither read the cookie nor make a token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ...core.secrets import Secret

__all__ = ["Token", "is_word", "make_token", "read_token"]

_GOOD_FOR = timedelta(hours=12)
_WORD = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_TOKEN = re.compile(r"([A-Za-z0-9_-]{16})\.(\d{13,14})\.([0-9a-f]{64})", re.ASCII)


class Token(NamedTuple):
    """A token that was good.

    Attributes:
        name: another one for each form that was shown.
        made: when the form was shown, in UTC.
    """

    name: str
    made: datetime

    @property
    def until(self) -> datetime:
        """When it is not good any more."""
        return self.made + _GOOD_FOR


def is_word(text: str) -> bool:
    """Tell whether a cookie's value looks like a word of ours (`page_sessions.new_word`)."""
    return _WORD.fullmatch(text) is not None


def make_token(word: Secret, now: datetime) -> str:
    """Return a token for a form that is shown to the browser that has this word."""
    # In milliseconds: a store that has lost its memory a moment ago takes what was made since.
    name, made = secrets.token_urlsafe(12), round(now.timestamp() * 1000)
    return f"{name}.{made}.{_seal(word, name, made)}"


def read_token(word: Secret, text: str, now: datetime) -> Token | None:
    """Return what a form carries, if it was made for this word, not too long ago; else None."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        return None
    name, made, sealed = found[1], int(found[2]), found[3]
    if not hmac.compare_digest(sealed, _seal(word, name, made)):
        return None
    token = Token(name, datetime.fromtimestamp(made / 1000, UTC))
    return token if now < token.until else None


def _seal(word: Secret, name: str, made: int) -> str:
    return hmac.new(
        word.reveal().encode("ascii"), f"form {name} {made}".encode(), hashlib.sha256
    ).hexdigest()

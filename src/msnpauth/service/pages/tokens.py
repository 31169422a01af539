"""The value of a browser's cookie, and the tokens in its forms, without I/O.

A form is accepted when it contains a token that was made for the cookie of the same request. A page
of another site can make a browser send a form, but that page can neither read the cookie nor make a
token for it.
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
    """A valid token of a form.

    Attributes:
        name: a random name, which is different for each form that was shown.
        made: when the form was shown, in UTC.
    """

    name: str
    made: datetime

    @property
    def until(self) -> datetime:
        """The time at which the token expires, in UTC."""
        return self.made + _GOOD_FOR


def is_word(text: str) -> bool:
    """Tell whether the value of a cookie has the form of `page_sessions.new_word`."""
    return _WORD.fullmatch(text) is not None


def make_token(word: Secret, now: datetime) -> str:
    """Return a token for a form that is shown to the browser with this cookie value."""
    # In milliseconds, because a store that has just lost its memory accepts only tokens that were
    # made after that moment.
    name, made = secrets.token_urlsafe(12), round(now.timestamp() * 1000)
    return f"{name}.{made}.{_seal(word, name, made)}"


def read_token(word: Secret, text: str, now: datetime) -> Token | None:
    """Return the token of a form if it is valid for this cookie value and has not expired."""
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

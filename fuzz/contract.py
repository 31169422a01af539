"""What every target holds msnpauth to.

Input is accepted, or refused by an error that is documented. Anything else that is raised, and each
of these assertions, is a find. Time and memory are bounded by the fuzzer's own limits (`run.py`).
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

from msnpauth import Secret, SignInError

__all__ = ["NOW", "PASSPORT", "PASSWORD", "check_error", "is_safe", "now"]

PASSPORT = "alice@example.com"
PASSWORD = Secret("hunter2,Sehr & <geheim>")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

_TEXT = PASSWORD.reveal()
_FORMS = (
    _TEXT,
    quote(_TEXT, safe=""),
    escape(_TEXT),
    base64.b64encode(_TEXT.encode()).decode(),
)


def now() -> datetime:
    """Return a time that stands still."""
    return NOW


def is_safe(line: str) -> bool:
    """Tell whether a line can neither drive a terminal nor forge another line."""
    return not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", line)


def check_error(error: object) -> None:
    """See that an error is one of ours, in one line, and does not hold the password."""
    assert isinstance(error, SignInError), type(error)
    told = f"{error}\n{error!r}\n{error.args!r}\n{error.__dict__!r}"
    assert not any(form in told for form in _FORMS), "the password is told"
    assert is_safe(str(error)), repr(str(error))

"""Checks of the caller's passport, password, challenge and GUID, before anything is sent."""

from __future__ import annotations

import re
from typing import TypeVar

from .errors import LocalProtocolError, WrongCredentials
from .patterns import pattern
from .secrets import Secret

__all__ = ["about_length", "as_secret", "check_challenge", "check_passport", "check_password"]

E = TypeVar("E", bound=WrongCredentials)

_SAMPLE_CHALLENGE = (
    "lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct=1128154104,…"
)
_CHALLENGE_HINT = (
    "it is the fifth word of the server's reply USR n TWN S <challenge>,"
    f" which looks like {_SAMPLE_CHALLENGE}"
)
_REPLY_LINE = r"USR \d+ TWN S ([^ \r\n]*)(?:\r?\n)?"
_UNSENDABLE = pattern(r"[\x00-\x20\x7f\ud800-\udfff]")


def check_challenge(text: str) -> str:
    """Return the challenge; `text` is the fifth word or the whole line of `USR n TWN S …`.

    Raises:
        LocalProtocolError: the text is not a challenge; the error shows an example of one.
    """
    if not isinstance(text, str):
        raise LocalProtocolError("the challenge is not text", hint=_CHALLENGE_HINT)
    line = re.fullmatch(_REPLY_LINE, text)
    word = line[1] if line else text
    if not word:
        raise LocalProtocolError("the challenge is empty", hint=_CHALLENGE_HINT)
    if word in ("S", "I", "TWN", "USR"):
        raise LocalProtocolError(f"the challenge is not {word!r}", hint=_CHALLENGE_HINT)
    if _UNSENDABLE.search(word):
        raise LocalProtocolError(
            "the challenge is one word, without blanks and control characters",
            hint=_CHALLENGE_HINT,
        )
    return word


def check_passport(text: str) -> str:
    """Check a passport and return it.

    Raises:
        LocalProtocolError: the text is not an address, or has characters that would end a word of
            an MSNP line.
    """
    name, _, domain = text.rpartition("@") if isinstance(text, str) else ("", "", "")
    # A lone surrogate means a byte that is not UTF-8: argv and files may have such bytes.
    if not name or not domain or _UNSENDABLE.search(text):
        raise LocalProtocolError(
            "that is not a passport", hint="a passport is an address such as alice@example.com"
        )
    return text


def as_secret(password: str | Secret) -> Secret:
    """Return the password as a `Secret`.

    Functions that get a password as text call this first: from then on none of their variables
    holds the text when an error is raised.
    """
    return password if isinstance(password, Secret) else Secret(password)


def check_password(password: Secret) -> Secret:
    """Check a password and return it.

    Raises:
        LocalProtocolError: the password is empty, or not text that can be encoded as UTF-8.
    """
    if not isinstance(password.reveal(), str):
        raise LocalProtocolError("the password is not text")
    if not password:
        raise LocalProtocolError("the password is empty")
    if not _is_utf8(password):
        raise LocalProtocolError("the password cannot be written as UTF-8")
    return password


def _is_utf8(secret: Secret) -> bool:
    try:
        secret.reveal().encode("utf-8")
    except UnicodeEncodeError:  # not raised further: the error of the codec quotes the password
        return False
    return True


_CUT = 16
"""The number of characters after which official clients, WebTV and libpurple cut a password."""


def about_length(error: E, password: Secret) -> E:
    """Add a hint to a refusal if the password is longer than official clients send; return it."""
    if error.finding == "MA-ACC-01" and len(password) > _CUT:
        error.finding = "MA-ACC-02"
        error.hint = (
            f"the password has more than {_CUT} characters, where official clients cut it: if it"
            f" was set so, its first {_CUT} are right"
        )
    return error


_GUID = pattern(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}?")


def check_guid(guid: str | None) -> str:
    """Return a machine's GUID in its wire form, in braces and upper case; a new one for None.

    Raises:
        LocalProtocolError: the text is not a GUID.
    """
    if guid is None:
        import uuid  # only callers that keep no GUID need a new one

        guid = str(uuid.uuid4())
    match = _GUID.fullmatch(guid)
    if match is None:
        raise LocalProtocolError(
            "that is no GUID", hint="as in {F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
        )
    return f"{{{match[1].upper()}}}"

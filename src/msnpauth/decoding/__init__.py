"""Explains text that a person pastes: lines, headers, envelopes, blobs, tickets, codes.

    decode("USR 6 TWN S lc=1033,id=507,ct=1128154104")

No server is contacted. Secrets are masked, because other people may read the explanation of a log.

    said     the explanation of a piece of text, as a value
    lines    MSNP commands
    verbs    the meaning of each command and of its words
    headers  headers of Passport 1.4
    soap     envelopes of RST
    words    challenges, blobs, tickets
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..core.errors import LocalProtocolError
from .headers import headers, is_header
from .lines import commands, is_command
from .said import Decoded, Field, on_one_line
from .soap import envelope, is_envelope
from .words import blob, challenge_fields, is_blob, is_ticket, ticket

__all__ = ["Decoded", "Field", "decode"]

_LONGEST = 1024 * 1024
_SENTENCE = 300
# In a sentence such as `Error code: 80048821`.
_CODE = re.compile(r"\b(?:0x)?8[0-9a-f]{7}\b|\bMA-[A-Z]{3}-[0-9]{2}\b", re.IGNORECASE)


def decode(text: str, keys: Iterable[str] = ()) -> list[Decoded]:
    """Explain a text.

    Args:
        text: one or more MSNP commands, headers of Passport, an envelope of RST, the response of
            SSO, a ticket, a challenge, or a code.
        keys: the ring of keys of a service, to decrypt its tickets.

    Raises:
        LocalProtocolError: the text is of no known kind, or the keys are not valid.
    """
    return [on_one_line(decoded) for decoded in _decoded(text, list(keys))]


def _decoded(text: str, ring: list[str]) -> list[Decoded]:
    word = text.strip().removeprefix("\ufeff")
    if len(word) > _LONGEST:
        raise LocalProtocolError("the text is longer than 1 MiB")
    if not word:
        raise LocalProtocolError("there is nothing to decode")
    body = word[word.find("<") :] if "Envelope" in word and not is_command(word) else word
    if is_envelope(body):  # with or without the headers of its request
        return [envelope(body, ring)]
    if is_header(word) or (not is_command(word) and any(map(is_header, word.splitlines()))):
        return list(headers(word, ring))
    if is_command(word):
        return list(commands(word, ring))
    return [_of_word(word, ring)]


def _of_word(word: str, keys: list[str]) -> Decoded:
    if is_blob(word):
        return blob(word)
    if is_ticket(word):
        return ticket(word, keys)
    if word.startswith(("lc=", "ct=", "id=", "passport=")) and "," in word:
        belongs = "notification server to client: the fifth word of `USR n TWN S …`"
        fields = tuple(challenge_fields(word))
        return Decoded("the challenge of TWN (Passport)", belongs, fields)
    from ..doctor.official import explained_code

    code = _CODE.search(word) if len(word) < _SENTENCE else None
    try:
        explained = explained_code(code[0] if code else word)
    except LocalProtocolError:
        pass
    else:
        fields = (Field("means", explained.means), Field("do", explained.advice))
        return Decoded(f"the code {explained.code}", "a client shows it to people", fields)
    raise LocalProtocolError(
        "nobody can tell what that is",
        hint="give an MSNP line, a header of Passport, an RST envelope, a ticket or a code",
    )

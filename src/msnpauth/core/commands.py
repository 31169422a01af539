"""The MSNP command: a line of words, sometimes with a payload; one codec for both ends.

`VERB [transaction-id] word … [payload-length]` CR LF, then the payload, which has no line end of
its own (hypothetic.org; MSNPiki). Words are kept as they came, byte for byte: a challenge whose
escapes were undone would no longer be the challenge. `unescape` is for those that are text.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from .errors import LocalProtocolError
from .secrets import MASK, printable

__all__ = ["Command", "Role", "escape", "payload_length", "split_words", "unescape"]

# UTF-8 where it is that, and any other byte kept as it was.
_ENCODING = ("utf-8", "surrogateescape")

_VERB = re.compile(r"[A-Z]{3}|[0-9]{3}")
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")

# Verbs whose first word may be a number without being a transaction id.
_WITHOUT_TRID = frozenset({"PNG", "QNG", "OUT", "RNG", "NOT", "IPG", "BPR", "NFY", "UBX", "UBN"})

# Last word is the payload's length when it is a number; `ADL 5 OK` and the like have none.
_PAYLOAD_FROM_SERVER = frozenset(
    [
        "MSG",
        "GCF",
        "UBX",
        "UBN",
        "UBM",
        "IPG",
        "NOT",
        "NFY",
        "ADL",
        "RML",
        "FQY",
        "UUX",
        "PUT",
        "DEL",
        "SDG",
        "VAS",
        "CRP",
    ]
)
_PAYLOAD_FROM_CLIENT = frozenset(
    [
        "UUX",
        "MSG",
        "QRY",
        "NOT",
        "ADL",
        "FQY",
        "RML",
        "UUN",
        "UUM",
        "PUT",
        "DEL",
        "SDG",
        "VAS",
        "SDC",
    ]
)

_SCHEMES = frozenset({"TWN", "SSO", "MD5", "CTP", "SHA"})


class Role(enum.Enum):
    """Which end of the wire sent something."""

    CLIENT = "client"
    SERVER = "server"


@dataclass(frozen=True, repr=False)
class Command:
    """One MSNP command.

    Attributes:
        verb: three letters, or three digits when it is an error.
        trid: the transaction id, or None for commands that carry none.
        args: the other words, undecoded; without the payload's length.
        payload: the payload's bytes, or None for commands without one.
    """

    verb: str
    trid: int | None = None
    args: tuple[str, ...] = ()
    payload: bytes | None = None

    @property
    def code(self) -> int | None:
        """The error code, when this command is an error."""
        return int(self.verb) if self.verb.isdigit() else None

    def encode(self) -> bytes:
        """Return the command's bytes.

        Raises:
            LocalProtocolError: a word is empty or holds a blank or a control character, which
                would make another command of it.
        """
        words = [self.verb]
        if self.trid is not None:
            words.append(str(self.trid))
        words += self.args
        if self.payload is not None:
            words.append(str(len(self.payload)))
        if not _VERB.fullmatch(self.verb):
            raise LocalProtocolError(f"{printable(self.verb, 20)!r} is not an MSNP verb")
        for word in words:
            if not word or _UNSENDABLE.search(word):
                raise LocalProtocolError(
                    f"a word of {self.verb} is empty or holds a blank or a control character",
                    hint="percent-encode it with msnpauth.escape()",
                )
        return " ".join(words).encode(*_ENCODING) + b"\r\n" + (self.payload or b"")

    def describe(self, sender: Role | None = None) -> str:
        """Return the line for a log: secrets masked, the payload only counted.

        A server's `USR n TWN S` carries a challenge, a client's a ticket: without `sender` both
        are masked.
        """
        words = [self.verb, *([] if self.trid is None else [str(self.trid)])]
        words += _masked(self.verb, self.args, sender)
        if self.payload is not None:
            words.append(f"{len(self.payload)} <{len(self.payload)} bytes>")
        return printable(" ".join(words), 600)

    def __repr__(self) -> str:
        return f"<Command {self.describe()}>"

    __str__ = __repr__


def _masked(verb: str, args: tuple[str, ...], sender: Role | None) -> list[str]:
    words = list(args)
    if verb == "USR" and len(words) > 2 and words[0] in _SCHEMES and words[1] != "I":
        if sender is not Role.SERVER:
            words[2:] = [MASK] * len(words[2:])
    elif verb in ("USR", "ANS") and words[:1] != ["OK"] and words[0:1] and words[0] not in _SCHEMES:
        words[1:] = [MASK] * len(words[1:])
    elif "CKI" in words[:-1]:
        words[words.index("CKI") + 1] = MASK
    return words


def split_words(line: bytes) -> list[str]:
    """Return the words of a line (without its line end); runs of blanks part them once."""
    return [word for word in line.decode(*_ENCODING).split(" ") if word]


def command_from_words(words: list[str], payload: bytes | None) -> Command:
    """Build the command of a parsed line; a payload's length is dropped from the words."""
    verb, rest = words[0], words[1:]
    if payload is not None:
        rest = rest[:-1]
    trid = None
    if rest and _has_trid(verb, rest):
        trid = int(rest[0])
        rest = rest[1:]
    return Command(verb, trid, tuple(rest), payload)


def payload_length(words: list[str], sender: Role) -> int | None:
    """Return how many payload bytes follow the line, or None when there is no payload.

    Raises:
        ValueError: the command must carry a length, and the word in its place is none.
    """
    verb = words[0]
    if sender is Role.SERVER:
        # From MSNP13 on the errors of ADL and RML may carry a payload (hypothetic.org).
        carries = verb in _PAYLOAD_FROM_SERVER or (
            len(verb) == 3 and verb[0] == "2" and verb.isdigit()
        )
    else:
        carries = verb in _PAYLOAD_FROM_CLIENT
    if not carries:
        return None
    rest = words[2:] if len(words) > 1 and _has_trid(verb, words[1:]) else words[1:]
    if rest and _is_number(rest[-1]):
        return int(rest[-1])
    if verb == "MSG" or (sender is Role.CLIENT and verb in ("QRY", "UUX", "ADL", "RML")):
        raise ValueError("no payload length")
    return None


def _has_trid(verb: str, rest: list[str]) -> bool:
    # `007` is a word: as a number it would not be the same bytes again.
    if not _is_number(rest[0]) or rest[0] != str(int(rest[0])):
        return False
    # `LSG 0 Other%20Contacts 0` (MSNP8 and 9) begins by a group's number; `LSG 5 …` of MSNP7, with
    # its six words, by the transaction id.
    if verb == "LSG":
        return len(rest) >= 5
    return verb not in _WITHOUT_TRID


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 10


def escape(text: str) -> str:
    """Return `text` as an MSNP word: everything but letters, digits and `-._~` percent-encoded."""
    return quote(text, safe="", errors="surrogateescape")


def unescape(word: str) -> str:
    """Return the text of an MSNP word: percent-escapes undone, broken ones left as they are."""
    return unquote(word, errors="replace")

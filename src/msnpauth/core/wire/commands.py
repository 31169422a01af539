"""The MSNP command: a line of words, sometimes with a payload; one codec for both ends.

`VERB [transaction-id] word … [payload-length]` CR LF, then the payload, which has no line end of
its own (hypothetic.org; MSNPiki). Words are kept as they came, byte for byte: a challenge whose
escapes were undone would no longer be the challenge. `unescape` is for those that are text.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from ..errors import LocalProtocolError
from ..patterns import pattern
from ..quoting import quoted
from ..secrets import MASK, printable

__all__ = [
    "Command",
    "Role",
    "escape",
    "is_number",
    "passport_word",
    "payload_length",
    "split_words",
    "unescape",
]

# UTF-8 where it is that, and any other byte kept as it was.
_ENCODING = ("utf-8", "surrogateescape")

_VERB = pattern(r"[A-Z]{3}|[0-9]{3}")
# ASCII digits only: `isdigit` takes a superscript two as well, and `int` does not. Ten of them are
# more than any length or transaction id has.
_NUMBER = pattern(r"[0-9]{1,10}")
_CONTROL = pattern(r"[\x00-\x1f\x7f]")

# Verbs whose first word may be a number without being a transaction id.
_WITHOUT_TRID = frozenset({"PNG", "QNG", "OUT", "RNG", "NOT", "IPG", "BPR", "NFY", "UBX", "UBN"})

# Verbs that never come without a payload in that direction. When the last word is no length, nobody
# can know where the payload ends, and the stream is unreadable from there on.
_ALWAYS_FROM_SERVER = frozenset({"MSG", "GCF", "UBX", "UBN", "UBM", "IPG", "NOT", "NFY"})
_ALWAYS_FROM_CLIENT = frozenset(
    {
        "MSG",
        "QRY",
        "UUX",
        "ADL",
        "RML",
        "NOT",
        "FQY",
        "UUN",
        "UUM",
        "PUT",
        "DEL",
        "SDG",
        "VAS",
        "SDC",
    }
)

# Verbs of a server that have a payload when their last word is a number. The replies `ADL 5 OK` and
# `UUN 9 OK` have none, `UUX 8 0` has an empty one, and `PUT 8 OK 0` too (libpurple, msnp-sharp).
_SOMETIMES_FROM_SERVER = frozenset({"ADL", "RML", "FQY", "UUX", "PUT", "DEL", "SDG", "VAS", "CRP"})

_SCHEMES = frozenset({"TWN", "SSO", "MD5", "CTP", "SHA"})


class Role(enum.Enum):
    """Which end of the wire sent something."""

    CLIENT = "client"
    SERVER = "server"


class Command(NamedTuple):
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
        return int(self.verb) if _NUMBER.fullmatch(self.verb) else None

    def encode(self) -> bytes:
        """Return the command's bytes.

        Raises:
            LocalProtocolError: a word is empty or holds a blank or a control character, which
                would make another command of it.
        """
        if not _VERB.fullmatch(self.verb):
            raise LocalProtocolError(f"{printable(self.verb, 20)!r} is not an MSNP verb")
        # One of the words may be a ticket: no variable here holds them when the error is raised.
        line = self._line()
        if line is None:
            raise LocalProtocolError(
                f"a word of {self.verb} is empty or holds a blank or a control character",
                hint="percent-encode it with msnpauth.escape()",
            )
        if not line:
            raise LocalProtocolError(f"a word of {self.verb} cannot be written as UTF-8")
        return line if self.payload is None else line + self.payload

    def _line(self) -> bytes | None:
        """Return the line; None when a word breaks it, and b"" when a word is no text.

        The whole line is looked at once, because every message of a chat comes by here: its only
        blanks are those between the words.
        """
        words = self._words()
        text = " ".join(words)
        if "" in words or text.count(" ") >= len(words) or _CONTROL.search(text):
            return None
        try:
            return text.encode(*_ENCODING) + b"\r\n"
        except UnicodeEncodeError:  # half of a UTF-16 pair, which no encoding has a place for
            return b""

    def _words(self) -> list[str]:
        words = [self.verb, *([] if self.trid is None else [str(self.trid)]), *self.args]
        return words if self.payload is None else [*words, str(len(self.payload))]

    def describe(self, sender: Role | None = None) -> str:
        """Return the line for a log: secrets masked, the payload only counted.

        A server's `USR n TWN S` carries a challenge, a client's a ticket: without `sender` both
        are masked.
        """
        words = [self.verb, *([] if self.trid is None else [str(self.trid)])]
        words += self.masked_args(sender)
        if self.payload is not None:
            words.append(f"{len(self.payload)} <{len(self.payload)} bytes>")
        return printable(" ".join(words), 600)

    def masked_args(self, sender: Role | None = None) -> list[str]:
        """Return the words for a log, secrets masked; see `describe` for `sender`."""
        words = list(self.args)
        is_usr = self.verb == "USR"
        if is_usr and len(words) > 2 and words[0] in _SCHEMES and words[1] != "I":
            if sender is not Role.SERVER:
                words[2:] = [MASK] * len(words[2:])
        elif self.verb in ("USR", "ANS") and words and words[0] not in ("OK", *_SCHEMES):
            # A switchboard's USR and ANS carry the key of the conversation behind the passport.
            words[1:] = [MASK] * len(words[1:])
        elif "CKI" in words[:-1]:
            words[words.index("CKI") + 1] = MASK
        return words

    def __repr__(self) -> str:
        return f"<Command {self.describe()}>"

    def __str__(self) -> str:
        return repr(self)


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
        always = verb in _ALWAYS_FROM_SERVER
        # From MSNP13 on the errors of ADL and RML may carry a payload (hypothetic.org), and so may
        # 801, by which MSNP21 refuses an SDG (msnp-sharp).
        is_list_error = verb[0] == "2" and is_number(verb)
        sometimes = verb in _SOMETIMES_FROM_SERVER or is_list_error or verb == "801"
    else:
        always, sometimes = verb in _ALWAYS_FROM_CLIENT, False
    if not always and not sometimes:
        return None
    rest = words[2:] if len(words) > 1 and _has_trid(verb, words[1:]) else words[1:]
    if rest and is_number(rest[-1]):
        return int(rest[-1])
    if always:
        raise ValueError("no payload length")
    return None


def _has_trid(verb: str, rest: list[str]) -> bool:
    # `007` is a word: as a number it would not be the same bytes again.
    if not is_number(rest[0]) or rest[0] != str(int(rest[0])):
        return False
    # `LSG 0 Other%20Contacts 0` (MSNP8 and 9) begins by a group's number; `LSG 5 …` of MSNP7, with
    # its six words, by the transaction id.
    if verb == "LSG":
        return len(rest) >= 5
    return verb not in _WITHOUT_TRID


def is_number(word: str) -> bool:
    """Tell whether a word is a number as the wire has them: ASCII digits, and at most ten."""
    return _NUMBER.fullmatch(word) is not None


def escape(text: str) -> str:
    """Return `text` as an MSNP word: everything but letters, digits and `-._~` percent-encoded.

    Raises:
        LocalProtocolError: the text cannot be written as UTF-8.
    """
    try:
        return quoted(text, "surrogateescape")
    except UnicodeEncodeError:
        error = LocalProtocolError("the text cannot be written as UTF-8")
    raise error


def passport_word(passport: str) -> str:
    """Return a passport as an MSNP word.

    Servers compare it with the account's address as text, so that an escaped `@` finds nobody. Only
    what would end the word (blanks, control characters) and `%` itself is escaped.
    """
    return "".join(escape(c) if c <= " " or c in "%\x7f" else c for c in passport)


def unescape(word: str) -> str:
    """Return the text of an MSNP word: percent-escapes undone, broken ones left as they are.

    Bytes that are not UTF-8 (old clients sent names in Latin-1) become replacement characters.
    """
    if "%" not in word and word.isascii():
        return word  # most words of a contact list: it is read three times as fast for this
    from urllib.parse import unquote_to_bytes  # of no use to most sign-ins

    return unquote_to_bytes(word.encode(*_ENCODING)).decode("utf-8", "replace")

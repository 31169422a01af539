"""The MSNP command: a line of words, sometimes with a payload; one codec for both ends.

`VERB [transaction-id] word … [payload-length]` CR LF, then the payload, which has no line end of
its own (hypothetic.org; MSNPiki). Words are kept as they came, byte for byte: a decoded challenge
would not be the same challenge any more. `unescape` is for words that contain text.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from ..errors import LocalProtocolError
from ..patterns import pattern
from ..quoting import quoted, unquoted
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

# Bytes that are not UTF-8 are kept unchanged.
_ENCODING = ("utf-8", "surrogateescape")

_VERB = pattern(r"[A-Z]{3}|[0-9]{3}")
# ASCII digits only: `isdigit` accepts a superscript two as well, and `int` does not. No length and
# no transaction id has more than ten digits.
_NUMBER = pattern(r"[0-9]{1,10}")
_CONTROL = pattern(r"[\x00-\x1f\x7f]")

# Verbs whose first word may be a number without being a transaction id.
_WITHOUT_TRID = frozenset({"PNG", "QNG", "OUT", "RNG", "NOT", "IPG", "BPR", "NFY", "UBX", "UBN"})

# Verbs that always have a payload in that direction. When the last word is not a length, the end of
# the payload is unknown, and the rest of the stream cannot be read.
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
# `UUN 9 OK` have no payload; `UUX 8 0` and `PUT 8 OK 0` have an empty payload (libpurple,
# msnp-sharp).
_SOMETIMES_FROM_SERVER = frozenset({"ADL", "RML", "FQY", "UUX", "PUT", "DEL", "SDG", "VAS", "CRP"})

_SCHEMES = frozenset({"TWN", "SSO", "MD5", "CTP", "SHA"})


class Role(enum.Enum):
    """The sender of a command: the client or the server."""

    CLIENT = "client"
    SERVER = "server"


class Command(NamedTuple):
    """One MSNP command.

    Attributes:
        verb: three letters, or three digits for an error.
        trid: the transaction id, or None for commands without a transaction id.
        args: the other words, not decoded, and without the length of the payload.
        payload: the bytes of the payload, or None for commands without a payload.
    """

    verb: str
    trid: int | None = None
    args: tuple[str, ...] = ()
    payload: bytes | None = None

    @property
    def code(self) -> int | None:
        """The error code when this command is an error, or None."""
        return int(self.verb) if _NUMBER.fullmatch(self.verb) else None

    def encode(self) -> bytes:
        """Return the command's bytes.

        Raises:
            LocalProtocolError: a word is empty, or contains a blank or a control character, which
                would change the command.
        """
        if not _VERB.fullmatch(self.verb):
            raise LocalProtocolError(f"{printable(self.verb, 20)!r} is not an MSNP verb")
        # One of the words may be a ticket: no variable here may hold it when the error is raised.
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
        """Return the line; None when a word breaks the line, b"" when a word cannot be encoded.

        The whole line is checked at once and not each word, for speed, because every message of a
        chat is encoded here: the only blanks of a valid line are those between its words.
        """
        words = self._words()
        text = " ".join(words)
        if "" in words or text.count(" ") >= len(words) or _CONTROL.search(text):
            return None
        try:
            return text.encode(*_ENCODING) + b"\r\n"
        except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot encode
            return b""

    def _words(self) -> list[str]:
        words = [self.verb, *([] if self.trid is None else [str(self.trid)]), *self.args]
        return words if self.payload is None else [*words, str(len(self.payload))]

    def describe(self, sender: Role | None = None) -> str:
        """Return the line for a log, with masked secrets, and only the length of the payload.

        `USR n TWN S` contains a challenge when a server sends it, and a ticket when a client sends
        it: without `sender` both are masked.
        """
        words = [self.verb, *([] if self.trid is None else [str(self.trid)])]
        words += self.masked_args(sender)
        if self.payload is not None:
            words.append(f"{len(self.payload)} <{len(self.payload)} bytes>")
        return printable(" ".join(words), 600)

    def masked_args(self, sender: Role | None = None) -> list[str]:
        """Return the words for a log, with masked secrets; `sender` as in `describe`."""
        words = list(self.args)
        is_usr = self.verb == "USR"
        if is_usr and len(words) > 2 and words[0] in _SCHEMES and words[1] != "I":
            if sender is not Role.SERVER:
                words[2:] = [MASK] * len(words[2:])
        elif self.verb in ("USR", "ANS") and words and words[0] not in ("OK", *_SCHEMES):
            # USR and ANS to a switchboard contain the key of the conversation behind the passport.
            words[1:] = [MASK] * len(words[1:])
        elif "CKI" in words[:-1]:
            words[words.index("CKI") + 1] = MASK
        return words

    def __repr__(self) -> str:
        return f"<Command {self.describe()}>"

    def __str__(self) -> str:
        return repr(self)


def split_words(line: bytes) -> list[str]:
    """Return the words of a line (without its line end); several blanks separate like one."""
    return [word for word in line.decode(*_ENCODING).split(" ") if word]


def command_from_words(words: list[str], payload: bytes | None) -> Command:
    """Make a command from the words of a line; the length of a payload is left out."""
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
        ValueError: the command must have a length, and its last word is not a number.
    """
    verb = words[0]
    if sender is Role.SERVER:
        always = verb in _ALWAYS_FROM_SERVER
        # From MSNP13 on the errors of ADL and RML may have a payload (hypothetic.org), and so may
        # 801, with which MSNP21 refuses an SDG (msnp-sharp).
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
    # `007` is kept as a word: written again as a number, it would have other bytes.
    if not is_number(rest[0]) or rest[0] != str(int(rest[0])):
        return False
    # `LSG 0 Other%20Contacts 0` (MSNP8 and 9) begins with the number of a group; `LSG 5 …` of
    # MSNP7, which has six words, begins with the transaction id.
    if verb == "LSG":
        return len(rest) >= 5
    return verb not in _WITHOUT_TRID


def is_number(word: str) -> bool:
    """Tell whether a word is a number in MSNP: one to ten ASCII digits."""
    return _NUMBER.fullmatch(word) is not None


def escape(text: str) -> str:
    """Return `text` as an MSNP word, percent-encoded except letters, digits and `-._~`.

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

    Servers compare the word with the account's address as text, so that an escaped `@` would not
    match. Only characters that would end the word (blanks, control characters) and `%` are escaped.
    """
    return "".join(escape(c) if c <= " " or c in "%\x7f" else c for c in passport)


def unescape(word: str) -> str:
    """Return the text of an MSNP word: percent-encoding decoded, invalid escapes left unchanged.

    Bytes that are not UTF-8 (old clients sent names in Latin-1) become replacement characters.
    """
    if "%" not in word and word.isascii():
        return word  # most words of a contact list; this makes reading a list three times as fast
    return unquoted(word.encode(*_ENCODING)).decode("utf-8", "replace")

"""The payload of a MSG in a conversation: a formatted text, a typing notice, or a nudge.

The payload is a small MIME message: headers, an empty line, the body (hypothetic.org, messages;
MSNPiki, MSNC). Client and server both use this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import quote, unquote

from ..errors import LocalProtocolError

__all__ = [
    "MAX_PAYLOAD",
    "NUDGE",
    "PLAIN",
    "Body",
    "Looks",
    "LooksOptions",
    "parse_message",
    "split_text",
    "text_payload",
    "typing_payload",
]

MAX_PAYLOAD = 1664
"""The most bytes of a MSG's payload with its headers; a server closes the connection for more."""

MAX_TEXT = 1400
"""The most bytes of UTF-8 of the text itself (MSNPiki)."""

NUDGE = b"MIME-Version: 1.0\r\nContent-Type: text/x-msnmsgr-datacast\r\n\r\nID: 1\r\n\r\n"
"""The payload of a nudge; other ID numbers mean winks and similar things."""

_MAX_CHUNKS = 1023  # libpurple accepts no more
_COLOUR = re.compile(r"#?([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")
_WIRE_COLOUR = re.compile(r"[0-9A-Fa-f]{1,6}")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_MAX_FONT = 100
_NUMBER = re.compile(r"[0-9]{1,4}")


class LooksOptions(TypedDict, total=False):
    """The keyword arguments of `Looks`, for functions that also accept them."""

    font: str
    colour: str
    bold: bool
    italic: bool
    underline: bool
    strikethrough: bool
    right_to_left: bool


@dataclass(frozen=True)
class Looks:
    """The format of a text: font, colour and effects (the header X-MMS-IM-Format).

    Attributes:
        font: the name of the font; empty for the reader's own font.
        colour: the colour of the text, as `#rrggbb`.
        bold, italic, underline, strikethrough: whether the text has this effect.
        right_to_left: whether the text is aligned to the right.
    """

    font: str = ""
    colour: str = "#000000"
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strikethrough: bool = False
    right_to_left: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.colour, str) or _COLOUR.fullmatch(self.colour) is None:
            raise LocalProtocolError(f"{self.colour!r} is no colour", hint="as in colour='#cc0000'")
        if not isinstance(self.font, str) or len(quote(self.font, errors="replace")) > _MAX_FONT:
            raise LocalProtocolError("that is no name of a font", hint="as in font='Segoe UI'")

    def encode(self) -> str:
        """Return the header's value."""
        match = _COLOUR.fullmatch(self.colour)
        assert match is not None  # __post_init__ has checked this
        # On the wire blue comes first, and there are no leading zeros (hypothetic.org).
        colour = f"{match[3]}{match[2]}{match[1]}".lower().lstrip("0") or "0"
        chosen = (("B", self.bold), ("I", self.italic), ("U", self.underline))
        effects = "".join(letter for letter, is_on in (*chosen, ("S", self.strikethrough)) if is_on)
        font = quote(self.font, safe="", errors="replace")
        value = f"FN={font}; EF={effects}; CO={colour}; CS=0; PF=0"
        return f"{value}; RL=1" if self.right_to_left else value

    @classmethod
    def decode(cls, value: str) -> Looks:
        """Return the format in a header value; fields that cannot be read have their defaults."""
        parts = (part.partition("=") for part in value.split(";"))
        fields = {name.strip().upper(): text.strip() for name, _, text in parts}
        colour = fields.get("CO", "")
        padded = colour.zfill(6) if _WIRE_COLOUR.fullmatch(colour) else "000000"
        effects = fields.get("EF", "").upper()
        font = unquote(fields.get("FN", ""))
        return cls(
            font=font if len(quote(font)) <= _MAX_FONT else "",
            colour=f"#{padded[4:6]}{padded[2:4]}{padded[0:2]}".lower(),
            bold="B" in effects,
            italic="I" in effects,
            underline="U" in effects,
            strikethrough="S" in effects,
            right_to_left=fields.get("RL") == "1",
        )


PLAIN = Looks()
"""The reader's own font, in black."""


@dataclass(frozen=True)
class Body:
    """The parsed payload of a MSG.

    Attributes:
        kind: the Content-Type without parameters, in lower case.
        headers: the headers, by lower-case name.
        content: the bytes behind the empty line.
    """

    kind: str
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The content as text; bytes that are not UTF-8 become replacement characters."""
        return self.content.decode("utf-8", "replace")

    @property
    def looks(self) -> Looks:
        """The format of the text."""
        return Looks.decode(self.headers.get("x-mms-im-format", ""))

    @property
    def is_nudge(self) -> bool:
        """True when the payload is a nudge."""
        return self.kind == "text/x-msnmsgr-datacast" and b"ID: 1" in self.content.split(b"\r\n")

    @property
    def is_typing(self) -> bool:
        """True when the payload is a notice that somebody is typing."""
        return self.kind == "text/x-msmsgscontrol" and bool(self.headers.get("typinguser"))

    @property
    def piece(self) -> tuple[str, int, int] | None:
        """The id, the position and the number of pieces of a text that comes in several messages.

        Only the first piece has the number of pieces, and the other pieces have only their
        position; a missing value is 0. The property is None for a message in one piece.
        """
        name = self.headers.get("message-id")
        if not name:
            return None
        total, place = (self.headers.get(key, "") for key in ("chunks", "chunk"))
        if _NUMBER.fullmatch(total) and 1 < int(total) <= _MAX_CHUNKS:
            return name, 0, int(total)
        if _NUMBER.fullmatch(place) and 0 < int(place) < _MAX_CHUNKS:
            return name, int(place), 0
        return None


def parse_message(payload: bytes) -> Body:
    """Parse a payload. This never raises, because a peer may send any bytes."""
    end = _EMPTY_LINE.search(payload)
    head, content = (payload[: end.start()], payload[end.end() :]) if end else (payload, b"")
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return Body(kind, headers, content)


def text_payload(text: str, looks: Looks) -> bytes:
    """Return the payload of a text, which `split_text` has made short enough."""
    head = (
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
        f"X-MMS-IM-Format: {looks.encode()}\r\n\r\n"
    )
    return (head + text).encode("utf-8")


def typing_payload(passport: str) -> bytes:
    """Return the payload of the notice that this account is typing."""
    head = "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\n"
    return f"{head}TypingUser: {passport}\r\n\r\n\r\n".encode()


def split_text(text: str, limit: int = MAX_TEXT) -> list[str]:
    """Return a text in pieces of at most `limit` bytes of UTF-8.

    The text is split at a blank or a line end where there is one in the second half of a piece, and
    otherwise between two visible characters: a letter stays together with its accents, and an emoji
    of several code points stays in one piece.

    Raises:
        LocalProtocolError: there is no text, or it cannot be written as UTF-8.
    """
    if not isinstance(text, str) or not text:
        raise LocalProtocolError("there is no text to send")
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        size = -1
    if size < 0:
        raise LocalProtocolError("the text cannot be written as UTF-8")
    return [text] if size <= limit else list(_pieces(text, limit))


def _pieces(text: str, limit: int) -> Iterator[str]:
    at = 0
    while at < len(text):
        end, size, part, blank = at, 0, at, at
        while end < len(text) and (size := size + len(text[end].encode("utf-8"))) <= limit:
            end += 1
            if end == len(text) or _may_part(text[end - 1], text[end]):
                part = end
                if text[end - 1].isspace():
                    blank = end
        if end == len(text):
            part = end
        elif blank - at > (end - at) // 2:
            part = blank
        elif part == at:  # one character with a thousand accents has to be split somewhere
            part = end
        yield text[at:part]
        at = part


_JOINER = "\u200d"  # zero width joiner


def _may_part(before: str, after: str) -> bool:
    """Tell whether two adjacent characters may be in different messages."""
    if _JOINER in (before, after) or unicodedata.combining(after):
        return False
    # Variation selectors, skin tones, the tags of flags, and the regional letters of flags.
    joins = (
        unicodedata.category(after) in ("Mn", "Me", "Mc") or "\U0001f3fb" <= after <= "\U0001f3ff"
    )
    flags = all("\U0001f1e6" <= letter <= "\U0001f1ff" for letter in (before, after))
    return not joins and not flags and not "\U000e0020" <= after <= "\U000e007f"

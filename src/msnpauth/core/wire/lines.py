"""Bytes in, commands out: the reader of an MSNP stream, for both ends of the wire."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import RemoteProtocolError
from ..patterns import pattern
from ..secrets import printable
from .commands import Command, Role, command_from_words, payload_length, split_words

__all__ = ["MAX_LINE", "MAX_PAYLOAD", "NEED_DATA", "LineReader", "NeedData"]

# The longest real lines are tickets of about 2 KB; the longest payloads contact lists of 8 KB.
MAX_LINE = 16 * 1024
MAX_PAYLOAD = 1024 * 1024

_VERB = pattern(r"[A-Z]{3}|[0-9]{3}")
# Names are percent-encoded, so that no line has a control character, but for the CVR of msnlib. A
# challenge with one in it would end the header that carries the password. Bytes above 0x7F are let
# through: old clients sent names in Latin-1.
_CONTROL = pattern(rb"[\x00-\x1f\x7f]")


class NeedData:
    """The type of `NEED_DATA`."""

    def __repr__(self) -> str:
        return "NEED_DATA"


NEED_DATA = NeedData()
"""The answer of `next_command` when what has come so far is not a whole command."""


class LineReader:
    """Cuts a stream into commands.

    Reading never raises: a fault is a value, and stays the answer from then on. Lines end with
    LF, with or without CR before it; blank lines are passed over, because some servers put a line
    end behind a payload. `observe` is shown every command, for a log.

    `max_payload` may be changed between two commands: a server trusts who has signed in with more.
    """

    def __init__(
        self,
        sender: Role,
        *,
        max_line: int = MAX_LINE,
        max_payload: int = MAX_PAYLOAD,
        observe: Callable[[Command], None] | None = None,
    ) -> None:
        self._observe = observe
        self._sender = sender
        self._max_line = max_line
        self.max_payload = max_payload
        self._buffer = bytearray()
        self._searched = 0
        self._words: list[str] | None = None
        self._length: int | None = None
        self._fault: RemoteProtocolError | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes that came from the peer."""
        self._buffer += data

    @property
    def unread(self) -> bytes:
        """The bytes that no command was made of yet, for the next owner of the connection."""
        head = (
            b"" if self._words is None else " ".join(self._words).encode("utf-8", "surrogateescape")
        )
        return head + (b"\r\n" if self._words is not None else b"") + bytes(self._buffer)

    @property
    def has_command(self) -> bool:
        """True while `next_command` has something to give without more bytes."""
        if self._words is not None:
            return len(self._buffer) >= (self._length or 0)
        return b"\n" in self._buffer or len(self._buffer) > self._max_line

    def next_command(self) -> Command | NeedData | RemoteProtocolError:
        """Return the next command, `NEED_DATA`, or the fault that makes the stream unreadable."""
        if self._fault is not None:
            return self._fault
        while self._words is None:
            line = self._take_line()
            if not isinstance(line, bytes):
                return line
            if self._sender is Role.CLIENT and line.startswith(b"CVR "):
                # msnlib 3 (msnlib.py, login): `… MSMSGS<TAB>alice@example.com`.
                line = line.replace(b"\t", b" ")
            words = split_words(line)
            if not words:
                continue
            problem = self._begin(words, line)
            if problem is not None:
                return self._fail(problem)
            if self._length is None:
                self._words = None
                return self._whole(words, None)
        if len(self._buffer) < (self._length or 0):
            return NEED_DATA
        payload = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        words, self._words = self._words, None
        return self._whole(words, payload)

    def _begin(self, words: list[str], line: bytes) -> str | None:
        """Take the words of a line; return what is wrong with them, or None."""
        # A port that speaks HTTP, SSH or SMTP is found out by its first line.
        if not _VERB.fullmatch(words[0]) or _GREETING.match(line):
            return _foreign(line) or f"that is no MSNP: {printable(words[0][:8])!r}"
        if _CONTROL.search(line):
            return f"{words[0]} with a control character in its line"
        try:
            self._length = payload_length(words, self._sender)
        except ValueError:
            return f"{words[0]} without the length of its payload"
        # The bound is checked before a byte of the payload is kept.
        if self._length is not None and self._length > self.max_payload:
            return f"{words[0]} announces a payload of {self._length} bytes"
        self._words = words
        return None

    def _take_line(self) -> bytes | NeedData | RemoteProtocolError:
        # The search goes on where it ended last time. A peer that sends a long line byte by byte
        # would otherwise cost the square of its length.
        end = self._buffer.find(b"\n", self._searched)
        if end > self._max_line or (end < 0 and len(self._buffer) > self._max_line):
            return self._fail(f"a line of more than {self._max_line} bytes")
        if end < 0:
            self._searched = len(self._buffer)
            return NEED_DATA
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line.rstrip(b"\r ")  # a blank before CR LF was seen from one client

    def _whole(self, words: list[str], payload: bytes | None) -> Command:
        command = command_from_words(words, payload)
        if self._observe is not None:
            self._observe(command)
        return command

    def ended(self) -> RemoteProtocolError | None:
        """The peer has closed; return what it speaks if what it said is another protocol."""
        theirs = _foreign(bytes(self._buffer))
        return None if theirs is None else self._fail(theirs)

    def _fail(self, text: str) -> RemoteProtocolError:
        is_other = text.endswith(_NOT_MSNP)
        self._fault = RemoteProtocolError(
            text,
            hint=_ELSEWHERE if is_other else None,
            finding="MA-MSN-01" if is_other or text.startswith("that is no") else "MA-MSN-03",
        )
        return self._fault


_NOT_MSNP = "and not MSNP"
_ELSEWHERE = "the notification server has another address or port: check them"

# `220 mail.example ESMTP` begins with three digits, as an error code of MSNP does. That has a
# transaction id behind it, or nothing.
_GREETING = pattern(
    rb"[0-9]{3}(?:-| [^0-9\r\n]*\b(?:E?SMTP|FTP)\b)|(?:220|421|530|554) +[^0-9\s]", re.IGNORECASE
)

_PROTOCOLS = (
    (pattern(rb"HTTP/[0-9]|<(?:!doctype|html|\?xml)", re.IGNORECASE), "HTTP"),
    # An alert or a handshake of TLS 1.0 to 1.3: the server does not understand our plain text.
    (pattern(rb"[\x15\x16]\x03[\x00-\x04]"), "TLS"),
    (pattern(rb"SSH-[0-9]"), "SSH"),
    (_GREETING, "SMTP or FTP"),
    (pattern(rb"\+OK|\* OK", re.IGNORECASE), "POP3 or IMAP"),
    (pattern(rb"-ERR "), "Redis or POP3"),
    (pattern(rb":[^ ]+ (?:[0-9]{3}|NOTICE|ERROR) |ERROR :|NOTICE AUTH"), "IRC"),
)


def _foreign(data: bytes) -> str | None:
    """Return what is to be said of a server that speaks another protocol; None for none known."""
    theirs = next((name for pattern, name in _PROTOCOLS if pattern.match(data)), None)
    return None if theirs is None else f"the server speaks {theirs} on that port, {_NOT_MSNP}"

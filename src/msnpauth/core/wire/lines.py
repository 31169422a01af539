"""The reader of an MSNP stream, which makes commands from bytes, for client and server."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import RemoteProtocolError
from ..patterns import pattern
from ..secrets import printable
from .commands import Command, Role, command_from_words, payload_length, split_words

__all__ = ["MAX_LINE", "MAX_PAYLOAD", "NEED_DATA", "LineReader", "NeedData"]

# In bytes. The longest real lines have tickets of about 2 KB; the longest real payloads are contact
# lists of 8 KB.
MAX_LINE = 16 * 1024
MAX_PAYLOAD = 1024 * 1024

_VERB = pattern(r"[A-Z]{3}|[0-9]{3}")
# Names are percent-encoded, so that no line has a control character, except the CVR of msnlib. A
# challenge with a control character would end the header that contains the password. Bytes above
# 0x7F are accepted: old clients sent names in Latin-1.
_CONTROL = pattern(rb"[\x00-\x1f\x7f]")


class NeedData:
    """The type of `NEED_DATA`."""

    def __repr__(self) -> str:
        return "NEED_DATA"


NEED_DATA = NeedData()
"""The result of `next_command` when the received bytes are not a whole command yet."""


class LineReader:
    """Reads the commands of a stream.

    Reading never raises: an error is returned as a value, and is the result of every later call.
    Lines end with LF, with or without CR before it; blank lines are ignored, because some servers
    send a line end behind a payload. `observe` is called with every command, for a log.

    `max_payload` may be changed between two commands: a server accepts more from a client that has
    signed in.
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
        """Add bytes that were received."""
        self._buffer += data

    @property
    def unread(self) -> bytes:
        """The bytes behind the last returned command, for the next owner of the connection."""
        head = (
            b"" if self._words is None else " ".join(self._words).encode("utf-8", "surrogateescape")
        )
        return head + (b"\r\n" if self._words is not None else b"") + bytes(self._buffer)

    @property
    def has_command(self) -> bool:
        """True while `next_command` can return a command or an error without more bytes."""
        if self._words is not None:
            return len(self._buffer) >= (self._length or 0)
        return b"\n" in self._buffer or len(self._buffer) > self._max_line

    def next_command(self) -> Command | NeedData | RemoteProtocolError:
        """Return the next command, `NEED_DATA`, or the error that makes the stream unreadable."""
        if self._fault is not None:
            return self._fault
        while self._words is None:
            line = self._take_line()
            if not isinstance(line, bytes):
                return line
            if self._sender is Role.CLIENT and line.startswith(b"CVR "):
                # msnlib 3 (msnlib.py, login) sends `… MSMSGS<TAB>alice@example.com`.
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
        """Check and keep the words of a line; return what is wrong with them, or None."""
        # A server that speaks HTTP, SSH or SMTP is recognised by its first line.
        if not _VERB.fullmatch(words[0]) or _GREETING.match(line):
            return _foreign(line) or f"that is no MSNP: {printable(words[0][:8])!r}"
        if _CONTROL.search(line):
            return f"{words[0]} with a control character in its line"
        try:
            self._length = payload_length(words, self._sender)
        except ValueError:
            return f"{words[0]} without the length of its payload"
        # The limit is checked before any byte of the payload is kept.
        if self._length is not None and self._length > self.max_payload:
            return f"{words[0]} announces a payload of {self._length} bytes"
        self._words = words
        return None

    def _take_line(self) -> bytes | NeedData | RemoteProtocolError:
        # The search goes on where it ended last time. Otherwise a peer that sends a long line byte
        # by byte would cause work in proportion to the square of its length.
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
        """Return an error if the unread bytes of a closed stream are of another protocol."""
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

# `220 mail.example ESMTP` begins with three digits, like an error code of MSNP. Behind an error
# code of MSNP there is a transaction id, or nothing.
_GREETING = pattern(
    rb"[0-9]{3}(?:-| [^0-9\r\n]*\b(?:E?SMTP|FTP)\b)|(?:220|421|530|554) +[^0-9\s]", re.IGNORECASE
)

_PROTOCOLS = (
    (pattern(rb"HTTP/[0-9]|<(?:!doctype|html|\?xml)", re.IGNORECASE), "HTTP"),
    # An alert or a handshake of TLS 1.0 to 1.3, because the server does not understand plain text.
    (pattern(rb"[\x15\x16]\x03[\x00-\x04]"), "TLS"),
    (pattern(rb"SSH-[0-9]"), "SSH"),
    (_GREETING, "SMTP or FTP"),
    (pattern(rb"\+OK|\* OK", re.IGNORECASE), "POP3 or IMAP"),
    (pattern(rb"-ERR "), "Redis or POP3"),
    (pattern(rb":[^ ]+ (?:[0-9]{3}|NOTICE|ERROR) |ERROR :|NOTICE AUTH"), "IRC"),
)


def _foreign(data: bytes) -> str | None:
    """Return the error text for bytes of another known protocol, or None."""
    theirs = next((name for pattern, name in _PROTOCOLS if pattern.match(data)), None)
    return None if theirs is None else f"the server speaks {theirs} on that port, {_NOT_MSNP}"

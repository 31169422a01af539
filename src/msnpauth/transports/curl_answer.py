"""Reads an answer from libcurl's callbacks, as strictly as the other carriers read theirs."""

from __future__ import annotations

import re

from ..core.tickets.exchange import MAX_HEADER, Request, Response

__all__ = ["NOT_HTTP", "Answer"]

NOT_HTTP = "the answer is not HTTP/1.1"

# The grammar of h11, which the other carriers use. curl accepts more (a blank before the colon, a
# header without a name), and whether a ticket is accepted must not depend on the carrier.
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})(?: [^\x00\r\n]*)?\r?\n?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(rb"[\x00\n\v\f\r]")
_LENGTH = re.compile(rb"[0-9]{1,20}")


class Answer:
    """An answer, collected by curl's callbacks.

    Attributes:
        is_complete: True once all parts that are wanted have arrived.
        ends_with_connection: True when the body has no length: it ends with the connection.
        fault: what is wrong with the answer; "" for nothing.
    """

    def __init__(self, request: Request) -> None:
        self._wants_body = request.wants_body
        self._max_body = request.max_body
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._size = 0
        self._is_trailer = False
        self.is_complete = False
        self.ends_with_connection = False
        self.fault = ""

    def on_header(self, line: bytes) -> int | None:
        """Accept one line of the headers; returning -1 ends the exchange."""
        self._size += len(line)
        if self._size > MAX_HEADER:  # counted through all interim (1xx) answers
            return self._refuse("headers without end")
        if line.startswith(b"HTTP/"):
            match = _STATUS.fullmatch(line)
            if not match:
                return self._refuse(NOT_HTTP)
            self._status = int(match[1])
            self._headers.clear()
            # No other protocol was requested (101), and the following bytes would not be HTTP.
            return self._refuse(NOT_HTTP) if self._status < 100 or self._status == 101 else None
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        if content:
            return self._on_field(content)
        return self._on_end_of_headers() if self._status >= 200 else None

    def on_body(self, data: bytes) -> int | None:
        """Accept a part of the body; returning -1 ends the exchange."""
        self._body += data
        if len(self._body) > self._max_body:
            return self._refuse(f"a body of more than {self._max_body} bytes")
        return None

    def response(self) -> Response:
        """Return the answer, once it has arrived."""
        return Response.from_raw(self._status, self._headers, bytes(self._body))

    def _on_field(self, content: bytes) -> int | None:
        continues = content[:1] in b" \t"  # an obsolete form: the value of the line before
        if continues and self._is_trailer:
            return None
        if continues and self._headers:
            name, value = self._headers.pop()
            value = value + b" " + content.strip(b" \t")
        else:
            name, colon, value = content.partition(b":")
            if not colon or not _NAME.fullmatch(name):
                return self._refuse(NOT_HTTP)
        if _FORBIDDEN.search(value):
            return self._refuse(NOT_HTTP)
        if self._is_trailer:  # after a chunked body: the other carriers ignore it, too
            return None
        self._headers.append((name, value.strip(b" \t")))
        return None

    def _on_end_of_headers(self) -> int | None:
        lengths = {
            part.strip(b" \t")
            for value in self._all(b"content-length")
            for part in value.split(b",")
        }
        codings = [value.lower() for value in self._all(b"transfer-encoding")]
        if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
            return self._refuse(NOT_HTTP)
        if codings not in ([], [b"chunked"]):
            return self._refuse(NOT_HTTP)
        # The connection is kept when the body is empty, and given up when the body is not wanted.
        self.is_complete = not self._wants_body
        self.ends_with_connection = not lengths and not codings
        self._is_trailer = True
        is_empty = lengths == {b"0"} and not codings
        return None if is_empty or self._wants_body else -1

    def _all(self, name: bytes) -> list[bytes]:
        return [value for found, value in self._headers if found.lower() == name]

    def _refuse(self, fault: str) -> int:
        self.fault = fault
        return -1

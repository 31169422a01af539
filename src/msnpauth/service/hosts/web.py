"""Serves a web role over HTTP, on asyncio's streams and h11."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from contextlib import AbstractContextManager, suppress
from email.utils import formatdate
from typing import NamedTuple, Protocol

import h11

from ..addresses import network_of, plain_address
from ..roles.web import WebAnswer, WebRequest
from .faults import tell_fault
from .gate import Visit

__all__ = ["serve_web"]

_MAX_HEADER = 16 * 1024
_IDLE_SECONDS = 30.0
_HEAR_OUT_SECONDS = 2.0
_MOST_UNHEARD = 256 * 1024
_LONGEST_ADDRESS = 64
_CHUNK = 16 * 1024


class Site(Protocol):
    """Answers the HTTP requests of one listening address.

    Attributes:
        methods: the HTTP methods that the site answers.
    """

    methods: frozenset[str]

    def longest(self, target: str) -> int:
        """Return how many bytes the body of a request for this target may have."""

    def under_way(self) -> AbstractContextManager[None]:
        """Return the context in which an answer is made and sent; the site's end waits for it."""

    async def answer(self, request: WebRequest) -> WebAnswer:
        """Return the answer to a request."""


class _Way(NamedTuple):
    """The connection of a request, with the addresses of the proxies."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    visit: Visit
    proxies: Collection[str]


async def serve_web(
    site: Site,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    visit: Visit,
    proxies: Collection[str] = (),
) -> None:
    """Answer the requests of one connection until one side closes it.

    `proxies` contains the addresses of the proxies that forward the requests of clients.
    """
    left: bytes | None = b""
    connection = _new_connection()
    try:
        while left is not None:
            connection = _new_connection()
            connection.receive_data(await _beginning(reader, left))
            left = await _answer_one(connection, site, _Way(reader, writer, visit, proxies))
    except h11.RemoteProtocolError as error:
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            writer.write(_refusal(connection, error.error_status_hint))
            await _read_to_the_end(reader)
    except (OSError, TimeoutError):
        pass  # the client is gone, or was silent for too long
    except Exception as fault:  # noqa: BLE001 - an error must end this connection only
        tell_fault(fault)
    finally:
        with suppress(OSError):
            writer.close()


async def _read_to_the_end(reader: asyncio.StreamReader) -> None:
    """Read the data that the client still sends, so that closing does not lose the answer.

    The system resets a connection that is closed with unread data, and the client may then lose the
    answer.
    """
    most = _MOST_UNHEARD
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_HEAR_OUT_SECONDS):
            while most > 0 and (data := await reader.read(_CHUNK)):
                most -= len(data)


def _new_connection() -> h11.Connection:
    # One for each request, because the beginning of each request is repaired before h11 reads it.
    return h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEADER)


async def _beginning(reader: asyncio.StreamReader, left: bytes) -> bytes:
    """Return the beginning of a request up to the end of its headers, repaired for h11.

    Old clients break rules that h11 enforces; `roles.forms` says which clients do.

    Args:
        reader: the connection.
        left: the bytes of the connection that followed the last request.
    """
    heard = bytearray(left.lstrip(b"\r\n"))
    looked = 0
    async with asyncio.timeout(_IDLE_SECONDS):
        while not _is_enough(heard, looked):
            looked = len(heard)
            data = await reader.read(_CHUNK)
            if not data:
                break
            heard += data if heard else data.lstrip(b"\r\n")
    first, end, rest = bytes(heard).partition(b"\n")
    return _repaired_request(first.rstrip(b"\r"), rest) if end else bytes(heard)


def _is_enough(heard: bytearray, looked: int) -> bool:
    """Tell whether the headers are complete, or so wrong that h11 can refuse them already.

    Args:
        heard: the bytes that have arrived.
        looked: how many of these bytes were checked before. Checking all of them again for each
            byte of a client that sends single bytes would make all other clients wait.
    """
    if len(heard) >= _MAX_HEADER or (heard and not heard[:1].isalpha()):
        return True
    end = heard.find(b"\n")
    if end < 0:
        return False
    if end >= looked:  # the first line is complete now, and was not before
        words = heard[:end].split()
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return True
    since = max(end, looked - len(b"\n\r"))
    return heard.find(b"\n\r\n", since) >= 0 or heard.find(b"\n\n", since) >= 0


def _repaired_request(first: bytes, rest: bytes) -> bytes:
    """Return the first line and the headers in the form that h11 accepts."""
    words = first.split()
    if len(words) == 2:  # without a version
        words.append(b"HTTP/1.0")
    if len(words) != 3:
        return first + b"\r\n" + rest
    if re.match(rb"https?://", words[1], re.IGNORECASE):  # with scheme and host
        words[1] = b"/" + words[1].split(b"/", 3)[3] if words[1].count(b"/") > 2 else b"/"
    head = re.split(rb"\r?\n\r?\n", b"\n" + rest, maxsplit=1)[0]
    if words[2] == b"HTTP/1.1" and not re.search(rb"\nhost[ \t]*:", head, re.IGNORECASE):
        rest = b"Host: \r\n" + rest
    return b" ".join(words) + b"\r\n" + rest


async def _answer_one(connection: h11.Connection, site: Site, way: _Way) -> bytes | None:
    """Answer one request; return the bytes that followed it, or None to close the connection."""
    reader, writer = way.reader, way.writer
    request: h11.Request | None = None
    most = 0
    body = bytearray()
    async with asyncio.timeout(_IDLE_SECONDS):
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                request, most = event, site.longest(event.target.decode("ascii"))
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > most:
                    writer.write(_refusal(connection, 413))
                    await _read_to_the_end(reader)
                    return None
            elif isinstance(event, h11.EndOfMessage):
                break
            else:  # ConnectionClosed, PAUSED
                return None
        assert request is not None  # EndOfMessage comes after a Request
        if request.method.decode("ascii") not in site.methods:
            # Old clients need neither CONNECT nor HEAD, whose answers follow special rules
            # (RFC 9110, 9.3). Browsers may send HEAD.
            writer.write(_refusal(connection, 501))
            return None
        asked = _web_request(request, bytes(body), way)
        with site.under_way():
            answer = await site.answer(asked)
            writer.write(_encoded(connection, answer, with_body=request.method != b"HEAD"))
            await writer.drain()
    is_kept = connection.our_state is h11.DONE and connection.their_state is h11.DONE
    return connection.trailing_data[0] if is_kept else None


def _web_request(request: h11.Request, body: bytes, way: _Way) -> WebRequest:
    headers: dict[str, str] = {}
    brought = []
    for name, value in request.headers:
        text = value.decode("utf-8", "surrogateescape")
        headers.setdefault(name.decode("ascii"), text)
        if name == b"x-forwarded-for":
            # Some proxies add a header of their own after the header that the client has sent.
            brought.append(text)
    address = way.visit.address
    if way.proxies:
        address = _forwarded(",".join(brought), way.proxies) or address
    method, target = request.method.decode("ascii"), request.target.decode("ascii")
    return WebRequest(method, target, headers, body, address)


def _forwarded(header: str, proxies: Collection[str]) -> str:
    """Return the network of the client whose request the proxies have forwarded.

    Each proxy appends the address that has connected to it. So the last address that is not in
    `proxies` is the client's. Addresses before it may be anything that the client has written.
    """
    for word in reversed(header.split(",")):
        address = plain_address(word.strip()[:_LONGEST_ADDRESS])
        if address and address not in proxies:
            return network_of(address)
    return ""


def _encoded(connection: h11.Connection, answer: WebAnswer, *, with_body: bool = True) -> bytes:
    # A server with a clock sends Date (RFC 9110, 6.6.1): clients see in it that their own clock is
    # wrong. The headers of the role come last, because msn-pecan takes everything after `cbtxt=` in
    # WWW-Authenticate, up to the end of the headers, for the message of the server.
    headers = [
        (b"Date", formatdate(usegmt=True).encode()),
        (b"Content-Length", str(len(answer.body)).encode()),
        *((name.encode("ascii"), value.encode()) for name, value in answer.headers),
    ]
    response = h11.Response(
        status_code=answer.status, headers=headers, reason=_REASONS.get(answer.status, b"")
    )
    parts = [connection.send(response)]
    if with_body:
        parts.append(connection.send(h11.Data(data=answer.body)))
    parts.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


def _refusal(connection: h11.Connection, status: int) -> bytes:
    return _encoded(connection, WebAnswer(status, (("Connection", "close"),)))


_REASONS = {
    200: b"OK",
    302: b"Found",
    303: b"See Other",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    409: b"Conflict",
    413: b"Content Too Large",
    422: b"Unprocessable Content",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    503: b"Service Unavailable",
}

"""Serves a web role over TLS, on asyncio's streams and h11."""

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
    """What answers the requests of one address.

    Attributes:
        methods: those that it answers.
    """

    methods: frozenset[str]

    def longest(self, target: str) -> int:
        """Return how many bytes the body of a request may have."""

    def under_way(self) -> AbstractContextManager[None]:
        """Return what surrounds an answer, until it is sent: the site's end waits for it."""

    async def answer(self, request: WebRequest) -> WebAnswer:
        """Return the answer to a request."""


class _Way(NamedTuple):
    """How a request comes, and its answer goes."""

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
    """Answer the requests of one connection until either side has enough.

    `proxies` has the addresses of those who bring the clients, where there are any.
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
        pass  # gone, or silent for too long
    except Exception as fault:  # noqa: BLE001 - the net of last resort: one client, not the service
        tell_fault(fault)
    finally:
        with suppress(OSError):
            writer.close()


async def _read_to_the_end(reader: asyncio.StreamReader) -> None:
    """Read what is still on its way: a connection that is closed before loses the answer."""
    most = _MOST_UNHEARD
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_HEAR_OUT_SECONDS):
            while most > 0 and (data := await reader.read(_CHUNK)):
                most -= len(data)


def _new_connection() -> h11.Connection:
    # One for each request: what h11 refuses in the beginning of a request is put right before.
    return h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEADER)


async def _beginning(reader: asyncio.StreamReader, left: bytes) -> bytes:
    """Return the beginning of a request, as far as the end of its headers, put right.

    Old clients break rules that h11 holds them to; `roles.forms` says which clients do.

    Args:
        reader: the connection.
        left: bytes of it that came behind the last request.
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
    """True when the headers are whole, or will never be: h11 says what is wrong with them.

    Args:
        heard: what has come.
        looked: how much of it was looked at before. To look at all of it for each byte of a
            client that drips would keep everybody else waiting.
    """
    if len(heard) >= _MAX_HEADER or (heard and not heard[:1].isalpha()):
        return True
    end = heard.find(b"\n")
    if end < 0:
        return False
    if end >= looked:  # the first line is whole since now
        words = heard[:end].split()
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return True
    since = max(end, looked - len(b"\n\r"))
    return heard.find(b"\n\r\n", since) >= 0 or heard.find(b"\n\n", since) >= 0


def _repaired_request(first: bytes, rest: bytes) -> bytes:
    """Return first line and headers as h11 takes them."""
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
    """Answer one request; return what came behind it, or None when there will be no other."""
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
                    return None
            elif isinstance(event, h11.EndOfMessage):
                break
            else:  # ConnectionClosed, PAUSED
                return None
        assert request is not None  # EndOfMessage comes behind a Request
        if request.method.decode("ascii") not in site.methods:
            # Old clients need neither CONNECT nor HEAD, whose answers follow rules of their own
            # (RFC 9110, 9.3). Browsers know HEAD.
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
            # Some proxies add a line of their own behind the one that the client has written.
            brought.append(text)
    address = way.visit.address
    if way.proxies:
        address = _forwarded(",".join(brought), way.proxies) or address
    method, target = request.method.decode("ascii"), request.target.decode("ascii")
    return WebRequest(method, target, headers, body, address)


def _forwarded(header: str, proxies: Collection[str]) -> str:
    """Return the network of the client that the proxies have brought.

    Each proxy appends who came to it. What stands before the last that is no proxy of ours was
    written by the client, who may write anything.
    """
    for word in reversed(header.split(",")):
        address = plain_address(word.strip()[:_LONGEST_ADDRESS])
        if address and address not in proxies:
            return network_of(address)
    return ""


def _encoded(connection: h11.Connection, answer: WebAnswer, *, with_body: bool = True) -> bytes:
    # A server with a clock states it (RFC 9110, 6.6.1): clients see by it that their own is wrong.
    # What the role says comes last, because msn-pecan takes all that is behind `cbtxt=` in
    # WWW-Authenticate, up to the end of the headers, for the server's sentence.
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
    422: b"Unprocessable Content",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    503: b"Service Unavailable",
}

"""Serves a web role over TLS, on asyncio's streams and h11."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from email.utils import formatdate

import h11

from ..roles.web import Answerer, WebAnswer, WebRequest
from .faults import tell_fault

__all__ = ["serve_web"]

_MAX_HEADER = 64 * 1024
_MAX_BODY = 1024 * 1024
_IDLE_SECONDS = 30.0
_CHUNK = 16 * 1024


async def serve_web(
    answer: Answerer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer the requests of one connection until either side has enough."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEADER)
    try:
        connection.receive_data(await _first_bytes(reader))
        while await _answer_one(connection, answer, reader, writer):
            connection.start_next_cycle()
    except h11.RemoteProtocolError as error:
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            writer.write(_refusal(connection, error.error_status_hint))
    except (OSError, TimeoutError):
        pass  # gone, or silent for too long
    except Exception as fault:  # noqa: BLE001 - the net of last resort: one client, not the service
        tell_fault(fault)
    finally:
        with suppress(OSError):
            writer.close()


async def _first_bytes(reader: asyncio.StreamReader) -> bytes:
    """Return the first line, put right: pecan asks the nexus without HTTP version and Host."""
    async with asyncio.timeout(_IDLE_SECONDS):
        line = bytearray()
        while not line.endswith(b"\n") and len(line) < _MAX_HEADER:
            data = await reader.read(_CHUNK)
            if not data:
                break
            line += data
            if b"\n" in data:
                break
    first, end, rest = bytes(line).partition(b"\n")
    if end and len(first.split()) == 2:
        return first.rstrip(b"\r") + b" HTTP/1.0\r\n" + rest
    return bytes(line)


async def _answer_one(
    connection: h11.Connection,
    answer: Answerer,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    """Answer one request; tell whether the connection is good for another."""
    request: h11.Request | None = None
    body = bytearray()
    async with asyncio.timeout(_IDLE_SECONDS):
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _MAX_BODY:
                    return False
            elif isinstance(event, h11.EndOfMessage):
                break
            else:  # ConnectionClosed, PAUSED
                return False
        assert request is not None  # EndOfMessage comes behind a Request
        if request.method not in _METHODS:
            # The answers to CONNECT and HEAD follow rules of their own (RFC 9110, 9.3), and no
            # client needs them here.
            writer.write(_refusal(connection, 501))
            return False
        writer.write(_encoded(connection, await answer(_web_request(request, bytes(body)))))
        await writer.drain()
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


def _web_request(request: h11.Request, body: bytes) -> WebRequest:
    headers: dict[str, str] = {}
    for name, value in request.headers:
        headers.setdefault(name.decode("ascii"), value.decode("utf-8", "surrogateescape"))
    return WebRequest(request.method.decode("ascii"), request.target.decode("ascii"), headers, body)


def _encoded(connection: h11.Connection, answer: WebAnswer) -> bytes:
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
    parts = [connection.send(response), connection.send(h11.Data(data=answer.body))]
    parts.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


def _refusal(connection: h11.Connection, status: int) -> bytes:
    return _encoded(connection, WebAnswer(status, (("Connection", "close"),)))


_METHODS = frozenset({b"GET", b"POST"})

_REASONS = {
    200: b"OK",
    302: b"Found",
    400: b"Bad Request",
    401: b"Unauthorized",
    404: b"Not Found",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    503: b"Service Unavailable",
}

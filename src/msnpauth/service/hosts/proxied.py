r"""Versions 1 and 2 of the PROXY protocol (haproxy.org, proxy-protocol.txt).

A TCP load balancer forwards the bytes of a connection. Without more information all clients would
seem to come from the address of the balancer, and guesses and connections could not be counted by
network. So the balancer first sends the address of the client, in a line of text or in binary:

    PROXY TCP4 192.0.2.7 10.0.0.5 51234 1863\r\n
    \r\n\r\n\0\r\nQUIT\n, version and command, family, length, addresses
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable

from ..addresses import plain_address

__all__ = ["introduced", "read_introduction"]

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_LONGEST_LINE = 107
"""The length of the longest header of version 1 with its line end, in bytes."""
_LONGEST_BODY = 1024
"""The length of the longest body of version 2, in bytes: addresses have at most 36 bytes, and a few
fields may follow them.
"""
_SECONDS = 5.0
_LENGTHS = {1: 4, 2: 16}
"""The length of an address in bytes, by family: IPv4 and IPv6."""

Receive = Callable[[int], Awaitable[bytes]]
"""Returns the requested number of bytes; fewer at the end of the connection."""


async def introduced(transport: asyncio.BaseTransport) -> str | None:
    """Return the address of the client whose connection a balancer forwards.

    The bytes after the PROXY header stay unread, because they may be TLS.

    Args:
        transport: a connection that was just accepted, and from which nothing was read yet.

    Returns:
        The address. "" when the balancer itself is the client, as in a check whether the service is
        available. None when no valid header arrives in time.
    """
    accepted: socket.socket | None = transport.get_extra_info("socket")
    if accepted is None:
        return None
    loop = asyncio.get_running_loop()
    # A duplicate of the file descriptor, because asyncio forbids other reads from the descriptor of
    # a transport.
    with socket.socket(fileno=os.dup(accepted.fileno())) as sock:
        sock.setblocking(False)

        async def receive(count: int) -> bytes:
            data = b""
            while len(data) < count:
                more = await loop.sock_recv(sock, count - len(data))
                if not more:
                    break
                data += more
            return data

        try:
            async with asyncio.timeout(_SECONDS):
                return await read_introduction(receive)
        except (OSError, TimeoutError):
            return None


async def read_introduction(receive: Receive) -> str | None:
    """As `introduced`, for bytes from any source."""
    begin = await receive(len(_SIGNATURE))
    if begin == _SIGNATURE:
        return await _binary(receive)
    if not begin.startswith(b"PROXY "):
        return None
    line = begin
    # Byte by byte, because the bytes after the line must stay unread.
    while not line.endswith(b"\r\n"):
        if len(line) >= _LONGEST_LINE:
            return None
        more = await receive(1)
        if not more:
            return None
        line += more
    return _of_line(line)


def _of_line(line: bytes) -> str | None:
    words = line[:-2].split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return ""
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        return None
    return _address(words[2].decode("ascii", "replace"))


async def _binary(receive: Receive) -> str | None:
    head = await receive(4)
    if len(head) < 4 or head[0] >> 4 != 2:
        return None
    length = int.from_bytes(head[2:4])
    if length > _LONGEST_BODY:
        return None
    body = await receive(length)
    if len(body) < length:
        return None
    if head[0] & 0x0F == 0:  # LOCAL
        return ""
    size = _LENGTHS.get(head[1] >> 4)
    if head[0] & 0x0F != 1 or size is None or length < 2 * size + 4:
        return None
    return plain_address(str(ipaddress.ip_address(body[:size])))


def _address(text: str) -> str | None:
    try:
        return plain_address(str(ipaddress.ip_address(text)))
    except ValueError:
        return None

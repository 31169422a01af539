r"""The PROXY protocol: whom a balancer of TCP brings (haproxy.org, proxy-protocol.txt, 1 and 2).

A balancer hands on the bytes of a connection. Without a word from it everybody would seem to come
from its one address, and guesses and connections could not be counted by network. So the balancer
says first where the connection comes from, in a line of text or in binary:

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
"""Of version 1, with its line end."""
_LONGEST_BODY = 1024
"""Of version 2: addresses take 36 bytes at most, and a few fields may come behind them."""
_SECONDS = 5.0
_LENGTHS = {1: 4, 2: 16}
"""Bytes of an address, by family: IPv4 and IPv6."""

Receive = Callable[[int], Awaitable[bytes]]
"""Returns that many bytes; fewer at the end."""


async def introduced(transport: asyncio.BaseTransport) -> str | None:
    """Return the address of the client that a balancer brings.

    What comes behind the introduction is left where it is: it may be TLS.

    Args:
        transport: a connection that was just taken, and from which nothing is read yet.

    Returns:
        The address. "" when the balancer speaks for itself, as in a check of whether the service is
        there. None when there is no introduction, or none in time.
    """
    accepted: socket.socket | None = transport.get_extra_info("socket")
    if accepted is None:
        return None
    loop = asyncio.get_running_loop()
    # A handle of its own: the loop lets nobody else read from one that belongs to a transport.
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
    """As `introduced`, of whatever the bytes come from."""
    begin = await receive(len(_SIGNATURE))
    if begin == _SIGNATURE:
        return await _binary(receive)
    if not begin.startswith(b"PROXY "):
        return None
    line = begin
    # Byte by byte: what is behind the line belongs to somebody else.
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

"""Sends and receives bytes unchanged, for requests that no library would send."""

from __future__ import annotations

import re
import socket
import ssl
import time
import warnings
from contextlib import suppress
from typing import NamedTuple

from ..core.errors import SignInError, Step
from ..core.urls import Address
from ..net.deadline import Deadline
from ..net.names import network_error
from ..net.sockets import connect_tcp

__all__ = ["Reply", "ask", "unchecked"]

_MOST = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_SILENCE = 3.0
"""Seconds to wait for an answer; after that the server counts as silent."""

_QUIET = 0.3
"""Seconds without another byte that end an answer of lines, which has no other end."""


class Reply(NamedTuple):
    """The answer of a server.

    Attributes:
        data: the bytes of the answer, about 256 KiB at most.
        is_closed: whether the server closed the connection.
    """

    data: bytes
    is_closed: bool

    @property
    def status(self) -> int | None:
        """The status of an HTTP answer; None when it is not HTTP."""
        match = re.match(rb"HTTP/[0-9.]+ ([0-9]{3})", self.data)
        return int(match[1]) if match else None

    @property
    def head(self) -> bytes:
        """The first line and the headers of an HTTP answer."""
        return self.data.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self) -> bytes:
        """The bytes after the headers."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def is_silence(self) -> bool:
        """True when no byte came, and the connection stayed open."""
        return not self.data and not self.is_closed


def unchecked() -> ssl.SSLContext:
    """Return TLS settings that verify nothing, for requests that contain no secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings(action="ignore"):  # about old TLS, which is intended here
        context.minimum_version = ssl.TLSVersion.TLSv1
    # So that a server with a weak key or an old cipher can be examined, and is not only refused.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def ask(
    address: Address,
    data: bytes,
    deadline: Deadline,
    *,
    tls: ssl.SSLContext | None = None,
    pieces: int = 0,
) -> Reply:
    """Connect, send bytes, and return the answer.

    Args:
        address: the server's host and port.
        data: the bytes to send.
        deadline: the time at which the attempt ends.
        tls: settings of a TLS connection; None for plain TCP.
        pieces: the number of bytes at the beginning that are sent one by one.

    Raises:
        SignInError: the connection failed.
    """
    step = Step.NOTIFICATION if tls is None else Step.LOGIN
    server = str(address)
    sock = connect_tcp(address, deadline, step)
    try:
        if tls is not None:
            sock.settimeout(deadline.check(step, server))
            sock = tls.wrap_socket(sock, server_hostname=address.host)
        for at in range(pieces):
            sock.sendall(data[at : at + 1])
        # A server may close the connection before it has read all of a refused request.
        with suppress(ConnectionError):
            sock.sendall(data[pieces:])
        return _heard(sock, deadline, is_http=tls is not None)
    except TimeoutError:
        error: SignInError = deadline.passed(step, server)
    except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave
        error = network_error(problem, step, server)
    finally:
        sock.close()
    raise error


def _heard(sock: socket.socket, deadline: Deadline, *, is_http: bool) -> Reply:
    """Read until the answer is complete, the connection ends, or no more bytes come."""
    heard = bytearray()
    until = time.monotonic() + _SILENCE
    while len(heard) < _MOST and not (is_http and _is_whole(heard)):
        left = min(until - time.monotonic(), deadline.remaining())
        if left <= 0:  # a server that sends byte by byte must not extend the time
            break
        sock.settimeout(max(0.01, left if is_http or not heard else min(left, _QUIET)))
        try:
            data = sock.recv(65536)
        except TimeoutError:
            return Reply(bytes(heard), is_closed=False)
        except OSError:
            return Reply(bytes(heard), is_closed=True)
        if not data:
            return Reply(bytes(heard), is_closed=True)
        heard += data
    return Reply(bytes(heard), is_closed=False)


def _is_whole(heard: bytearray) -> bool:
    head, end, body = bytes(heard).partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return bool(end) and (length is None or len(body) >= int(length[1]))

"""A TLS connection on a blocking socket, for one thread that sends requests and reads answers."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from ..core.errors import SignInError
from ..core.secrets import Secret
from ..core.urls import Address
from .sessions import Resumption
from .tls_connection import TlsConnection

__all__ = ["Patience", "TlsSocket"]

_CHUNK = 64 * 1024

Patience = Callable[[], float]
"""A function that returns the seconds that are left, and raises an error when none are left."""


class TlsSocket:
    """Carries the bytes of a `TlsConnection`, as `TlsStream` does for asyncio.

    Args:
        sock: a connected socket.
        tls: the connection to be carried.
        resumption: offers and keeps TLS sessions for this connection.
    """

    def __init__(self, sock: socket.socket, tls: TlsConnection, resumption: Resumption) -> None:
        self.sock = sock
        self._tls = tls
        self._resumption = resumption

    @classmethod
    def over(
        cls, sock: socket.socket, context: ssl.SSLContext, address: Address, *, offer: bool = True
    ) -> Self:
        """Return a connection with these TLS settings; `offer` allows resuming a session."""
        resumption = Resumption(context, address, offer=offer)
        return cls(sock, resumption.connection(), resumption)

    @property
    def version(self) -> str:
        """The version of TLS, once the handshake is done."""
        return self._tls.tls.version() or ""

    def was_session_to_blame(self, error: SignInError) -> bool:
        """Tell whether another connection may succeed, by a full handshake."""
        return not self._tls.is_secured and self._resumption.is_to_blame(error)

    def is_quiet(self) -> bool:
        """Tell whether the connection is open, and no unrequested data has arrived.

        Messages of TLS itself, such as session tickets, do not count.
        """
        try:
            if _has_come(self.sock):
                self.sock.settimeout(0)
                self._tls.receive(self.sock.recv(_CHUNK))
        except BlockingIOError:
            pass
        except (OSError, ValueError):
            return False
        is_over = self._tls.read() or self._tls.has_ended or self._tls.fault
        return not is_over

    def shake_hands(self, patience: Patience, first: Callable[[], Secret] | None = None) -> None:
        """Complete the handshake. Its last message is sent only by the next `flush`.

        Args:
            patience: returns the seconds that are left.
            first: returns the data that is sent with that last message, bytes decoded as Latin-1.
                It is called while the server works.

        Raises:
            ssl.SSLError, OSError: the handshake failed.
            SignInError: as `patience`, or as `first`.
        """
        self._tls.start()
        self.flush(patience)
        if first is not None:
            self._tls.say_first(first())
        self._resumption.prepare()
        while not self._tls.is_secured:
            self._say_why()
            self._check()
            self.flush(patience)
            self._hear(patience)

    def write(self, data: bytes, patience: Patience) -> None:
        """Send data.

        Raises:
            as `shake_hands`.
        """
        self._tls.send(data)
        del data  # a KeyboardInterrupt while it is sent must not find it in this frame
        self._check()
        self.flush(patience)

    def read(self, patience: Patience) -> bytes:
        """Return the data that has arrived; b"" at the end of the connection.

        Raises:
            as `shake_hands`.
        """
        has_heard = False
        while not (said := self._tls.read()):
            if has_heard:
                # Only session tickets came: the server is still preparing its answer.
                self._resumption.prepare()
            self.flush(patience)
            self._check()
            if self._tls.has_ended:
                return b""
            self._hear(patience)
            has_heard = True
        return said

    def flush(self, patience: Patience) -> None:
        """Send the bytes that TLS has for the peer.

        Raises:
            as `shake_hands`.
        """
        if data := self._tls.outgoing():
            self.sock.settimeout(patience())
            self.sock.sendall(data)

    def keep_session(self) -> None:
        """Keep the TLS session for the next connection, once an answer has come."""
        self._resumption.keep(self._tls.tls)

    def close(self) -> None:
        """Close at once, without a TLS close_notify, which could wait for the peer."""
        self.sock.close()

    def _hear(self, patience: Patience) -> None:
        self.sock.settimeout(patience())
        self._tls.receive(self.sock.recv(_CHUNK))

    def _check(self) -> None:
        if self._tls.fault is not None:
            raise self._tls.fault

    def _say_why(self) -> None:
        """Send the alert that tells the server why a handshake failed, if that does not block."""
        if self._tls.fault is not None:
            with suppress(OSError, ValueError):
                self.sock.settimeout(0)
                self.sock.send(self._tls.outgoing())


def _has_come(sock: socket.socket) -> bool:
    """Tell whether the socket has data to read, or has ended."""
    if not hasattr(select, "poll"):  # Windows, and libraries that replace parts of this module
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))

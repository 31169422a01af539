"""A TLS connection on asyncio, for one task that sends requests and reads answers."""

from __future__ import annotations

import asyncio
import ssl

from .sessions import Resumption
from .tls_connection import TlsConnection

__all__ = ["TlsStream"]

_MOST = 64 * 1024
"""Bytes that wait here for the reader. When there are more, reading from the socket pauses."""


class TlsStream(asyncio.Protocol):
    """Carries the bytes of a `TlsConnection`; the protocol of a plain transport.

    The errors that it raises are those of `ssl` and of the system, as with a blocking socket.

    Attributes:
        tls: the connection that it carries.
        resumption: offers and keeps TLS sessions for this connection; None to do without.
    """

    def __init__(self, tls: TlsConnection, resumption: Resumption | None = None) -> None:
        self.tls = tls
        self.resumption = resumption
        self._transport: asyncio.Transport | None = None
        self._heard = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._is_lost = False
        self._is_full = False

    def is_quiet(self) -> bool:
        """Tell whether the connection is open, and no unrequested data has arrived.

        Messages of TLS itself, such as session tickets, do not count.
        """
        self._hear()
        is_over = self.tls.has_ended or self.tls.fault or self._error or self._is_lost
        return not (self._heard or is_over)

    async def shake_hands(self) -> None:
        """Wait for the handshake.

        Raises:
            ssl.SSLError, OSError: the handshake failed.
        """
        self._prepare()
        while not self.tls.is_secured:
            is_lost = isinstance(self._error, ConnectionError)
            # With TCP Fast Open a refused connection is noticed only here.
            if is_lost and not isinstance(self._error, ConnectionRefusedError):
                # A peer that does not speak TLS mostly closes the connection: the same error as
                # for an end within the handshake.
                raise ssl.SSLEOFError
            self._check()
            await self._change()

    async def read(self) -> bytes:
        """Return the data that has arrived; b"" at the end of the connection.

        Raises:
            ssl.SSLError, OSError: the connection broke.
        """
        has_heard = False
        while not self._hear():
            if has_heard:
                # Only session tickets came: the server is still preparing its answer.
                self._prepare()
            self._check()
            if self.tls.has_ended or self._is_lost:
                return b""
            await self._change()
            has_heard = True
        heard = bytes(self._heard)
        self._heard.clear()
        return heard

    def write(self, data: bytes) -> None:
        """Send data as soon as the system accepts it."""
        self.tls.send(data)
        self._flush()

    async def drain(self) -> None:
        """Wait until asyncio accepts more data to send.

        Raises:
            ssl.SSLError, OSError: the connection broke.
        """
        while self._is_full and not self._is_lost:
            await self._change()
        if self._is_lost and not self._hear():
            self._check()
            raise ConnectionResetError

    def keep_session(self) -> None:
        """Keep the TLS session for the next connection, once an answer has come."""
        if self.resumption is not None:
            self.resumption.keep(self.tls.tls)

    def _prepare(self) -> None:
        if self.resumption is not None:
            self.resumption.prepare()

    def abort(self) -> None:
        """Close at once, without a TLS close_notify, which could wait for the peer."""
        if self._transport is not None:
            self._transport.abort()

    # --- what asyncio calls -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.tls.start()
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._take(data)

    def eof_received(self) -> None:
        self._take(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._error = exc
        if exc is None:
            self._take(b"")
        self._wake()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()

    # --- within -------------------------------------------------------------------------------

    def _check(self) -> None:
        """Raise the error that broke the connection, if there is one."""
        problem = self.tls.fault or self._error
        if problem is not None:
            raise problem

    def _take(self, data: bytes) -> None:
        """Accept received bytes; the waiting task reads the data."""
        assert self._transport is not None  # asyncio calls `connection_made` first
        self.tls.receive(data)
        self._flush()
        if self.tls.fault is not None:
            self._transport.abort()
        if self.tls.waiting > _MOST:
            self._transport.pause_reading()
        self._wake()

    def _hear(self) -> bool:
        """Read the data that has arrived, and tell whether there is any."""
        # A peer that requests new keys over and over must not make the answers pile up here:
        # nothing is read before the peer has received the earlier answers.
        if self._transport is not None and not self._is_full:
            self._heard += self.tls.read()
            self._flush()
            self._transport.resume_reading()
        return bool(self._heard)

    def _flush(self) -> None:
        """Pass the bytes that are to be sent to asyncio."""
        if self._transport is not None and (data := self.tls.outgoing()):
            self._transport.write(data)

    async def _change(self) -> None:
        """Wait until something has happened to the connection."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

"""TLS without I/O: it accepts bytes from the network, and returns bytes for the network.

asyncio's own TLS layer allocates a buffer of 256 KiB for each connection, however little arrives.
A `TlsConnection` needs about 25 KiB while it waits.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from ..core.secrets import Secret

__all__ = ["TlsConnection"]

_SLICE = 16 * 1024
"""Bytes that are passed to OpenSSL, or read from it, at a time.

A `MemoryBIO` never releases memory: it stays as large as its largest content was. OpenSSL consumes
all that it can use of one slice before the next one is passed to it.
"""

_HEAD = 5
"""The size in bytes of a record's header: its type, the version, its length (RFC 8446, 5.1)."""

_MOST_SILENT = 256
"""The largest number of records in a row without data for the reader. Servers send a few tickets. A
flood of KeyUpdate messages costs this end more than the server, and would block an event loop."""


class TlsConnection:
    """The client's end of one TLS connection.

    `receive` and `read` never raise: a fault is a value. Data that came before it is returned
    first.

    After the handshake no received byte is processed before `read` is called. A server of TLS 1.3
    sends tickets then, and OpenSSL keeps a buffer of 16 KiB from the first ticket until something
    is sent: too much for a thousand connections that wait for their request.

    Args:
        context: the settings; they decide what is checked of the certificate.
        host: the host name or IP address that the certificate has to be for.
        session: the session of an earlier connection with the same settings to the same host, to
            be resumed.

    Attributes:
        heard_ticket: a function that is called when a record without data for the application has
            arrived after the handshake. Under TLS 1.3 that is a session ticket; OpenSSL keeps the
            last one.
        is_secured: True once the handshake is done: the certificate was accepted, if one is
            required.
        has_ended: True once no more data will come, with or without a TLS close_notify. Many
            servers close the connection without one.
        fault: the exception of `ssl` that ended the connection; None for none. Afterwards only the
            alert to the peer is left, which `outgoing` returns.
    """

    def __init__(
        self, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None = None
    ) -> None:
        self._from_peer, self._to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._from_peer, self._to_peer, server_hostname=host, session=session
        )
        self._unread = bytearray()
        self._said = bytearray()
        self._unsent = bytearray()
        self._first: Secret | None = None
        self._is_at_end = False
        self._left_of_record = 0
        self._silent = 0
        self.heard_ticket: Callable[[], None] | None = None
        self.is_secured = False
        self.has_ended = False
        self.fault: Exception | None = None

    @property
    def tls(self) -> ssl.SSLObject:
        """The `ssl` object, which has the version, the certificate and the session."""
        return self._tls

    @property
    def waiting(self) -> int:
        """The number of bytes from the network that have not been processed yet."""
        return len(self._unread)

    def start(self) -> None:
        """Begin the handshake with the first message, the ClientHello."""
        self._attempt(self._shake_hands)

    def say_first(self, words: Secret) -> None:
        """Set data that is sent together with the last message of the handshake.

        Args:
            words: the bytes, decoded as Latin-1. They stay a secret until the peer is verified.
        """
        self._first = words

    def receive(self, data: bytes) -> None:
        """Accept bytes from the network; b"" for their end."""
        if self.has_ended or self.fault is not None:
            return  # later data will never be read
        self._is_at_end = self._is_at_end or not data
        self._unread += data
        while not self.is_secured and self.fault is None and self._feed():
            self._attempt(self._shake_hands)
        if self._is_at_end and not self.is_secured and self.fault is None:
            self.fault = ssl.SSLEOFError()

    def read(self) -> bytes:
        """Return the peer's data out of the bytes that have arrived; b"" for none."""
        there_is_more = self.is_secured and bool(self._unread or self._from_peer.pending)
        is_record = False
        while there_is_more and not self.has_ended and self.fault is None:
            so_far = len(self._said)
            self._attempt(self._hear)
            if is_record:
                self._count_silent(is_silent=len(self._said) == so_far)
            there_is_more = self._feed()
            is_record = not self._left_of_record
        if self._is_at_end and not there_is_more:
            self.has_ended = True
        said = bytes(self._said)
        self._said.clear()
        return said

    def _count_silent(self, *, is_silent: bool) -> None:
        self._silent = self._silent + 1 if is_silent else 0
        if self._silent > _MOST_SILENT:
            self.fault = ssl.SSLError("the peer sends records without end that say nothing")
        elif is_silent and self.heard_ticket is not None:
            self.heard_ticket()

    def send(self, data: bytes) -> None:
        """Encrypt data for the peer. Only after the handshake."""
        self._unsent += data
        self._attempt(self._say)

    def outgoing(self) -> bytes:
        """Return the bytes that are to go to the network; b"" when there are none."""
        return self._to_peer.read()

    def _feed(self) -> bool:
        """Pass OpenSSL the next slice of the received bytes; False when there is none."""
        size = self._next_slice()
        self._from_peer.write(self._unread[:size])
        del self._unread[:size]
        return size > 0

    def _next_slice(self) -> int:
        """Return the size of the next slice: after the handshake no more than one record."""
        size, most = 0, min(len(self._unread), _SLICE)
        while size < most:
            if not self._left_of_record:
                head = self._unread[size : size + _HEAD]
                if len(head) < _HEAD:
                    break
                self._left_of_record = _HEAD + int.from_bytes(head[3:])
            taken = min(self._left_of_record, most - size)
            self._left_of_record -= taken
            size += taken
            if self.is_secured:
                break
        return size

    def _attempt(self, act: Callable[[], None]) -> None:
        """Call `act`, which goes as far as the bytes that OpenSSL has allow."""
        try:
            act()
        except ssl.SSLWantReadError:
            pass
        except Exception as problem:  # noqa: BLE001 - no input may raise; `fault` reports it
            # Without its traceback: the frames contain the data that was to be sent.
            self.fault = problem.with_traceback(None)
            self._unsent.clear()
            self._first = None

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self.is_secured = True
        if self._first is not None:
            words, self._first = self._first, None
            self._unsent += words.reveal().encode("latin-1")
            self._say()

    def _say(self) -> None:
        while self._unsent:
            del self._unsent[: self._tls.write(self._unsent)]

    def _hear(self) -> None:
        while piece := self._tls.read(_SLICE):
            self._said += piece
            self._say()  # data that had to wait because the peer began another handshake
            if not self._from_peer.pending and not self._tls.pending():
                return  # another `read` would raise SSLWantReadError, which takes longer
        self.has_ended = True

"""TLS without I/O: bytes of the network in, bytes for the network out.

asyncio's own TLS layer takes a buffer of 256 KiB for each connection, whatever comes over it. One
of these takes some 25 KiB while it waits.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from ..core.secrets import Secret

__all__ = ["TlsConnection"]

_SLICE = 16 * 1024
"""Bytes that OpenSSL is given, or asked for, at a time.

A `MemoryBIO` never gives memory back: it stays as large as what it held at once. Of a slice OpenSSL
takes all that it can use before the next one comes.
"""

_HEAD = 5
"""Bytes before each record: its kind, the version, and its length (RFC 8446, 5.1)."""


class TlsConnection:
    """The client's end of one TLS connection.

    Feeding and reading never raise: a fault is a value. What was said before it is returned first.

    After the handshake nothing is looked at before `read` is called. A server of TLS 1.3 sends
    tickets then, and OpenSSL keeps a buffer of 16 KiB from the moment that it sees one until
    something is sent: too much for a thousand connections that wait for their request.

    Args:
        context: the settings; they say what is checked of the certificate.
        host: the name, or the address, that the certificate has to be for.
        session: of an earlier connection with the same settings to the same host, to be resumed.

    Attributes:
        heard_ticket: is called when a record has come, behind the handshake, that says nothing to
            who reads. Under TLS 1.3 that is a session ticket, of which OpenSSL keeps the last one.
        is_secured: True once the handshake is done: the certificate was accepted, if any is asked
            for.
        has_ended: True once nothing more will come, with or without a good-bye. Many servers leave
            without one.
        fault: what went wrong, as `ssl` says it; None for nothing. All is over then, but for the
            alert to the peer, which `outgoing` returns.
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
        self.heard_ticket: Callable[[], None] | None = None
        self.is_secured = False
        self.has_ended = False
        self.fault: Exception | None = None

    @property
    def tls(self) -> ssl.SSLObject:
        """What knows the version, the certificate and the session."""
        return self._tls

    @property
    def waiting(self) -> int:
        """Bytes of the network that nobody has read yet."""
        return len(self._unread)

    def start(self) -> None:
        """Say the first words, the ClientHello."""
        self._attempt(self._shake_hands)

    def say_first(self, words: Secret) -> None:
        """Have something said with the last words of the handshake, in the same flight.

        Args:
            words: bytes as Latin-1: until the peer is known they stay a secret.
        """
        self._first = words

    def receive(self, data: bytes) -> None:
        """Take bytes of the network, b"" for their end."""
        if self.has_ended or self.fault is not None:
            return  # whatever comes behind it: nobody will read it
        self._is_at_end = self._is_at_end or not data
        self._unread += data
        while not self.is_secured and self.fault is None and self._feed():
            self._attempt(self._shake_hands)
        if self._is_at_end and not self.is_secured and self.fault is None:
            self.fault = ssl.SSLEOFError()

    def read(self) -> bytes:
        """Return what the peer has said in the bytes that have come; b"" for nothing."""
        there_is_more = self.is_secured and bool(self._unread or self._from_peer.pending)
        is_record = False
        while there_is_more and not self.has_ended and self.fault is None:
            so_far = len(self._said)
            self._attempt(self._hear)
            if is_record and len(self._said) == so_far and self.heard_ticket is not None:
                self.heard_ticket()
            there_is_more = self._feed()
            is_record = not self._left_of_record
        if self._is_at_end and not there_is_more:
            self.has_ended = True
        said = bytes(self._said)
        self._said.clear()
        return said

    def send(self, data: bytes) -> None:
        """Say something to the peer. Only after the handshake."""
        self._unsent += data
        self._attempt(self._say)

    def outgoing(self) -> bytes:
        """Return the bytes that are to go to the network; b"" when there are none."""
        return self._to_peer.read()

    def _feed(self) -> bool:
        """Hand OpenSSL the next slice of what has come; False when there is none."""
        size = self._next_slice()
        self._from_peer.write(self._unread[:size])
        del self._unread[:size]
        return size > 0

    def _next_slice(self) -> int:
        """Return how many bytes are next: behind the handshake no more than a record."""
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
        """Go as far as the bytes that OpenSSL has allow."""
        try:
            act()
        except ssl.SSLWantReadError:
            pass
        except Exception as problem:  # noqa: BLE001 - no input may raise; it is told by `fault`
            # Without the frames that it went through: what was to be sent stands in them.
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
            self._say()  # what had to wait: the peer wanted another handshake in between
            if not self._from_peer.pending and not self._tls.pending():
                return  # to ask for more would raise an exception, which takes longer
        self.has_ended = True

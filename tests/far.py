"""The server's end of a TLS connection without I/O, for tests of the client's."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress

from msnpauth.net.tls_connection import TlsConnection

__all__ = ["Far", "bytewise"]


class Far:
    """Takes what the client sends, and returns what goes to it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._from_peer, self._to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._from_peer, self._to_peer, server_side=True)
        self.heard = b""

    def answer(self, data: bytes) -> bytes:
        """Return what the server's TLS answers by itself."""
        self._from_peer.write(data)
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
            while said := self.tls.read(65536):
                self.heard += said
        return self._to_peer.read()

    def say(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self._to_peer.read()

    def leave(self) -> bytes:
        """Say good-bye."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._to_peer.read()

    def shake_hands(self, near: TlsConnection, *, singly: bool = False) -> int:
        """Shake hands with a client; return the round trips until the client may send."""
        flights = 0
        while not near.is_secured and near.fault is None:
            sent = near.outgoing()
            assert sent, "both wait for the other"
            flights += 1
            answer = self.answer(sent)
            for piece in bytewise(answer) if singly else [answer]:
                near.receive(piece)
        if near.fault is None and (last := near.outgoing()):
            near.receive(self.answer(last))  # the tickets of TLS 1.3
        return flights


def bytewise(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))

"""Targets of the network: what may come over a TLS connection, before and after its handshake."""

from __future__ import annotations

import ssl
from contextlib import suppress

import trustme

from contract import check_error
from feed import Feed
from msnpauth.core.errors import Step
from msnpauth.net.names import network_error
from msnpauth.net.tls_connection import TlsConnection

__all__ = ["TARGETS"]

_AUTHORITY = trustme.CA()
_NEAR = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_AUTHORITY.configure_trust(_NEAR)
_FAR = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
for _context in _FAR:
    _AUTHORITY.issue_cert("login.example").configure_cert(_context)
_FAR[1].maximum_version = ssl.TLSVersion.TLSv1_2


class _Far:
    """The server, which counts what it has really said."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._from_near, self._to_near = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._from_near, self._to_near, server_side=True)
        self.meant = b""

    def answer(self, data: bytes) -> bytes:
        self._from_near.write(data)
        with suppress(ssl.SSLError):
            self._tls.do_handshake()
            self._tls.read(65536)
        return self._to_near.read()

    def say(self, data: bytes) -> bytes:
        with suppress(ssl.SSLError):  # the handshake is not done
            self._tls.write(data)
            self.meant += data
        return self._to_near.read()


def tls(data: bytes) -> None:
    """Let a server shake hands, or not, and say anything on both sides of its encryption.

    What is heard is what the server has said, up to where somebody has changed a byte of it.
    """
    feed = Feed(data)
    far = _Far(_FAR[feed.number(2)])
    near = TlsConnection(_NEAR, "login.example")
    near.start()
    heard = b""
    for kind, content in feed.records():
        match kind % 6:
            case 0:  # the handshake goes on, or what the client has said is taken
                _receive(near, far.answer(near.outgoing()))
            case 1:
                _receive(near, far.say(content))
            case 2:
                _receive(near, _changed(far.say(content[1:]), content))
            case 3:  # bytes of nobody
                _receive(near, content)
            case 4 if near.is_secured:
                near.send(content)
            case 5:
                near.receive(b"")
            case _:
                pass
        if content[-1:] != b"w":  # nobody reads at once
            heard += near.read()
        assert far.meant.startswith(heard), "somebody else has spoken"
    heard += near.read()
    assert far.meant.startswith(heard), "somebody else has spoken"
    assert near.is_secured or not heard
    if near.fault is not None:
        check_error(network_error(near.fault, Step.LOGIN, "https://login.example"))
        assert near.fault.__traceback__ is None
        assert not near._unsent


def _receive(near: TlsConnection, data: bytes) -> None:
    if data:  # none would be the end
        near.receive(data)


def _changed(data: bytes, how: bytes) -> bytes:
    if data and how:
        at = how[0] % len(data)
        return data[:at] + bytes([data[at] ^ (how[-1] or 1)]) + data[at + 1 :]
    return data


TARGETS = {"tls": tls}

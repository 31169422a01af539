"""A listener for the TLS of old systems: TLS 1.0 with an RSA key, 3DES and RC4, without SNI.

Present versions of OpenSSL rightly do not support these any more. tlslite-ng implements them in
pure Python; each connection has threads of its own. An attacker can decrypt such connections with
some effort. So this listener is off by default, and serves only the login and the configuration.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import warnings
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from ..extras import check_extra
from .gate import Gate, Visit
from .listener import Serve

__all__ = ["LegacyListener"]

_HANDSHAKE_SECONDS = 20.0
_IDLE_SECONDS = 60.0
_MOST = 64
"""The largest number of connections at once. A handshake in pure Python takes a tenth of a second
of processor time, and each connection needs four file descriptors: its socket, a duplicate of the
socket, and a pair of sockets to the event loop."""
_MOST_OF_NETWORK = 8
_MOST_THREADS = _MOST + 32
"""More than `_MOST`, because threads of connections that were closed may not have ended yet."""
_CHUNK = 16 * 1024
_PAUSE = 0.1


class LegacyListener:
    """The connections of one listening socket, each in a thread.

    Args:
        serve: serves one connection, in the event loop.
        chain, key: the certificate chain and the RSA key, in PEM.

    Attributes:
        gate: accepts or refuses connections before the handshake, which is the costly part.

    Raises:
        LocalProtocolError: the extra is not installed.
    """

    def __init__(self, serve: Serve, *, chain: bytes, key: bytes) -> None:
        tls = _tlslite()
        self._serve = serve
        self.gate = Gate(_MOST_OF_NETWORK, _MOST)
        self._chain = tls.X509CertChain()
        self._chain.parsePemList(chain.decode("ascii"))
        self._key = tls.parsePEMKey(key.decode("ascii"), private=True)
        self._settings = _settings(tls)
        self._connection = tls.TLSConnection
        self._threads = threading.Semaphore(_MOST_THREADS)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_stopping = False
        self._sock: socket.socket
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread

    async def start(self, sock: socket.socket) -> None:
        """Accept connections from now on. The listener will close the socket."""
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._accept, name="msnpauth-legacy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop accepting connections."""
        self._is_stopping = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    async def stop(self) -> None:
        """Stop accepting connections, and close all open connections."""
        self.close()
        with self._lock:
            for sock in self._open:
                _hang_up(sock)
        await asyncio.to_thread(self._thread.join, 5.0)

    def _accept(self) -> None:
        while not self._is_stopping:
            try:
                sock, peer = self._sock.accept()
            except OSError:
                time.sleep(_PAUSE)  # no descriptors left, or the listener is being stopped
                continue
            if not self._threads.acquire(blocking=False):
                sock.close()
                continue
            visit = self._entered(sock, peer[0])
            try:
                if visit is not None:
                    threading.Thread(target=self._carry, args=(sock, visit), daemon=True).start()
                    continue
            except RuntimeError:  # no more threads
                pass
            sock.close()
            self._left(visit)

    def _entered(self, sock: socket.socket, peer: str) -> Visit | None:
        """Call the gate in the event loop, because only the event loop may use the gate."""
        answer: Future[Visit | None] = Future()

        def enter() -> None:
            answer.set_result(self.gate.enter(peer, lambda: _hang_up(sock)))

        try:
            self._loop.call_soon_threadsafe(enter)
        except RuntimeError:  # the loop has ended
            return None
        return answer.result()

    def _left(self, visit: Visit | None) -> None:
        self._threads.release()
        if visit is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self.gate.leave, visit)

    def _carry(self, sock: socket.socket, visit: Visit) -> None:
        """Do the TLS handshake, and pass data between the client and the event loop."""
        with self._lock:
            self._open.add(sock)
            if self._is_stopping:  # `stop` may have run before this connection was added
                _hang_up(sock)
        try:
            with (
                sock,
                sock.dup() as handle,
                suppress(Exception),
            ):  # tlslite has many error types for a peer that is gone or wrong
                # The time-out of a socket limits only each single read, and a peer that sends one
                # byte at a time causes many reads.
                limit = threading.Timer(_HANDSHAKE_SECONDS, _hang_up, (sock,))
                limit.start()
                sock.settimeout(_HANDSHAKE_SECONDS)
                connection = self._connection(sock)
                try:
                    connection.handshakeServer(
                        certChain=self._chain, privateKey=self._key, settings=self._settings
                    )
                finally:
                    limit.cancel()
                sock.settimeout(_IDLE_SECONDS)
                self._pump(connection, handle, visit)
        finally:
            with self._lock:
                self._open.discard(sock)
            self._left(visit)

    def _pump(self, connection: Any, handle: socket.socket, visit: Visit) -> None:
        """Connect the client to the event loop, which serves it over a pair of sockets."""
        ours, theirs = socket.socketpair()
        with ours:
            served = asyncio.run_coroutine_threadsafe(self._served(theirs, visit), self._loop)
            answers = threading.Thread(
                target=_answers, args=(ours, connection, handle), daemon=True
            )
            answers.start()
            with suppress(Exception):
                while data := connection.read(max=_CHUNK, min=1):
                    ours.sendall(bytes(data))
            with suppress(OSError):
                ours.shutdown(socket.SHUT_WR)
            answers.join(_IDLE_SECONDS)
            served.cancel()

    async def _served(self, sock: socket.socket, visit: Visit) -> None:
        reader, writer = await asyncio.open_connection(sock=sock)
        await self._serve(reader, writer, visit)


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _answers(ours: socket.socket, connection: Any, handle: socket.socket) -> None:
    """Send the answers of the event loop to the client, and close the connection after the last.

    Args:
        ours: the socket from which the answers are read.
        connection: the TLS connection to the client. Its `close` notifies the client and closes the
            socket, but does not wake the thread that reads from the socket.
        handle: a duplicate of that socket, whose shutdown wakes the thread.
    """
    with suppress(Exception):
        while data := ours.recv(_CHUNK):
            connection.write(data)
        connection.close()
    _hang_up(handle)


def _tlslite() -> Any:
    check_extra("legacy")
    with warnings.catch_warnings():
        # tlslite-ng imports the deprecated module asyncore if Python has it.
        warnings.simplefilter("ignore", DeprecationWarning)
        import tlslite
    return tlslite


def _settings(tls: Any) -> Any:
    """Return the TLS settings. The best ciphers come first, and 3DES and RC4 come last."""
    settings = tls.HandshakeSettings()
    settings.minVersion, settings.maxVersion = (3, 1), (3, 3)
    settings.cipherNames = ["aes256gcm", "aes128gcm", "aes256", "aes128", "3des", "rc4"]
    settings.macNames = ["sha256", "sha", "md5", "aead", "sha384"]
    settings.keyExchangeNames = ["ecdhe_rsa", "dhe_rsa", "rsa"]
    return settings

"""Servers that say exactly what a test tells them to, on real sockets and real TLS."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

CHALLENGE = "lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,rn=C6D!I5Ic"
PASSPORT = "alice@example.com"
PASSWORD = "p,a=ss%w o+rd"
TICKET = "t=53*1hAu8ADuD3TEw&p=5eKBBC!yBH6ex"


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, stopped: threading.Event) -> None:
        self.sock = sock
        self.stopped = stopped
        self.heard = b""

    def read_until(self, end: bytes) -> bytes:
        """Return what came up to and with `end`; what is behind it stays."""
        while end not in self.heard:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("the client is gone")
            self.heard += data
        at = self.heard.index(end) + len(end)
        found, self.heard = self.heard[:at], self.heard[at:]
        return found

    def line(self) -> str:
        return self.read_until(b"\r\n").decode().removesuffix("\r\n")

    def request(self) -> str:
        """Return the head of an HTTP request."""
        return self.read_until(b"\r\n\r\n").decode()

    def send(self, data: bytes | str) -> None:
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def drip(self, data: bytes) -> None:
        """Send bytes one after another, over and over, until the test is done."""
        while True:
            for at in range(len(data)):
                self.sock.sendall(data[at : at + 1])
                if self.stopped.wait(0.02):
                    return

    def flood(self, data: bytes) -> None:
        """Send without end."""
        while not self.stopped.is_set():
            self.sock.sendall(data)

    def silence(self) -> None:
        """Say nothing until the test is done."""
        self.stopped.wait()

    def until_closed(self) -> bytes:
        """Return all that the client says until it closes."""
        with suppress(OSError):
            while data := self.sock.recv(65536):
                self.heard += data
        return self.heard


Script = Callable[[Peer], None]


def listening() -> tuple[socket.socket, socket.socket]:
    """Return a listener on 127.0.0.1, and a socket that keeps its port free on ::1.

    Who connects to `localhost` tries ::1 first. There the server of another test could be, with the
    same number.
    """
    while True:
        sock = socket.create_server(("127.0.0.1", 0))
        other = socket.socket(socket.AF_INET6)
        try:
            other.bind(("::1", sock.getsockname()[1]))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                sock.close()
                other.close()
                continue
        return sock, other


class Server:
    """Runs `script` for each connection, in a thread; a context manager."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._stopped = threading.Event()
        self._sock, self._kept_free = listening()
        self.port: int = self._sock.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"https://127.0.0.1:{self.port}"
        self.connections = 0
        self._socks: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            sock.settimeout(30)
            self._socks.append(sock)
            if self._tls is None:
                self._script(Peer(sock, self._stopped))
                return
            try:
                secure = self._tls.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
            except OSError:
                return
            self._socks.append(secure)
            with secure:
                with suppress(ssl.SSLError):
                    secure.do_handshake()
                    self._script(Peer(secure, self._stopped))
                self._leave(secure)

    def _leave(self, secure: ssl.SSLSocket) -> None:
        """Close a connection so that the last words, such as an alert, arrive.

        A socket that is closed with bytes unread sends a reset, and the reset overtakes an alert.
        """
        with suppress(OSError):
            socket.socket.shutdown(secure, socket.SHUT_WR)
            while socket.socket.recv(secure, 65536):
                pass

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._kept_free.close()
        for sock in self._socks:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)


def answers(*responses: bytes | str) -> Script:
    """Return a script that answers one request after another, each on any connection."""
    left = list(responses)

    def script(peer: Peer) -> None:
        while left:
            peer.request()
            peer.send(left.pop(0))

    return script


def http(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Return an HTTP answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def granted(ticket: str = TICKET) -> bytes:
    return http(200, f"Authentication-Info: Passport1.4 da-status=success,from-PP='{ticket}'")


def opening(peer: Peer, version: int = 12) -> None:
    """Take VER, CVR and USR, and answer them by a challenge."""
    assert peer.line().startswith("VER 1 ")
    peer.send(f"VER 1 MSNP{version}\r\n")
    assert peer.line().startswith("CVR 2 ")
    peer.send("CVR 2 1.0.0000 1.0.0000 1.0.0000 http://x http://x\r\n")
    assert peer.line() == f"USR 3 TWN I {PASSPORT}"
    peer.send("USR 3 TWN S lc=1033,id=507\r\n")


def to_ok(peer: Peer, version: int = 12) -> None:
    opening(peer, version)
    assert peer.line() == f"USR 4 TWN S {TICKET}"
    peer.send(f"USR 4 OK {PASSPORT} 1 0\r\n")


def later(peer: Peer) -> None:
    """Sign the same session in again: its transaction ids go on."""
    trids = []
    for verb in ("VER", "CVR", "USR"):
        said, trid, *_ = peer.line().split(" ")
        assert said == verb
        trids.append(int(trid))
    assert trids == [trids[0], trids[0] + 1, trids[0] + 2]
    assert trids[0] > 4
    peer.send(f"VER {trids[0]} MSNP12\r\nUSR {trids[2]} TWN S lc=1033\r\n")
    assert peer.line() == f"USR {trids[2] + 1} TWN S {TICKET}"
    peer.send(f"USR {trids[2] + 1} OK {PASSPORT} 1 0\r\n")


def stays(peer: Peer) -> None:
    to_ok(peer)
    peer.until_closed()

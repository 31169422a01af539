"""One connection of a session: the socket, the core that knows its state, and one writer a time."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

from .. import trace
from ..core.commands import Command
from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.session import SessionCore
from ..network import network_error

__all__ = ["Link"]

_CHUNK = 16 * 1024
_GOODBYE_PATIENCE = 1.0


class Link:
    """Any thread may write, one reads. The core is touched only by who holds `state`."""

    def __init__(
        self, sock: socket.socket, core: SessionCore, state: threading.Condition, timeout: float
    ) -> None:
        sock.settimeout(timeout)
        self.sock = sock
        self.core = core
        self._state = state
        self._timeout = timeout
        self._writing = threading.Lock()

    def send(
        self, verb: str, args: tuple[str, ...], payload: bytes | None, *, expect: bool = False
    ) -> Command:
        """Send a command, and return it; with `expect` the core keeps its reply.

        Raises:
            LocalProtocolError: it is no command.
            SignInError: the connection is over; the error says why.
        """
        with self._writing:
            with self._state:
                command = self.core.command(verb, args, payload)
                if expect:
                    self.core.expect(command)
            self._write([command])
        return command

    def send_own(self) -> None:
        """Send what the core has to say by itself."""
        with self._writing:
            with self._state:
                to_send, self.core.to_send = self.core.to_send, []
            if to_send:
                with suppress(SignInError):
                    self._write(to_send)

    def goodbye(self) -> None:
        """Say OUT, if that takes no time."""
        with suppress(SignInError), self._writing:
            self.sock.settimeout(_GOODBYE_PATIENCE)
            self._write([Command("OUT")])

    def read(self) -> bytes:
        """Return what has come, b"" at the end."""
        try:
            return self.sock.recv(_CHUNK)
        except OSError as problem:
            with self._state:
                self.core.end(network_error(problem, Step.SESSION, self.core.server))
            return b""

    def drop(self) -> None:
        """Close, once nobody writes any more."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        with self._writing:
            self.sock.close()

    def _write(self, commands: list[Command]) -> None:
        trace.sent(commands)
        try:
            self.sock.sendall(b"".join(command.encode() for command in commands))
        except OSError as problem:
            error: SignInError
            if isinstance(problem, TimeoutError):
                text = f"nothing could be sent for {self._timeout:g} seconds"
                error = ConnectionFailed(text, step=Step.SESSION, server=self.core.server)
            else:
                error = network_error(problem, Step.SESSION, self.core.server)
            with self._state:
                self.core.end(error)
                self._state.notify_all()
            # The reader is to see it too.
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
            raise self.core.ended or error from None
        with self._state:
            self.core.sent(time.monotonic())

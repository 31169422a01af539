"""One connection of a session on a blocking socket: any thread may write, one thread reads."""

from __future__ import annotations

import copy
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.wire.commands import Command
from ..net.names import network_error
from ..observe import Watch

__all__ = ["Connection"]

_CHUNK = 16 * 1024
_GOODBYE_SECONDS = 0.5


class Connection:
    """A socket, and the rule that one thread at a time writes to it.

    Args:
        sock: the connection.
        number: what the engine calls it.
        server: `host:port`, for errors.
        timeout: seconds that a write may take.
        take_output: returns what is to be written now, each command once.
        watch: is told what is written.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        number: int,
        server: str,
        timeout: float,
        take_output: Callable[[], list[Command]],
        watch: Watch,
    ) -> None:
        sock.settimeout(timeout)
        self.sock = sock
        self.number = number
        self._server = server
        self._timeout = timeout
        self._take_output = take_output
        self._watch = watch
        self._writing = threading.Lock()
        self._broken: SignInError | None = None

    def write_out(self) -> None:
        """Write what there is to be written; whoever writes already is waited for.

        The commands leave in the order in which the engine numbered them, because only the thread
        that holds the lock takes them.

        Raises:
            ConnectionFailed: the connection broke, now or in another thread's hands.
        """
        with self._writing:
            while commands := self._take_output():
                self._write(commands)
        if self._broken is not None:
            raise copy.copy(self._broken)

    def goodbye(self) -> None:
        """Write the last words, if that takes no time; a send that is stuck is not waited for."""
        if not self._writing.acquire(timeout=_GOODBYE_SECONDS):
            return
        try:
            with suppress(OSError, SignInError):
                self.sock.settimeout(_GOODBYE_SECONDS)
                if commands := self._take_output():
                    self._write(commands)
        finally:
            self._writing.release()

    def read(self) -> bytes:
        """Return what has come, b"" at the end.

        Raises:
            ConnectionFailed: the connection broke.
        """
        try:
            return self.sock.recv(_CHUNK)
        except OSError as problem:
            error = network_error(problem, Step.SESSION, self._server)
        raise error

    def interrupt(self) -> None:
        """End the connection: whoever reads or writes comes back at once."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Close, once nobody writes any more: a closed descriptor's number is soon another's."""
        self.interrupt()
        with self._writing:
            self.sock.close()

    def _write(self, commands: list[Command]) -> None:
        if self._broken is not None:
            return
        self._watch.sent(self._server, commands)
        try:
            self.sock.sendall(b"".join(command.encode() for command in commands))
        except TimeoutError:
            text = f"nothing could be sent for {self._timeout:g} seconds"
            self._broken = ConnectionFailed(text, step=Step.SESSION, server=self._server)
        except OSError as problem:
            self._broken = network_error(problem, Step.SESSION, self._server)

"""One connection to a notification server or a switchboard, on a blocking socket."""

from __future__ import annotations

import copy
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.urls import Address
from ..core.wire.commands import Command
from ..net.deadline import Deadline
from ..net.names import network_error
from ..net.sockets import connect_tcp
from ..watch import Watch

__all__ = ["Connection"]

_CHUNK = 16 * 1024
_GOODBYE_SECONDS = 0.5


class Connection:
    """A socket that one thread reads, and any thread may write to, one at a time.

    The sign-in opens it, and the session continues to use it.

    Attributes:
        sock: the socket.
        server: `host:port`, for errors and events.
        step: the step of the sign-in, for errors.
        number: the engine's number for this connection; 0 during the sign-in.
    """

    def __init__(self, sock: socket.socket, server: str, watch: Watch) -> None:
        self.sock = sock
        self.server = server
        self.step = Step.NOTIFICATION
        self.number = 0
        self._watch = watch
        self._writing = threading.Lock()
        self._broken: SignInError | None = None

    @classmethod
    def open(
        cls,
        address: Address,
        deadline: Deadline,
        watch: Watch,
        step: Step = Step.NOTIFICATION,
        *,
        fast_open: bool = False,
    ) -> Self:
        """Connect to a notification server, or to a switchboard.

        With `fast_open` the first data may be sent together with the SYN.

        Raises:
            ConnectionFailed: there is no such host, or none of its addresses could be reached.
            SignInTimeout: the deadline passed.
        """
        sock = connect_tcp(address, deadline, step, watch=watch, fast_open=fast_open)
        return cls(sock, str(address), watch)

    def begin_session(self, number: int, timeout: float, step: Step = Step.SESSION) -> None:
        """Become a session's connection, whose writes may take `timeout` seconds."""
        self.number, self.step = number, step
        self.sock.settimeout(timeout)

    def write(self, commands: Sequence[Command]) -> None:
        """Write commands, after another thread's write has ended.

        Raises:
            ConnectionFailed: the connection broke, now or during another thread's write.
        """
        with self._writing:
            self._write(commands)
        self._check()

    def write_all(self, take_output: Callable[[], Sequence[Command]]) -> None:
        """Write the commands that `take_output` returns, until it returns none.

        The commands are sent in the order in which the engine numbered them, because only the
        thread that holds the write lock calls `take_output`.

        Raises:
            ConnectionFailed: the connection broke, now or during another thread's write.
        """
        with self._writing:
            while commands := take_output():
                self._write(commands)
        self._check()

    def goodbye(self, take_output: Callable[[], Sequence[Command]]) -> None:
        """Write the last commands, such as OUT; wait half a second at most for another write."""
        if not self._writing.acquire(timeout=_GOODBYE_SECONDS):
            return
        try:
            with suppress(OSError, SignInError):
                self.sock.settimeout(_GOODBYE_SECONDS)
                if commands := take_output():
                    self._write(commands)
        finally:
            self._writing.release()

    def read(self) -> bytes:
        """Return the bytes that have arrived; b"" at the end of the connection.

        Raises:
            ConnectionFailed: the connection broke.
        """
        try:
            return self.sock.recv(_CHUNK)
        except OSError as problem:
            error = network_error(problem, self.step, self.server)
        raise error

    def interrupt(self) -> None:
        """End the connection: a thread that reads or writes returns at once."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Close, once no thread writes: the system soon reuses a closed descriptor's number."""
        self.interrupt()
        with self._writing:
            self.sock.close()

    def _write(self, commands: Sequence[Command]) -> None:
        if self._broken is not None:
            return
        self._watch.sent(self.server, commands)
        try:
            self.sock.sendall(b"".join(command.encode() for command in commands))
        except TimeoutError:
            text = f"nothing could be sent for {self.sock.gettimeout():g} seconds"
            self._broken = ConnectionFailed(text, step=self.step, server=self.server)
        except OSError as problem:
            self._broken = network_error(problem, self.step, self.server)

    def _check(self) -> None:
        if self._broken is not None:
            raise copy.copy(self._broken)

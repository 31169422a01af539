"""A signed-in connection on a blocking socket."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .. import trace
from ..core.actions import SignedIn
from ..core.commands import Command
from ..core.errors import (
    ConnectionFailed,
    LocalProtocolError,
    SessionEnded,
    SignInError,
    SignInTimeout,
    Step,
    refusal_for_code,
)
from ..core.session import Profile, SessionCore
from ..core.tickets import Ticket
from ..network import network_error

__all__ = ["Detached", "Session"]

_CHUNK = 16 * 1024
_MAX_WAITING = 10_000
_PROFILE_PATIENCE = 2.0
_GOODBYE_PATIENCE = 1.0


@dataclass(frozen=True)
class Detached:
    """A connection that was taken out of its session; the caller closes it.

    Attributes:
        socket: the connection.
        pending: commands that came and nobody had asked for yet.
        unread: bytes behind them that are no whole command.
        next_trid: the transaction id to go on with.
    """

    socket: socket.socket
    pending: tuple[Command, ...]
    unread: bytes
    next_trid: int


class Session:
    """A signed-in connection to a notification server.

    A thread reads it all the while: it answers CHL, sends PNG when nothing was sent for a while,
    and keeps what comes for `receive`. Any thread may send. Leaving the `with` block says OUT.

    Attributes:
        passport: the account, as the server spells it.
        dialect: the MSNP version, as a number.
        server: `host:port` of the notification server.
        ticket: the ticket that signed in; None under MD5.
        tickets: every ticket that RST granted, by address: `tickets["contacts.msn.com"]`.
    """

    def __init__(
        self,
        sock: socket.socket,
        signed_in: SignedIn,
        *,
        product: tuple[str, str] | None = None,
        timeout: float = 30.0,
        renew: Callable[[], dict[str, Ticket]] | None = None,
    ) -> None:
        self._renew = renew
        self._core = SessionCore(signed_in, now=time.monotonic(), product=product)
        self._sock = sock
        sock.settimeout(timeout)
        self._timeout = timeout
        self.passport: str = self._core.passport
        self.dialect: int = self._core.dialect.number
        self.server: str = self._core.server
        self.ticket: Ticket | None = self._core.ticket
        self.tickets: dict[str, Ticket] = self._core.tickets
        self._waiting: deque[Command] = deque()
        self._state = threading.Condition()
        self._writing = threading.Lock()
        self._stopping = False
        self._wake, self._wake_sender = socket.socketpair()
        self._take(None)
        self._thread = threading.Thread(target=self._read, name="msnpauth-session", daemon=True)
        self._thread.start()

    @property
    def display_name(self) -> str:
        """The account's display name; its passport where the server has told none."""
        return self._core.display_name

    @property
    def profile(self) -> Profile:
        """The fields of the server's first MSG; waits for it for at most two seconds."""
        with self._state:
            self._state.wait_for(
                lambda: self._core.profile or self._core.ended, timeout=_PROFILE_PATIENCE
            )
            return self._core.profile

    @property
    def ended(self) -> SignInError | None:
        """Why the session is over, or None while it lives."""
        return self._core.ended

    def send(self, verb: str, *args: str, payload: bytes | None = None) -> int | None:
        """Send a command; return its transaction id, or None for PNG and OUT, which have none.

        Words go as they are: `msnpauth.escape` makes a word of any text.

        Raises:
            LocalProtocolError: it is no command.
            SessionEnded, ConnectionFailed: the session is over.
        """
        with self._writing:
            with self._state:
                command = self._core.command(verb, args, payload)
            self._write([command])
            return command.trid

    def request(
        self, verb: str, *args: str, payload: bytes | None = None, timeout: float | None = None
    ) -> Command:
        """Send a command and return the reply that carries its transaction id.

        All else that comes meanwhile stays for `receive`.

        Raises:
            CommandRefused: the reply is an error code.
            SignInTimeout: none came within `timeout` seconds (the sign-in's by default).
            LocalProtocolError, SessionEnded, ConnectionFailed: as `send`.
        """
        patience = self._timeout if timeout is None else timeout
        with self._writing:
            with self._state:
                command = self._core.command(verb, args, payload)
                reply_to = self._core.expect(command)
            self._write([command])
        with self._state:
            replies = self._core.replies
            try:
                self._wait_until(
                    lambda: replies[reply_to] is not None, patience, f"reply to {verb}"
                )
            finally:
                reply = replies.pop(reply_to)
        assert reply is not None  # _wait_until returned
        if reply.code is not None:
            raise refusal_for_code(reply.code, verb, server=self.server)
        return reply

    def receive(self, timeout: float | None = None) -> Command:
        """Return the next command of the server; wait for it, `timeout` seconds or without end.

        Raises:
            SignInTimeout: none came in time.
            SessionEnded, ConnectionFailed, RemoteProtocolError: the session is over, and all
                that came before was received.
        """
        with self._state:
            self._wait_until(lambda: bool(self._waiting), timeout, "command")
            command = self._waiting.popleft()
            self._state.notify_all()
            return command

    def __iter__(self) -> Iterator[Command]:
        """Yield commands until the session ends.

        Raises:
            ConnectionFailed, RemoteProtocolError: it ended otherwise than by OUT or `close`.
        """
        while True:
            try:
                command = self.receive()
            except SessionEnded:
                return
            yield command

    def renew(self) -> dict[str, Ticket]:
        """Get new tickets for the same addresses, without a new connection; they replace `tickets`.

        Raises:
            LocalProtocolError: the tickets did not come by RST: nothing else can be renewed.
            SignInError: as `msnpauth.sign_in`.
        """
        if self._renew is None:
            raise LocalProtocolError("this session knows no way to new tickets")
        self.tickets = self._renew()
        return self.tickets

    def detach(self) -> Detached:
        """Take the connection out, for somebody else to go on with; the session is over.

        Raises:
            SessionEnded, ConnectionFailed: it was over already.
        """
        with self._state:
            if self._core.ended is not None:
                raise self._core.ended
            self._stopping = True
        self._stop_thread()
        with self._state:
            self._core.end(SessionEnded("detached", reason="detached", server=self.server))
            pending = tuple(self._waiting)
            self._waiting.clear()
            self._state.notify_all()
        self._sock.settimeout(None)
        return Detached(self._sock, pending, self._core.unread, self._core.next_trid)

    def close(self) -> None:
        """Say OUT and close the connection. More than once does no harm."""
        with self._state:
            alive = self._core.ended is None
            self._core.end(self._core.closed_here())
            self._stopping = True
            self._state.notify_all()
        if alive:
            with suppress(SignInError), self._writing:
                self._sock.settimeout(_GOODBYE_PATIENCE)
                self._write([Command("OUT")])
        self._stop_thread()
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "over" if self._core.ended else "alive"
        return f"<Session of {self.passport!r} at {self.server}, MSNP{self.dialect}, {state}>"

    # --- inside --------------------------------------------------------------------------------

    def _wait_until(self, come: Callable[[], bool], timeout: float | None, what: str) -> None:
        """Wait, holding the lock, until something has come or the session is over."""
        self._state.wait_for(lambda: come() or self._core.ended is not None, timeout)
        if come():
            return
        if self._core.ended is not None:
            raise self._core.ended
        raise SignInTimeout(
            f"no {what} within {timeout:g} seconds", step=Step.SESSION, server=self.server, hint=""
        )

    def _write(self, commands: list[Command]) -> None:
        """Write, holding the writing lock."""
        trace.sent(commands)
        try:
            self._sock.sendall(b"".join(command.encode() for command in commands))
        except OSError as problem:
            if isinstance(problem, TimeoutError):
                text = f"nothing could be sent for {self._timeout:g} seconds"
                error: SignInError = ConnectionFailed(text, step=Step.SESSION, server=self.server)
            else:
                error = network_error(problem, Step.SESSION, self.server)
            with self._state:
                self._core.end(error)
                self._state.notify_all()
                raise self._core.ended or error from None
        with self._state:
            self._core.sent(time.monotonic())

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while self._core.ended is None and not self._stopping:
                self._wait_for_room()
                with self._state:
                    idle = max(0.0, self._core.wake_at - time.monotonic())
                ready = selector.select(idle)
                if any(key.fileobj is self._wake for key, _ in ready):
                    continue
                self._take(self._received() if ready else None)

    def _received(self) -> bytes:
        try:
            return self._sock.recv(_CHUNK)
        except OSError as problem:
            with self._state:
                self._core.end(network_error(problem, Step.SESSION, self.server))
            return b""

    def _wait_for_room(self) -> None:
        """Leave unread what nobody takes: the server's commands are not to fill the memory."""
        with self._state:
            self._state.wait_for(lambda: len(self._waiting) < _MAX_WAITING or self._stopping)

    def _take(self, data: bytes | None) -> None:
        """Hand bytes to the core, the commands to who waits, and the core's own to the server."""
        with self._state:
            now = time.monotonic()
            self._waiting += self._core.receive(data, now)
            self._core.tick(now)
            to_send, self._core.to_send = self._core.to_send, []
            self._state.notify_all()
        if to_send:
            with suppress(SignInError), self._writing:
                self._write(to_send)

    def _stop_thread(self) -> None:
        with suppress(OSError):
            self._wake_sender.send(b"!")
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._wake.close()
        self._wake_sender.close()

"""A signed-in connection on a blocking socket."""

from __future__ import annotations

import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from ..core.client.actions import SignedIn
from ..core.client.comeback import Reconnect
from ..core.client.connection import Profile
from ..core.client.engine import Engine, SessionState
from ..core.errors import LocalProtocolError, SessionEnded, SignInError
from ..core.tickets.ticket import Ticket
from ..core.wire.commands import Command
from ..watch import SILENT, Watch
from .connection import Connection
from .pump import Entry, Pump
from .social import Social

if TYPE_CHECKING:
    from ..core.client.board import Board
    from .chat import Chat

__all__ = ["Detached", "Session"]

_PROFILE_PATIENCE = 2.0


class Detached(NamedTuple):
    """A connection that was taken out of its session; the caller closes it.

    Attributes:
        socket: the connection's socket.
        pending: received commands that `receive` had not returned yet.
        unread: received bytes after them that are not a complete command yet.
        next_trid: the transaction id of the next command.
    """

    socket: socket.socket
    pending: tuple[Command, ...]
    unread: bytes
    next_trid: int


class Session(Social):
    """A signed-in connection to a notification server.

    A thread reads it all the time: it answers CHL, sends PNG when nothing was sent for a while,
    and keeps received commands for `receive`. Any thread may send. Leaving the `with` block sends
    OUT.

    When the server moves the session to another server (`XFR n NS`), and with `reconnect` when the
    connection is lost, the thread signs in again. Meanwhile `state` is `away` and sending fails;
    then `receive` returns the new `USR n OK`, which means that presence and lists have to be set
    up again.

    A forked process has a copy of the session that it cannot use: every method raises an error,
    and `close` closes only the copy. Fork before you sign in.
    """

    def __init__(
        self,
        connection: Connection,
        signed_in: SignedIn,
        *,
        product: tuple[str, str] | None = None,
        timeout: float = 30.0,
        entry: Entry | None = None,
        reconnect: Reconnect | None = None,
        receive: bool = True,
        watch: Watch = SILENT,
    ) -> None:
        self._timeout = timeout
        self._entry = entry
        self._engine = Engine(
            signed_in,
            now=time.monotonic(),
            product=product,
            reconnect=reconnect,
            returns=entry is not None,
            receive=receive,
            observe=watch.received,
        )
        self._closed = True  # so that `__del__` does nothing when the next line fails
        self._pump = Pump(connection, self._engine, entry, timeout, watch)
        # Bound to the pump, not to the session, which the pump's thread would keep alive otherwise.
        self._engine.make_face = partial(_chat, self._pump, timeout)
        self._closed = False

    # --- what it knows -------------------------------------------------------------------------

    @property
    def passport(self) -> str:
        """The account's passport, as the server spells it."""
        return self._engine.connection.passport

    @property
    def dialect(self) -> int:
        """The MSNP version, as a number."""
        return self._engine.connection.dialect.number

    @property
    def server(self) -> str:
        """`host:port` of the notification server."""
        return self._engine.connection.server

    @property
    def ticket(self) -> Ticket | None:
        """The ticket of the sign-in; None with MD5."""
        return self._engine.connection.ticket

    @property
    def tickets(self) -> dict[str, Ticket]:
        """Every ticket that RST granted, by address: `tickets["contacts.msn.com"]`."""
        return self._engine.connection.tickets

    @property
    def display_name(self) -> str:
        """The account's display name; its passport where the server has sent none."""
        return self._engine.connection.display_name

    @property
    def profile(self) -> Profile:
        """The fields of the server's first MSG; waits for that MSG for at most two seconds."""
        self._check_process()
        engine = self._engine
        with self._pump.lock:
            self._pump.lock.wait_for(
                lambda: engine.connection.profile or engine.ended is not None, _PROFILE_PATIENCE
            )
            return engine.connection.profile

    @property
    def state(self) -> SessionState:
        """`alive`, `away` (the connection was lost, a new sign-in follows) or `ended`."""
        return SessionState.ENDED if self._is_copy else self._engine.state

    @property
    def ended(self) -> SignInError | None:
        """Why the session has ended, or None while it is alive or away."""
        return _of_a_copy() if self._is_copy else self._engine.ended

    # --- what it does --------------------------------------------------------------------------

    def send(self, verb: str, *args: str, payload: bytes | None = None) -> int | None:
        """Send a command; return its transaction id, or None for PNG and OUT, which have none.

        Words are sent unchanged: `msnpauth.escape` turns any text into a word.

        Raises:
            LocalProtocolError: it is not a valid command.
            ConnectionFailed: the connection is lost, or the session is away.
            SessionEnded: the session has ended.
        """
        self._check_process()
        with self._pump.lock:
            trid = self._engine.send(verb, args, payload)
            connection = self._pump.connection
        self._pump.write_out(connection)
        return trid

    def request(
        self, verb: str, *args: str, payload: bytes | None = None, timeout: float | None = None
    ) -> Command:
        """Send a command and return the reply that has its transaction id.

        All other commands that arrive meanwhile stay for `receive`.

        Raises:
            CommandRefused: the reply is an error code.
            SignInTimeout: no reply came within `timeout` seconds (by default the sign-in's).
            LocalProtocolError, SessionEnded, ConnectionFailed: as `send`.
        """
        self._check_process()
        patience = self._timeout if timeout is None else timeout
        with self._pump.lock:
            reply = self._engine.request(verb, args, payload)
            connection = self._pump.connection
        try:
            self._pump.write_out(connection)
            self._wait(lambda: reply.is_there, patience, f"reply to {verb}")
        finally:
            with self._pump.lock:
                self._engine.forget(reply)
        return reply.result()

    def receive(self, timeout: float | None = None) -> Command:
        """Return the next command of the server; wait `timeout` seconds for it, or without end.

        Raises:
            SignInTimeout: no command came in time.
            SessionEnded, ConnectionFailed, RemoteProtocolError: the session has ended, and all
                earlier commands were received.
            LocalProtocolError: the session was signed in with `receive=False`.
        """
        self._check_process()
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._pump.lock:
            while (command := self._engine.take_command()) is None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise self._engine.too_late("command", timeout or 0.0)
                self._pump.lock.wait(left)
            return command

    def __iter__(self) -> Iterator[Command]:
        """Yield commands until the session ends.

        Raises:
            ConnectionFailed, RemoteProtocolError: the session did not end by OUT or `close`.
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
            LocalProtocolError: the tickets did not come by RST: no other tickets can be renewed.
            SignInError: as `msnpauth.sign_in`.
        """
        self._check_process()
        if self._entry is None:
            raise LocalProtocolError("this session knows no way to new tickets")
        renewed = self._entry.renew()
        self._engine.connection.tickets = renewed
        return renewed

    def detach(self) -> Detached:
        """Take the connection out, for use by other code; the session ends.

        Raises:
            SessionEnded, ConnectionFailed: the session had ended already, or is away.
        """
        self._check_process()
        sock, left = self._pump.detach()
        self._closed = True
        return Detached(sock, left.pending, left.unread, left.next_trid)

    def close(self) -> None:
        """Send OUT and close the connection. Calling this again does no harm."""
        if self._closed:
            return
        self._closed = True
        if self._is_copy:
            self._pump.drop_copy()
        else:
            self._pump.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True):
            return
        self._closed = True
        if self._is_copy:
            self._pump.drop_copy()
            return
        unclosed = None if self._engine.ended else f"unclosed {self!r}"
        self._pump.give_up()  # first: a warning may be an exception
        if unclosed:
            warnings.warn(unclosed, ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        where = f"{self.passport!r} at {self.server}, MSNP{self.dialect}"
        return f"<Session of {where}, {self.state}>"

    # --- inside --------------------------------------------------------------------------------

    @property
    def _is_copy(self) -> bool:
        return self._pump.process != os.getpid()

    def _check_process(self) -> None:
        if self._is_copy:
            raise _of_a_copy()

    def _wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        with self._pump.lock:
            if not self._pump.lock.wait_for(condition, timeout):
                raise self._engine.too_late(what, timeout)


def _chat(pump: Pump, timeout: float, board: Board) -> Chat:
    from .chat import Chat  # most sessions open no chat

    return Chat(pump, board, timeout)


def _of_a_copy() -> LocalProtocolError:
    """Return the error for a session in a forked process, which has no copy of the thread."""
    return LocalProtocolError(
        "this is a forked process's copy of a session that belongs to the other process",
        hint="sign in in the process that uses the session",
    )

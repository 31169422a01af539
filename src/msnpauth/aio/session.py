"""A signed-in connection on asyncio."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import AsyncIterator
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
from ..net.streams import Streams
from ..watch import SILENT, Watch
from .connection import Connection
from .pump import Entry, Pump
from .social import Social

if TYPE_CHECKING:
    from ..core.client.board import Board
    from .chat import Chat

__all__ = ["Detached", "Session"]


class Detached(NamedTuple):
    """A connection that was taken out of its session; the caller closes it.

    Attributes:
        streams: the connection's reader and writer.
        pending: received commands that `receive` had not returned yet.
        unread: received bytes after them that are not a complete command yet.
        next_trid: the transaction id of the next command.
    """

    streams: Streams
    pending: tuple[Command, ...]
    unread: bytes
    next_trid: int


class Session(Social):
    """A signed-in connection to a notification server; see `msnpauth.Session`.

    A task reads it all the time. Unlike that of `msnpauth.Session`, `profile` does not wait:
    `wait_profile` does.
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
            now=asyncio.get_running_loop().time(),
            product=product,
            reconnect=reconnect,
            returns=entry is not None,
            receive=receive,
            observe=watch.received,
        )
        self._pump = Pump(connection, self._engine, entry, timeout, watch)
        # Bound to the pump, not to the session, which the pump's task would keep alive otherwise.
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
        """The fields of the server's first MSG; empty until that MSG has arrived."""
        return self._engine.connection.profile

    @property
    def state(self) -> SessionState:
        """`alive`, `away` (the connection was lost, a new sign-in follows) or `ended`."""
        return SessionState.ENDED if self._is_copy else self._engine.state

    @property
    def ended(self) -> SignInError | None:
        """Why the session has ended, or None while it is alive or away."""
        return _of_a_copy() if self._is_copy else self._engine.ended

    # --- what it does --------------------------------------------------------------------------

    async def wait_profile(self, timeout: float = 2.0) -> Profile:
        """Return `profile` once it has arrived; empty when `timeout` seconds have passed."""
        self._check_process()
        engine = self._engine
        await self._pump.wait(
            lambda: bool(engine.connection.profile) or engine.ended is not None, timeout
        )
        return self.profile

    async def send(self, verb: str, *args: str, payload: bytes | None = None) -> int | None:
        """Send a command; return its transaction id, or None for PNG and OUT, which have none.

        Words are sent unchanged: `msnpauth.escape` turns any text into a word.

        Raises:
            LocalProtocolError: it is not a valid command.
            ConnectionFailed: the connection is lost, or the session is away.
            SessionEnded: the session has ended.
        """
        self._check_process()
        trid = self._engine.send(verb, args, payload)
        await self._pump.write_out(self._pump.connection)
        return trid

    async def request(
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
        reply = self._engine.request(verb, args, payload)
        try:
            await self._pump.write_out(self._pump.connection)
            if not await self._pump.wait(lambda: reply.is_there, patience):
                raise self._engine.too_late(f"reply to {verb}", patience)
        finally:
            self._engine.forget(reply)
        return reply.result()

    async def receive(self, timeout: float | None = None) -> Command:
        """Return the next command of the server; wait `timeout` seconds for it, or without end.

        Raises:
            SignInTimeout: no command came in time.
            SessionEnded, ConnectionFailed, RemoteProtocolError: the session has ended, and all
                earlier commands were received.
            LocalProtocolError: the session was signed in with `receive=False`.
        """
        self._check_process()
        taken: list[Command] = []

        def take() -> bool:
            if (command := self._engine.take_command()) is not None:
                taken.append(command)
            return bool(taken)

        if not await self._pump.wait(take, timeout):
            raise self._engine.too_late("command", timeout or 0.0)
        return taken[0]

    async def __aiter__(self) -> AsyncIterator[Command]:
        """Yield commands until the session ends.

        Raises:
            ConnectionFailed, RemoteProtocolError: the session did not end by OUT or `close`.
        """
        while True:
            try:
                command = await self.receive()
            except SessionEnded:
                return
            yield command

    async def renew(self) -> dict[str, Ticket]:
        """Get new tickets for the same addresses, without a new connection; they replace `tickets`.

        Raises:
            LocalProtocolError: the tickets did not come by RST: no other tickets can be renewed.
            SignInError: as `msnpauth.sign_in`.
        """
        self._check_process()
        if self._entry is None:
            raise LocalProtocolError("this session knows no way to new tickets")
        renewed = await self._entry.renew()
        self._engine.connection.tickets = renewed
        return renewed

    async def detach(self) -> Detached:
        """Take the connection out, for use by other code; the session ends.

        Raises:
            SessionEnded, ConnectionFailed: the session had ended already, or is away.
        """
        self._check_process()
        streams, left = await self._pump.detach()
        self._closed = True
        return Detached(streams, left.pending, left.unread, left.next_trid)

    async def close(self) -> None:
        """Send OUT and close the connection. Calling this again does no harm."""
        if self._closed:
            return
        self._closed = True
        if not self._is_copy:
            await self._pump.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True) or self._is_copy:
            return
        self._closed = True
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


def _chat(pump: Pump, timeout: float, board: Board) -> Chat:
    from .chat import Chat  # most sessions open no chat

    return Chat(pump, board, timeout)


def _of_a_copy() -> LocalProtocolError:
    """Return the error for a session in a forked process, which does not run the event loop."""
    return LocalProtocolError(
        "this is a forked process's copy of a session that belongs to the other process",
        hint="sign in in the process that uses the session",
    )

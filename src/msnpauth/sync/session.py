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
from typing import Protocol, Self

from ..core.actions import SignedIn
from ..core.comeback import comes_back, is_move
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
from ..core.urls import Address
from ..reconnect import Reconnect
from .link import Link

__all__ = ["Detached", "Session"]

_MAX_WAITING = 10_000
_PROFILE_PATIENCE = 2.0
_JOIN_PATIENCE = 0.25


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


class Entry(Protocol):
    """The way in that a session came, to be gone again."""

    def enter(self, at: Address | None, first_trid: int) -> tuple[socket.socket, SignedIn]:
        """Sign in, at that notification server if one is named."""

    def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""


class Session:
    """A signed-in connection to a notification server.

    A thread reads it all the while: it answers CHL, sends PNG when nothing was sent for a while,
    and keeps what comes for `receive`. Any thread may send. Leaving the `with` block says OUT.

    When the server sends the session on (`XFR n NS`), and with `reconnect` when the connection is
    lost, the thread signs in again. Meanwhile sending fails; then `receive` returns the new
    `USR n OK`, by which the caller knows that presence and lists are to be set up again.

    Attributes:
        passport: the account, as the server spells it.
        dialect: the MSNP version, as a number.
        server: `host:port` of the notification server.
        ticket: the ticket that signed in; None under MD5.
        tickets: every ticket that RST granted, by address: `tickets["contacts.msn.com"]`.
    """

    passport: str
    dialect: int
    server: str
    ticket: Ticket | None
    tickets: dict[str, Ticket]

    def __init__(
        self,
        sock: socket.socket,
        signed_in: SignedIn,
        *,
        product: tuple[str, str] | None = None,
        timeout: float = 30.0,
        entry: Entry | None = None,
        reconnect: Reconnect | None = None,
    ) -> None:
        self._entry = entry
        self._reconnect = reconnect
        self._product = product
        self._timeout = timeout
        self._waiting: deque[Command] = deque()
        self._state = threading.Condition()
        self._stopping = threading.Event()
        self._final: SignInError | None = None
        self._begin(sock, SessionCore(signed_in, now=time.monotonic(), product=product))
        self._wake, self._wake_sender = socket.socketpair()
        self._take(None)
        self._thread = threading.Thread(target=self._run, name="msnpauth-session", daemon=True)
        self._thread.start()

    @property
    def display_name(self) -> str:
        """The account's display name; its passport where the server has told none."""
        return self._link.core.display_name

    @property
    def profile(self) -> Profile:
        """The fields of the server's first MSG; waits for it for at most two seconds."""
        with self._state:
            self._state.wait_for(
                lambda: self._link.core.profile or self._over(), timeout=_PROFILE_PATIENCE
            )
            return self._link.core.profile

    @property
    def ended(self) -> SignInError | None:
        """Why the session is over, or None while it lives or is coming back."""
        return self._over()

    def send(self, verb: str, *args: str, payload: bytes | None = None) -> int | None:
        """Send a command; return its transaction id, or None for PNG and OUT, which have none.

        Words go as they are: `msnpauth.escape` makes a word of any text.

        Raises:
            LocalProtocolError: it is no command.
            SessionEnded, ConnectionFailed: the session is over.
        """
        return self._link.send(verb, args, payload).trid

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
        link = self._link
        trid = link.send(verb, args, payload, expect=True).trid
        assert trid is not None  # only such commands can be expected to be answered
        core, replies = link.core, link.core.replies
        with self._state:
            try:
                self._wait_until(
                    lambda: replies[trid] is not None,
                    lambda: core.ended,
                    patience,
                    f"reply to {verb}",
                )
            finally:
                reply = replies.pop(trid)
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
            self._wait_until(lambda: bool(self._waiting), self._over, timeout, "command")
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
        if self._entry is None:
            raise LocalProtocolError("this session knows no way to new tickets")
        renewed = self._entry.renew()
        self.tickets = renewed
        return renewed

    def detach(self) -> Detached:
        """Take the connection out, for somebody else to go on with; the session is over.

        Raises:
            SessionEnded, ConnectionFailed: it was over already.
        """
        with self._state:
            if self._link.core.ended is not None:
                raise self._link.core.ended
            self._stopping.set()
        self._stop_thread(None)
        self._end(SessionEnded("detached", reason="detached", server=self.server))
        with self._state:
            pending = tuple(self._waiting)
            self._waiting.clear()
        sock, core = self._link.sock, self._link.core
        sock.settimeout(None)
        return Detached(sock, pending, core.unread, core.next_trid)

    def close(self) -> None:
        """Say OUT and close the connection. More than once does no harm."""
        with self._state:
            link = self._link
            alive = link.core.ended is None
            self._stopping.set()
            self._end(link.core.closed_here())
        if alive:
            link.goodbye()
        # Signing in again it may be held up for a while: it ends by the deadline.
        self._stop_thread(None if alive else _JOIN_PATIENCE)
        link.drop()

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
        state = "over" if self._over() else "away" if self._link.core.ended else "alive"
        return f"<Session of {self.passport!r} at {self.server}, MSNP{self.dialect}, {state}>"

    # --- inside --------------------------------------------------------------------------------

    def _begin(self, sock: socket.socket, core: SessionCore) -> None:
        """Go on over this connection."""
        self._link = Link(sock, core, self._state, self._timeout)
        self.passport = core.passport
        self.dialect = core.dialect.number
        self.server = core.server
        self.ticket = core.ticket
        self.tickets = core.tickets

    def _over(self) -> SignInError | None:
        """Return why the session is over; None while it lives or may come back."""
        if self._final is not None:
            return self._final
        lost = self._link.core.ended
        return None if lost is None or self._may_come_back(lost) else lost

    def _may_come_back(self, lost: SignInError) -> bool:
        wanted = self._reconnect is not None
        return self._entry is not None and comes_back(lost, reconnect=wanted)

    def _end(self, why: SignInError) -> None:
        """End it for good; the first reason counts."""
        with self._state:
            self._final = self._over() or why
            self._link.core.end(why)
            self._state.notify_all()

    def _wait_until(
        self,
        come: Callable[[], bool],
        over: Callable[[], SignInError | None],
        timeout: float | None,
        what: str,
    ) -> None:
        """Wait, holding the lock, until something has come or it no longer can."""
        self._state.wait_for(lambda: come() or over() is not None, timeout)
        if come():
            return
        if (why := over()) is not None:
            raise why
        raise SignInTimeout(
            f"no {what} within {timeout:g} seconds", step=Step.SESSION, server=self.server, hint=""
        )

    def _run(self) -> None:
        """Read one connection after another, until the session is over."""
        while not self._stopping.is_set():
            self._read()
            if self._stopping.is_set() or self._over() is not None:
                return
            try:
                sock, signed_in = self._enter()
            except SignInError as error:
                self._end(error)
                return
            except Exception as fault:  # noqa: BLE001 - handed to who waits for the session
                text = "signing in again met a fault of the transport"
                failed = ConnectionFailed(text, step=Step.SESSION, server=self.server)
                failed.__cause__ = fault
                self._end(failed)
                return
            self._go_on(sock, signed_in)

    def _enter(self) -> tuple[socket.socket, SignedIn]:
        """Sign in again: where the server sends us, or as the policy has it."""
        core = self._link.core
        lost, first_trid = core.ended, core.next_trid
        assert lost is not None  # the connection was read to its end
        assert self._entry is not None  # or the session would be over
        enter = self._entry.enter
        self._link.drop()
        if is_move(lost):
            try:
                return enter(lost.moved_to, first_trid)
            except SignInError as error:
                lost = error
        if self._reconnect is None:
            raise lost
        return self._reconnect.run(
            lost,
            lambda: enter(None, first_trid),
            self._stopping,
            short_lives=core.short_lives,
        )

    def _go_on(self, sock: socket.socket, signed_in: SignedIn) -> None:
        before, now = self._link.core, time.monotonic()
        core = SessionCore(signed_in, now=now, product=self._product, before=before)
        with self._state:
            if self._stopping.is_set():
                sock.close()
                return
            self._begin(sock, core)
        self._take(None)

    def _read(self) -> None:
        """Read the connection to its end."""
        link = self._link
        with selectors.DefaultSelector() as selector:
            selector.register(link.sock, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while link.core.ended is None and not self._stopping.is_set():
                self._wait_for_room()
                with self._state:
                    idle = max(0.0, link.core.wake_at - time.monotonic())
                ready = selector.select(idle)
                if not any(key.fileobj is self._wake for key, _ in ready):
                    self._take(link.read() if ready else None)

    def _wait_for_room(self) -> None:
        """Leave unread what nobody takes: the server's commands are not to fill the memory."""
        with self._state:
            self._state.wait_for(
                lambda: len(self._waiting) < _MAX_WAITING or self._stopping.is_set()
            )

    def _take(self, data: bytes | None) -> None:
        """Hand bytes to the core, the commands to who waits, and the core's own to the server."""
        link = self._link
        with self._state:
            now = time.monotonic()
            self._waiting += link.core.receive(data, now)
            link.core.tick(now)
            self._state.notify_all()
        link.send_own()

    def _stop_thread(self, patience: float | None) -> None:
        with suppress(OSError):
            self._wake_sender.send(b"!")
        if threading.current_thread() is not self._thread:
            self._thread.join(patience)
        self._wake.close()
        self._wake_sender.close()

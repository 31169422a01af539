"""A living session, without I/O: everything that is decided about it is decided here, once.

The drivers carry. They hand in what happens (bytes, the end of a connection, the time, the outcome
of another sign-in) and then do two things: write `take_output()` to the connection, and perform
`take_actions()`. Times are seconds of the driver's own clock.

A connection is known by a number. The number changes each time the session comes back, so that
bytes of a connection that was given up meanwhile are never taken for those of the present one.
"""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import (
    ConnectionFailed,
    LocalProtocolError,
    SessionEnded,
    SignInError,
    SignInTimeout,
    Step,
    refusal_for_code,
)
from ..urls import Address
from ..wire.commands import Command
from .actions import SignedIn
from .comeback import Comeback, Reconnect, is_move, uniform
from .connection import SessionConnection
from .inbox import Inbox

__all__ = [
    "Action",
    "Back",
    "Drop",
    "Dropped",
    "Engine",
    "Enter",
    "Left",
    "Lost",
    "Over",
    "Reply",
    "SessionState",
    "Tell",
]


class SessionState(enum.StrEnum):
    """Whether a session lives."""

    ALIVE = "alive"
    """Signed in."""
    AWAY = "away"
    """The connection was lost, and another sign-in is under way or waited for."""
    ENDED = "ended"
    """Over for good."""


# --- what the engine asks of its driver ----------------------------------------------------------


@dataclass(frozen=True)
class Drop:
    """Close the connection of this number; nothing more is to be said on it."""

    number: int


@dataclass(frozen=True)
class Enter:
    """Sign in again, at this notification server, or where sign-ins begin when it is None.

    The outcome goes to `entered` or `enter_failed`.
    """

    at: Address | None
    first_trid: int


@dataclass(frozen=True)
class Lost:
    """The connection was lost; another sign-in follows in `pause` seconds."""

    error: SignInError
    pause: float


@dataclass(frozen=True)
class Back:
    """The session lives again, at `server`."""

    server: str


@dataclass(frozen=True)
class Dropped:
    """Commands that nobody received were dropped, the oldest first. It is told once."""

    count: int


@dataclass(frozen=True)
class Over:
    """The session is over for good; `dropped` commands in all were never received."""

    error: SignInError
    dropped: int


@dataclass(frozen=True)
class Tell:
    """Something happened that a log should tell."""

    event: Lost | Back | Dropped | Over


Action = Drop | Enter | Tell


class Reply:
    """The reply that a request waits for: a command, or the reason why there will be none."""

    def __init__(self, verb: str, trid: int, server: str) -> None:
        self.trid = trid
        self._verb = verb
        self._server = server
        self._outcome: Command | SignInError | None = None

    @property
    def is_there(self) -> bool:
        """True once `result` may be called."""
        return self._outcome is not None

    def settle(self, outcome: Command | SignInError) -> None:
        """Take the reply, or the error; the first of them counts."""
        self._outcome = self._outcome or outcome

    def result(self) -> Command:
        """Return the reply.

        Raises:
            CommandRefused: it is an error code.
            SignInError: the connection was lost before the reply came.
        """
        assert self._outcome is not None  # callers wait until `is_there`
        if isinstance(self._outcome, SignInError):
            raise copy.copy(self._outcome)
        if self._outcome.code is not None:
            raise refusal_for_code(self._outcome.code, self._verb, server=self._server)
        return self._outcome


@dataclass(frozen=True)
class Left:
    """What a session leaves to whoever takes its connection over."""

    pending: tuple[Command, ...]
    unread: bytes
    next_trid: int


class Engine:
    """One session, over as many connections as it takes.

    Args:
        signed_in: what the sign-in left.
        now: the time.
        product: id and key that answer a CHL; by default those of a client of that version.
        reconnect: the policy of coming back; None for none.
        returns: whether the driver can perform `Enter` at all.
        receive: whether anybody wants the server's commands; without, they are passed over.
        uniform: gives a random number between two others, for the pauses.
    """

    def __init__(
        self,
        signed_in: SignedIn,
        *,
        now: float,
        product: tuple[str, str] | None = None,
        reconnect: Reconnect | None = None,
        returns: bool = True,
        receive: bool = True,
        uniform: Callable[[float, float], float] = uniform,
    ) -> None:
        self._product = product
        self._comeback = Comeback(reconnect, uniform=uniform)
        self._returns = returns
        self._inbox = Inbox() if receive else None
        self._drops_told = False
        self._replies: dict[int, Reply] = {}
        self._actions: list[Action] = []
        self._lost: SignInError | None = None
        self._enter_at: float | None = None
        self._move: SessionEnded | None = None
        self._unsent_on: int | None = None
        self.ended: SignInError | None = None
        """Why the session is over, or None while it lives or may come back."""
        self.connection = SessionConnection(signed_in, now=now, product=product)
        """The present connection, or while the session is away the last one."""
        self._take_in(self.connection.receive(None, now), now)

    # --- what may be asked ---------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        """Whether the session lives."""
        if self.ended is not None:
            return SessionState.ENDED
        return SessionState.ALIVE if self._lost is None else SessionState.AWAY

    @property
    def wake_at(self) -> float | None:
        """When `tick` is due; None when nothing is waited for but the driver."""
        match self.state:
            case SessionState.ALIVE:
                return self.connection.wake_at
            case SessionState.AWAY:
                return self._enter_at
            case SessionState.ENDED:
                return None

    @property
    def has_commands(self) -> bool:
        """True when `take_command` has one to give."""
        return bool(self._inbox)

    @property
    def dropped(self) -> int:
        """How many commands were dropped because nobody received them."""
        return self._inbox.dropped if self._inbox is not None else 0

    @property
    def unread_bytes(self) -> int:
        """About how many bytes of memory the commands take that nobody has received yet."""
        return self._inbox.size if self._inbox is not None else 0

    def is_present(self, number: int) -> bool:
        """Tell whether the session lives over this connection."""
        return number == self.connection.number and self.state is SessionState.ALIVE

    # --- what happens --------------------------------------------------------------------------

    def receive_data(self, number: int, data: bytes, now: float) -> None:
        """Take bytes of a connection, b"" when the server closed it."""
        # A reader of an earlier connection may still hand in bytes: they are nobody's any more.
        if self.is_present(number):
            self._take_in(self.connection.receive(data, now), now)

    def connection_lost(self, number: int, error: SignInError, now: float) -> None:
        """A connection broke."""
        if self.is_present(number):
            self.connection.end(error)
            self._take_in([], now)

    def write_failed(self, number: int, error: SignInError, now: float) -> SignInError:
        """A write failed; return the error for who wrote: the first reason that is known."""
        # A broken pipe is the symptom. The server's OUT or the reader's error, when one came first,
        # is the reason, and it is what the caller should be told.
        self.connection_lost(number, error, now)
        known = self.connection.ended or self.ended if number == self.connection.number else None
        return copy.copy(known or error)

    def tick(self, now: float) -> None:
        """Time has passed: `wake_at` was reached."""
        match self.state:
            case SessionState.ALIVE:
                self.connection.tick(now)
                self._take_in([], now)
            case SessionState.AWAY if self._enter_at is not None and now >= self._enter_at:
                self._enter_at = None
                at = self._move.moved_to if self._move else None
                self._actions.append(Enter(at, self.connection.next_trid))

    def entered(self, signed_in: SignedIn, now: float) -> int | None:
        """Another sign-in succeeded; return the number of its connection.

        None when the session has ended meanwhile: the connection is to be closed.
        """
        if self.state is not SessionState.AWAY:
            return None
        self._comeback.succeeded()
        self._lost = self._move = None
        self.connection = SessionConnection(
            signed_in, now=now, product=self._product, before=self.connection
        )
        self._actions.append(Tell(Back(self.connection.server)))
        self._take_in(self.connection.receive(None, now), now)
        return self.connection.number

    def enter_failed(self, error: SignInError, now: float) -> None:
        """Another sign-in failed."""
        if self.state is not SessionState.AWAY:
            return
        short = self.connection.short_lives
        if self._move is not None:
            # The server that the XFR named does not take us: begin where sign-ins begin. Such a
            # failure is the first after the loss, as if there had been no XFR.
            self._move = None
            pause = self._comeback.after_loss(error, now, short)
        else:
            pause = self._comeback.after_failure(error, now, short)
        self._go_away(error, pause, now)

    def close(self) -> None:
        """This side has enough: OUT is in `take_output`, and the session is over."""
        # A server that is not told OUT shows the account online until its own time-out.
        if self.state is SessionState.ALIVE:
            self.connection.to_send.append(Command("OUT"))
        self._end(self.connection.closed_here())

    def crash(self, fault: BaseException, now: float) -> None:
        """The driver met a fault that nobody foresaw: the net of last resort.

        A session must never be deaf without knowing it. What a fault ends is a connection, so that
        the session may come back; a second fault before it is back ends the session. The fault's
        own text is not told, because it may quote what was being sent.
        """
        text = f"the session met a fault of its own ({type(fault).__name__})"
        hint = "please report it, with the log at DEBUG"
        error = ConnectionFailed(text, step=Step.SESSION, server=self.connection.server, hint=hint)
        if self.state is SessionState.ALIVE:
            self.connection.end(error)
            self._take_in([], now)
        else:
            self._end(error)

    # --- what is said --------------------------------------------------------------------------

    def send(self, verb: str, args: tuple[str, ...], payload: bytes | None) -> int | None:
        """Have a command sent; return its transaction id, or None where the verb has none.

        Raises:
            LocalProtocolError: it is no command.
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why.
        """
        self.check_alive()
        return self.connection.send(verb, args, payload).trid

    def request(self, verb: str, args: tuple[str, ...], payload: bytes | None) -> Reply:
        """Have a command sent; return its reply, which `forget` takes back.

        Raises:
            LocalProtocolError: it is no command, or has no transaction id: nothing answers it.
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why.
        """
        # PNG carries no transaction id, and the QNG that answers it could be that of our own PNG.
        if verb in ("PNG", "OUT"):
            raise LocalProtocolError(f"{verb} has no reply of its own: send it instead")
        trid = self.send(verb, args, payload)
        assert trid is not None  # only PNG and OUT have none
        reply = self._replies[trid] = Reply(verb, trid, self.connection.server)
        return reply

    def forget(self, reply: Reply) -> None:
        """Nobody waits for this reply any more."""
        self._replies.pop(reply.trid, None)

    def check_alive(self) -> None:
        """Raise the reason why nothing can be sent, if there is one.

        Raises:
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why.
        """
        if self.ended is not None:
            # A copy: a traceback grows onto an error each time that it is raised, and would keep
            # the frames of every earlier caller alive.
            raise copy.copy(self.ended)
        if self._lost is not None:
            raise ConnectionFailed(
                f"the session is away and signs in again by itself: {self._lost.text}",
                step=Step.SESSION,
                server=self.connection.server,
                hint="send it again once session.state is alive",
            )

    @property
    def has_output(self) -> bool:
        """True when `take_output` has something to give for the present connection."""
        return bool(self.connection.to_send)

    def take_output(self, number: int, now: float) -> list[Command]:
        """Return the commands to write to a connection now, each of them once."""
        if number != self.connection.number:
            return []
        commands, self.connection.to_send = self.connection.to_send, []
        if commands:
            self.connection.sent(now)
        return commands

    def check_written(self, number: int) -> None:
        """Raise the reason why commands for a connection were never written, if there is one.

        A connection may be lost between the moment when a command is numbered and the moment when
        it would be written. Whoever sent the command has to hear of it.

        Raises:
            SignInError: the connection was lost first.
        """
        if (
            self._unsent_on == number == self.connection.number
            and self.connection.ended is not None
        ):
            raise copy.copy(self.connection.ended)

    def take_actions(self) -> list[Action]:
        """Return what is to be done, each of it once."""
        actions, self._actions = self._actions, []
        return actions

    # --- what is received ----------------------------------------------------------------------

    def take_command(self) -> Command | None:
        """Return the next command of the server; None when none has come.

        Raises:
            LocalProtocolError: the session was told that nothing is wanted.
            SignInError: there is none, and the session is over.
        """
        if self._inbox is None:
            raise LocalProtocolError(
                "this session was signed in with receive=False: it keeps no commands",
                hint="leave receive=False out",
            )
        command = self._inbox.take()
        if command is not None:
            self._drops_told = False
        elif self.ended is not None:
            raise copy.copy(self.ended)
        return command

    def leave(self) -> Left:
        """End the session without a word, and return what goes with its connection.

        Raises:
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why.
        """
        self.check_alive()
        error = SessionEnded(
            "the connection was detached", reason="detached", server=self.connection.server
        )
        self._end(error)
        pending = self._inbox.take_all() if self._inbox is not None else ()
        return Left(pending, self.connection.unread, self.connection.next_trid)

    def too_late(self, what: str, timeout: float) -> SignInTimeout:
        """Return the error for a wait that was in vain."""
        text = f"no {what} within {timeout:g} seconds"
        return SignInTimeout(text, step=Step.SESSION, server=self.connection.server, hint="")

    # --- inside --------------------------------------------------------------------------------

    def _take_in(self, commands: list[Command], now: float) -> None:
        """Give commands to whoever waits for them, and see whether the connection still lives."""
        dropped = 0
        for command in commands:
            # The first command with the transaction id of a request is its reply. What follows with
            # the same id (the LSTs behind SYN) goes to whoever receives.
            reply = self._replies.get(command.trid) if command.trid is not None else None
            if reply is not None and not reply.is_there:
                reply.settle(command)
            elif self._inbox is not None:
                dropped += self._inbox.put(command)
        # Told once until somebody receives again: a log line for each command would be a flood too.
        if dropped and not self._drops_told:
            self._drops_told = True
            self._actions.append(Tell(Dropped(dropped)))
        if self.connection.ended is not None and self._lost is None and self.ended is None:
            self._lose(self.connection.ended, now)

    def _lose(self, lost: SignInError, now: float) -> None:
        """The present connection is over: decide what follows."""
        # What was numbered and not yet written is lost with the connection. `check_written` tells
        # whoever sent it; it is not written to the next connection, which may be another server.
        if self.connection.to_send:
            self._unsent_on = self.connection.number
            self.connection.to_send.clear()
        self._actions.append(Drop(self.connection.number))
        self._settle_replies(lost)
        if self._returns and is_move(lost):
            # The server's own wish, as libpurple and the official clients followed it.
            self._move = lost
            self._go_away(lost, 0.0, now)
            return
        pause = self._comeback.after_loss(lost, now, self.connection.short_lives)
        self._go_away(lost, pause if self._returns else None, now)

    def _go_away(self, lost: SignInError, pause: float | None, now: float) -> None:
        if pause is None:
            self._end(lost)
            return
        self._lost = lost
        self._enter_at = now + pause
        self._actions.append(Tell(Lost(lost, pause)))

    def _end(self, why: SignInError) -> None:
        """The session is over for good; the first reason counts."""
        if self.ended is not None:
            return
        self.ended = why
        self._settle_replies(why)
        self._actions.append(Tell(Over(why, self.dropped)))

    def _settle_replies(self, why: SignInError) -> None:
        for reply in self._replies.values():
            reply.settle(why)

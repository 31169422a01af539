"""A living session, without I/O: the engine makes all decisions, and every driver uses it.

The drivers do the I/O. They pass on what happens (bytes, the end of a connection, the time, the
outcome of another sign-in) and then do two things: write `take_output()` to the connection, and
perform `take_actions()`. Times are seconds of the driver's own clock.

A connection is identified by a number. The number changes each time the session comes back, so that
bytes of an earlier connection are never taken for bytes of the present one.
"""

from __future__ import annotations

import copy
import enum
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..errors import (
    ConnectionFailed,
    LocalProtocolError,
    SessionEnded,
    SignInError,
    SignInTimeout,
    Step,
)
from ..wire.commands import Command
from .actions import SignedIn
from .comeback import Comeback, Reconnect, is_move, uniform
from .connection import SessionConnection
from .desk import Desk
from .inbox import Deliveries
from .session_actions import Back, Drop, Dropped, Enter, Lost, Over, SessionAction, Tell
from .waiting import Outcome, Reply

if TYPE_CHECKING:
    from .events import Event
    from .society import Society

__all__ = ["Engine", "Left", "SessionState"]

_W = TypeVar("_W", bound=Outcome[Any])


class SessionState(enum.StrEnum):
    """The state of a session."""

    ALIVE = "alive"
    """The session is signed in."""
    AWAY = "away"
    """The connection was lost, and another sign-in is under way or will follow."""
    ENDED = "ended"
    """The session is over for good."""


class Left(NamedTuple):
    """What a detached session hands over to the code that takes its connection.

    Attributes:
        pending: commands that nobody has received yet.
        unread: bytes that came behind the last complete command.
        next_trid: the transaction id of the next command.
    """

    pending: tuple[Command, ...]
    unread: bytes
    next_trid: int


class Engine:
    """One session, over one connection or several in succession.

    Args:
        signed_in: the result of the sign-in.
        now: the present time.
        product: product id and key that answer a CHL; by default those of a real client of the
            dialect.
        reconnect: the policy of signing in again; None not to sign in again.
        returns: whether the driver can perform `Enter` and `Consult` at all.
        receive: whether commands and events are kept for a receiver.
        observe: is called with a switchboard's `host:port` and each command that it sends.
        uniform: returns a random number between two others, for the pauses.
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
        observe: Callable[[str, Command], None] | None = None,
        uniform: Callable[[float, float], float] = uniform,
    ) -> None:
        self._product = product
        self._comeback = Comeback(reconnect, uniform=uniform)
        self._returns = returns
        self._deliveries = Deliveries(is_wanted=receive)
        self._drops_told = False
        self._lost: SignInError | None = None
        self._enter_at: float | None = None
        self._move: SessionEnded | None = None
        self._unsent_on: int | None = None
        # A caller that waits for an outcome holds a reference to it; other outcomes may be freed.
        self._begun: weakref.WeakSet[Outcome[Any]] = weakref.WeakSet()
        self.ended: SignInError | None = None
        """Why the session is over, or None while it lives or may come back."""
        connection = SessionConnection(signed_in, now=now, product=product)
        self._desk = Desk(connection, now, consults=returns)
        self._observe = observe
        self._society: Society | None = None
        self.make_face: Callable[[Any], Any] = lambda board: board
        """Makes the driver's object for a chat, which the events carry."""
        self._take_in(connection.receive(None, now), now)

    # --- state ---------------------------------------------------------------------------------

    @property
    def connection(self) -> SessionConnection:
        """The present connection; while the session is away, the last one."""
        return self._desk.connection

    @property
    def state(self) -> SessionState:
        """The state of the session."""
        if self.ended is not None:
            return SessionState.ENDED
        return SessionState.ALIVE if self._lost is None else SessionState.AWAY

    @property
    def society(self) -> Society:
        """Presence, lists and chats; they are made when this property is first read."""
        if self._society is None:
            from .society import Society  # a caller who speaks MSNP directly does not need it

            self._society = Society(self._desk, observe=self._observe, make_face=self.make_face)
        return self._society

    @property
    def has_society(self) -> bool:
        """True once the property `society` was read."""
        return self._society is not None

    @property
    def wake_at(self) -> float | None:
        """The time at which `tick` is due; None when no timer runs."""
        if self.state is SessionState.ENDED:
            return None
        alive = self.state is SessionState.ALIVE
        own = self.connection.wake_at if alive else self._enter_at
        theirs = self._desk.timers.next_at
        if own is None or theirs is None:
            return theirs if own is None else own
        return min(own, theirs)

    @property
    def has_commands(self) -> bool:
        """True when `take_command` would return a command."""
        return self._deliveries.has_commands

    @property
    def dropped(self) -> int:
        """How many commands and events were dropped because nobody received them."""
        return self._deliveries.dropped

    def is_present(self, number: int) -> bool:
        """Tell whether the session lives over this connection."""
        return number == self.connection.number and self.state is SessionState.ALIVE

    # --- what the driver reports ---------------------------------------------------------------

    def receive_data(self, number: int, data: bytes, now: float) -> None:
        """Take bytes of a connection; b"" means that the server closed it."""
        # A reader of an earlier connection may still pass on bytes, which are then ignored.
        if self.is_present(number):
            self._take_in(self.connection.receive(data, now), now)
        elif self._society is not None:
            self._desk.timers.now = now
            self._society.chats.receive_data(number, data)
            self._deliver()

    def connection_lost(self, number: int, error: SignInError, now: float) -> None:
        """Note that a connection broke."""
        if self.is_present(number):
            self.connection.end(error)
            self._take_in([], now)
        elif self._society is not None:
            self._society.chats.lost(number, error)
            self._deliver()

    def write_failed(self, number: int, error: SignInError, now: float) -> SignInError:
        """Note that a write failed; return the error for the writer: the first known reason."""
        # A broken pipe is only the symptom. When the server's OUT or an error of the reader came
        # first, that is the reason, and the caller should get it.
        ended = None if self._society is None else self._society.chats.ended(number)
        self.connection_lost(number, error, now)
        known = self.connection.ended or self.ended if number == self.connection.number else ended
        return copy.copy(known or error)

    def opened(self, number: int, now: float) -> bool:
        """Note that the connection of an `Open` was made; return False when it is not needed."""
        self._desk.timers.now = now
        is_wanted = self.society.chats.opened(number)
        self._deliver()
        return is_wanted

    def open_failed(self, number: int, error: SignInError, now: float) -> None:
        """Note that the connection of an `Open` could not be made."""
        self._desk.timers.now = now
        self.society.chats.open_failed(number, error)
        self._deliver()

    def consulted(self, number: int, result: Any, now: float) -> None:
        """Note that the exchange of a `Consult` has ended, with its result or a `SignInError`."""
        self._desk.timers.now = now
        self._desk.consulted(number, result)
        self._take_in([], now)

    def tick(self, now: float) -> None:
        """Do what is due now; the driver calls this when `wake_at` was reached."""
        if self.state is not SessionState.ENDED:
            self._desk.timers.tick(now)
        match self.state:
            case SessionState.ALIVE:
                self.connection.tick(now)
                self._take_in([], now)
            case SessionState.AWAY if self._enter_at is not None and now >= self._enter_at:
                self._enter_at = None
                at = self._move.moved_to if self._move else None
                self._desk.actions.append(Enter(at, self.connection.next_trid))

    def entered(self, signed_in: SignedIn, now: float) -> int | None:
        """Note that another sign-in succeeded; return the number of its connection.

        The result is None when the session has ended meanwhile: the driver closes the connection.
        """
        if self.state is not SessionState.AWAY:
            return None
        self._comeback.succeeded()
        self._lost = self._move = None
        connection = SessionConnection(
            signed_in,
            now=now,
            product=self._product,
            before=self.connection,
            number=self._desk.next_number(),
        )
        self._desk.change_connection(connection)
        self._desk.actions.append(Tell(Back(connection.server)))
        self._take_in(connection.receive(None, now), now)
        if self._society is not None:
            self._society.restore()
            self._take_in([], now)
        return connection.number

    def enter_failed(self, error: SignInError, now: float) -> None:
        """Note that another sign-in failed."""
        if self.state is not SessionState.AWAY:
            return
        short = self.connection.short_lives
        if self._move is not None:
            # The server that the XFR named does not accept us: the next sign-in begins at the
            # dispatch server. This failure counts as the loss itself, as if there had been no XFR.
            self._move = None
            pause = self._comeback.after_loss(error, now, short)
        else:
            pause = self._comeback.after_failure(error, now, short)
        self._go_away(error, pause, now)

    def close(self) -> None:
        """End the session from this side; OUT is then in `take_output`."""
        # A server that gets no OUT shows the account online until its own time-out.
        if self.state is SessionState.ALIVE:
            self.connection.to_send.append(Command("OUT"))
        self._end(self.connection.closed_here())

    def crash(self, fault: BaseException, now: float) -> None:
        """End the connection after an unexpected exception in the driver.

        A session must never stop receiving without an error. A fault ends the connection, so that
        the session may come back; a second fault before it is back ends the session. The fault's
        own text is left out, because it may quote data that was being sent.
        """
        text = f"the session met a fault of its own ({type(fault).__name__})"
        hint = "please report it, with the log at DEBUG"
        error = ConnectionFailed(text, step=Step.SESSION, server=self.connection.server, hint=hint)
        if self.state is SessionState.ALIVE:
            self.connection.end(error)
            self._take_in([], now)
        else:
            self._end(error)

    # --- commands to send ----------------------------------------------------------------------

    def send(self, verb: str, args: tuple[str, ...], payload: bytes | None) -> int | None:
        """Have a command sent; return its transaction id, or None where the verb has none.

        Raises:
            LocalProtocolError: these values do not make a valid command.
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why.
        """
        self.check_alive()
        return self._desk.say(verb, *args, payload=payload).trid

    def request(self, verb: str, args: tuple[str, ...], payload: bytes | None) -> Reply:
        """Have a command sent; return its reply. `forget` ends the waiting for it.

        Raises:
            LocalProtocolError: the command is not valid, or it is PNG or OUT, which have no reply.
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why.
        """
        # PNG has no transaction id, and a QNG could be the reply to this engine's own PNG.
        if verb in ("PNG", "OUT"):
            raise LocalProtocolError(f"{verb} has no reply of its own: send it instead")
        self.check_alive()
        return self._desk.ask(verb, *args, payload=payload)

    def forget(self, reply: Reply) -> None:
        """Stop waiting for this reply."""
        self._desk.forget(reply)

    def begin(self, start: Callable[[Society], _W]) -> _W:
        """Begin a request to presence, lists or chats; return its outcome.

        Raises:
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why. Errors of `start` are raised too.
        """
        self.check_alive()
        outcome = start(self.society)
        over = self.ended or self._lost  # the first step may have ended the session
        if over is not None:
            outcome.fail(over)
        if not outcome.is_there:
            self._begun.add(outcome)
        self._deliver()
        return outcome

    def check_alive(self) -> None:
        """Raise the reason why nothing can be sent, if there is one.

        Raises:
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why.
        """
        if self.ended is not None:
            # A copy is raised, because each raise adds a traceback to an error, and the traceback
            # would keep the frames of every earlier caller alive.
            raise copy.copy(self.ended)
        if self._lost is not None:
            raise ConnectionFailed(
                f"the session is away and signs in again by itself: {self._lost.text}",
                step=Step.SESSION,
                server=self.connection.server,
                hint="send it again once session.state is alive",
            )

    def settle(self) -> None:
        """Deliver the events that a direct call to a part of the session has caused."""
        self._deliver()

    def numbers_to_write(self) -> list[int]:
        """Return the numbers of the connections for which `take_output` has commands."""
        own = [self.connection.number] if self.connection.to_send else []
        return own if self._society is None else [*own, *self._society.chats.numbers()]

    def take_output(self, number: int, now: float) -> list[Command]:
        """Return the commands to write to a connection now, each of them once."""
        if number != self.connection.number:
            return [] if self._society is None else self._society.chats.take_output(number)
        commands, self.connection.to_send = self.connection.to_send, []
        if commands:
            self.connection.sent(now)
        return commands

    def check_written(self, number: int) -> None:
        """Raise the reason why commands for a connection were never written, if there is one.

        A connection may be lost between the moment when a command is numbered and the moment when
        it would be written. The sender of the command has to get an error then.

        Raises:
            SignInError: the connection was lost first.
        """
        if (
            self._unsent_on == number == self.connection.number
            and self.connection.ended is not None
        ):
            raise copy.copy(self.connection.ended)

    @property
    def has_actions(self) -> bool:
        """True when `take_actions` would return an action."""
        return bool(self._desk.actions)

    def take_actions(self) -> list[SessionAction]:
        """Return the actions to perform, each of them once."""
        actions, self._desk.actions = self._desk.actions, []
        return actions

    # --- received commands and events ----------------------------------------------------------

    def take_command(self) -> Command | None:
        """Return the next command of the server; None when none has come.

        Raises:
            LocalProtocolError: the session was signed in with `receive=False`.
            SignInError: no command is left, and the session is over.
        """
        self._check_is_wanted()
        command = self._deliveries.take_command()
        self._note_taken(is_one=command is not None)
        return command

    def take_event(self) -> Event[Any] | None:
        """Return the next event; None when nothing has happened.

        Raises:
            LocalProtocolError: the session was signed in with `receive=False`.
            SignInError: no event is left, and the session is over.
        """
        self._check_is_wanted()
        left_messages = self.society.left_messages  # makes society, which now gets every command
        if self.ended is None:
            left_messages.read_on()
        event = self._deliveries.take_event()
        if event is not None:
            left_messages.taken(event)
        self._note_taken(is_one=event is not None)
        return event

    def _check_is_wanted(self) -> None:
        if not self._deliveries.is_wanted:
            raise LocalProtocolError(
                "this session was signed in with receive=False: it keeps no commands",
                hint="leave receive=False out",
            )

    def _note_taken(self, *, is_one: bool) -> None:
        if is_one:
            self._drops_told = False
        elif self.ended is not None:
            raise copy.copy(self.ended)

    def leave(self) -> Left:
        """End the session without an OUT, and return what belongs to its connection.

        Raises:
            ConnectionFailed: the session is away.
            SignInError: the session is over; the error says why.
        """
        self.check_alive()
        error = SessionEnded(
            "the connection was detached", reason="detached", server=self.connection.server
        )
        self._end(error)
        pending = self._deliveries.all_commands()
        return Left(pending, self.connection.unread, self.connection.next_trid)

    def too_late(self, what: str, timeout: float) -> SignInTimeout:
        """Return the error for a wait that reached its time limit."""
        text = f"no {what} within {timeout:g} seconds"
        return SignInTimeout(text, step=Step.SESSION, server=self.connection.server, hint="")

    # --- inside --------------------------------------------------------------------------------

    def _take_in(self, commands: list[Command], now: float) -> None:
        """Give commands to their receivers, and check whether the connection still lives."""
        self._desk.timers.now = now
        if self.connection.profile:
            self._desk.profile_came.settle(None)
        unasked = [command for command in commands if not self._taken_as_reply(command)]
        self._deliver(unasked)
        if self.connection.ended is not None and self._lost is None and self.ended is None:
            self._lose(self.connection.ended, now)

    def _lose(self, lost: SignInError, now: float) -> None:
        """Decide what follows, now that the present connection is over."""
        # Commands that were numbered and not yet written are lost with the connection.
        # `check_written` raises the error for their sender; they are not written to the next
        # connection, which may be to another server.
        if self.connection.to_send:
            self._unsent_on = self.connection.number
            self.connection.to_send.clear()
        self._desk.actions.append(Drop(self.connection.number))
        self._let_go(lost)
        if self._returns and is_move(lost):
            # The server itself asks for the move, and libpurple and the official clients follow it.
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
        self._desk.actions.append(Tell(Lost(lost, pause)))

    def _end(self, why: SignInError) -> None:
        """End the session for good; only the first reason counts."""
        if self.ended is not None:
            return
        self.ended = why
        self._let_go(why)
        if self._society is not None:
            self._society.over(why)
            self._deliver()
        self._desk.actions.append(Tell(Over(why, self.dropped)))

    def _let_go(self, why: SignInError) -> None:
        """Make every request and every chat of the connection fail, because it is over."""
        self._desk.fail_all(why)
        if self._society is not None:
            self._society.let_go(why)
            # Some outcomes wait for a timer, and not for the connection: they fail here.
            for outcome in list(self._begun):
                outcome.fail(why)
            self._deliver()

    def _taken_as_reply(self, command: Command) -> bool:
        """Give a command to presence and chats; tell whether it is the reply to a request.

        Presence and chats get the replies as well: the lines of a list have SYN's transaction id.
        """
        is_reply = self._desk.answer(command)
        if self._society is not None:
            self._society.take(command)
        return is_reply

    def _deliver(self, commands: list[Command] | None = None) -> None:
        """Keep commands and events until they are received."""
        happened, self._desk.happened = self._desk.happened, []
        dropped = self._deliveries.put(commands or [], happened)
        # Reported once until somebody receives again: a log line for each command would fill a log.
        if dropped and not self._drops_told:
            self._drops_told = True
            self._desk.actions.append(Tell(Dropped(dropped)))

"""Carries a session on asyncio: a task between the notification server and the engine.

Each chat has a task of its own, and so has each exchange with the contacts host.

The tasks refer to the pump, and the pump does not refer to the `Session`. A session that the
program no longer uses is therefore garbage-collected, and its connections are closed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..core.client.actions import SignedIn
from ..core.client.engine import Engine, Left, SessionState
from ..core.client.session_actions import Consult, Drop, Enter, Open, Tell
from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.tickets.ticket import Ticket
from ..core.urls import Address
from ..core.wire.commands import Command
from ..net.deadline import Deadline
from ..net.streams import Streams
from ..watch import Watch
from .connection import Connection

if TYPE_CHECKING:
    from ..core.client.society import Society
    from ..core.client.waiting import Outcome

__all__ = ["Entry", "Pump"]

T = TypeVar("T")

_CHAT_SECONDS = 10.0


class Entry(Protocol):
    """Signs a session in, so that the session can reconnect."""

    async def enter(self, at: Address | None, first_trid: int) -> tuple[Connection, SignedIn]:
        """Sign in, at the notification server `at` if it is given."""

    async def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""

    async def consult(self, errand: Consult) -> object:
        """Carry an exchange with the contacts host; return its result."""


class Pump:
    """Reads, writes and waits for one session.

    Args:
        connection: the connection of the sign-in.
        engine: the session's engine.
        entry: signs in again; None where that is not possible.
        timeout: seconds that a write may take.
        watch: receives a report of all events.
    """

    def __init__(
        self,
        connection: Connection,
        engine: Engine,
        entry: Entry | None,
        timeout: float,
        watch: Watch,
    ) -> None:
        self.engine = engine
        self.process = os.getpid()
        self._entry = entry
        self._timeout = timeout
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = False
        self._next_entry: Enter | None = None
        self._chats: dict[int, Connection] = {}
        """The connections of chats, by the engine's numbers for them."""
        self._tasks: set[asyncio.Task[None]] = set()
        """The tasks of chats and of exchanges with the contacts host."""
        self.connection = self._present(connection)
        self._task = asyncio.create_task(self._run(), name="msnpauth-session")

    # --- for the session's callers -------------------------------------------------------------

    async def write_out(self, connection: Connection) -> None:
        """Write the engine's commands for this connection, and return when they are sent.

        Raises:
            SignInError: the connection broke; the error is the first reason that is known.
        """
        self._write(connection)
        try:
            await connection.drained(self._timeout)
        except SignInError as problem:
            error = problem
        else:
            return
        connection.drop()  # so that the task that reads it notices the loss, too
        error = self.engine.write_failed(connection.number, error, self._loop.time())
        self._changed.set()
        raise error

    async def write_all_out(self) -> None:
        """Write the engine's commands on every connection; the engine reports a lost connection."""
        self._settle()

    def look(self) -> None:
        """Perform the engine's present actions."""
        self._settle()

    async def carry_out(
        self, begin: Callable[[Society], Outcome[T]], timeout: float, what: str
    ) -> T:
        """Begin an operation, write its commands, and wait for its outcome.

        Raises:
            SignInTimeout: there is no outcome within `timeout` seconds. The operation is stopped.
            SignInError: the error that is the operation's outcome.
        """
        outcome: Outcome[T] = self.engine.begin(begin)
        try:
            await self.write_all_out()
            if not await self._comes(outcome, timeout):
                raise self.engine.too_late(what, timeout)
        finally:
            outcome.give_up()
        return outcome.result()

    async def _comes(self, outcome: Outcome[T], timeout: float) -> bool:
        """Wait until the outcome is there; tell whether it is.

        `wait` would do the same. Each message of a chat is awaited here, and without
        `asyncio.timeout`, and without waking all other tasks, it takes half of the time.
        """
        if outcome.is_there:
            return True
        waiter: asyncio.Future[None] = self._loop.create_future()

        def wake() -> None:
            if not waiter.done():
                waiter.set_result(None)

        outcome.then(wake)
        timer = self._loop.call_later(timeout, wake)
        try:
            await waiter
        finally:
            timer.cancel()
        return outcome.is_there

    async def wait(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until the condition is true; tell whether it is. The condition may raise."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            if isinstance(error, SignInError):  # an error of the condition
                raise
            return False
        return True

    async def close(self) -> None:
        """Send OUT, close the connection, and wait until the task has ended."""
        self.engine.close()
        self._changed.set()
        try:
            await self._stop()
            await self.connection.goodbye(self._take_output(self.connection))
        finally:
            self._end()

    def give_up(self) -> None:
        """End the session at once, without OUT."""
        self.engine.close()
        with suppress(RuntimeError):  # the loop is closed, and its connections with it
            self._loop.call_soon_threadsafe(self._end)

    async def detach(self) -> tuple[Streams, Left]:
        """Stop the task; return the connection and the data that belongs to it.

        Raises:
            SignInError: the session is away or has ended.
        """
        self.engine.check_alive()
        await self._stop()
        left = self.engine.leave()
        self._changed.set()
        self._tell_the_rest()
        return self.connection.streams, left

    async def _stop(self) -> None:
        """Stop the task. The engine has all data that the task has read; nothing is lost."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        self._task.cancel()
        await asyncio.wait({self._task})
        self._tell_the_rest()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _end(self) -> None:
        """Stop all tasks and close all connections at once."""
        if self._timer is not None:
            self._timer.cancel()
        current = asyncio.current_task(self._loop)
        for task in (self._task, *self._tasks):
            if task is not current:
                task.cancel()
        self.connection.drop()
        for chat in self._chats.values():
            chat.drop()
        self._tell_the_rest()
        self._changed.set()

    # --- the task ------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while self.engine.state is not SessionState.ENDED:
                try:
                    await self._pump()
                except Exception as fault:  # noqa: BLE001 - see Engine.crash
                    self._crash(fault)
        finally:
            # Either the session has ended by itself, or the event loop ends and cancels all tasks.
            if not self._stopping:
                self.engine.close()
                self._end()

    async def _pump(self) -> None:
        while True:
            self._perform()
            if self._next_entry is not None:
                entry, self._next_entry = self._next_entry, None
                await self._enter(entry.at, entry.first_trid)
                continue
            match self.engine.state:
                case SessionState.ENDED:
                    return
                case SessionState.ALIVE:
                    await self._read()
                case SessionState.AWAY:
                    await self._pause()

    async def _read(self) -> None:
        """Read until the connection has ended."""
        connection, engine = self.connection, self.engine
        while engine.is_present(connection.number):
            try:
                data = await connection.read()
                engine.receive_data(connection.number, data, self._loop.time())
                self._settle()
                # Nothing more is read from a server that does not read the answers it requests.
                await connection.drained(self._timeout)
            except SignInError as error:
                engine.connection_lost(connection.number, error, self._loop.time())
        self._changed.set()

    async def _pause(self) -> None:
        """Wait until the engine wants to sign in again."""
        wake_at = self.engine.wake_at
        if wake_at is not None:
            await asyncio.sleep(wake_at - self._loop.time())
        self.engine.tick(self._loop.time())

    def _settle(self) -> None:
        """Write the engine's own commands, set the timer, and wake waiting tasks."""
        self._write_all()
        self._perform()
        self._set_timer()
        self._changed.set()

    def _set_timer(self) -> None:
        """Schedule `_tick` for the time when a PNG may be due; an early timer does no harm."""
        wake_at = self.engine.wake_at
        if wake_at is None or self.engine.state is not SessionState.ALIVE:
            return
        if self._timer is None or self._timer.cancelled() or wake_at < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(wake_at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self.engine.tick(self._loop.time())
            self._settle()
        except Exception as fault:  # noqa: BLE001 - see Engine.crash
            self._crash(fault)
        if not self.engine.is_present(self.connection.number):
            self.connection.drop()  # the task notices that, and continues

    def _crash(self, fault: Exception) -> None:
        self.engine.crash(fault, self._loop.time())
        self._changed.set()

    def _perform(self) -> None:
        """Perform the engine's actions; signing in again is left to the task, as it takes long."""
        for action in self.engine.take_actions():
            match action:
                case Tell():
                    self._watch.told(action)
                case Drop(number):
                    self._drop(number)
                case Open():
                    self._start(self._chat(action))
                case Consult():
                    self._start(self._consult(action))
                case Enter():
                    self._next_entry = action

    def _drop(self, number: int) -> None:
        """Close a connection; on that of a chat the last commands are sent first."""
        if number == self.connection.number:
            self.connection.drop()
            return
        chat = self._chats.pop(number, None)
        if chat is not None:
            chat.write(self._take_output(chat))
            chat.streams[1].close()

    # --- chats and errands -----------------------------------------------------------------------

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _chat(self, action: Open) -> None:
        """Open the connection of a chat, and read it until it has ended."""
        deadline = Deadline(min(self._timeout, _CHAT_SECONDS))
        try:
            chat = await Connection.open(action.address, deadline, self._watch, Step.CHAT)
        except SignInError as error:
            self.engine.open_failed(action.number, error, self._loop.time())
            self._settle()
            return
        chat.begin_session(action.number, Step.CHAT)
        if not self.engine.opened(action.number, self._loop.time()):
            chat.drop()
            return
        self._chats[action.number] = chat
        self._settle()
        try:
            await self._read_chat(chat)
        finally:
            if self._chats.pop(action.number, None) is not None:
                chat.drop()

    async def _read_chat(self, chat: Connection) -> None:
        while chat.number in self._chats:
            try:
                data = await chat.read()
                self.engine.receive_data(chat.number, data, self._loop.time())
                self._settle()
                if not data:
                    return
                await chat.drained(self._timeout)
            except SignInError as error:
                self.engine.connection_lost(chat.number, error, self._loop.time())
                self._settle()
                return

    async def _consult(self, action: Consult) -> None:
        """Carry an exchange with the contacts host, and report the result to the engine."""
        assert self._entry is not None  # otherwise the engine does not consult
        try:
            result = await self._entry.consult(action)
        except SignInError as error:
            result = error
        except Exception as fault:  # noqa: BLE001 - a caller's own carrier may raise anything
            text = f"asking the contacts host met a fault ({type(fault).__name__})"
            result = ConnectionFailed(text, step=Step.CONTACTS)
        self.engine.consulted(action.number, result, self._loop.time())
        self._settle()

    # --- coming back -----------------------------------------------------------------------------

    async def _enter(self, at: Address | None, first_trid: int) -> None:
        """Sign in again, and report the result to the engine."""
        assert self._entry is not None  # otherwise the engine does not sign in again
        try:
            connection, signed_in = await self._entry.enter(at, first_trid)
        except SignInError as error:
            failed = error
        except Exception as fault:  # noqa: BLE001 - a caller's own carrier may raise anything
            text = f"signing in again met a fault ({type(fault).__name__})"
            failed = ConnectionFailed(text, step=Step.SESSION)
        else:
            if self.engine.entered(signed_in, self._loop.time()) is None:
                connection.drop()
            else:
                self.connection = self._present(connection)
            self._changed.set()
            return
        self.engine.enter_failed(failed, self._loop.time())
        self._changed.set()

    def _present(self, connection: Connection) -> Connection:
        """Write the engine's commands on its new connection, and return the connection."""
        connection.begin_session(self.engine.connection.number)
        self._write(connection)
        self._set_timer()
        return connection

    def _write(self, connection: Connection) -> None:
        connection.write(self._take_output(connection))

    def _write_all(self) -> None:
        for number in self.engine.numbers_to_write():
            connection = self._chats.get(number)
            if number == self.connection.number:
                connection = self.connection
            if connection is not None:
                self._write(connection)

    def _take_output(self, connection: Connection) -> list[Command]:
        return self.engine.take_output(connection.number, self._loop.time())

    def _tell_the_rest(self) -> None:
        for action in self.engine.take_actions():
            match action:
                case Tell():
                    self._watch.told(action)
                case Drop(number) if number in self._chats:
                    self._drop(number)
                case _:
                    pass  # no new work begins any more

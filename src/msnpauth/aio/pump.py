"""What carries a session on asyncio: a task between the connection and the engine.

The task holds the pump, and the pump does not hold the `Session`. A session that nobody keeps is
therefore collected, and its connection is closed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ..core.client.actions import SignedIn
from ..core.client.engine import Drop, Engine, Enter, Left, SessionState, Tell
from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.tickets.ticket import Ticket
from ..core.urls import Address
from ..core.wire.commands import Command
from ..net.streams import Streams
from ..watch import Watch
from .connection import Connection

__all__ = ["Entry", "Pump"]


class Entry(Protocol):
    """How a session was signed in, so that it can be done again."""

    async def enter(self, at: Address | None, first_trid: int) -> tuple[Connection, SignedIn]:
        """Sign in, at that notification server if one is named."""

    async def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""


class Pump:
    """Reads, writes and waits for one session.

    Args:
        connection: what was signed in over.
        engine: the session.
        entry: signs in again; None where that is not possible.
        timeout: seconds that a write may take.
        watch: is told what happens.
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
        self.connection = self._present(connection)
        self._task = asyncio.create_task(self._run(), name="msnpauth-session")

    # --- for the session's callers -------------------------------------------------------------

    async def write_out(self, connection: Connection) -> None:
        """Write what the engine has to say on this connection, and come back when it has left.

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
        connection.drop()  # so that the task, which reads it, sees it too
        error = self.engine.write_failed(connection.number, error, self._loop.time())
        self._changed.set()
        raise error

    async def wait(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until the condition holds; tell whether it does. It may raise, too."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            if isinstance(error, SignInError):  # the condition's
                raise
            return False
        return True

    async def close(self) -> None:
        """Say OUT, close the connection, and wait until the task has ended."""
        self.engine.close()
        self._changed.set()
        try:
            await self._stop()
            await self.connection.goodbye(self._take_output(self.connection))
        finally:
            self._end()

    def give_up(self) -> None:
        """End the session at once, without a word."""
        self.engine.close()
        with suppress(RuntimeError):  # the loop is closed, and everything with it
            self._loop.call_soon_threadsafe(self._end)

    async def detach(self) -> tuple[Streams, Left]:
        """Stop the task; return the connection and what goes with it.

        Raises:
            SignInError: the session is away or over.
        """
        self.engine.check_alive()
        await self._stop()
        left = self.engine.leave()
        self._changed.set()
        self._tell_the_rest()
        return self.connection.streams, left

    async def _stop(self) -> None:
        """Stop the task. What it has read by then is the engine's; nothing is lost."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        self._task.cancel()
        await asyncio.wait({self._task})

    def _end(self) -> None:
        """Let go of everything, at once."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not asyncio.current_task(self._loop):
            self._task.cancel()
        self.connection.drop()
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
            # Either the session is over by itself, or the event loop ends and cancels everybody.
            if not self._stopping:
                self.engine.close()
                self._end()

    async def _pump(self) -> None:
        while True:
            await self._perform()
            match self.engine.state:
                case SessionState.ENDED:
                    return
                case SessionState.ALIVE:
                    await self._read()
                case SessionState.AWAY:
                    await self._pause()

    async def _read(self) -> None:
        """Read until the connection is over."""
        connection, engine = self.connection, self.engine
        while engine.is_present(connection.number):
            try:
                data = await connection.read()
                engine.receive_data(connection.number, data, self._loop.time())
                self._settle()
                # A server that does not read what it asks for is not read any further either.
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
        """Write what the engine says by itself, set the timer, and wake who waits."""
        self._write(self.connection)
        self._set_timer()
        self._changed.set()

    def _set_timer(self) -> None:
        """Have `_tick` called when a PNG may be due; a timer that is early does no harm."""
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
        except Exception as fault:  # noqa: BLE001 - the net of last resort: see Engine.crash
            self._crash(fault)
        if not self.engine.is_present(self.connection.number):
            self.connection.drop()  # the task sees it, and goes on from there

    def _crash(self, fault: Exception) -> None:
        self.engine.crash(fault, self._loop.time())
        self._changed.set()

    async def _perform(self) -> None:
        """Do what the engine asks for."""
        while actions := self.engine.take_actions():
            for action in actions:
                match action:
                    case Tell():
                        self._watch.told(action)
                    case Drop():
                        self.connection.drop()
                    case Enter(at, first_trid):
                        await self._enter(at, first_trid)

    async def _enter(self, at: Address | None, first_trid: int) -> None:
        """Sign in again, and tell the engine what came of it."""
        assert self._entry is not None  # the engine was told that it returns
        try:
            connection, signed_in = await self._entry.enter(at, first_trid)
        except SignInError as error:
            failed = error
        except Exception as fault:  # noqa: BLE001 - a carrier of the caller's may raise anything
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
        """Write what the engine says on its new connection, and return the connection."""
        connection.begin_session(self.engine.connection.number)
        self._write(connection)
        self._set_timer()
        return connection

    def _write(self, connection: Connection) -> None:
        connection.write(self._take_output(connection))

    def _take_output(self, connection: Connection) -> list[Command]:
        return self.engine.take_output(connection.number, self._loop.time())

    def _tell_the_rest(self) -> None:
        for action in self.engine.take_actions():
            if isinstance(action, Tell):
                self._watch.told(action)

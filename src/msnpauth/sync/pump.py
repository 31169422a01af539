"""Carries a session on blocking sockets: a thread between the connections and the engine.

One thread reads the notification server and every switchboard. Work that may take long, which is
opening a connection and asking the contacts host, runs in a thread of its own.

The threads refer to the pump, and the pump does not refer to the `Session`. A session that the
program no longer uses is therefore garbage-collected, and its connections are closed.
"""

from __future__ import annotations

import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..core.client.actions import SignedIn
from ..core.client.engine import Engine, Left, SessionState
from ..core.client.session_actions import Consult, Drop, Enter, Open, Tell
from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.tickets.ticket import Ticket
from ..core.urls import Address
from ..core.wire.commands import Command
from ..net.deadline import Deadline
from ..net.names import network_error
from ..watch import Watch
from .connection import Connection

if TYPE_CHECKING:
    from ..core.client.society import Society
    from ..core.client.waiting import Outcome

__all__ = ["Entry", "Pump"]

T = TypeVar("T")

_CLOSE_SECONDS = 0.75
_CHAT_SECONDS = 10.0


class Entry(Protocol):
    """Signs a session in, so that the session can reconnect."""

    def enter(self, at: Address | None, first_trid: int) -> tuple[Connection, SignedIn]:
        """Sign in, at the notification server `at` if it is given."""

    def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""

    def consult(self, errand: Consult) -> object:
        """Carry an exchange with the contacts host; return its result."""

    def abort(self) -> None:
        """Make an `enter` that runs in another thread fail at once, for good."""


class Pump:
    """Reads, writes and waits for one session. Only a thread that holds `lock` uses the engine.

    Args:
        connection: the connection of the sign-in.
        engine: the session's engine.
        entry: signs in again; None where that is not possible.
        timeout: seconds that a write may take.
        watch: receives a report of all events.

    Raises:
        ConnectionFailed: there is no descriptor, or no thread, left for it.
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
        self.lock = threading.Condition()
        self.process = os.getpid()
        self._entry = entry
        self._timeout = timeout
        self._watch = watch
        self._handing_over = False
        self._connections: dict[int, Connection] = {}
        """Every connection that is open, by the engine's number for it."""
        self._arrivals: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        """Connections that another thread has opened, and that the pump's thread will read."""
        self._errands: list[threading.Thread] = []
        self._wakers: list[socket.socket] = []
        try:
            self._wakers += socket.socketpair()
            self._wakers[1].setblocking(False)
            self._selector = selectors.DefaultSelector()
            self._selector.register(self._wakers[0], selectors.EVENT_READ)
            self.connection = self._present(connection)
            self._thread = threading.Thread(target=self._run, name="msnpauth-session", daemon=True)
            self._thread.start()
        except (OSError, RuntimeError) as problem:
            error = network_error(problem, Step.SESSION, engine.connection.server)
        else:
            return
        for leftover in (*self._wakers, connection.sock):
            leftover.close()
        raise error

    # --- for the session's callers, in any thread ----------------------------------------------

    def write_out(self, connection: Connection) -> None:
        """Write the engine's commands for this connection, and return when they are written.

        Raises:
            SignInError: the connection broke; the error is the first reason that is known.
        """
        try:
            connection.write_all(lambda: self._take_output(connection.number))
        except SignInError as problem:
            error = problem
        else:
            with self.lock:
                self.engine.check_written(connection.number)
            return
        with self.lock:
            error = self.engine.write_failed(connection.number, error, time.monotonic())
            self.lock.notify_all()
        self.ring()
        raise error

    def write_all_out(self) -> None:
        """Write the engine's commands on every connection; the engine reports a lost connection."""
        with self.lock:
            numbers = self.engine.numbers_to_write()
            connections = [self._connections[at] for at in numbers if at in self._connections]
        for connection in connections:
            with suppress(SignInError):
                self.write_out(connection)

    def carry_out(self, begin: Callable[[Society], Outcome[T]], timeout: float, what: str) -> T:
        """Begin an operation, write its commands, and wait for its outcome.

        Raises:
            SignInTimeout: there is no outcome within `timeout` seconds. The operation is stopped.
            SignInError: the error that is the operation's outcome.
        """
        with self.lock:
            outcome: Outcome[T] = self.engine.begin(begin)
        try:
            self.write_all_out()
            if not outcome.is_there:
                self.ring()  # the pump's thread performs the actions
            with self.lock:
                if not self.lock.wait_for(lambda: outcome.is_there, timeout):
                    raise self.engine.too_late(what, timeout)
        finally:
            with self.lock:
                outcome.give_up()
        return outcome.result()

    def close(self) -> None:
        """Send OUT, close the connections, and wait until the threads have ended."""
        self.give_up()
        if threading.current_thread() is self._thread:
            return  # the garbage collector works in any thread
        self._thread.join(_CLOSE_SECONDS)
        for errand in self._errands:
            errand.join(_CLOSE_SECONDS)
        if self._thread.is_alive():
            # The thread is blocked in a write to a server that does not read.
            self.connection.interrupt()
            self._thread.join(_CLOSE_SECONDS)

    def give_up(self) -> None:
        """End the session; the thread sends OUT and closes the connection."""
        with self.lock:
            self.engine.close()
            self.lock.notify_all()
        if self._entry is not None:
            self._entry.abort()
        self.ring()

    def detach(self) -> tuple[socket.socket, Left]:
        """Stop the thread; return the connection and the data that belongs to it.

        Raises:
            SignInError: the session is away or has ended.
        """
        with self.lock:
            self.engine.check_alive()
            self._handing_over = True
        self.ring()
        self._thread.join()  # a write of its own ends within `timeout`
        try:
            with self.lock:
                left = self.engine.leave()
                self.lock.notify_all()
        except SignInError:
            self._finish()  # the session ended at that very moment
            raise
        self._tell_the_rest()
        self.connection.sock.settimeout(None)
        return self.connection.sock, left

    def drop_copy(self) -> None:
        """Close a forked process's descriptors, without an effect on the other process.

        No lock is acquired, because the thread that held it at the fork does not exist here.
        Nothing is unregistered from the selector, because both processes share the kernel's list.
        """
        for sock in (*self._wakers, *(held.sock for held in self._connections.values())):
            sock.close()

    def ring(self) -> None:
        """Wake the thread, so that it looks at the engine now."""
        with suppress(OSError):  # its socket is full of such signals already, or it has ended
            self._wakers[1].send(b"!")

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._is_done():
                try:
                    self._pump()
                except BaseException as fault:  # noqa: BLE001 - see Engine.crash
                    with self.lock:
                        self.engine.crash(fault, time.monotonic())
                        self.lock.notify_all()
        finally:
            self._selector.close()
            for waker in self._wakers:
                waker.close()
            if not self._handing_over:
                self._finish()

    def _is_done(self) -> bool:
        return self._handing_over or self.engine.state is SessionState.ENDED

    def _pump(self) -> None:
        while True:
            self._write_own()
            self._perform()
            with self.lock:
                if self._is_done():
                    return
                wake_at = self.engine.wake_at
            patience = None if wake_at is None else max(0.0, wake_at - time.monotonic())
            for key, _ in self._selector.select(patience):
                if key.data is None:
                    self._wakers[0].recv(4096)
                else:
                    self._read(key.data)
            self._watch_arrivals()
            with self.lock:
                self.engine.tick(time.monotonic())
                self.lock.notify_all()

    def _read(self, connection: Connection) -> None:
        number = connection.number
        try:
            data = connection.read()
        except SignInError as error:
            with self.lock:
                self.engine.connection_lost(number, error, time.monotonic())
            return
        with self.lock:
            self.engine.receive_data(number, data, time.monotonic())

    def _write_own(self) -> None:
        """Write the engine's own commands: QRY, PNG, and the steps of operations that run."""
        self.write_all_out()

    def _perform(self) -> None:
        """Perform the engine's actions."""
        while True:
            with self.lock:
                actions = self.engine.take_actions()
            if not actions:
                return
            for action in actions:
                match action:
                    case Tell():
                        self._watch.told(action)
                    case Drop(number):
                        self._drop(number)
                    case Enter(at, first_trid):
                        self._enter(at, first_trid)
                    case Open():
                        self._start(partial(self._open, action), "msnpauth-chat")
                    case Consult():
                        self._start(partial(self._consult, action), "msnpauth-contacts")

    def _drop(self, number: int) -> None:
        """Close a connection; on that of a chat the last commands are sent first."""
        connection = self._connections.pop(number, None)
        if connection is None:
            return  # it is still being opened, and `_open` will drop it
        with suppress(KeyError):  # it was opened a moment ago, and is not registered yet
            self._selector.unregister(connection.sock)
        if connection.step is Step.CHAT:
            connection.goodbye(lambda: self._take_output(number))
        connection.drop()

    # --- what may take long ----------------------------------------------------------------------

    def _start(self, errand: Callable[[], None], name: str) -> None:
        """Run the work in a thread of its own; in this thread where no other is left."""
        self._errands = [thread for thread in self._errands if thread.is_alive()]
        thread = threading.Thread(target=errand, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            errand()
        else:
            self._errands.append(thread)

    def _open(self, action: Open) -> None:
        """Open the connection of a chat, and report the result to the engine."""
        patience = Deadline(min(self._timeout, _CHAT_SECONDS))
        try:
            connection = Connection.open(action.address, patience, self._watch, Step.CHAT)
        except SignInError as error:
            with self.lock:
                self.engine.open_failed(action.number, error, time.monotonic())
                self.lock.notify_all()
            self.ring()
            return
        connection.begin_session(action.number, self._timeout, Step.CHAT)
        with self.lock:
            is_wanted = self.engine.opened(action.number, time.monotonic())
            if is_wanted:
                self._connections[action.number] = connection
            self.lock.notify_all()
        if is_wanted:
            self._arrivals.put(connection)
            with suppress(SignInError):  # `write_out` has reported it to the engine
                self.write_out(connection)
            self.ring()
        else:
            connection.drop()

    def _watch_arrivals(self) -> None:
        """Register the connections that were opened meanwhile, so that they are read."""
        while not self._arrivals.empty():
            connection = self._arrivals.get()
            if self._connections.get(connection.number) is connection:
                self._selector.register(connection.sock, selectors.EVENT_READ, connection)

    def _consult(self, action: Consult) -> None:
        """Carry an exchange with the contacts host, and report the result to the engine."""
        assert self._entry is not None  # otherwise the engine does not consult
        try:
            result = self._entry.consult(action)
        except SignInError as error:
            result = error
        except Exception as fault:  # noqa: BLE001 - a caller's own carrier may raise anything
            text = f"asking the contacts host met a fault ({type(fault).__name__})"
            result = ConnectionFailed(text, step=Step.CONTACTS)
        with self.lock:
            self.engine.consulted(action.number, result, time.monotonic())
            self.lock.notify_all()
        self.ring()

    # --- coming back -----------------------------------------------------------------------------

    def _enter(self, at: Address | None, first_trid: int) -> None:
        """Sign in again, and report the result to the engine."""
        assert self._entry is not None  # otherwise the engine does not sign in again
        try:
            connection, signed_in = self._entry.enter(at, first_trid)
        except SignInError as error:
            failed = error
        except Exception as fault:  # noqa: BLE001 - a caller's own carrier may raise anything
            text = f"signing in again met a fault ({type(fault).__name__})"
            failed = ConnectionFailed(text, step=Step.SESSION)
        else:
            with self.lock:
                if self.engine.entered(signed_in, time.monotonic()) is None:
                    connection.drop()
                else:
                    self.connection = self._present(connection)
                self.lock.notify_all()
            return
        with self.lock:
            self.engine.enter_failed(failed, time.monotonic())
            self.lock.notify_all()

    def _present(self, connection: Connection) -> Connection:
        """Register the connection that is now the engine's present one, and return it."""
        number = self.engine.connection.number
        self._selector.register(connection.sock, selectors.EVENT_READ, connection)
        connection.begin_session(number, self._timeout)
        self._connections[number] = connection
        return connection

    def _take_output(self, number: int) -> list[Command]:
        with self.lock:
            return self.engine.take_output(number, time.monotonic())

    def _finish(self) -> None:
        """Write the last commands, and close all connections."""
        connection = self.connection
        connection.goodbye(lambda: self._take_output(connection.number))
        connection.drop()
        self._tell_the_rest()
        with self.lock:
            left = list(self._connections.values())
            self._connections.clear()
        for chat in left:
            chat.drop()

    def _tell_the_rest(self) -> None:
        with self.lock:
            actions = self.engine.take_actions()
        for action in actions:
            match action:
                case Tell():
                    self._watch.told(action)
                case Drop(number) if number != self.connection.number:
                    self._drop(number)
                case _:
                    pass  # no new work begins any more

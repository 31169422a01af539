"""What carries a session on blocking sockets: a thread between the connection and the engine.

The thread holds the pump, and the pump does not hold the `Session`. A session that nobody keeps is
therefore collected, and its connection is closed.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import Protocol

from ..core.client.actions import SignedIn
from ..core.client.engine import Drop, Engine, Enter, Left, SessionState, Tell
from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.tickets.ticket import Ticket
from ..core.urls import Address
from ..core.wire.commands import Command
from ..net.names import network_error
from ..watch import Watch
from .connection import Connection

__all__ = ["Entry", "Pump"]

_CLOSE_SECONDS = 0.75


class Entry(Protocol):
    """How a session was signed in, so that it can be done again."""

    def enter(self, at: Address | None, first_trid: int) -> tuple[Connection, SignedIn]:
        """Sign in, at that notification server if one is named."""

    def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""

    def abort(self) -> None:
        """Have an `enter` that is under way in another thread fail at once, for good."""


class Pump:
    """Reads, writes and waits for one session. The engine is touched only by who holds `lock`.

    Args:
        connection: what was signed in over.
        engine: the session.
        entry: signs in again; None where that is not possible.
        timeout: seconds that a write may take.
        watch: is told what happens.

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
        """Write what the engine has to say on this connection, and come back when it is written.

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

    def close(self) -> None:
        """Say OUT, close the connection, and wait until the thread has ended."""
        self.give_up()
        if threading.current_thread() is self._thread:
            return  # the garbage collector works in any thread
        self._thread.join(_CLOSE_SECONDS)
        if self._thread.is_alive():
            # It is stuck in a write to a server that does not read.
            self.connection.interrupt()
            self._thread.join(_CLOSE_SECONDS)

    def give_up(self) -> None:
        """End the session; the thread says OUT and closes the connection."""
        with self.lock:
            self.engine.close()
            self.lock.notify_all()
        if self._entry is not None:
            self._entry.abort()
        self.ring()

    def detach(self) -> tuple[socket.socket, Left]:
        """Stop the thread; return the connection and what goes with it.

        Raises:
            SignInError: the session is away or over.
        """
        with self.lock:
            self.engine.check_alive()
            self._handing_over = True
        self.ring()
        self._thread.join()  # what it writes by itself is over within `timeout`
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
        """Close what a forked process has of this, and nothing that the other process has.

        No lock is taken, because the thread that held it at the fork does not live here. Nothing
        is unregistered from the selector, because both processes share what the kernel watches.
        """
        for sock in (*self._wakers, self.connection.sock):
            sock.close()

    def ring(self) -> None:
        """Have the thread look at the engine now."""
        with suppress(OSError):  # it has many rings to hear already, or it has ended
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
            ready = [key.fileobj for key, _ in self._selector.select(patience)]
            if self._wakers[0] in ready:
                self._wakers[0].recv(4096)
            if self.connection.sock in ready:
                self._read()
            with self.lock:
                self.engine.tick(time.monotonic())
                self.lock.notify_all()

    def _read(self) -> None:
        number = self.connection.number
        try:
            data = self.connection.read()
        except SignInError as error:
            with self.lock:
                self.engine.connection_lost(number, error, time.monotonic())
            return
        with self.lock:
            self.engine.receive_data(number, data, time.monotonic())

    def _write_own(self) -> None:
        """Write what the engine says by itself: QRY and PNG."""
        with self.lock:
            wanted = self.engine.has_output
        if wanted:
            with suppress(SignInError):  # the engine knows
                self.write_out(self.connection)

    def _perform(self) -> None:
        """Do what the engine asks for."""
        while True:
            with self.lock:
                actions = self.engine.take_actions()
            if not actions:
                return
            for action in actions:
                match action:
                    case Tell():
                        self._watch.told(action)
                    case Drop():
                        self._selector.unregister(self.connection.sock)
                        self.connection.drop()
                    case Enter(at, first_trid):
                        self._enter(at, first_trid)

    def _enter(self, at: Address | None, first_trid: int) -> None:
        """Sign in again, and tell the engine what came of it."""
        assert self._entry is not None  # the engine was told that it returns
        try:
            connection, signed_in = self._entry.enter(at, first_trid)
        except SignInError as error:
            failed = error
        except Exception as fault:  # noqa: BLE001 - a carrier of the caller's may raise anything
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
        """Watch what is the engine's present connection from now on, and return it."""
        self._selector.register(connection.sock, selectors.EVENT_READ)
        connection.begin_session(self.engine.connection.number, self._timeout)
        return connection

    def _take_output(self, number: int) -> list[Command]:
        with self.lock:
            return self.engine.take_output(number, time.monotonic())

    def _finish(self) -> None:
        """Say the last words, and close."""
        connection = self.connection
        connection.goodbye(lambda: self._take_output(connection.number))
        connection.drop()
        self._tell_the_rest()

    def _tell_the_rest(self) -> None:
        with self.lock:
            actions = self.engine.take_actions()
        for action in actions:
            if isinstance(action, Tell):
                self._watch.told(action)

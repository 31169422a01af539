"""Exchanges in threads of their own, for libraries whose calls cannot be cancelled.

The calling thread only waits for the answer: a time-out, Ctrl-C or `close` end its wait at once,
and the thread of the exchange ends as soon as the library allows it.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from ..core.errors import SignInError
from ..core.tickets.exchange import Request, Response
from ..net.deadline import LONGEST
from ..net.names import network_error
from ..net.sockets import shut_down
from .common import closed, too_late

__all__ = ["GRACE", "Outcome", "Task", "Workers"]

Outcome = Response | SignInError

# Seconds by which the library's own time-out is earlier than ours: its error is more exact.
GRACE = 0.2


class Task:
    """One exchange.

    Attributes:
        request: the request.
        timeout: seconds for the whole exchange.
        is_stopped: True once the answer is no longer wanted.
    """

    def __init__(
        self, request: Request, timeout: float, deliver: Callable[[Outcome], None]
    ) -> None:
        self.request = request
        self.timeout = min(timeout, LONGEST)
        self.is_stopped = False
        self._deliver: Callable[[Outcome], None] | None = deliver
        self._lock = threading.Lock()
        self._socks: list[socket.socket] = []
        self._copies: list[socket.socket] = []

    def settle(self, outcome: Outcome) -> None:
        """Deliver the outcome of the exchange; only the first call counts."""
        with self._lock:
            deliver, self._deliver = self._deliver, None
        if deliver is not None:
            deliver(outcome)

    def stop(self, outcome: SignInError | None = None) -> None:
        """End the exchange as soon as possible, with `outcome` as its result if one is given."""
        if outcome is not None:
            self.settle(outcome)  # first: the library's own thread reports the shut-down, too
        with self._lock:
            self.is_stopped = True
            for sock in self._socks + self._copies:
                shut_down(sock)

    def hold(self, sock: socket.socket) -> None:
        """Note a connection of the library, which `stop` shuts down."""
        with self._lock:
            self._socks.append(sock)
            if self.is_stopped:
                shut_down(sock)

    def hold_copy(self, sock: socket.socket) -> None:
        """Note our own socket object for a connection of the library; `let_go` closes it.

        It is for a library that passes its own socket object on, or never shows it.
        """
        with self._lock:
            self._copies.append(sock)
            if self.is_stopped:
                shut_down(sock)

    def let_go(self) -> None:
        """Forget the connections, and close the copies."""
        with self._lock:
            self._socks.clear()
            while self._copies:
                self._copies.pop().close()


class Workers:
    """The running exchanges of one carrier.

    Args:
        carry: carries a task and returns its outcome; runs in the task's thread.
        name: the name of the threads.
    """

    def __init__(self, carry: Callable[[Task], Outcome], name: str) -> None:
        self._carry = carry
        self._name = name
        self._lock = threading.Lock()
        self._tasks: set[Task] = set()
        self.is_closed = False

    def fetch(self, request: Request, timeout: float) -> Response:
        """Carry a request, and wait for the answer.

        Raises:
            SignInError: as `Transport.fetch`.
        """
        outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        task = self.start(request, timeout, outcomes.put)
        try:
            outcome = outcomes.get(timeout=task.timeout + GRACE)
        except queue.Empty:
            outcome = too_late(request, timeout)
        finally:
            task.stop()  # also on Ctrl-C
        if isinstance(outcome, SignInError):
            raise outcome
        return outcome

    def fetch_here(self, request: Request, timeout: float) -> Response:
        """Carry a request in this thread, for a library whose calls can be cancelled.

        Raises:
            SignInError: as `Transport.fetch`.
        """
        outcomes: list[Outcome] = []
        task = self._task(request, timeout, outcomes.append)
        try:
            outcome = self._outcome(task)
        finally:  # on Ctrl-C, too
            self._forget(task)
        outcome = outcomes[0] if outcomes else outcome  # another thread stopped it
        if isinstance(outcome, SignInError):
            raise outcome
        return outcome

    def _task(self, request: Request, timeout: float, deliver: Callable[[Outcome], None]) -> Task:
        task = Task(request, timeout, deliver)
        with self._lock:
            if self.is_closed:
                raise closed(request.step, request.url)
            self._tasks.add(task)
        return task

    def start(self, request: Request, timeout: float, deliver: Callable[[Outcome], None]) -> Task:
        """Begin to carry a request; `deliver` is called once, in any thread.

        Raises:
            ConnectionFailed: no thread can be started, or the carrier is closed.
        """
        task = self._task(request, timeout, deliver)
        thread = threading.Thread(target=self._run, args=(task,), name=self._name, daemon=True)
        try:
            thread.start()
        except Exception as problem:  # noqa: BLE001 - RuntimeError: too many threads
            error = network_error(problem, request.step, request.url.origin)
        else:
            return task
        self._tasks.discard(task)
        raise error

    def close(self) -> None:
        """End all running exchanges, and begin no new ones."""
        with self._lock:
            self.is_closed = True
            tasks = list(self._tasks)
        for task in tasks:
            task.stop(closed(task.request.step, task.request.url))

    def _run(self, task: Task) -> None:
        try:
            outcome = self._outcome(task)
        except BaseException as problem:  # noqa: BLE001 - the caller waits for an outcome
            outcome = network_error(problem, task.request.step, task.request.url.origin)
        self._forget(task)
        with suppress(RuntimeError):  # the event loop that waited is gone
            task.settle(outcome)

    def _outcome(self, task: Task) -> Outcome:
        try:
            return self._carry(task)
        except SignInError as problem:
            return problem
        except Exception as problem:  # noqa: BLE001 - only errors of msnpauth may leave
            return network_error(problem, task.request.step, task.request.url.origin)

    def _forget(self, task: Task) -> None:
        task.let_go()
        with self._lock:
            self._tasks.discard(task)

"""The results that a session waits for: a reply, a timer, or the end of several steps.

A driver requests something, waits until `is_there`, and reads the `result`. The core itself waits
with `then`. This module uses neither threads nor an event loop.
"""

from __future__ import annotations

import copy
import heapq
import itertools
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar, cast

from ..codes import refusal_for_code
from ..errors import SignInError, Step
from ..wire.commands import Command

__all__ = ["Outcome", "Reply", "Steps", "Timers", "Work", "first_of"]

T = TypeVar("T")


class Outcome(Generic[T]):
    """A future result: a value, or an error instead of the value.

    Attributes:
        is_there: True once `result` may be called.
    """

    def __init__(self) -> None:
        self.is_there = False
        self._known: T | None = None
        self._error: SignInError | None = None
        self._then: list[Callable[[], None]] = []

    def settle(self, value: T) -> None:
        """Set the value; only the first value or error counts."""
        if not self.is_there:
            self._known = value
            self._tell()

    def fail(self, error: SignInError) -> None:
        """Set the error; only the first value or error counts."""
        if not self.is_there:
            self._error = error
            self._tell()

    def give_up(self) -> None:
        """Forget the callbacks, because nobody waits for the result any more."""
        self._then.clear()

    def result(self) -> T:
        """Return the value.

        Raises:
            SignInError: the error, as a new object each time.
        """
        if self._error is not None:
            raise copy.copy(self._error)
        return cast("T", self._known)  # callers wait until `is_there`

    def then(self, callback: Callable[[], None]) -> None:
        """Call the callback once the result is known; at once when it is known already."""
        if self.is_there:
            callback()
        else:
            self._then.append(callback)

    def _tell(self) -> None:
        self.is_there = True
        callbacks, self._then = self._then, []
        for callback in callbacks:
            callback()


class Reply(Outcome[Command]):
    """The reply that a request waits for: a command, or the reason why there will be none."""

    def __init__(self, verb: str, trid: int, server: str, step: Step = Step.SESSION) -> None:
        super().__init__()
        self._step = step
        self.trid = trid
        self._verb = verb
        self._server = server

    def result(self) -> Command:
        """Return the reply.

        Raises:
            CommandRefused: the reply is an error code.
            SignInError: the connection was lost before the reply came.
        """
        reply = super().result()
        if reply.code is not None:
            raise refusal_for_code(reply.code, self._verb, server=self._server, step=self._step)
        return reply


Steps = Generator[Outcome[Any], None, T]
"""Several steps, as a generator: it yields each outcome that it waits for, and returns the result.

The generator goes on when the yielded outcome is there; `result()` of the outcome then returns the
value or raises the error.
"""


class Work(Outcome[T]):
    """The outcome of several steps, which begin at once."""

    def __init__(self, steps: Steps[T]) -> None:
        super().__init__()
        self._steps = steps
        self._is_given_up = False
        self._is_running = False
        self._go_on()

    def fail(self, error: SignInError) -> None:
        """Set the error and stop the steps; only the first value or error counts."""
        if not self.is_there:
            super().fail(error)
            self._stop()

    def give_up(self) -> None:
        """Stop the steps; their own clean-up code runs."""
        super().give_up()
        if not self.is_there:
            # The outcome that the steps were waiting for goes on: others may wait for it too.
            self._is_given_up = True
            self._stop()

    def _stop(self) -> None:
        if not self._is_running:  # a running generator cannot be closed: a step ended the session
            self._steps.close()

    def _go_on(self) -> None:
        # A loop and no recursion, because there may be many steps that need not wait.
        while not self.is_there and not self._is_given_up:
            if cast("Any", self._steps).gi_running:
                return  # the garbage collector closes the steps, and they settle what they wait for
            try:
                self._is_running = True
                waits_for = next(self._steps)
            except StopIteration as end:
                self.settle(end.value)
            except SignInError as error:
                self.fail(error)
            else:
                self._is_running = False
                if not waits_for.is_there:
                    waits_for.then(self._go_on)
                    return


def first_of(*outcomes: Outcome[Any]) -> Outcome[None]:
    """Return an outcome that is there as soon as one of the given outcomes is there."""
    first: Outcome[None] = Outcome()
    for outcome in outcomes:
        outcome.then(lambda: first.settle(None))
    return first


class Timers:
    """Timers whose end is awaited. Times are seconds of the driver's own clock."""

    def __init__(self, now: float) -> None:
        self.now = now
        """The time that the driver has passed last."""
        self._moments: list[tuple[float, int, Outcome[None]]] = []
        self._order = itertools.count()

    def after(self, seconds: float) -> Outcome[None]:
        """Return an outcome that is there when so many seconds have passed."""
        moment: Outcome[None] = Outcome()
        heapq.heappush(self._moments, (self.now + seconds, next(self._order), moment))
        return moment

    @property
    def next_at(self) -> float | None:
        """The time at which `tick` is due; None when no timer runs."""
        return self._moments[0][0] if self._moments else None

    def tick(self, now: float) -> None:
        """Settle every timer that is due by `now`."""
        self.now = max(self.now, now)
        while self._moments and self._moments[0][0] <= self.now:
            heapq.heappop(self._moments)[2].settle(None)

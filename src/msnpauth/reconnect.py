"""When a lost session is to sign in again: the policy, carried out by tenacity."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from . import trace
from .core.comeback import pause_before_again
from .core.errors import LocalProtocolError, SignInError

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Reconnect", "check_reconnect"]

T = TypeVar("T")


@dataclass(frozen=True)
class Reconnect:
    """Sign in again when the connection is lost, with growing, random pauses between attempts.

    The pause before attempt n is a random time up to `first` · 2ⁿ⁻¹ seconds and never above
    `longest`, so that a server that restarts is not met by all its users at once. A server's own
    wish (`OUT RCT 5`, Retry-After) is waited out besides. What another attempt cannot mend ends the
    session: the account signed in elsewhere (`OUT OTH`), a wrong password, a bad certificate.

    Attributes:
        attempts: how many in a row may fail; None for no end.
        first: seconds; the longest that the first pause may be.
        longest: seconds; the longest that any pause may be.

    Raises:
        LocalProtocolError: a number cannot be right.
    """

    attempts: int | None = None
    first: float = 1.0
    longest: float = 300.0

    def __post_init__(self) -> None:
        if self.attempts is not None and self.attempts < 1:
            raise LocalProtocolError("attempts must be 1 or more, or None")
        if not 0 <= self.first <= self.longest < float("inf"):
            raise LocalProtocolError("pauses are seconds: 0 <= first <= longest")

    def run(
        self,
        lost: SignInError,
        attempt: Callable[[], T],
        stopped: threading.Event,
        *,
        short_lives: int = 0,
    ) -> T:
        """Return what `attempt` does; give up when `stopped` is set.

        Args:
            lost: what ended the connection.
            attempt: signs in.
            stopped: breaks off the pauses.
            short_lives: how many connections in a row came to nothing, the one that was lost
                included: pauses go on growing where a server takes everybody and drops them.

        Raises:
            SignInError: the last attempt's error, or `lost` where there was none.
        """
        import tenacity

        stop = tenacity.stop_any(self._stop(), tenacity.stop_when_event_set(stopped))
        sleep = tenacity.sleep_using_event(stopped)
        retrying = tenacity.Retrying(sleep=sleep, stop=stop, **self._rules(short_lives))

        def unless_stopped() -> T:
            if stopped.is_set():  # tenacity asks `stop` after a call only
                raise lost
            return attempt()

        return retrying(_after_losing(lost, unless_stopped))

    async def run_async(
        self, lost: SignInError, attempt: Callable[[], Awaitable[T]], *, short_lives: int = 0
    ) -> T:
        """As `run`, until it is cancelled."""
        import tenacity

        first = _after_losing(lost, attempt)

        async def step() -> T:
            return await first()

        retrying = tenacity.AsyncRetrying(stop=self._stop(), **self._rules(short_lives))
        return await retrying(step)

    def _stop(self) -> Any:
        import tenacity

        # The loss counts as the first call: see _after_losing.
        return (
            tenacity.stop_never
            if self.attempts is None
            else tenacity.stop_after_attempt(self.attempts + 1)
        )

    def _rules(self, short_lives: int) -> dict[str, Any]:
        import tenacity

        first = min(self.first * 2.0 ** min(max(short_lives - 1, 0), 64), self.longest)
        backoff = tenacity.wait_random_exponential(multiplier=first, max=self.longest)

        def wait(state: RetryCallState) -> float:
            return (pause_before_again(_error(state)) or 0.0) + backoff(state)

        def worth_it(problem: BaseException) -> bool:
            return isinstance(problem, SignInError) and pause_before_again(problem) is not None

        def tell(state: RetryCallState) -> None:
            trace.comes_back(_error(state), state.upcoming_sleep)

        return {
            "wait": wait,
            "retry": tenacity.retry_if_exception(worth_it),
            "before_sleep": tell,
            "reraise": True,
        }


def check_reconnect(given: Reconnect | bool | None) -> Reconnect | None:
    """Return the policy that an argument stands for: True is the default one.

    Raises:
        LocalProtocolError: it is something else.
    """
    if given is None or isinstance(given, bool):
        return Reconnect() if given else None
    if not isinstance(given, Reconnect):
        raise LocalProtocolError("reconnect= is no policy", hint="as in reconnect=Reconnect()")
    return given


def _after_losing(lost: SignInError, attempt: Callable[[], T]) -> Callable[[], T]:
    """Return `attempt`, whose first call fails by `lost`: a pause comes before the true first."""
    losses = [lost]

    def call() -> T:
        if losses:
            raise losses.pop()
        return attempt()

    return call


def _error(state: RetryCallState) -> SignInError:
    assert state.outcome is not None  # tenacity asks when a call has failed
    problem = state.outcome.exception()
    assert isinstance(problem, SignInError)  # worth_it let nothing else pass
    return problem

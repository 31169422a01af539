"""One deadline for an operation of many steps."""

from __future__ import annotations

import math
import time

from ..core.errors import LocalProtocolError, SignInTimeout, Step

__all__ = ["LONGEST", "Deadline", "check_timeout"]

LONGEST = 1_000_000.0
"""The longest wait in seconds (eleven days): the system's calls accept at most 24 days."""


def check_timeout(timeout: float) -> float:
    """Return the time-out, in seconds.

    Raises:
        LocalProtocolError: the time-out is not a positive number.
    """
    if not isinstance(timeout, int | float) or not (0 < timeout < math.inf):
        raise LocalProtocolError("timeout= is a positive number of seconds: every wait ends")
    return float(timeout)


class Deadline:
    """A point in time, `timeout` seconds from now."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.at = time.monotonic() + min(timeout, LONGEST)

    def remaining(self) -> float:
        """Return the seconds that are left; 0 or less when the deadline has passed."""
        return self.at - time.monotonic()

    def check(self, step: Step | None = None, server: str | None = None) -> float:
        """Return the seconds that are left.

        Raises:
            SignInTimeout: no time is left.
        """
        left = self.remaining()
        if left <= 0:
            raise self.passed(step, server)
        return left

    def is_all_that(self, outcome: object) -> bool:
        """Tell whether an outcome means only that this deadline has passed.

        A thread that waits for another one's outcome has the same deadline, and either of the two
        may notice first that it has passed. Both have to report the same error, the one that says
        what was waited for.
        """
        is_late = isinstance(outcome, SignInTimeout) and outcome.finding == "MA-NET-11"
        return is_late and self.remaining() <= 0

    def passed(self, step: Step | None = None, server: str | None = None) -> SignInTimeout:
        """Return the error that says that the deadline has passed."""
        return SignInTimeout(f"no answer within {self.timeout:g} seconds", step=step, server=server)

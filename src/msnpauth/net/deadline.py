"""One deadline for an operation of many steps."""

from __future__ import annotations

import math
import time

from ..core.errors import LocalProtocolError, SignInTimeout, Step

__all__ = ["LONGEST", "Deadline", "check_timeout"]

LONGEST = 1_000_000.0
"""Seconds (eleven days) that anything waits: what the system's calls take ends at 24 days."""


def check_timeout(timeout: float) -> float:
    """Return the time-out, in seconds.

    Raises:
        LocalProtocolError: it is not a positive number.
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
        """Return the seconds that are left; 0 or less when it has passed."""
        return self.at - time.monotonic()

    def check(self, step: Step | None = None, server: str | None = None) -> float:
        """Return the seconds that are left.

        Raises:
            SignInTimeout: none are.
        """
        left = self.remaining()
        if left <= 0:
            raise self.passed(step, server)
        return left

    def passed(self, step: Step | None = None, server: str | None = None) -> SignInTimeout:
        """Return the error that says so."""
        return SignInTimeout(f"no answer within {self.timeout:g} seconds", step=step, server=server)

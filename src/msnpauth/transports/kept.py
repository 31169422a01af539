"""Decides for how long a kept connection is used again, and how long to wait for its answer."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["KEPT_PATIENCE", "Age"]

# A router with NAT between client and server forgets an idle connection without notice: data that
# is sent over it later is never answered. The strictest routers forget after 30 to 60 seconds, and
# most servers have closed by then as well, so an older connection is not worth the risk.
_TOO_OLD = 60.0
# Within this time no router forgets: nexus and login follow one another at once.
_SURELY_THERE = 10.0
KEPT_PATIENCE = 2.0
"""Seconds that a connection of an age between these two may be silent, before the request is sent
again over a new connection."""


class Age:
    """How long a connection has been idle.

    Args:
        clock: returns seconds, as `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used_at = clock()

    def used(self) -> None:
        """Note that the connection has just been used."""
        self._used_at = self._clock()

    @property
    def is_too_old(self) -> bool:
        """True when the connection should not be used any more."""
        return self._clock() - self._used_at > _TOO_OLD

    def patience(self, left: float) -> float:
        """Return how many seconds to wait for the first byte of an answer.

        Never more than half of the time that is left: the rest is for a new connection.

        Args:
            left: the seconds that are left for the whole exchange.
        """
        if self._clock() - self._used_at <= _SURELY_THERE:
            return left
        return min(KEPT_PATIENCE, left / 2)

"""Memory that goes back to the system: a quiet service does not keep for ever what a flood took.

glibc keeps freed memory for the next time. That is right while passwords are checked: to ask the
system for 19 MiB each time would cost a fifth of the check. It is wrong for months of quiet after
one bad hour. Other C libraries, and other systems, do without all this.
"""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress

__all__ = ["HeapTrimmer"]

_M_ARENA_MAX = -8  # malloc.h
_QUIET_SECONDS = 5.0
_EVERY_SECONDS = 60.0


class HeapTrimmer:
    """See the module; `rest` is called once a second."""

    def __init__(self) -> None:
        self._busy_at = self._given_at = time.monotonic()
        self._was_busy = True
        # All threads take from one place: glibc never gives back the top of a thread's own, which
        # would be 19 MiB for each thread that checks passwords.
        self._call("mallopt", _M_ARENA_MAX, 1)

    def rest(self, *, is_busy: bool) -> None:
        """Give memory back: a few seconds after the last password, and once a minute."""
        now = time.monotonic()
        if is_busy:
            self._busy_at, self._was_busy = now, True
            return
        is_quiet = self._was_busy and now - self._busy_at > _QUIET_SECONDS
        if is_quiet or now - self._given_at > _EVERY_SECONDS:
            self._given_at, self._was_busy = now, False
            self._call("malloc_trim", 0)

    def _call(self, name: str, *values: int) -> None:
        with suppress(OSError, AttributeError, TypeError):
            getattr(ctypes.CDLL(None), name)(*values)

"""Returns free memory to the system, so that a quiet service does not keep it after a busy hour.

glibc keeps freed memory to use it again. This is good while passwords are checked: requesting 19
MiB from the system for each check would cost a fifth of the check. But after one busy hour, glibc
would keep the memory for months. With other C libraries and on other systems this module does
nothing.
"""

from __future__ import annotations

import ctypes
import time
from contextlib import suppress

__all__ = ["HeapTrimmer"]

_M_ARENA_MAX = -8  # from malloc.h of glibc
_QUIET_SECONDS = 5.0
_EVERY_SECONDS = 60.0


class HeapTrimmer:
    """Returns free memory to the system. The service calls `rest` once a second."""

    def __init__(self) -> None:
        self._busy_at = self._given_at = time.monotonic()
        self._was_busy = True
        # All threads use one memory arena: glibc never returns the top of the other arenas, which
        # would be 19 MiB for each thread that checks passwords.
        self._call("mallopt", _M_ARENA_MAX, 1)

    def rest(self, *, is_busy: bool) -> None:
        """Return free memory to the system, five seconds after the last check and once a minute."""
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

"""Remembers recent answers of the resolver: a second look-up of a host needs no thread."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

from ..core.urls import Address

__all__ = ["SECONDS", "ResolverCache", "resolver_cache"]

SECONDS = 60.0
"""Seconds for which an answer is used. The resolver does not report how long it is valid."""

_MOST = 256

Places = list[tuple[socket.AddressFamily, tuple[Any, ...]]]


class ResolverCache:
    """Hosts and their addresses.

    When a server cannot be reached at the addresses that are remembered, the connecting code calls
    `forget` and asks the resolver again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Address, tuple[float, Places]] = {}

    def get(self, address: Address) -> Places:
        """Return the addresses of a host; nothing when no answer of the last minute is there."""
        at, places = self._found.get(address, (0.0, []))
        return places if places and time.monotonic() - at < SECONDS else []

    def put(self, address: Address, places: Places) -> None:
        """Note the resolver's answer; the oldest answers are dropped when there are too many."""
        with self._lock:
            self._found.pop(address, None)
            self._found[address] = time.monotonic(), places
            while len(self._found) > _MOST:
                del self._found[next(iter(self._found))]

    def forget(self, address: Address) -> None:
        """Forget a host."""
        with self._lock:
            self._found.pop(address, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._found.clear()


resolver_cache = ResolverCache()
"""The cache of this process."""

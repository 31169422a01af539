"""What the resolver has said of late: a second look-up of the same host needs no thread."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

from ..core.urls import Address

__all__ = ["SECONDS", "ResolverCache", "resolver_cache"]

SECONDS = 60.0
"""For how long an answer is used. The resolver does not say how long it holds."""

_MOST = 256

Places = list[tuple[socket.AddressFamily, tuple[Any, ...]]]


class ResolverCache:
    """Hosts and their addresses.

    When a server cannot be reached at the addresses that are remembered, whoever finds that out
    forgets them and asks the resolver.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Address, tuple[float, Places]] = {}

    def get(self, address: Address) -> Places:
        """Return the addresses of a host; nothing when it was not asked for within a minute."""
        at, places = self._found.get(address, (0.0, []))
        return places if places and time.monotonic() - at < SECONDS else []

    def put(self, address: Address, places: Places) -> None:
        """Note what the resolver said; the oldest answer makes room."""
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
"""What this process knows."""

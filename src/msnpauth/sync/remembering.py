"""Reads and writes a cache around a sign-in, and waits only a moment for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from ..core.client.memory import Change
from ..store.caches import MemoryTicketCache, TicketCache
from ..store.remembering import PATIENCE, Kept, checked, read, warn, write

__all__ = ["note", "recall"]

T = TypeVar("T")


def recall(cache: TicketCache | None, keys: Iterable[str], patience: float) -> Kept:
    """Return the values that the cache has under these keys; none when it takes too long."""
    if cache is None:
        return {}
    wanted = tuple(keys)
    return _bounded(cache, lambda: read(cache, wanted), patience) or {}


def note(cache: TicketCache | None, changes: Iterable[Change]) -> None:
    """Write the changes into the cache; a slow cache is not waited for."""
    told = tuple(changes)
    if cache is not None and told:
        _bounded(cache, lambda: write(cache, told), PATIENCE)


def _bounded(cache: TicketCache, work: Callable[[], T], patience: float) -> T | None:
    if isinstance(cache, MemoryTicketCache):
        return checked(work)
    found: list[T | None] = []
    done = threading.Event()

    def run() -> None:
        found.append(checked(work))
        done.set()

    try:
        threading.Thread(target=run, name="msnpauth-cache", daemon=True).start()
    except RuntimeError:
        warn("there is no thread left for it")
        return None
    if not done.wait(patience):
        warn("it took too long")
        return None
    return found[0]

"""Reads and writes a cache around a sign-in; `sync` and `aio` limit how long that may take.

A cache is the caller's code on the caller's disk. It may be slow, locked or broken; that costs
round trips and a warning, and never a sign-in. A cache that may block runs in a thread, and the
wait for it is limited. A `MemoryTicketCache` cannot block, and is called directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ..core.client.memory import Change
from ..core.secrets import Secret
from .caches import TicketCache

__all__ = ["PATIENCE", "Kept", "checked", "read", "secret_or_none", "tag_for", "warn", "write"]

PATIENCE = 0.5
"""Seconds that a cache may take. After that the sign-in goes on without the cache's answer."""

T = TypeVar("T")
Kept = Mapping[str, Secret | None]


def tag_for(cache: object, password: Secret) -> str:
    """Return what represents the password in the keys; "" without a cache, which needs no file."""
    if cache is None:
        return ""
    from .machine import password_tag  # files, which most sign-ins do not need

    return password_tag(password)


def read(cache: TicketCache, keys: Iterable[str]) -> Kept:
    """Return the values that the cache has under these keys."""
    return {key: secret_or_none(cache.get(key)) for key in keys}


def secret_or_none(value: object) -> Secret | None:
    """Return a cache's value as a secret; a value that is not text counts as none."""
    return Secret(value) if isinstance(value, str) else None


def write(cache: TicketCache, changes: Iterable[Change]) -> None:
    """Write the changes into the cache."""
    for change in changes:
        if change.value is None:
            cache.forget(change.key)
        else:
            cache.put(change.key, change.value.reveal(), change.expires)


def checked(work: Callable[[], T]) -> T | None:
    """Do the work; when it fails, log a warning and return None."""
    try:
        return work()
    except Exception as problem:  # noqa: BLE001 - a caller's cache may raise anything
        warn(type(problem).__name__)
    return None


def warn(reason: str) -> None:
    """Log why a cache was of no use."""
    import logging  # the import takes time, and most sign-ins log nothing

    logging.getLogger("msnpauth").warning("the ticket cache was of no use: %s", reason)

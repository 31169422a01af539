"""What is done with a cache around a sign-in; `sync` and `aio` bound how long it may take.

A cache is somebody else's code on somebody else's disk. It may be slow, locked or broken; that
costs round trips and a warning, and never a sign-in. A cache that blocks runs in a thread, with a
bound on how long it is waited for. A `MemoryTicketCache` cannot block, and is asked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ..core.client.memory import Change
from ..core.secrets import Secret
from .caches import TicketCache

__all__ = ["PATIENCE", "Kept", "checked", "read", "secret_or_none", "tag_for", "warn", "write"]

PATIENCE = 0.5
"""Seconds that a cache may take. What it has then not said is not known, or not kept in time."""

T = TypeVar("T")
Kept = Mapping[str, Secret | None]


def tag_for(cache: object, password: Secret) -> str:
    """Return what stands for the password in the keys; nothing has to be read without a cache."""
    if cache is None:
        return ""
    from .machine import password_tag  # files, which most sign-ins do not need

    return password_tag(password)


def read(cache: TicketCache, keys: Iterable[str]) -> Kept:
    """Return what the cache has under these keys."""
    return {key: secret_or_none(cache.get(key)) for key in keys}


def secret_or_none(value: object) -> Secret | None:
    """Return what a cache gave as a secret; what is no text is as good as nothing."""
    return Secret(value) if isinstance(value, str) else None


def write(cache: TicketCache, changes: Iterable[Change]) -> None:
    """Tell the cache what has changed."""
    for change in changes:
        if change.value is None:
            cache.forget(change.key)
        else:
            cache.put(change.key, change.value.reveal(), change.expires)


def checked(work: Callable[[], T]) -> T | None:
    """Do the work; when it fails, say so in the log and go on."""
    try:
        return work()
    except Exception as problem:  # noqa: BLE001 - a cache raises whatever its author lets it
        warn(type(problem).__name__)
    return None


def warn(reason: str) -> None:
    """Say in the log why a cache was of no use."""
    import logging  # it takes time, and most sign-ins have nothing to say

    logging.getLogger("msnpauth").warning("the ticket cache was of no use: %s", reason)

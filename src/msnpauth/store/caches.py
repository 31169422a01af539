"""Caches for the next sign-in: their protocols, and a cache in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..core.secrets import Secret
from ..core.tickets.ticket import utc_now

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["AsyncTicketCache", "MemoryTicketCache", "TicketCache"]


class TicketCache(Protocol):
    """A store for data of one sign-in for the next. Keys and values are text; values are secret."""

    def get(self, key: str) -> str | None:
        """Return the value that was put under `key`, or None."""

    def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        """Keep `value` until `expires`, or until forgotten."""

    def forget(self, key: str) -> None:
        """Drop the value under `key`; it is not an error when there is none."""


class AsyncTicketCache(Protocol):
    """The same for `msnpauth.aio`, where its methods are awaited."""

    async def get(self, key: str) -> str | None:
        """As `TicketCache.get`."""

    async def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        """As `TicketCache.put`."""

    async def forget(self, key: str) -> None:
        """As `TicketCache.forget`."""


class MemoryTicketCache:
    """A `TicketCache` in memory, which lasts as long as the process."""

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._kept: dict[str, tuple[Secret, datetime | None]] = {}

    def get(self, key: str) -> str | None:
        value, expires = self._kept.get(key, (None, None))
        if value is None:
            return None
        if expires is not None and expires <= self._now():
            self.forget(key)
            return None
        return value.reveal()

    def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        self._kept[key] = (Secret(value), expires)

    def forget(self, key: str) -> None:
        self._kept.pop(key, None)

    def __repr__(self) -> str:
        return f"<MemoryTicketCache of {len(self._kept)}>"

from __future__ import annotations

from datetime import timedelta

from msnpauth.core.tickets.ticket import utc_now
from msnpauth.store.caches import MemoryTicketCache


def test_cache() -> None:
    cache = MemoryTicketCache()
    assert cache.get("a") is None
    cache.put("a", "secret")
    assert cache.get("a") == "secret"
    assert "secret" not in repr(cache)
    cache.forget("a")
    cache.forget("a")
    assert cache.get("a") is None


def test_cache_forgets_what_has_ended() -> None:
    now = utc_now()
    cache = MemoryTicketCache(now=lambda: now)
    cache.put("a", "x", now + timedelta(seconds=1))
    cache.put("b", "x", now)
    assert cache.get("a") == "x"
    assert cache.get("b") is None
    assert repr(cache) == "<MemoryTicketCache of 1>"

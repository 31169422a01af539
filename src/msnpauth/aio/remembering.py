"""Reads and writes a cache around a sign-in, without stopping the event loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeGuard, TypeVar, cast

from ..core.client.memory import Change
from ..store.caches import AsyncTicketCache, MemoryTicketCache, TicketCache
from ..store.remembering import PATIENCE, Kept, checked, read, secret_or_none, warn, write

__all__ = ["note", "recall"]

T = TypeVar("T")


async def recall(
    cache: TicketCache | AsyncTicketCache | None, keys: Iterable[str], patience: float
) -> Kept:
    """Return the values that the cache has under these keys; none when it takes too long."""
    if cache is None:
        return {}
    wanted = tuple(keys)
    if _is_async(cache):
        return await _bounded(_read(cache, wanted), patience) or {}
    blocking = cast("TicketCache", cache)
    if isinstance(cache, MemoryTicketCache):
        return checked(lambda: read(blocking, wanted)) or {}
    return await _bounded(_in_thread(lambda: read(blocking, wanted)), patience) or {}


async def note(cache: TicketCache | AsyncTicketCache | None, changes: Iterable[Change]) -> None:
    """Write the changes into the cache; a slow cache is not waited for."""
    told = tuple(changes)
    if cache is None or not told:
        return
    if _is_async(cache):
        await _bounded(_write(cache, told), PATIENCE)
        return
    blocking = cast("TicketCache", cache)
    if isinstance(cache, MemoryTicketCache):
        checked(lambda: write(blocking, told))
    else:
        await _bounded(_in_thread(lambda: write(blocking, told)), PATIENCE)


def _is_async(cache: object) -> TypeGuard[AsyncTicketCache]:
    return inspect.iscoroutinefunction(getattr(cache, "get", None))


async def _read(cache: AsyncTicketCache, keys: tuple[str, ...]) -> Kept:
    return {key: secret_or_none(await cache.get(key)) for key in keys}


async def _write(cache: AsyncTicketCache, changes: tuple[Change, ...]) -> None:
    for change in changes:
        if change.value is None:
            await cache.forget(change.key)
        else:
            await cache.put(change.key, change.value.reveal(), change.expires)


async def _in_thread(work: Callable[[], T]) -> T | None:
    """Run the work in a thread of its own: asyncio would wait for its own threads at its end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T | None] = loop.create_future()

    def settle(result: T | None) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        result = checked(work)
        with suppress(RuntimeError):  # the loop may be closed by then
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, name="msnpauth-cache", daemon=True).start()
    return await future


async def _bounded(work: Awaitable[T | None], patience: float) -> T | None:
    try:
        async with asyncio.timeout(patience):
            return await work
    except TimeoutError:
        warn("it took too long")
    except Exception as problem:  # noqa: BLE001 - a caller's cache may raise anything
        warn(type(problem).__name__)
    return None

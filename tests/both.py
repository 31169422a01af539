"""One face for both drivers, so that one test holds for the two of them."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import msnpauth
from msnpauth import aio

T = TypeVar("T")


class SyncDriver:
    name = "sync"

    @contextmanager
    def sign_in(self, *arguments: Any, **settings: Any) -> Iterator[Any]:
        with msnpauth.sign_in(*arguments, **settings) as session:
            yield session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class AioDriver:
    """Runs asyncio in a thread; what has to be awaited is awaited there."""

    name = "aio"

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    @contextmanager
    def sign_in(self, *arguments: Any, **settings: Any) -> Iterator[Any]:
        manager = aio.sign_in(*arguments, **settings)
        session = self.call(manager.__aenter__())
        try:
            yield _Awaited(session, self)
        finally:
            self.call(manager.__aexit__(None, None, None))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Let what was aborted be closed.
        self.call(asyncio.sleep(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Awaited:
    """A session, or a chat, whose coroutines are run to their end."""

    def __init__(self, session: aio.Session | aio.Chat, driver: AioDriver) -> None:
        self._session = session
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        if name == "profile":
            return self._driver.call(self._session.wait_profile())  # type: ignore[union-attr]
        value = getattr(self._session, name)
        if name == "events":
            return lambda: self._iterated(value())
        if not inspect.iscoroutinefunction(value):
            return value
        return lambda *a, **k: self._faced(self._driver.call(value(*a, **k)))

    def _faced(self, value: Any) -> Any:
        """Wrap a chat, also the one of an event."""
        if isinstance(value, aio.Chat):
            return _Awaited(value, self._driver)
        event: Any = value
        if isinstance(getattr(event, "chat", None), aio.Chat):
            return dataclasses.replace(event, chat=self._faced(event.chat))
        return value

    def __iter__(self) -> Iterator[Any]:
        return self._iterated(aiter(self._session))  # type: ignore[arg-type]

    def _iterated(self, iterator: AsyncIterator[Any]) -> Iterator[Any]:
        while True:
            try:
                yield self._faced(self._driver.call(anext(iterator)))  # type: ignore[arg-type]
            except StopAsyncIteration:
                return

    def __repr__(self) -> str:
        return repr(self._session)

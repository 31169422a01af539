"""One face for both drivers, so that one test holds for the two of them."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Coroutine, Iterator
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
    """A session whose coroutines are run to their end."""

    def __init__(self, session: aio.Session, driver: AioDriver) -> None:
        self._session = session
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        if name == "profile":
            return self._driver.call(self._session.wait_profile())
        value = getattr(self._session, name)
        if not inspect.iscoroutinefunction(value):
            return value
        return lambda *a, **k: self._driver.call(value(*a, **k))

    def __iter__(self) -> Iterator[Any]:
        iterator = aiter(self._session)
        while True:
            try:
                yield self._driver.call(anext(iterator))  # type: ignore[arg-type]
            except StopAsyncIteration:
                return

    def __repr__(self) -> str:
        return repr(self._session)

"""What a cache may do to a sign-in: cost it round trips, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from both import AioDriver, SyncDriver
from msnpauth import (
    FileTicketCache,
    MemoryTicketCache,
    PlainCacheWarning,
    WrongCredentials,
    aio,
)
from msnpauth.aio import remembering as aio_remembering
from msnpauth.service import Service
from msnpauth.sync import remembering as sync_remembering
from wire import PASSPORT, PASSWORD

Driver = SyncDriver | AioDriver


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a cache for a moment only."""
    for module in ("msnpauth.sync", "msnpauth.aio"):
        monkeypatch.setattr(f"{module}.driver.PATIENCE", 0.05)
        monkeypatch.setattr(f"{module}.remembering.PATIENCE", 0.05)


class Fails:
    """A cache that raises something of its own."""

    def get(self, key: str) -> str | None:
        raise ZeroDivisionError(key)

    def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        raise ZeroDivisionError(value)

    def forget(self, key: str) -> None:
        raise ZeroDivisionError(key)


class Hangs(Fails):
    """A cache whose lock somebody else holds."""

    def __init__(self) -> None:
        self.freed = threading.Event()

    def get(self, key: str) -> str | None:
        self.freed.wait(20)
        return None

    def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        self.freed.wait(20)


class Nonsense(Fails):
    """A cache that gives what is no text."""

    def get(self, key: str) -> Any:
        return 5

    def put(self, key: str, value: str, expires: datetime | None = None) -> None: ...


@pytest.mark.parametrize("make", [Fails, Hangs, Nonsense])
def test_a_cache_that_is_of_no_use(
    driver: Driver,
    service: Service,
    make: Callable[[], Fails],
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = make()
    settings = {"ca_file": service.ca_file, "cache": cache}
    with driver.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
        assert session.state == "alive"
    if isinstance(cache, Hangs):
        cache.freed.set()
        assert "it took too long" in caplog.text
    if make is Fails:
        assert "the ticket cache was of no use: ZeroDivisionError" in caplog.text
    assert PASSWORD not in caplog.text
    assert session.ticket.reveal() not in caplog.text


def test_a_kept_ticket_answers_only_to_the_password_that_got_it(
    driver: Driver, service: Service
) -> None:
    cache = MemoryTicketCache()
    settings = {"ca_file": service.ca_file, "cache": cache}
    with driver.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
        first = session.ticket.reveal()
    with pytest.raises(WrongCredentials):
        with driver.sign_in(PASSPORT, "wrong", service.servers, **settings):
            pass
    with driver.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
        assert session.ticket.reveal() == first
    kept = " ".join(f"{key} {cache.get(key)}" for key in cache._kept)
    assert PASSWORD not in kept


def test_new_tickets_are_kept(driver: Driver, service: Service) -> None:
    cache = MemoryTicketCache()
    settings = {"ca_file": service.ca_file, "cache": cache}
    with driver.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
        first = session.ticket.reveal()
        renewed = session.renew()["messengerclear.live.com"].reveal()
        assert renewed != first
    with driver.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
        assert session.ticket.reveal() == renewed


def test_what_is_kept_is_for_one_network(driver: Driver, service: Service) -> None:
    """The same account at another network has tickets of its own."""
    from msnpauth.service import run

    cache = MemoryTicketCache()
    with driver.sign_in(
        PASSPORT, PASSWORD, service.servers, ca_file=service.ca_file, cache=cache
    ) as session:
        first = session.ticket.reveal()
    with run({PASSPORT: PASSWORD}) as other:
        settings = {"ca_file": other.ca_file, "cache": cache}
        with driver.sign_in(PASSPORT, PASSWORD, other.servers, **settings) as session:
            assert session.ticket.reveal() != first


def test_a_file_is_read_and_written(driver: Driver, service: Service, tmp_path: Any) -> None:
    with pytest.warns(PlainCacheWarning):
        cache = FileTicketCache(tmp_path / "tickets")
    settings = {"ca_file": service.ca_file, "cache": cache}
    tickets = []
    for _ in range(2):
        with driver.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
            tickets.append(session.ticket.reveal())
    assert tickets[0] == tickets[1]


class Awaited:
    """A cache whose methods are awaited."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        await asyncio.sleep(0)
        return self.kept.get(key)

    async def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        await asyncio.sleep(0)
        self.kept[key] = value

    async def forget(self, key: str) -> None:
        await asyncio.sleep(0)
        self.kept.pop(key, None)


def test_a_cache_that_is_awaited(service: Service) -> None:
    cache = Awaited()
    settings: Any = {"ca_file": service.ca_file, "cache": cache}

    async def ticket() -> str:
        async with aio.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
            assert session.ticket is not None
            return session.ticket.reveal()

    async def main() -> None:
        first = await ticket()
        assert await ticket() == first
        for key in [key for key in cache.kept if key.startswith("ticket")]:
            cache.kept[key] = cache.kept[key].replace("t=", "t=no")
        assert await ticket() != first

    asyncio.run(main())


class AwaitedFails(Awaited):
    async def get(self, key: str) -> str | None:
        raise ZeroDivisionError

    async def put(self, key: str, value: str, expires: datetime | None = None) -> None:
        await asyncio.sleep(60)


def test_a_cache_that_is_awaited_in_vain(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        settings: Any = {"ca_file": service.ca_file, "cache": AwaitedFails()}
        async with aio.sign_in(PASSPORT, PASSWORD, service.servers, **settings) as session:
            assert session.state == "alive"

    asyncio.run(main())
    assert "ZeroDivisionError" in caplog.text
    assert "it took too long" in caplog.text


def test_no_thread_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    assert sync_remembering.recall(Hangs(), ["a"], 5) == {}
    assert asyncio.run(aio_remembering.recall(Hangs(), ["a"], 5)) == {}


def test_without_a_cache_nothing_is_known() -> None:
    assert sync_remembering.recall(None, ["a"], 5) == {}
    assert asyncio.run(aio_remembering.recall(None, ["a"], 5)) == {}

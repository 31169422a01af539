from __future__ import annotations

import asyncio

import pytest

from msnpauth.core.urls import Address
from msnpauth.net import connection_slots
from msnpauth.net.connection_slots import connection_slot

HERE, THERE = Address("a.example", 443), Address("b.example", 443)


@pytest.fixture(autouse=True)
def _two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_slots, "AT_ONCE", 2)


class People:
    """Who has a place, and may leave it."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.go_on = asyncio.Event()

    async def connect(self, address: Address) -> None:
        async with connection_slot(address):
            self.inside += 1
            self.most = max(self.most, self.inside)
            await self.go_on.wait()
            self.inside -= 1


def test_the_third_waits() -> None:
    async def main() -> None:
        people = People()
        tasks = [asyncio.create_task(people.connect(HERE)) for _ in range(5)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert people.inside == 2
        other = asyncio.create_task(people.connect(THERE))
        for _ in range(5):
            await asyncio.sleep(0)
        assert people.inside == 3, "another server has places of its own"
        people.go_on.set()
        await asyncio.gather(*tasks, other)
        assert people.most == 3
        assert not connection_slots._queues[asyncio.get_running_loop()]

    asyncio.run(main())


def test_who_gives_up_takes_no_place() -> None:
    async def main() -> None:
        people = People()
        inside = [asyncio.create_task(people.connect(HERE)) for _ in range(2)]
        waiting = [asyncio.create_task(people.connect(HERE)) for _ in range(3)]
        for _ in range(5):
            await asyncio.sleep(0)
        for task in (inside[0], waiting[0]):
            task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert people.inside == 3, (
            "one more, as the one that was cancelled did not count itself out"
        )
        people.go_on.set()
        found = await asyncio.gather(*inside, *waiting, return_exceptions=True)
        assert sum(isinstance(one, asyncio.CancelledError) for one in found) == 2
        assert not connection_slots._queues[asyncio.get_running_loop()]

    asyncio.run(main())

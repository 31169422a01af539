"""The same on asyncio: the loop goes on meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from examined import speaks
from msnpauth import LocalProtocolError, Servers, aio, doctor
from wire import Server


def test_the_same_findings() -> None:
    async def work(servers: Servers) -> tuple[list[doctor.Finding], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        found = [finding async for finding in aio.doctor.examine(servers)]
        ticking.cancel()
        return found, ticks

    with Server(speaks(8)) as server:
        servers = Servers(notification=server.address)
        found, ticks = asyncio.run(work(servers))
        blocking = list(doctor.examine(servers))
    assert [(f.code, f.step, f.state) for f in found] == [
        (f.code, f.step, f.state) for f in blocking
    ]
    assert ticks > 100


def test_arguments_are_checked_at_once() -> None:
    with pytest.raises(LocalProtocolError):
        aio.doctor.examine(Servers("h.example"), "nobody")

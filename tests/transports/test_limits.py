"""The time limits of exchanges in asyncio: each has its own, and `end` ends all of them."""

from __future__ import annotations

import asyncio

import pytest

from msnpauth.transports.limits import Limits


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("seconds", [0.0, -5.0, 0.001])
def test_what_takes_too_long_ends(seconds: float) -> None:
    async def main() -> None:
        limits = Limits()
        async with limits.within(seconds):
            await forever()

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_what_is_done_in_time_is_let_be() -> None:
    async def main() -> str:
        limits = Limits()
        async with limits.within(60.0):
            await asyncio.sleep(0)
        limits.end()  # nobody is inside any more
        await asyncio.sleep(0)
        return "done"

    assert asyncio.run(main()) == "done"


def test_all_of_them_end_at_once_and_others_may_begin() -> None:
    async def main() -> list[str]:
        limits = Limits()
        ended: list[str] = []
        inside = asyncio.Semaphore(0)

        async def exchange(name: str) -> None:
            try:
                async with limits.within(600.0):
                    inside.release()
                    await forever()
            except TimeoutError:
                ended.append(name)

        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            for name in ("first", "second"):
                tasks.create_task(exchange(name))
                await inside.acquire()
            limits.end()
            limits.end()
        async with limits.within(600.0):
            ended.append("third")
            await asyncio.sleep(0)
        return ended

    *others, third = asyncio.run(main())
    assert (sorted(others), third) == (["first", "second"], "third")


def test_who_is_cancelled_is_cancelled_and_not_late() -> None:
    async def main() -> bool:
        limits = Limits()

        async def exchange() -> None:
            async with limits.within(600.0):
                await forever()

        task = asyncio.create_task(exchange())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        limits.end()
        return task.cancelled()

    assert asyncio.run(main())


def test_an_error_comes_out_as_it_is() -> None:
    async def main() -> None:
        limits = Limits()
        async with limits.within(600.0):
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        asyncio.run(main())

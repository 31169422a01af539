"""How often a network may sign up, and an account change things."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from msnpauth.service.attempts import MemoryAttemptCounter
from msnpauth.service.pages.limits import Limits, TooOften


def allowed(ask: Callable[[str], Awaitable[None]], whose: str = "192.0.2.1") -> tuple[int, int]:
    """Return how often something was allowed, and how long to wait then."""

    async def count() -> tuple[int, int]:
        for done in range(1_000):
            try:
                await ask(whose)
            except TooOften as fault:
                return done, fault.retry_after
        raise AssertionError("there is no bound")

    return asyncio.run(count())


def test_each_network_by_itself() -> None:
    limits = Limits(MemoryAttemptCounter())
    assert allowed(limits.sign_up_tried) == (30, 900)
    assert allowed(limits.sign_up_tried) == (0, 900)
    assert allowed(limits.sign_up_tried, "192.0.2.2") == (30, 900)
    assert allowed(limits.account_made) == (10, 3600)


def test_each_account_by_itself() -> None:
    limits = Limits(MemoryAttemptCounter())
    assert allowed(limits.changed, "alice@example.com") == (20, 900)
    assert allowed(limits.changed, "ALICE@example.com") == (0, 900)
    assert allowed(limits.changed, "bob@example.com") == (20, 900)


def test_all_networks_together() -> None:
    limits = Limits(MemoryAttemptCounter())
    for number in range(50):
        assert allowed(limits.account_made, f"192.0.2.{number}") == (10, 3600)
    assert allowed(limits.account_made, "198.51.100.1") == (0, 3600)


def test_many_at_once_are_not_more() -> None:
    limits = Limits(MemoryAttemptCounter())

    async def at_once() -> int:
        asked = [limits.sign_up_tried("192.0.2.1") for _ in range(100)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        return sum(outcome is None for outcome in outcomes)

    assert asyncio.run(at_once()) == 30


@pytest.mark.parametrize("whose", ["", "2001:db8::/64", "ä/\0"])
def test_whatever_they_are_called(whose: str) -> None:
    assert allowed(Limits(MemoryAttemptCounter()).changed, whose)[0] == 20

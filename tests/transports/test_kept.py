"""How long a connection that was kept is trusted, by a clock that the test turns."""

from __future__ import annotations

import pytest

from msnpauth.transports.kept import KEPT_PATIENCE, Age


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("idle", "is_too_old"), [(0.0, False), (10.0, False), (60.0, False), (60.5, True)]
)
def test_after_a_minute_it_is_not_used_any_more(idle: float, is_too_old: bool) -> None:
    """The strictest routers forget it then, and tell nobody."""
    clock = Clock()
    age = Age(clock)
    clock.now += idle
    assert age.is_too_old is is_too_old


@pytest.mark.parametrize(
    ("idle", "left", "patience"),
    [
        (0.0, 30.0, 30.0),
        (10.0, 30.0, 30.0),
        (10.5, 30.0, KEPT_PATIENCE),
        (59.0, 30.0, KEPT_PATIENCE),
        (10.5, 3.0, 1.5),
        (10.5, 4.0, 2.0),
        (0.0, 0.5, 0.5),
    ],
)
def test_how_long_its_answer_is_waited_for(idle: float, left: float, patience: float) -> None:
    """Never longer than half of what is left: the rest is for a new connection."""
    clock = Clock()
    age = Age(clock)
    clock.now += idle
    assert age.patience(left) == patience


def test_whoever_uses_it_makes_it_new() -> None:
    clock = Clock()
    age = Age(clock)
    clock.now += 59.0
    age.used()
    clock.now += 9.0
    assert (age.is_too_old, age.patience(30.0)) == (False, 30.0)
    clock.now += 52.0
    assert age.is_too_old

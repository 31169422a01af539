"""When memory goes back to the system; whether it does, bench/service.py measures."""

from __future__ import annotations

import pytest

from msnpauth.service import heap as under_test
from msnpauth.service.heap import HeapTrimmer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(under_test, "time", found)
    return found


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(HeapTrimmer, "_call", lambda _self, name, *_values: found.append(name))
    return found


def seconds(trimmer: HeapTrimmer, clock: Clock, count: int, *, is_busy: bool = False) -> None:
    for _ in range(count):
        clock.now += 1
        trimmer.rest(is_busy=is_busy)


def test_a_few_seconds_after_the_last_password(clock: Clock, called: list[str]) -> None:
    trimmer = HeapTrimmer()
    assert called == ["mallopt"]
    seconds(trimmer, clock, 30, is_busy=True)
    assert called == ["mallopt"]
    seconds(trimmer, clock, 5)
    assert called == ["mallopt"]
    seconds(trimmer, clock, 1)
    assert called == ["mallopt", "malloc_trim"]
    seconds(trimmer, clock, 50)
    assert called == ["mallopt", "malloc_trim"]


def test_once_a_minute(clock: Clock, called: list[str]) -> None:
    trimmer = HeapTrimmer()
    seconds(trimmer, clock, 200)
    assert called.count("malloc_trim") == 4  # after the beginning, and three minutes


def test_a_system_that_cannot(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    class Nothing:
        def __init__(self, _name: None) -> None:
            raise OSError

    monkeypatch.setattr("ctypes.CDLL", Nothing)
    trimmer = HeapTrimmer()
    seconds(trimmer, clock, 100)

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import tenacity

from msnpauth import (
    ConnectionFailed,
    LocalProtocolError,
    Reconnect,
    SessionEnded,
    SignInError,
    WrongCredentials,
)
from msnpauth.reconnect import check_reconnect

LOST = ConnectionFailed("lost")


class Attempts:
    """Fails by each of these errors in turn, then returns `in`."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return "in"

    async def later(self) -> str:
        return self()


def run_sync(policy: Reconnect, lost: SignInError, attempts: Attempts) -> str:
    return policy.run(lost, attempts, threading.Event())


def run_async(policy: Reconnect, lost: SignInError, attempts: Attempts) -> str:
    return asyncio.run(policy.run_async(lost, attempts.later))


Run = Callable[[Reconnect, SignInError, Attempts], str]
both = pytest.mark.parametrize("run", [run_sync, run_async])
AT_ONCE = Reconnect(first=0, longest=0)


@both
def test_it_tries_until_it_is_in(run: Run) -> None:
    attempts = Attempts(LOST, LOST, LOST)
    assert run(AT_ONCE, LOST, attempts) == "in"
    assert attempts.made == 4


@both
def test_it_gives_up_after_so_many_attempts(run: Run) -> None:
    last = ConnectionFailed("the last")
    attempts = Attempts(LOST, LOST, last, LOST)
    with pytest.raises(ConnectionFailed) as raised:
        run(Reconnect(attempts=3, first=0, longest=0), LOST, attempts)
    assert raised.value is last
    assert attempts.made == 3


@both
def test_it_does_not_ask_twice_what_was_refused(run: Run) -> None:
    attempts = Attempts(LOST, WrongCredentials("no"))
    with pytest.raises(WrongCredentials):
        run(AT_ONCE, LOST, attempts)
    assert attempts.made == 2


@both
def test_never_after_a_sign_in_elsewhere(run: Run) -> None:
    attempts = Attempts()
    with pytest.raises(SessionEnded):
        run(AT_ONCE, SessionEnded("elsewhere", reason="OTH"), attempts)
    assert attempts.made == 0


@both
def test_a_fault_of_ours_is_not_hidden(run: Run) -> None:
    with pytest.raises(ZeroDivisionError):
        run(AT_ONCE, LOST, Attempts(ZeroDivisionError()))


def pauses(
    policy: Reconnect, *errors: SignInError, monkeypatch: pytest.MonkeyPatch, short_lives: int = 0
) -> list[float]:
    """Return how long it would have slept after each of these."""
    slept: list[float] = []
    monkeypatch.setattr(tenacity, "sleep_using_event", lambda stopped: slept.append)
    attempts = Attempts(*errors[1:])
    policy.run(errors[0], attempts, threading.Event(), short_lives=short_lives)
    return slept


def test_pauses_grow_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    policy = Reconnect(first=2, longest=30)
    assert pauses(policy, *[LOST] * 6, monkeypatch=monkeypatch) == [2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    ("short_lives", "expected"),
    [(0, [2, 4]), (1, [2, 4]), (2, [4, 8]), (4, [16, 30]), (9, [30, 30]), (9999, [30, 30])],
)
def test_pauses_go_on_growing_where_every_connection_is_dropped(
    short_lives: int, expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    policy = Reconnect(first=2, longest=30)
    found = pauses(policy, LOST, LOST, monkeypatch=monkeypatch, short_lives=short_lives)
    assert found == expected


def test_pauses_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    monkeypatch.setattr("random.uniform", uniform)
    assert pauses(Reconnect(), LOST, LOST, monkeypatch=monkeypatch) == [0, 0]
    assert asked == [(0, 1), (0, 2)]


def test_a_servers_wish_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    later = SessionEnded("later", reason="RCT", minutes=5)
    assert pauses(Reconnect(), later, LOST, monkeypatch=monkeypatch) == [301, 2]


def test_a_pause_can_be_broken_off() -> None:
    """It sleeps on the event: were it not so, this would take ten hours."""
    stopped = threading.Event()
    attempts = Attempts()
    later = SessionEnded("later", reason="RCT", minutes=600)
    thread = threading.Timer(0, stopped.set)
    thread.start()
    with pytest.raises(SessionEnded):
        Reconnect().run(later, attempts, stopped)
    thread.join()
    assert attempts.made == 0


@pytest.mark.parametrize(
    "numbers",
    [
        {"attempts": 0},
        {"first": -1},
        {"first": 10, "longest": 5},
        {"longest": float("inf")},
        {"first": float("nan")},
    ],
)
def test_what_is_no_policy(numbers: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        Reconnect(**numbers)


def test_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "msnpauth")
    run_sync(AT_ONCE, LOST, Attempts())
    assert caplog.messages == ["session   lost; signing in again in 0.0 seconds"]


def test_what_stands_for_a_policy() -> None:
    assert check_reconnect(True) == Reconnect()
    assert check_reconnect(None) is check_reconnect(False) is None
    assert check_reconnect(AT_ONCE) is AT_ONCE
    with pytest.raises(LocalProtocolError, match="no policy"):
        check_reconnect(5)  # type: ignore[arg-type]

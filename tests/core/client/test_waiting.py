from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

from msnpauth import ChatEnded, CommandRefused, ConnectionFailed
from msnpauth.core.client.waiting import Outcome, Reply, Steps, Timers, Work, first_of
from msnpauth.core.wire.commands import Command
from talk import Talk


def test_the_first_outcome_counts() -> None:
    outcome: Outcome[int] = Outcome()
    heard: list[str] = []
    outcome.then(lambda: heard.append("a"))
    there = [outcome.is_there]
    outcome.settle(5)
    outcome.settle(6)
    outcome.fail(ChatEnded("no"))
    outcome.then(lambda: heard.append("b"))
    assert [*there, outcome.is_there] == [False, True]
    assert (outcome.result(), heard) == (5, ["a", "b"])


def test_an_error_is_a_new_object_each_time() -> None:
    outcome: Outcome[int] = Outcome()
    error = ChatEnded("over")
    outcome.fail(error)
    outcome.settle(5)
    raised = []
    for _ in range(2):
        with pytest.raises(ChatEnded, match="over") as caught:
            outcome.result()
        raised.append(caught.value)
    assert len({id(found) for found in (*raised, error)}) == 3


def test_who_has_given_up_is_not_called() -> None:
    outcome: Outcome[int] = Outcome()
    heard: list[str] = []
    outcome.then(lambda: heard.append("a"))
    outcome.give_up()
    outcome.settle(5)
    assert heard == []


def test_a_reply_may_be_a_refusal() -> None:
    reply = Reply("CHG", 5, "ns:1863")
    reply.settle(Command("201", 5))
    with pytest.raises(CommandRefused, match="CHG was refused: the server did not like a param"):
        reply.result()


def test_steps_wait_for_one_thing_after_another() -> None:
    first: Outcome[int] = Outcome()
    second: Outcome[int] = Outcome()

    def steps() -> Steps[int]:
        yield first
        yield second
        return first.result() + second.result()

    work = Work(steps())
    second.settle(2)
    there = [work.is_there]
    first.settle(1)
    assert [*there, work.is_there, work.result()] == [False, True, 3]


def test_steps_that_need_not_wait_are_no_recursion() -> None:
    done: Outcome[int] = Outcome()
    done.settle(1)

    def steps() -> Steps[int]:
        for _ in range(5000):
            yield done
        return done.result()

    assert Work(steps()).result() == 1


def test_an_error_of_a_step_is_the_works() -> None:
    lost: Outcome[int] = Outcome()
    cleaned: list[bool] = []

    def steps() -> Steps[int]:
        try:
            yield lost
            return lost.result()
        finally:
            cleaned.append(True)

    work = Work(steps())
    lost.fail(ConnectionFailed("gone"))
    with pytest.raises(ConnectionFailed, match="gone"):
        work.result()
    assert cleaned == [True]


def test_work_that_is_given_up_cleans_up_and_never_goes_on() -> None:
    shared: Outcome[int] = Outcome()
    cleaned: list[str] = []

    def steps(name: str) -> Steps[int]:
        try:
            yield shared
            return shared.result()
        finally:
            cleaned.append(name)

    given_up, other = Work(steps("given up")), Work(steps("other"))
    given_up.give_up()
    assert cleaned == ["given up"]
    shared.settle(7)
    assert (given_up.is_there, other.result()) == (False, 7)
    other.give_up()


def test_the_first_of_two() -> None:
    one: Outcome[int] = Outcome()
    two: Outcome[Any] = Outcome()
    first = first_of(one, two)
    there = [first.is_there]
    two.fail(ChatEnded("no"))
    one.settle(1)
    assert [*there, first.is_there, first.result()] == [False, True, None]


def test_timers() -> None:
    timers = Timers(100.0)
    none = timers.next_at
    later, sooner = timers.after(5.0), timers.after(2.0)
    due = [timers.next_at]
    timers.tick(101.9)
    there = [sooner.is_there]
    timers.tick(102.0)
    timers.tick(90.0)  # a clock that goes backwards sets nothing back
    assert (none, due) == (None, [102.0])
    assert [*there, sooner.is_there, later.is_there] == [False, True, False]
    assert (timers.now, timers.next_at) == (102.0, 105.0)
    timers.tick(200.0)
    assert (later.is_there, timers.next_at) == (True, None)


def test_an_engine_that_nobody_needs_any_more_goes_quietly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The garbage collector closes steps in any order, and steps settle what others wait for."""
    raised: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: raised.append(found.exc_value))
    talk = Talk()
    work = talk.opening("a@b")
    talk.board(work)
    del work, talk
    gc.collect()
    assert raised == []

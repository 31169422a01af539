"""Faults that a test has ordered, one command after another."""

from __future__ import annotations

import asyncio

import pytest

from msnpauth.core.wire.commands import Command
from msnpauth.service.roles.faults import Faults
from msnpauth.service.stores.memory import at_once


class Answers:
    """A role that commands come to."""

    def __init__(self) -> None:
        self.out: list[Command] = []
        self.closing = False


def struck(faults: Faults, role: Answers, verb: str, trid: int | None = 5) -> bool:
    return at_once(faults.strike(role, Command(verb, trid)))


def test_without_an_order_nothing_happens() -> None:
    role = Answers()
    assert not struck(Faults(), role, "MSG")
    assert (role.out, role.closing) == ([], False)


def test_a_refusal_answers_its_own_command() -> None:
    faults, role = Faults(), Answers()
    faults.refuse("CAL", 217)
    assert not struck(faults, role, "MSG", 4)
    assert struck(faults, role, "CAL", 6)
    assert not struck(faults, role, "CAL", 7)
    assert role.out == [Command("217", 6)]
    assert not role.closing


def test_an_order_for_several_is_met_by_so_many() -> None:
    faults, role = Faults(), Answers()
    faults.refuse("CAL", 713, times=2)
    assert [struck(faults, role, "CAL", number) for number in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    assert role.out == [Command("713", 0), Command("713", 1)]
    faults.refuse("CAL", 713, times=0)
    assert not struck(faults, role, "CAL")


def test_a_drop_closes_and_says_nothing() -> None:
    faults, role = Faults(), Answers()
    faults.drop("msg")
    assert struck(faults, role, "MSG")
    assert (role.out, role.closing) == ([], True)


def test_what_was_ordered_for_a_verb_comes_in_its_order() -> None:
    faults, role = Faults(), Answers()
    faults.refuse("MSG", 800)
    faults.refuse("CAL", 217)
    faults.drop("MSG")
    closed = []
    for verb in ("MSG", "MSG", "CAL"):
        assert struck(faults, role, verb)
        closed.append(role.closing)
    assert closed == [False, True, True]
    assert [command.verb for command in role.out] == ["800", "217"]


def test_a_delay_waits_and_then_the_command_is_answered_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    faults, role = Faults(), Answers()
    faults.delay("PNG", 2.5, times=2)
    assert [struck(faults, role, "PNG", None) for _ in range(3)] == [False] * 3
    assert waited == [2.5, 2.5]
    assert (role.out, role.closing) == ([], False)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.client.inbox import Inbox, weight
from msnpauth.core.wire.commands import Command


def numbered(count: int, payload: bytes | None = None) -> list[Command]:
    return [Command("NLN", None, (str(number),), payload) for number in range(count)]


def test_first_in_first_out() -> None:
    inbox = Inbox(weight)
    for command in numbered(3):
        assert inbox.put(command) == 0
    assert len(inbox) == 3
    assert [inbox.take() for _ in range(4)] == [*numbered(3), None]
    assert inbox.dropped == 0


def test_the_oldest_go_when_there_is_no_room() -> None:
    commands = numbered(5)
    inbox = Inbox(weight, 3 * weight(commands[0]))
    assert [inbox.put(command) for command in commands] == [0, 0, 0, 1, 1]
    assert inbox.dropped == 2
    assert inbox.take_all() == tuple(commands[2:])
    assert (len(inbox), inbox.take()) == (0, None)
    assert inbox.put(commands[0]) == 0


def test_the_newest_stays_however_large_it_is() -> None:
    inbox = Inbox(weight, 1000)
    inbox.put(Command("NLN"))
    large = Command("MSG", None, (), b"x" * 5000)
    assert inbox.put(large) == 1
    assert inbox.take() == large


@pytest.mark.parametrize(
    ("heavier", "lighter"),
    [
        (Command("MSG", None, (), b"x" * 10), Command("MSG", None, (), b"x")),
        (Command("NLN", None, ("a", "b")), Command("NLN", None, ("ab",))),
        (Command("NLN", None, ("aaa",)), Command("NLN", None, ("a",))),
    ],
)
def test_payloads_and_words_weigh(heavier: Command, lighter: Command) -> None:
    assert weight(heavier) > weight(lighter) > 0


@given(st.lists(st.one_of(st.none(), st.integers(0, 3000)), max_size=60))
def test_never_more_than_its_limit(steps: list[int | None]) -> None:
    """None takes a command out, a number puts one in with a payload of that length."""
    inbox, kept = Inbox(weight, 5000), list[Command]()
    for step in steps:
        if step is None:
            assert inbox.take() == (kept.pop(0) if kept else None)
        else:
            kept.append(Command("MSG", None, (), bytes(step)))
            del kept[: inbox.put(kept[-1])]
        assert len(inbox) == len(kept)
        assert inbox.size == sum(map(weight, kept))
        assert inbox.size <= 5000 or len(kept) == 1

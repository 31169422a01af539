from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth import CameBack, MessageReceived
from msnpauth.core.client.inbox import MAX_UNREAD, Deliveries, Inbox, event_weight, weight
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


def test_what_is_read_is_kept_and_the_other_is_not() -> None:
    letters = Deliveries(is_wanted=True)
    command, event = Command("NLN", None, ("NLN", "x@y")), CameBack("ns:1863")
    letters.put([command], [event])
    assert letters.size > 0
    assert letters.take_event() == event
    assert (letters.take_event(), letters.has_commands) == (None, False)
    letters.put([command], [event])
    assert (letters.has_commands, letters.take_event()) == (False, event)
    assert letters.take_command() is None  # from now on both are read
    letters.put([command], [event])
    assert (letters.take_command(), letters.take_event()) == (command, event)
    assert letters.size == 0


def test_who_reads_commands_fills_no_memory_with_events() -> None:
    letters = Deliveries(is_wanted=True)
    assert letters.take_command() is None
    for _ in range(100):
        letters.put([], [CameBack("ns:1863")])
    assert letters.size == 0


def test_what_nobody_wants_is_not_kept() -> None:
    letters = Deliveries(is_wanted=False)
    assert letters.put([Command("PNG")], [CameBack("ns:1863")]) == 0
    assert (letters.size, letters.has_commands, letters.all_commands()) == (0, False, ())


def test_events_are_bounded_as_commands_are() -> None:
    letters = Deliveries(is_wanted=True)
    event = MessageReceived(None, "a@b", "x" * 100_000)
    dropped = sum(letters.put([], [event]) for _ in range(20))
    assert dropped == letters.dropped == 20 - MAX_UNREAD // event_weight(event)
    assert letters.size <= MAX_UNREAD

"""The events of a session, as programs write them into `case` and compare them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from msnpauth import (
    CameBack,
    ChatClosed,
    ChatEnded,
    ChatOpened,
    Contact,
    ContactChanged,
    ContactOnline,
    ContactRequest,
    JoinedChat,
    LeftChat,
    MessageReceived,
    NudgeReceived,
    SessionEnded,
    SignedInElsewhere,
    Typing,
)
from msnpauth.core.wire.messages import PLAIN

OVER = ChatEnded("over")
ELSEWHERE = SessionEnded("the account signed in elsewhere", reason="OTH")
ANN, BUSY = Contact("a@b", "Ann"), Contact("a@b", "Ann (busy)")


def positions(event: Any) -> tuple[Any, ...]:
    """Return what a program gets that matches by position."""
    match event:
        case MessageReceived(chat, sender, text) | JoinedChat(chat, sender, text):
            return chat, sender, text
        case (
            ChatOpened(first, second)
            | LeftChat(first, second)
            | ChatClosed(first, second)
            | Typing(first, second)
            | NudgeReceived(first, second)
            | ContactChanged(first, second)
            | ContactRequest(first, second)
        ):
            return first, second
        case ContactOnline(only) | SignedInElsewhere(only) | CameBack(only):
            return (only,)
    raise AssertionError(event)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            MessageReceived(chat="chat", sender="a@b", text="hi", sender_name="Ann"),
            ("chat", "a@b", "hi"),
        ),
        (ChatOpened(chat="chat", members=("a@b",)), ("chat", ("a@b",))),
        (JoinedChat(chat="chat", passport="a@b", name="Ann"), ("chat", "a@b", "Ann")),
        (LeftChat(chat="chat", passport="a@b"), ("chat", "a@b")),
        (ChatClosed(chat="chat", error=OVER), ("chat", OVER)),
        (Typing(chat="chat", sender="a@b"), ("chat", "a@b")),
        (NudgeReceived(chat="chat", sender="a@b"), ("chat", "a@b")),
        (ContactOnline(ANN), (ANN,)),
        (ContactChanged(contact=BUSY, before=ANN), (BUSY, ANN)),
        (ContactRequest(passport="a@b", name="Ann"), ("a@b", "Ann")),
        (SignedInElsewhere(ELSEWHERE), (ELSEWHERE,)),
        (CameBack("ns:1863"), ("ns:1863",)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_by_position(event: Any, expected: tuple[Any, ...]) -> None:
    assert positions(event) == expected


def test_what_is_not_told_has_a_value_all_the_same() -> None:
    said = MessageReceived("chat", "a@b", "hi")
    assert (said.sender_name, said.looks, said.sent_at) == ("", PLAIN, None)
    assert (ChatOpened("chat").members, JoinedChat("chat", "a@b").name) == ((), "")
    assert ContactRequest("a@b").name == ""


def test_two_that_say_the_same_are_equal_and_two_kinds_never() -> None:
    at = datetime(2009, 1, 1, tzinfo=UTC)
    assert MessageReceived("c", "a@b", "x", sent_at=at) == MessageReceived(
        "c", "a@b", "x", sent_at=at
    )
    assert MessageReceived("c", "a@b", "x", sent_at=at) != MessageReceived("c", "a@b", "x")
    alike = [LeftChat("c", "a@b"), LeftChat("c", "a@b"), Typing("c", "a@b")]
    assert len({*alike, NudgeReceived("c", "a@b")}) == 3


def test_what_has_happened_cannot_be_changed() -> None:
    event = MessageReceived("chat", "a@b", "hi")
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.text = "something else"  # type: ignore[misc]
    online = ContactOnline(ANN)
    with pytest.raises(AttributeError):
        online.contact = BUSY  # type: ignore[misc]

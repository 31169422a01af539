"""When messages that were left are fetched, told and deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from msnpauth import ChatEnded, ConnectionFailed, LocalProtocolError, MessageReceived
from msnpauth.core.client.session_actions import Consult
from msnpauth.core.people.offline import Left
from msnpauth.core.servers import OIM_SITE
from msnpauth.core.wire.messages import PLAIN
from talk import Talk

SENT = datetime(2026, 1, 1, tzinfo=UTC)


def left(number: str, text: str = "hello") -> Left:
    return Left(number, "a@b", "A", text, SENT)


def notice(talk: Talk, *ids: str) -> None:
    listed = "".join(f"<M><I>{name}</I></M>" for name in ids)
    payload = (
        "Content-Type: text/x-msmsgsoimnotification\r\n\r\n"
        f"Mail-Data: {f'<MD>{listed}</MD>' if ids else 'too-large'}\r\n"
    )
    data = f"MSG Hotmail Hotmail {len(payload)}\r\n{payload}".encode()
    talk.engine.receive_data(1, data, talk.now)


def consults(talk: Talk) -> list[Consult]:
    found = talk.actions()
    assert all(isinstance(action, Consult) and action.site == OIM_SITE for action in found)
    return found


def answer(talk: Talk, result: Any) -> None:
    (consult,) = consults(talk)
    talk.engine.consulted(consult.number, result, talk.now)


def test_nothing_is_fetched_before_somebody_reads_events() -> None:
    talk = Talk(18)
    _ = talk.engine.society
    notice(talk, "1")
    assert consults(talk) == []
    assert talk.engine.take_event() is None
    answer(talk, [left("1")])
    event = talk.engine.take_event()
    assert isinstance(event, MessageReceived)
    assert (event.sender, event.sender_name, event.text, event.sent_at) == (
        "a@b",
        "A",
        "hello",
        SENT,
    )


def test_it_is_deleted_when_the_reader_comes_for_the_next() -> None:
    talk = Talk(18)
    talk.engine.take_event()
    notice(talk, "1", "2")
    answer(talk, [left("1"), left("2")])
    talk.engine.take_event()
    assert consults(talk) == []
    talk.engine.take_event()
    assert len(consults(talk)) == 1  # of the first
    talk.engine.take_event()
    assert len(consults(talk)) == 1  # of the second
    talk.engine.take_event()
    assert consults(talk) == []


def test_it_is_told_once() -> None:
    talk = Talk(18)
    talk.engine.take_event()
    notice(talk, "1")
    answer(talk, [left("1")])
    notice(talk, "1")
    assert consults(talk) == []
    notice(talk, "1", "2")
    answer(talk, [left("2")])
    notice(talk)  # too many to name: the service tells all of them
    answer(talk, [left("1"), left("2"), left("3")])
    assert [event.text for event in talk.events()] == ["hello"] * 3


def test_what_could_not_be_had_is_asked_for_again() -> None:
    talk = Talk(18)
    talk.engine.take_event()
    notice(talk, "1", "2")
    answer(talk, ConnectionFailed("no way"))
    assert talk.events() == []
    notice(talk, "1", "2")
    answer(talk, [left("2")])
    notice(talk, "1", "2")
    answer(talk, [left("1")])
    assert len(talk.events()) == 2


def test_other_messages_of_the_server() -> None:
    talk = Talk(18)
    talk.engine.take_event()
    talk.hear("MSG Hotmail Hotmail 4", "ab")
    assert consults(talk) == []


def test_what_was_dropped_is_not_deleted() -> None:
    talk = Talk(18)
    talk.engine.take_event()
    notice(talk, "1", "2")
    answer(talk, [left("1", "x" * 900_000), left("2", "y" * 900_000)])  # more than may wait
    (event,) = talk.events()
    assert event.text.startswith("y")
    assert len(consults(talk)) == 1
    assert list(talk.engine.society.left_messages._told) == []


def test_nobody_asks_once_the_session_is_over() -> None:
    talk = Talk(18)
    talk.engine.take_event()
    notice(talk, "1")
    answer(talk, [left("1")])
    talk.engine.close()
    talk.events(to_the_end=True)
    assert consults(talk) == [] or all(not isinstance(a, Consult) for a in talk.actions())


def received(talk: Talk) -> Any:
    talk.engine.take_event()
    notice(talk, "1")
    answer(talk, [left("1")])
    event = talk.engine.take_event()
    assert isinstance(event, MessageReceived)
    return event.chat


def test_its_chat_opens_when_somebody_writes() -> None:
    talk = Talk(12)
    talk.online()
    board = received(talk)
    assert (board.members, board.ended) == ((), None)
    talk.engine.begin(lambda it: it.chats.typing(board)).result()
    with pytest.raises(LocalProtocolError, match="nobody is in it"):
        talk.engine.begin(lambda it: it.chats.invite(board, "c@d"))
    for _ in range(2):
        work = talk.engine.begin(lambda it: it.chats.say(board, "hi", PLAIN))
        assert not work.is_there
    said = talk.said()
    assert [line.split()[0] for line in said] == ["XFR", "XFR"]
    talk.engine.society.chats.leave(board)
    with pytest.raises(ChatEnded):
        talk.engine.begin(lambda it: it.chats.say(board, "hi", PLAIN)).result()

"""Conversations of MSNP21: what is said, when it counts as delivered, and what is heard."""

from __future__ import annotations

from typing import Any

import pytest

from msnpauth import (
    ChatClosed,
    ChatEnded,
    ChatOpened,
    ConnectionFailed,
    ContactOffline,
    ContactOnline,
    LocalProtocolError,
    MessageNotDelivered,
    MessageReceived,
    NotOnline,
    NudgeReceived,
    Typing,
)
from msnpauth.core.people.contact import ListName
from msnpauth.core.wire.messages import NUDGE, PLAIN, text_payload, typing_payload
from msnpauth.core.wire.routed import as_datagram, parse_routed, routed_payload
from talk import Talk


def begun() -> Talk:
    talk = Talk(21)
    talk.engine.take_event()
    return talk


def writing(talk: Talk, *people: str, text: str = "hi") -> Any:
    return talk.engine.begin(lambda it: it.chats.send_message(people, text, PLAIN, 1.0))


def datagram(talk: Talk, payload: bytes, sender: str = "b@c") -> None:
    content = as_datagram(payload)
    assert content is not None
    data = routed_payload("me@b", sender, "", *content)
    talk.engine.receive_data(1, f"SDG 0 {len(data)}\r\n".encode() + data, talk.now)


def test_a_message() -> None:
    talk = begun()
    work = writing(talk, "b@c")
    (command,) = talk.engine.take_output(1, talk.now)
    routed = parse_routed(command.payload or b"")
    assert routed is not None
    assert (command.verb, routed.sender, routed.to, routed.body) == ("SDG", "me@b", "b@c", b"hi")
    assert b"Service-Channel: IM/Online\r\n" in (command.payload or b"")
    assert routed.headers["x-mms-im-format"].startswith("FN=")
    assert not work.is_there
    talk.hear(f"SDG {command.trid} OK 0")
    work.result()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("217 {}", ContactOffline),
        ("913 {}", NotOnline),
        ("801 {} 3\r\n0 6", MessageNotDelivered),
        ("500 {}", MessageNotDelivered),
    ],
)
def test_a_message_that_is_refused(answer: str, kind: type[Exception]) -> None:
    talk = begun()
    work = writing(talk, "b@c")
    (command,) = talk.engine.take_output(1, talk.now)
    talk.hear(answer.format(command.trid))
    with pytest.raises(kind):
        work.result()


def test_a_server_that_answers_no_datagram_is_waited_for_once() -> None:
    talk = begun()
    work = writing(talk, "b@c")
    talk.wait(1.9)
    assert not work.is_there
    talk.wait(0.2)
    work.result()
    writing(talk, "b@c").result()


def test_the_session_is_lost_meanwhile() -> None:
    talk = begun()
    work = writing(talk, "b@c")
    talk.engine.connection_lost(1, ConnectionFailed("gone"), talk.now)
    with pytest.raises((ChatEnded, ConnectionFailed)):
        work.result()


def test_a_chat_has_two_people() -> None:
    talk = begun()
    with pytest.raises(LocalProtocolError, match="two people"):
        writing(talk, "b@c", "d@e").result()
    board = talk.engine.begin(lambda it: it.chats.open(["b@c"], 1.0)).result()
    again = talk.engine.begin(lambda it: it.chats.open(["B@c"], 1.0)).result()
    assert again is board
    assert list(board.members) == ["b@c"]
    with pytest.raises(LocalProtocolError, match="two people"):
        talk.engine.begin(lambda it: it.chats.invite(board, "d@e")).result()
    talk.engine.begin(lambda it: it.chats.invite(board, "b@c")).result()
    talk.engine.society.chats.leave(board)
    talk.engine.settle()
    assert list(board.members) == []
    assert isinstance(talk.events()[-1], ChatClosed)
    with pytest.raises(ChatEnded):
        talk.engine.begin(lambda it: it.chats.say(board, "x", PLAIN)).result()


def test_typing_and_nudges() -> None:
    talk = begun()
    board = talk.engine.begin(lambda it: it.chats.open(["b@c"], 1.0)).result()
    talk.engine.begin(lambda it: it.chats.typing(board)).result()
    work = talk.engine.begin(lambda it: it.chats.nudge(board))
    typing, nudge = talk.engine.take_output(1, talk.now)
    assert b"Message-Type: Control/Typing\r\n" in (typing.payload or b"")
    assert b"Message-Type: Nudge\r\n" in (nudge.payload or b"")
    talk.hear(f"SDG {typing.trid} OK 0", f"SDG {nudge.trid} OK 0")
    work.result()


def test_what_is_heard() -> None:
    talk = begun()
    talk.engine.society.presence._roster.book.entry("b@c").name = "Bob"
    datagram(talk, text_payload("one", PLAIN))
    datagram(talk, typing_payload("b@c"))
    datagram(talk, NUDGE)
    datagram(talk, text_payload("two", PLAIN), sender="d@e")
    match talk.events():
        case [
            ChatOpened(first, ("b@c",)),
            MessageReceived(second, "b@c", "one", "Bob"),
            Typing(third, "b@c"),
            NudgeReceived(fourth, "b@c"),
            ChatOpened(other, ("d@e",)),
            MessageReceived(_, "d@e", "two", "d@e"),
        ]:
            assert first is second is third is fourth is not other
        case found:
            raise AssertionError(found)


def test_what_is_no_conversation() -> None:
    talk = begun()
    data = routed_payload("me@b", "b@c", "", (("Messaging", "2.0"), ("Message-Type", "Data")), b"x")
    talk.engine.receive_data(1, f"SDG 0 {len(data)}\r\n".encode() + data, talk.now)
    talk.hear("SDG 0 1", "x")
    assert talk.events() == []


def notify(talk: Talk, verb: str, document: bytes) -> None:
    content = (("Notification", "1.0"), ("Content-Type", "application/user+xml"))
    data = routed_payload("me@b", "b@c", "", content, document)
    talk.engine.receive_data(1, f"NFY {verb} {len(data)}\r\n".encode() + data, talk.now)


def test_presence_by_nfy() -> None:
    talk = begun()
    entry = talk.engine.society.presence._roster.book.entry("b@c")
    entry.put(ListName.FORWARD, is_on=True)
    whole = (
        b"<user><s n='IM'><Status>BSY</Status></s><s n='PE'><FriendlyName>Bob</FriendlyName>"
        b"<PSM>here</PSM></s></user>"
    )
    notify(talk, "PUT", whole)
    (event,) = talk.events()
    assert isinstance(event, ContactOnline)
    contact = event.contact
    assert (contact.name, contact.status, contact.personal_message) == ("Bob", "busy", "here")
    notify(talk, "PUT", b"<user><s n='PE'><FriendlyName>Bobby</FriendlyName></s></user>")
    (event,) = talk.events()
    assert (event.contact.name, event.contact.status) == ("Bobby", "busy")
    notify(talk, "DEL", b"<user><sep n='IM' epid='{x}'/></user>")
    assert talk.events() == []
    notify(talk, "DEL", b"<user><s n='IM'/></user>")
    (event,) = talk.events()
    assert (event.contact.status, event.before.status) == ("offline", "busy")
    notify(talk, "PUT", b"no XML")
    assert talk.events() == []

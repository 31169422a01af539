from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import pieces, ways
from msnpauth import (
    ChatClosed,
    ChatEnded,
    CommandRefused,
    ContactOffline,
    JoinedChat,
    LeftChat,
    Looks,
    MessageNotDelivered,
    MessageReceived,
    NudgeReceived,
    Typing,
)
from msnpauth.core.client.switchboard import Switchboard
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.messages import NUDGE, PLAIN, text_payload, typing_payload


class Board:
    """A switchboard's connection, and what it has told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.seen: list[str] = []
        self.board = Switchboard(
            7, "sb:1864", "me@b", self.told.append, lambda command: self.seen.append(command.verb)
        )
        self.board.face = "face"
        self.board.connected.settle(None)

    def hear(self, *lines: str) -> list[Any]:
        self.board.receive("".join(f"{line}\r\n" for line in lines).encode())
        return self.news()

    def news(self) -> list[Any]:
        told, self.told[:] = list(self.told), []
        return told

    def said(self) -> list[str]:
        commands, self.board.to_send = self.board.to_send, []
        return [" ".join((c.verb, *([str(c.trid)] if c.trid else []), *c.args)) for c in commands]


def message(sender: str, payload: bytes) -> bytes:
    return Command("MSG", None, (sender, "A%20b"), payload).encode()


def test_a_chat_of_our_own() -> None:
    talk = Board()
    entered = talk.board.enter("USR", "me@b", "KEY")
    assert talk.said() == ["USR 1 me@b KEY"]
    talk.hear("USR 1 OK me@b Me")
    assert entered.result().args == ("OK", "me@b", "Me")
    call = talk.board.call("A@b", "A@b")
    assert talk.said() == ["CAL 2 A@b"]
    there = [call.is_there]
    assert talk.hear("CAL 2 RINGING 5") == []
    assert talk.hear("JOI a@b A%20b 0") == [JoinedChat("face", "a@b", "A b")]
    assert [*there, call.is_there] == [False, True]
    assert (talk.board.members, talk.board.has("A@B")) == (("a@b",), True)
    delivered = talk.board.message(b"x", acknowledged=True)
    unheard = talk.board.message(b"y", acknowledged=False)
    assert (talk.said(), unheard.is_there) == (["MSG 3 A", "MSG 4 U"], True)
    talk.hear("ACK 3", "ACK 9")
    delivered.result()
    assert talk.hear("BYE a@b 1") == [LeftChat("face", "a@b")]
    assert talk.hear("BYE a@b", "BYE x@b") == []
    assert talk.board.members == ()
    assert talk.board.party == {"a@b": "a@b"}
    talk.board.leave()
    assert talk.said() == ["OUT"]
    (closed,) = talk.news()
    assert isinstance(closed, ChatClosed)
    talk.board.leave()
    assert (talk.said(), talk.news(), talk.hear("JOI c@b C")) == ([], [], [])
    assert talk.seen == ["USR", "CAL", "JOI", "ACK", "ACK", "BYE", "BYE", "BYE"]


def test_a_chat_that_we_are_called_into() -> None:
    talk = Board()
    entered = talk.board.enter("ANS", "me@b;{g}", "KEY", "SESSION")
    assert talk.said() == ["ANS 1 me@b;{g} KEY SESSION"]
    assert talk.hear("IRO 1 1 2 a@b;{x} A 0:0", "IRO 1 2 2 a@b A 0:0", "ANS 1 OK") == []
    assert entered.result().args == ("OK",)
    assert talk.board.members == ("a@b",)


def test_places_of_one_person_are_one_person() -> None:
    talk = Board()
    joined = talk.hear("JOI a@b;{1} A 0:0", "JOI a@b A 0:0", "JOI a@b;{2} A 0:0", "JOI me@b;{3} Me")
    assert joined == [JoinedChat("face", "a@b", "A")]
    assert talk.hear("BYE a@b;{1}") == []
    assert talk.hear("BYE a@b;{2}") == [LeftChat("face", "a@b")], "the last place of the person"
    assert talk.hear("BYE a@b") == []
    assert talk.hear("JOI a@b;{1} A") == [JoinedChat("face", "a@b", "A")]
    assert talk.hear("BYE a@b;{1}") == [LeftChat("face", "a@b")]


def test_who_is_in_already_is_there_at_once() -> None:
    talk = Board()
    talk.hear("JOI a@b A")
    assert talk.board.call("a@b", "a@b").is_there
    assert talk.said() == []
    first, second = talk.board.call("c@b", "c@b"), talk.board.call("C@b", "C@b")
    assert first is second
    assert talk.said() == ["CAL 1 c@b"]
    talk.hear("215 1")  # called by another place of ours
    assert not first.is_there
    talk.hear("JOI c@b C")
    assert first.is_there


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (216, ContactOffline, r"a@b: the person does not let the account call them \(216\); they"),
        (217, ContactOffline, r"a@b: the person is not there \(217\); they are offline"),
        (208, CommandRefused, r"a@b: CAL was refused: that is not a valid account name"),
    ],
)
def test_who_cannot_be_called(code: int, kind: type[Exception], text: str) -> None:
    talk = Board()
    call = talk.board.call("a@b", "a@b")
    talk.hear(f"{code} 1")
    with pytest.raises(kind, match=text):
        call.result()
    talk.board.call("a@b", "a@b")
    assert talk.said() == ["CAL 1 a@b", "CAL 2 a@b"]


def test_what_was_not_delivered() -> None:
    talk = Board()
    nak, refused = (talk.board.message(b"x", acknowledged=True) for _ in range(2))
    talk.hear("NAK 1", "282 2")
    with pytest.raises(MessageNotDelivered, match="not everybody in the chat has got the message"):
        nak.result()
    with pytest.raises(MessageNotDelivered, match=r"did not take the message \(282\)"):
        refused.result()


@ways
def test_what_is_heard(way: str) -> None:
    talk = Board()
    looks = Looks("Arial", "#ff0000", bold=True)
    data = (
        message("a@b;{g}", text_payload("Grüße\r\n\r\n😀", looks))
        + message("a@b", typing_payload("a@b"))
        + message("a@b", NUDGE)
        + message("a@b", b"Content-Type: text/x-clientcaps\r\n\r\n")
        + message("Hotmail", b"")
    )
    for piece in pieces(data, way, b"JOI c@b"):
        talk.board.receive(piece)
    assert talk.news() == [
        MessageReceived("face", "a@b", "Grüße\r\n\r\n😀", "A b", looks),
        Typing("face", "a@b"),
        NudgeReceived("face", "a@b"),
    ]


def chunk(text: str, head: str, sender: str = "a@b", message_id: str = "{1}") -> bytes:
    payload = f"Content-Type: text/plain\r\nMessage-ID: {message_id}\r\n{head}\r\n\r\n{text}"
    return message(sender, payload.encode())


def test_a_text_in_pieces_is_told_whole() -> None:
    talk = Board()
    talk.board.receive(chunk("one ", "Chunks: 3") + chunk("three", "Chunk: 2"))
    assert talk.news() == []
    talk.board.receive(chunk("two ", "Chunk: 1"))
    assert talk.news() == [MessageReceived("face", "a@b", "one two three", "A b", PLAIN)]


def test_pieces_that_never_come_do_not_fill_the_memory() -> None:
    talk = Board()
    for number in range(5):
        talk.board.receive(chunk(f"text {number} ", "Chunks: 3", message_id=f"{{{number}}}"))
    assert [event.text for event in talk.news()] == ["text 0 "]
    for place in range(1, 20):
        talk.board.receive(chunk("x" * 60_000, f"Chunk: {place}", message_id="{9}"))
    texts = [event.text for event in talk.news()]
    assert texts[0] == "text 1 "
    assert sum(map(len, texts)) <= 1024 * 1024 + 60_000 * 2


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the switchboard closed the connection"),
        (b"OUT\r\n", "the switchboard has ended the chat"),
        (b"HTTP/1.1 400\r\n", "the server speaks HTTP on that port, and not MSNP"),
        (b"MSG a@b A 65537\r\n", "MSG announces a payload of 65537 bytes"),
    ],
)
def test_the_end_reaches_who_waits(data: bytes, text: str) -> None:
    talk = Board()
    call = talk.board.call("a@b", "a@b")
    sent = talk.board.message(b"x", acknowledged=True)
    entered = talk.board.enter("USR", "me@b", "KEY")
    talk.board.receive(data)
    for outcome in (call, sent, entered):
        with pytest.raises(ChatEnded, match=f"chat at sb:1864: {text}; open another one"):
            outcome.result()
    (closed,) = talk.news()
    assert str(closed.error) == f"chat at sb:1864: {text}; open another one"
    talk.board.receive(b"JOI a@b A\r\n")
    talk.board.end("again")
    assert talk.news() == []


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_no_bytes_raise(data: list[bytes]) -> None:
    talk = Board()
    for piece in data:
        talk.board.receive(piece + b"\r\n")
    assert all(isinstance(event, object) for event in talk.news())


def test_what_answers_something_else() -> None:
    """ACK and NAK are about messages, and USR, ANS and CAL about requests."""
    talk = Board()
    entered = talk.board.enter("USR", "me@b", "KEY")
    call = talk.board.call("a@b", "a@b")
    delivered = talk.board.message(b"x", acknowledged=True)
    assert (
        talk.hear("ACK 1", "NAK 1", "ACK 2", "NAK 2", "USR 3 OK me@b Me", "CAL 3 RINGING 1") == []
    )
    assert not any(outcome.is_there for outcome in (entered, call, delivered))
    talk.hear("USR 1 OK me@b Me", "NAK 3")
    assert entered.result().verb == "USR"
    with pytest.raises(MessageNotDelivered):
        delivered.result()


def test_the_account_itself_can_be_called_once() -> None:
    """Escargot lets an account of MSNP18 call itself, and refuses it by 215 before."""
    talk = Board()
    joined = talk.board.call("Me@b", "Me@b")
    assert not joined.is_there
    talk.hear("CAL 1 RINGING 1", "JOI me@b Me")
    joined.result()
    assert talk.board.has("me@b")

    talk = Board()
    refused = talk.board.call("me@b", "me@b")
    talk.hear("215 1")
    with pytest.raises(CommandRefused, match=r": me@b: they are in the chat already \(215\)$"):
        refused.result()

    talk = Board()
    talk.hear("JOI me@b;{guid} Me")
    assert not talk.board.members, "another place of the account, which nobody has called"

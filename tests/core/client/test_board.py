"""What every conversation has, whatever carries it: who is in it, its end, and what is heard."""

from __future__ import annotations

from typing import Any

import pytest

from msnpauth import (
    ChatClosed,
    ChatEnded,
    ConnectionFailed,
    Looks,
    MessageReceived,
    NudgeReceived,
    Typing,
)
from msnpauth.core.client.board import Board
from msnpauth.core.errors import Step
from msnpauth.core.wire.messages import NUDGE, PLAIN, parse_message, text_payload, typing_payload


class Heard:
    """A board that nothing carries, and what it has told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.board = Board(5, "ns:1863", self.told.append)
        self.board.face = "face"

    def hear(self, payload: bytes, sender: str = "a@b", name: str = "A b") -> list[Any]:
        self.board.hear(sender, name, parse_message(payload))
        return self.news()

    def news(self) -> list[Any]:
        told, self.told[:] = list(self.told), []
        return told

    def piece(self, text: str, head: str, sender: str = "a@b", name: str = "{1}") -> list[Any]:
        payload = f"Content-Type: text/plain\r\nMessage-ID: {name}\r\n{head}\r\n\r\n{text}"
        return self.hear(payload.encode(), sender)


def test_it_begins_with_nobody_in_it() -> None:
    board = Heard().board
    assert (board.number, board.server, board.is_asleep) == (5, "ns:1863", True)
    assert (board.members, board.has("a@b"), board.party) == ((), False, {})
    assert (board.connected.is_there, board.ended, board.to_send) == (False, None, [])


def test_who_is_in_it_is_asked_in_any_letter_case() -> None:
    class Full(Board):
        @property
        def members(self) -> tuple[str, ...]:
            return ("Straße@b", "c@b")

    board = Full(5, "ns:1863", lambda event: None)
    assert board.has("STRASSE@B")
    assert board.has("C@b")
    assert not board.has("d@b")


def test_the_first_reason_for_the_end_counts() -> None:
    heard = Heard()
    heard.board.end("two\r\nlines")
    heard.board.end("another reason")
    heard.board.leave()
    (closed,) = heard.news()
    assert isinstance(closed, ChatClosed)
    assert (closed.chat, closed.error) == ("face", heard.board.ended)
    assert isinstance(closed.error, ChatEnded)
    assert closed.error.text == "two lines", "a peer's words stay on one line"
    assert (closed.error.step, closed.error.server) == (Step.CHAT, "ns:1863")


def test_the_end_reaches_who_waits_for_the_connection() -> None:
    heard = Heard()
    reached: list[bool] = []
    heard.board.connected.then(lambda: reached.append(True))
    heard.board.leave()
    assert reached == [True]
    with pytest.raises(ChatEnded, match="this side has left the chat; open another one"):
        heard.board.connected.result()


def test_a_connection_that_failed_before_the_end_keeps_its_own_reason() -> None:
    heard = Heard()
    heard.board.connected.fail(ConnectionFailed("refused"))
    heard.board.end("over")
    with pytest.raises(ConnectionFailed, match="refused"):
        heard.board.connected.result()


def test_what_people_say_is_told() -> None:
    heard = Heard()
    looks = Looks("Arial", "#ff0000", bold=True)
    assert heard.hear(text_payload("Hi\r\n\r\nthere", looks)) == [
        MessageReceived("face", "a@b", "Hi\r\n\r\nthere", "A b", looks)
    ]
    assert heard.hear(typing_payload("a@b")) == [Typing("face", "a@b")]
    assert heard.hear(NUDGE) == [NudgeReceived("face", "a@b")]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"Content-Type: text/x-clientcaps\r\n\r\nClient-Name: libpurple\r\n",
        b"Content-Type: text/x-msmsgsinvite; charset=UTF-8\r\n\r\nInvitation-Command: INVITE\r\n",
        b"Content-Type: application/x-msnmsgrp2p\r\nP2P-Dest: me@b\r\n\r\n\0\0",
        b"Content-Type: text/x-msmsgscontrol\r\nRecordingUser: a@b\r\n\r\n\r\n",
        b"Content-Type: text/x-msnmsgr-datacast\r\n\r\nID: 2\r\nData: x\r\n\r\n",
    ],
    ids=["nothing", "capabilities", "invitation", "file", "recording", "wink"],
)
def test_what_nobody_says_is_not_told(payload: bytes) -> None:
    assert Heard().hear(payload) == []


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_a_text_in_pieces_is_told_once_and_in_its_order(order: list[int]) -> None:
    heard = Heard()
    heads = ["Chunks: 3", "Chunk: 1", "Chunk: 2"]
    told = [heard.piece("abc"[at], heads[at]) for at in order]
    assert told == [[], [], [MessageReceived("face", "a@b", "abc", "A b", PLAIN)]]
    assert heard.piece("d", "Chunk: 1") == [], "the next text of that name begins anew"


def test_the_looks_are_those_of_the_piece_that_came_first() -> None:
    heard = Heard()
    assert heard.piece("a", "X-MMS-IM-Format: FN=Arial; EF=B; CO=0\r\nChunks: 2") == []
    (event,) = heard.piece("b", "Chunk: 1")
    assert (event.text, event.looks) == ("ab", Looks("Arial", bold=True))


def test_pieces_of_several_people_and_texts_are_kept_apart() -> None:
    heard = Heard()
    assert heard.piece("a1 ", "Chunks: 2") == []
    assert heard.piece("c1 ", "Chunks: 2", sender="c@b") == []
    assert heard.piece("other ", "Chunks: 2", name="{2}") == []
    # A passport is the same in any letter case.
    assert [event.text for event in heard.piece("a2", "Chunk: 1", sender="A@b")] == ["a1 a2"]
    assert [event.text for event in heard.piece("c2", "Chunk: 1", sender="c@b")] == ["c1 c2"]
    assert [event.text for event in heard.piece("text", "Chunk: 1", name="{2}")] == ["other text"]


def test_the_oldest_text_that_is_not_whole_is_told_when_there_are_too_many() -> None:
    heard = Heard()
    for number in range(4):
        assert heard.piece(f"text {number}", "Chunks: 2", name=f"{{{number}}}") == []
    (event,) = heard.piece("text 4", "Chunks: 2", name="{4}")
    assert event.text == "text 0"
    (event,) = heard.piece(" whole", "Chunk: 1", name="{1}")
    assert event.text == "text 1 whole", "the others still wait for their rest"


def test_a_text_that_would_fill_the_memory_is_told_as_far_as_it_has_come() -> None:
    heard = Heard()
    told: list[Any] = heard.piece("x" * 1024 * 1024, "Chunks: 3")
    assert told == []
    (event,) = heard.piece("y", "Chunk: 1")
    assert event.text == "x" * 1024 * 1024 + "y"


@pytest.mark.parametrize(
    "use",
    [
        lambda board: board.call("a@b", "a@b"),
        lambda board: board.message(b"", acknowledged=True),
        lambda board: board.receive(b""),
    ],
    ids=["call", "message", "receive"],
)
def test_what_only_a_carrier_can_do(use: Any) -> None:
    with pytest.raises(NotImplementedError):
        use(Heard().board)


def test_a_piece_beyond_the_last_does_not_make_a_text_whole() -> None:
    told: list[Any] = []
    board = Board(1, "sb", told.append)
    for head, text in (("Chunks: 2", "a"), ("Chunk: 7", "z")):
        body = f"Content-Type: text/plain\r\nMessage-ID: 1\r\n{head}\r\n\r\n{text}"
        board.hear("a@b", "A", parse_message(body.encode()))
    assert told == []

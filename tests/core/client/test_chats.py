"""How chats are opened, found again, answered and let go, at a desk without a session."""

from __future__ import annotations

from typing import Any

import pytest

from feeding import pieces, ways
from msnpauth import (
    ChatClosed,
    ChatEnded,
    ChatOpened,
    CommandRefused,
    ConnectionFailed,
    ContactOffline,
    JoinedChat,
    LocalProtocolError,
    MessageReceived,
    NotOnline,
    NudgeReceived,
    SignInError,
    TooManyChats,
)
from msnpauth.core.client.board import Board
from msnpauth.core.client.chats import Chats
from msnpauth.core.client.connection import SessionConnection
from msnpauth.core.client.desk import Desk
from msnpauth.core.client.session_actions import Drop, Open
from msnpauth.core.client.waiting import Outcome
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.messages import NUDGE, PLAIN, text_payload
from talk import GUID, signed_in

AT = Address("10.0.0.1", 1864)


def done(work: Outcome[Any]) -> Any:
    """Return what has come of it; it has to be there."""
    assert work.is_there
    return work.result()


class Talks:
    """All chats of a session, and the other ends of their connections."""

    def __init__(self, dialect: int = 12, **settings: Any) -> None:
        self.desk = Desk(SessionConnection(signed_in(dialect), now=0.0), 0.0, consults=True)
        self.chats = Chats(self.desk, **settings)

    def asked(self) -> list[str]:
        """Return what the notification server is told."""
        commands, self.desk.connection.to_send = self.desk.connection.to_send, []
        return [lined(command) for command in commands]

    def answer(self, trid: int, verb: str, *args: str) -> None:
        assert self.desk.answer(Command(verb, trid, args))

    def said(self, number: int) -> list[str]:
        return [lined(command) for command in self.chats.take_output(number)]

    def hear(self, number: int, *lines: str) -> None:
        self.chats.receive_data(number, "".join(f"{line}\r\n" for line in lines).encode())

    def actions(self) -> list[Any]:
        actions, self.desk.actions = self.desk.actions, []
        return actions

    def news(self) -> list[Any]:
        news, self.desk.happened = self.desk.happened, []
        return news

    def open(self, *people: str) -> tuple[int, Board]:
        """Open a chat in which all of them are at once."""
        work = self.chats.open(people, 0.0)
        (line,) = self.asked()
        self.answer(int(line.split()[1]), "XFR", "SB", str(AT), "CKI", "KEY")
        (opened,) = self.actions()
        self.chats.opened(opened.number)
        self.hear(opened.number, "USR 1 OK me@b Me", *[f"JOI {one} X" for one in people])
        board = done(work)
        self.said(opened.number)
        self.news()
        return opened.number, board

    def called(self, command: Command) -> int:
        """Take a call; return the number of the connection that it leads to."""
        self.chats.take(command)
        (opened,) = self.actions()
        assert isinstance(opened, Open)
        assert self.chats.opened(opened.number)
        return opened.number


def lined(command: Command) -> str:
    words = [command.verb, *([] if command.trid is None else [str(command.trid)]), *command.args]
    return " ".join(words)


# --- who is meant --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("people", "text"),
    [
        ([], "there is nobody to write to; name a passport"),
        ([""], "that is not a passport"),
        (["nobody"], "that is not a passport"),
        (["a@b", "a b@c"], "that is not a passport"),
        (["a@b\r\nCAL 3 x@y"], "that is not a passport"),
    ],
)
def test_who_cannot_be_called_is_found_out_before_anything_is_sent(
    people: list[str], text: str
) -> None:
    talks = Talks()
    with pytest.raises(LocalProtocolError, match=text):
        talks.chats.open(people, 30.0)
    with pytest.raises(LocalProtocolError, match=text):
        talks.chats.send_message(people, "hi", PLAIN, 30.0)
    assert talks.asked() == []


@pytest.mark.parametrize("text", ["", "\ud800"])
def test_what_cannot_be_said_is_found_out_before_anything_is_sent(text: str) -> None:
    talks = Talks()
    with pytest.raises(LocalProtocolError):
        talks.chats.send_message(["a@b"], text, PLAIN, 30.0)
    number, board = talks.open("a@b")
    with pytest.raises(LocalProtocolError):
        talks.chats.say(board, text, PLAIN)
    assert (talks.asked(), talks.said(number)) == ([], [])


def test_one_passport_need_not_be_a_list_and_nobody_is_called_twice() -> None:
    talks = Talks()
    talks.chats.open("a@b", 30.0)
    talks.answer(5, "XFR", "SB", str(AT), "CKI", "KEY")
    talks.chats.opened(2)
    talks.hear(2, "USR 1 OK me@b Me")
    assert talks.said(2) == ["USR 1 me@b KEY", "CAL 2 a@b"]

    talks = Talks()
    talks.chats.open(["A%b@c", "d@e", "a%B@C"], 30.0)
    talks.answer(5, "XFR", "SB", str(AT), "CKI", "KEY")
    talks.chats.opened(2)
    talks.hear(2, "USR 1 OK me@b Me")
    (_, *calls) = talks.said(2)
    # What a percent sign in an address would mean to the server is undone.
    assert calls == ["CAL 2 a%25B@C", "CAL 3 d@e"]


# --- a chat of our own ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "tail", "own"),
    [
        (2, "", "me@b"),
        (12, "", "me@b"),
        (13, " U messenger.msn.com", "me@b"),
        (15, " U messenger.msn.com 1", "me@b"),
        (16, " U messenger.msn.com 1", f"me@b;{GUID.lower()}"),
    ],
)
def test_the_way_into_a_chat(dialect: int, tail: str, own: str) -> None:
    """From MSNP16 on a switchboard takes only who names the place that has signed in."""
    talks = Talks(dialect, make_face=lambda board: f"face {board.number}")
    work = talks.chats.open(["a@b"], 0.0)
    assert talks.asked() == ["XFR 5 SB"]
    talks.answer(5, "XFR", "SB", "10.0.0.1:1864", "CKI", "17262740.1050826919", *tail.split())
    assert talks.actions() == [Open(2, AT)]
    assert (talks.chats.numbers(), talks.chats.opened(2)) == ([], True)
    assert talks.chats.numbers() == [2]
    assert talks.said(2) == [f"USR 1 {own} 17262740.1050826919"]
    talks.hear(2, "USR 1 OK me@b Me")
    assert talks.said(2) == ["CAL 2 a@b"]
    assert not work.is_there
    talks.hear(2, "CAL 2 RINGING 11752013", "JOI a@b A")
    board = done(work)
    assert (board.face, board.members) == ("face 2", ("a@b",))
    assert talks.news() == [JoinedChat("face 2", "a@b", "A")]


@pytest.mark.parametrize(
    ("code", "kind"), [("913", NotOnline), ("800", TooManyChats), ("601", CommandRefused)]
)
def test_the_notification_server_gives_no_way(code: str, kind: type[SignInError]) -> None:
    talks = Talks()
    work = talks.chats.open(["a@b"], 0.0)
    talks.answer(5, code)
    with pytest.raises(kind):
        work.result()
    assert (talks.actions(), talks.news()) == ([], [])


@pytest.mark.parametrize(
    ("lines", "kind", "words"),
    [
        (["911 1"], CommandRefused, ["USR 1 me@b KEY", "OUT"]),
        (
            ["USR 1 OK me@b Me", "JOI a@b A", "217 3"],
            ContactOffline,
            ["USR 1 me@b KEY", "CAL 2 a@b", "CAL 3 c@d", "OUT"],
        ),
    ],
    ids=["the key is none", "one of two is not there"],
)
def test_a_chat_that_does_not_come_about_is_left(
    lines: list[str], kind: type[SignInError], words: list[str]
) -> None:
    talks = Talks()
    work = talks.chats.open(["a@b", "c@d"], 0.0)
    talks.answer(5, "XFR", "SB", str(AT), "CKI", "KEY")
    talks.chats.opened(2)
    talks.hear(2, *lines)
    with pytest.raises(kind):
        work.result()
    assert talks.actions() == [Open(2, AT), Drop(2)]
    assert talks.chats.numbers() == [2], "its last words are still to be written"
    assert talks.said(2) == words
    assert (talks.chats.numbers(), talks.said(2), talks.chats.ended(2)) == ([], [], None)
    assert isinstance(talks.news()[-1], ChatClosed)


def test_who_has_given_up_before_the_connection_is_there() -> None:
    talks = Talks()
    work = talks.chats.open(["a@b"], 0.0)
    talks.answer(5, "XFR", "SB", str(AT), "CKI", "KEY")
    work.give_up()
    assert talks.actions() == [Open(2, AT), Drop(2)]
    assert not talks.chats.opened(2)
    assert (talks.chats.numbers(), talks.said(2)) == ([], [])


def test_the_turn_of_the_ninth_comes_a_minute_after_the_first() -> None:
    talks = Talks()
    for second in range(8):
        talks.desk.timers.tick(float(second))
        talks.chats.open(["a@b"], 0.0)
    assert len(talks.asked()) == 8
    with pytest.raises(TooManyChats) as caught:
        talks.chats.open(["a@b"], 52.9).result()
    assert caught.value.retry_after == 53.0, "the first was opened seven seconds ago"
    talks.chats.open(["a@b"], 53.0)
    talks.desk.timers.tick(59.9)
    assert talks.asked() == []
    talks.desk.timers.tick(60.0)
    assert talks.asked() == ["XFR 13 SB"]
    talks.desk.timers.tick(200.0)
    talks.chats.open(["a@b"], 0.0)
    assert talks.asked() == ["XFR 14 SB"]


def test_a_chat_that_has_waited_counts_from_its_turn() -> None:
    talks = Talks()
    for second in range(8):
        talks.desk.timers.tick(float(second))
        talks.chats.open(["a@b"], 0.0)
    for _ in range(8):
        talks.chats.open(["a@b"], 100.0)
    for second in range(60, 68):
        talks.desk.timers.tick(float(second))
    assert len(talks.asked()) == 16
    with pytest.raises(TooManyChats) as caught:
        talks.chats.open(["a@b"], 0.0).result()
    assert caught.value.retry_after == 53.0, "eight were opened from the sixtieth second on"


def test_a_call_that_is_answered_takes_no_turn() -> None:
    talks = Talks()
    for number in range(9):
        talks.called(Command("RNG", None, (str(number), str(AT), "CKI", "KEY", "a@b", "A")))
    talks.chats.open(["c@d"], 0.0)
    assert talks.asked() == ["XFR 5 SB"]


# --- in a chat -----------------------------------------------------------------------------------


def test_who_has_left_is_called_before_anything_is_said() -> None:
    talks = Talks()
    number, board = talks.open("a@b", "c@d")
    talks.hear(number, "BYE a@b", "BYE c@d 1")
    work = talks.chats.say(board, "hi", PLAIN)
    assert talks.said(number) == ["CAL 4 a@b", "CAL 5 c@d"]
    talks.hear(number, "JOI a@b A")
    assert talks.said(number) == []
    talks.hear(number, "JOI c@d C")
    assert talks.said(number) == ["MSG 6 A"]
    talks.hear(number, "ACK 6")
    done(work)


def test_a_nudge_is_acknowledged_like_a_text() -> None:
    talks = Talks(11)
    number, board = talks.open("a@b")
    work = talks.chats.nudge(board)
    (command,) = talks.chats.take_output(number)
    assert (command.verb, command.args, command.payload) == ("MSG", ("A",), NUDGE)
    there = work.is_there
    talks.hear(number, "ACK 3")
    assert (there, work.is_there) == (False, True)


def test_somebody_else_is_called_in() -> None:
    talks = Talks()
    number, board = talks.open("a@b")
    called = talks.chats.invite(board, "c@d")
    assert talks.said(number) == ["CAL 3 c@d"]
    talks.hear(number, "CAL 3 RINGING 1")
    there = called.is_there
    talks.hear(number, "JOI c@d C")
    assert (there, called.is_there, board.members) == (False, True, ("a@b", "c@d"))
    with pytest.raises(LocalProtocolError, match="that is not a passport"):
        talks.chats.invite(board, "nobody")
    assert talks.said(number) == []


def test_to_leave_twice_does_no_harm() -> None:
    talks = Talks()
    number, board = talks.open("a@b")
    talks.chats.leave(board)
    talks.chats.leave(board)
    assert (talks.actions(), talks.said(number)) == ([Drop(number)], ["OUT"])
    assert [type(event) for event in talks.news()] == [ChatClosed]
    for use in (
        lambda: talks.chats.say(board, "x", PLAIN).result(),
        lambda: talks.chats.nudge(board).result(),
        lambda: talks.chats.invite(board, "c@d"),
    ):
        with pytest.raises(ChatEnded, match="this side has left the chat"):
            use()


def test_the_other_side_closes() -> None:
    talks = Talks()
    number, board = talks.open("a@b")
    work = talks.chats.say(board, "hi", PLAIN)
    talks.said(number)
    talks.chats.receive_data(number, b"")
    with pytest.raises(ChatEnded, match="the switchboard closed the connection"):
        work.result()
    assert (talks.actions(), talks.chats.numbers()) == ([Drop(number)], [])
    talks.chats.receive_data(number, b"JOI c@d C\r\n")
    assert [type(event) for event in talks.news()] == [ChatClosed]


def test_a_connection_that_breaks() -> None:
    talks = Talks()
    number, board = talks.open("a@b")
    talks.chats.lost(number, ConnectionFailed("connection reset", server="10.0.0.1:1864"))
    assert talks.actions() == [Drop(number)]
    assert board.ended is not None
    assert (board.ended.text, board.ended.server) == ("connection reset", "10.0.0.1:1864")


def test_all_of_them_end_with_the_session() -> None:
    talks = Talks()
    (first, one), (second, two) = talks.open("a@b"), talks.open("c@d")
    talks.chats.end_all("the account signed in elsewhere")
    assert talks.actions() == [Drop(first), Drop(second)]
    texts = [board.ended.text for board in (one, two) if board.ended is not None]
    assert texts == ["the account signed in elsewhere"] * 2
    assert [type(event) for event in talks.news()] == [ChatClosed, ChatClosed]


def test_connections_that_nobody_knows() -> None:
    talks = Talks()
    talks.chats.receive_data(99, b"JOI a@b A\r\n")
    talks.chats.receive_data(99, b"")
    talks.chats.lost(99, ConnectionFailed("gone"))
    talks.chats.open_failed(99, ConnectionFailed("refused"))
    assert (talks.chats.opened(99), talks.said(99), talks.chats.ended(99)) == (False, [], None)
    assert (talks.actions(), talks.news()) == ([], [])


def test_who_watches_sees_what_each_switchboard_says() -> None:
    seen: list[str] = []
    talks = Talks(observe=lambda server, command: seen.append(f"{server} {command.verb}"))
    talks.open("a@b")
    assert seen == ["10.0.0.1:1864 USR", "10.0.0.1:1864 JOI"]


# --- which chat a message goes into --------------------------------------------------------------


def test_a_chat_with_somebody_besides_is_another_chat() -> None:
    talks = Talks()
    three, _ = talks.open("a@b", "c@d")
    two, _ = talks.open("a@b")
    talks.chats.send_message(["A@B"], "hi", PLAIN, 0.0)
    assert (talks.asked(), talks.said(three), talks.said(two)) == ([], [], ["MSG 3 A"])
    talks.chats.send_message(["C@d", "a@b"], "hi", PLAIN, 0.0)
    assert (talks.asked(), talks.said(three), talks.said(two)) == ([], ["MSG 4 A"], [])


def test_a_chat_that_has_ended_is_no_place_for_a_message() -> None:
    talks = Talks()
    _, board = talks.open("a@b")
    board.end("over")
    talks.chats.send_message(["a@b"], "hi", PLAIN, 0.0)
    assert talks.asked() == ["XFR 6 SB"]


# --- calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "tail", "own"),
    [
        (2, "", "me@b"),
        (13, "U messenger.hotmail.com", "me@b"),
        (18, "U messenger.hotmail.com 1", f"me@b;{GUID.lower()}"),
    ],
)
def test_a_call_is_answered(dialect: int, tail: str, own: str) -> None:
    """The session is a word, and not always a number: Escargot's has 31 hex digits."""
    talks = Talks(dialect)
    words = ("0a1b2c3", str(AT), "CKI", "KEY", "friend@example.com", "Friend", *tail.split())
    number = talks.called(Command("RNG", None, words))
    assert talks.said(number) == [f"ANS 1 {own} KEY 0a1b2c3"]
    assert talks.news() == [], "the chat is open when the server says so"
    talks.hear(number, "IRO 1 1 1 friend@example.com Friend", "ANS 1 OK")
    (event,) = talks.news()
    assert isinstance(event, ChatOpened)
    assert (event.members, event.chat.number) == (("friend@example.com",), number)


def test_who_calls_is_of_the_party_even_before_they_are_seen() -> None:
    """Some servers tell nobody by IRO: an answer goes to the caller all the same."""
    talks = Talks()
    words = ("1", str(AT), "CKI", "KEY", "F%40riend@example.com", "Friend")
    number = talks.called(Command("RNG", None, words))
    talks.hear(number, "ANS 1 OK")
    talks.said(number)
    talks.chats.send_message(["f@riend@example.com"], "hi", PLAIN, 0.0)
    assert (talks.asked(), talks.said(number)) == ([], ["CAL 2 F@riend@example.com"])


@pytest.mark.parametrize(
    "command",
    [
        Command("RNG"),
        Command("RNG", None, ("1", str(AT), "CKI", "KEY")),
        Command("RNG", None, ("1", str(AT), "ABC", "KEY", "a@b", "A")),
        Command("RNG", None, ("1", "10.0.0.1:99999", "CKI", "KEY", "a@b", "A")),
        Command("XFR", 9, ("SB", str(AT), "CKI", "KEY")),
        Command("SDG", None, (), None),
        Command("SDG", None, (), b"from nobody"),
        Command("CHL", 0, ("1",)),
    ],
    ids=str,
)
def test_what_is_no_call(command: Command) -> None:
    talks = Talks(21)
    talks.chats.take(command)
    assert (talks.actions(), talks.news()) == ([], [])


def test_a_call_to_a_switchboard_that_cannot_be_reached() -> None:
    talks = Talks()
    talks.chats.take(Command("RNG", None, ("1", str(AT), "CKI", "KEY", "a@b", "A")))
    (opened,) = talks.actions()
    talks.chats.open_failed(opened.number, ConnectionFailed("refused"))
    assert talks.actions() == [Drop(opened.number)]
    assert not [event for event in talks.news() if isinstance(event, ChatOpened)]


@ways
def test_what_is_heard_behind_the_answer(way: str) -> None:
    """Bytes of a switchboard come as they come: what is behind the answer is not lost."""
    talks = Talks()
    number = talks.called(Command("RNG", None, ("1", str(AT), "CKI", "KEY", "a@b", "A")))
    data = (
        b"IRO 1 1 1 a@b A\r\nANS 1 OK\r\n"
        + Command("MSG", None, ("a@b", "A"), text_payload("Grüße", PLAIN)).encode()
        + Command("MSG", None, ("a@b", "A"), NUDGE).encode()
    )
    for piece in pieces(data, way, b"BYE a@b"):
        talks.chats.receive_data(number, piece)
    (opened, said, nudged) = talks.news()
    face = opened.chat
    assert opened == ChatOpened(face, ("a@b",))
    assert said == MessageReceived(face, "a@b", "Grüße", "A", PLAIN)
    assert nudged == NudgeReceived(face, "a@b")


# --- where a message was left --------------------------------------------------------------------


def test_a_left_message_has_a_chat_that_opens_when_it_is_answered() -> None:
    talks = Talks(make_face=lambda board: board)
    board = talks.chats.asleep("a@b")
    assert (talks.asked(), talks.actions(), board.members) == ([], [], ())
    assert talks.chats.typing(board).is_there, "nobody is there to see it"
    with pytest.raises(LocalProtocolError, match=r"nobody is in it; open_chat\(\) opens one"):
        talks.chats.invite(board, "c@d")
    assert talks.asked() == []
    work = talks.chats.say(board, "hi", PLAIN)
    assert talks.asked() == ["XFR 5 SB"]
    talks.answer(5, "XFR", "SB", str(AT), "CKI", "KEY")
    (opened,) = talks.actions()
    assert opened.number != board.number
    talks.chats.opened(opened.number)
    talks.hear(opened.number, "USR 1 OK me@b Me", "JOI a@b A", "ACK 3")
    done(work)
    assert talks.said(opened.number) == ["USR 1 me@b KEY", "CAL 2 a@b", "MSG 3 A"]


def test_a_chat_that_is_asleep_can_be_left() -> None:
    talks = Talks()
    board = talks.chats.asleep("a@b")
    talks.chats.leave(board)
    assert talks.actions() == [], "nothing carries it"
    with pytest.raises(ChatEnded):
        talks.chats.say(board, "hi", PLAIN).result()


# --- MSNP21 --------------------------------------------------------------------------------------


def test_a_chat_of_two_needs_no_switchboard() -> None:
    talks = Talks(21)
    board = done(talks.chats.open(["a@b"], 0.0))
    assert (talks.asked(), talks.actions()) == ([], [])
    assert done(talks.chats.open(["A@B"], 0.0)) is board
    with pytest.raises(LocalProtocolError, match="a chat of MSNP21 has two people here"):
        talks.chats.open(["a@b", "c@d"], 0.0).result()

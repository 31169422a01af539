"""Presence, lists and chats of a session, step by step: what is said, in which order, and when."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from msnpauth import (
    CameBack,
    ChatClosed,
    ChatEnded,
    ChatOpened,
    CommandRefused,
    ConnectionFailed,
    ContactOffline,
    ContactRequest,
    LocalProtocolError,
    MessageNotDelivered,
    MessageReceived,
    Reconnect,
    RemoteProtocolError,
    Secret,
    SessionEnded,
    SessionState,
    SignedInElsewhere,
    Status,
    TooManyChats,
)
from msnpauth.core.client.chats import LINGER
from msnpauth.core.client.session_actions import Consult, Drop, Enter, Open
from msnpauth.core.client.waiting import Steps, Work
from msnpauth.core.people.contact import Book, Entry, ListName
from msnpauth.core.people.publication import Published, parse_published
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.messages import PLAIN, text_payload
from msnpauth.core.wire.routed import parse_routed
from talk import GUID, Talk, signed_in

# --- presence ------------------------------------------------------------------------------------

CAPABILITIES = {7: "", 9: " 1073741856", 12: " 1073741856", 18: " 1073741856:0"}


@pytest.mark.parametrize(
    ("dialect", "syn", "answer"),
    [
        (2, "SYN 5 0", ["SYN 5 1"] + [f"LST 5 {name} 1 0 0" for name in ("FL", "AL", "BL", "RL")]),
        (9, "SYN 5 0", ["SYN 5 1 0 0"]),
        (12, "SYN 5 0 0", ["SYN 5 1 1 0 0"]),
    ],
)
def test_going_online_by_lines(dialect: int, syn: str, answer: list[str]) -> None:
    talk = Talk(dialect)
    work = talk.engine.begin(lambda it: it.presence.go_online(Status.AWAY, "A b", None))
    assert talk.said() == [syn]
    talk.hear(*answer)
    named = "REA 6 me@b A%20b" if dialect < 10 else "PRP 6 MFN A%20b"
    assert talk.said() == [named]
    talk.hear(named)
    capabilities = " 1073741856" if dialect >= 8 else ""
    assert talk.said() == [f"CHG 7 AWY{capabilities}"]
    there = [work.is_there, talk.engine.society.presence.status]
    talk.hear("CHG 7 AWY 0")
    assert [*there, work.is_there] == [False, None, True]
    assert talk.engine.society.presence.status is Status.AWAY
    assert talk.engine.connection.display_name == "A b"


def test_going_online_by_soap() -> None:
    talk = Talk(18)
    work = talk.engine.begin(lambda it: it.presence.go_online(Status.ONLINE, None, "<hi>"))
    assert (talk.said(), talk.actions()) == ([], [])  # the profile may bring a ticket
    talk.engine.receive_data(1, profile("MSPAuth: WORD"), talk.now)
    (consult,) = talk.actions()
    assert isinstance(consult, Consult)
    assert consult.ticket == Secret("t=WORD&p=")
    book = Book(entries={"a@b": Entry("a@b", bits=3), "c@b": Entry("c@b", bits=16)})
    talk.engine.consulted(consult.number, book, talk.now)
    assert talk.said() == ["BLP 5 AL"]
    talk.hear("BLP 5 AL")
    assert talk.payloads() == [b'<ml l="1"><d n="b"><c n="a" l="3" t="1"/></d></ml>']
    talk.hear("ADL 6 OK")
    assert talk.said() == ["CHG 7 NLN 1073741856:0"]
    talk.hear("CHG 7 NLN 0")
    assert talk.payloads() == [b"<Data><PSM>&lt;hi&gt;</PSM><CurrentMedia></CurrentMedia></Data>"]
    talk.hear("UUX 8 0")
    work.result()
    assert talk.events() == [ContactRequest("c@b", "")]
    # Once more: the list is known and announced.
    talk.engine.begin(lambda it: it.presence.go_online(Status.BUSY, None, None))
    assert talk.said() == ["CHG 9 BSY 1073741856:0"]
    assert talk.actions() == []


def test_a_message_with_characters_that_xml_has_not() -> None:
    talk = Talk(15)
    talk.engine.begin(lambda it: it.presence.set_personal_message("a\x01<b>\ud800c"))
    assert talk.payloads() == [b"<Data><PSM>a&lt;b&gt;c</PSM><CurrentMedia></CurrentMedia></Data>"]


def profile(*fields: str) -> bytes:
    payload = "".join(
        f"{line}\r\n" for line in ("Content-Type: text/x-msmsgsprofile", *fields)
    ).encode()
    return Command("MSG", None, ("Hotmail", "Hotmail"), payload).encode()


def test_without_a_profile_and_without_an_answer_to_adl() -> None:
    talk = Talk(15)
    work = talk.engine.begin(lambda it: it.presence.go_online(Status.ONLINE, None, None))
    talk.wait(1.9)
    none = talk.actions()
    talk.wait(0.2)
    (consult,) = talk.actions()
    assert (none, consult.ticket) == ([], None)
    talk.engine.consulted(consult.number, Book(), talk.now)
    talk.hear("BLP 5 AL")
    assert talk.said() == ["BLP 5 AL", "ADL 6"]
    talk.wait(29.9)
    before = talk.said()
    talk.wait(0.2)
    assert (before, talk.said()) == ([], ["CHG 7 NLN 1073741856"])
    talk.hear("CHG 7 NLN 0")
    work.result()


def test_what_the_contacts_host_refuses_is_the_error() -> None:
    talk = Talk(18)
    work = talk.engine.begin(lambda it: it.presence.contacts())
    talk.wait(3)
    (consult,) = talk.actions()
    talk.engine.consulted(consult.number, ConnectionFailed("no way"), talk.now)
    with pytest.raises(ConnectionFailed, match="no way"):
        work.result()
    talk.engine.consulted(consult.number, Book(), talk.now)  # too late
    again = talk.engine.begin(lambda it: it.presence.contacts())
    talk.wait(3)
    (consult,) = talk.actions()
    talk.engine.consulted(consult.number, Book(), talk.now)
    assert again.result() == []


def test_without_a_way_to_the_contacts_host() -> None:
    talk = Talk(18, returns=False)
    work = talk.engine.begin(lambda it: it.presence.contacts())
    talk.wait(3)
    with pytest.raises(LocalProtocolError, match="knows no way to its contacts host"):
        work.result()


def test_two_who_ask_for_the_list_ask_once() -> None:
    talk = Talk()
    first = talk.engine.begin(lambda it: it.presence.contacts())
    second = talk.engine.begin(lambda it: it.presence.contacts())
    assert talk.said() == ["SYN 5 0 0"]
    first.give_up()
    talk.hear("SYN 5 1 1 1 0", "LST N=a@b F=A C=1 3 1")
    assert [contact.passport for contact in second.result()] == ["a@b"]
    third = talk.engine.begin(lambda it: it.presence.contacts())
    assert (third.is_there, talk.said()) == (True, [])


def test_a_refused_syn() -> None:
    talk = Talk()
    work = talk.engine.begin(lambda it: it.presence.contacts())
    talk.hear("603 5")
    with pytest.raises(CommandRefused, match="SYN was refused"):
        work.result()


# --- lists ---------------------------------------------------------------------------------------


def test_what_is_there_already_is_asked_for_no_more() -> None:
    talk = Talk(9)
    work = talk.engine.begin(lambda it: it.lists.add("a@b", None))
    talk.hear("SYN 5 1 1 0", "LST a@b A 1 0")
    assert talk.said() == ["SYN 5 0", "ADD 6 AL a@b a@b"]
    talk.hear("215 6")  # it was on it, although the list had not told
    work.result()
    assert talk.engine.begin(lambda it: it.lists.add("a@b", None)).is_there
    assert talk.said() == []


def test_a_refused_change_changes_nothing() -> None:
    talk = Talk(9)
    work = talk.engine.begin(lambda it: it.lists.add("a@b", None))
    talk.hear("SYN 5 1 0 0")
    assert talk.said() == ["SYN 5 0", "ADD 6 FL a@b a@b 0"]
    talk.hear("205 6")
    with pytest.raises(CommandRefused, match="ADD was refused: there is no such account"):
        work.result()
    assert talk.engine.begin(lambda it: it.presence.contacts()).result() == []


def test_a_pending_person_is_allowed() -> None:
    talk = Talk(12)
    work = talk.engine.begin(lambda it: it.lists.allow("a@b"))
    talk.hear("SYN 5 1 1 1 0", "LST N=a@b F=A 16 1")
    said = [talk.said()[-1]]
    for reply in ("ADC 6 AL N=a@b", "REM 7 PL a@b", "ADC 8 RL N=a@b"):
        talk.hear(reply)
        said += talk.said()
    assert said == ["ADC 6 AL N=a@b", "REM 7 PL a@b", "ADC 8 RL N=a@b"]
    work.result()
    (contact,) = talk.engine.begin(lambda it: it.presence.contacts()).result()
    assert contact.lists == {ListName.ALLOW, ListName.REVERSE}


# --- chats ---------------------------------------------------------------------------------------


def test_opening_a_chat() -> None:
    talk = Talk(18)
    talk.engine.make_face = lambda board: f"face of {board.server}"
    work = talk.opening("a@b", "C@b")
    assert talk.said() == ["XFR 5 SB"]
    talk.hear("XFR 5 SB 10.0.0.1:1864 CKI KEY U messenger.msn.com 1")
    (opened,) = talk.actions()
    assert opened == Open(2, Address("10.0.0.1", 1864))
    assert talk.engine.numbers_to_write() == []
    assert talk.engine.opened(2, talk.now)
    assert talk.engine.numbers_to_write() == [2]
    assert talk.said(2) == [f"USR 1 me@b;{GUID.lower()} KEY"]
    talk.hear("USR 1 OK me@b Me", number=2)
    assert talk.said(2) == ["CAL 2 a@b", "CAL 3 C@b"]
    talk.hear("JOI a@b;{x} A 0:0", "JOI a@b A 0:0", number=2)
    there = [work.is_there]
    talk.hear("JOI c@b C 0:0", number=2)
    assert [*there, work.is_there, work.result().face] == [False, True, "face of 10.0.0.1:1864"]


@pytest.mark.parametrize(
    "reply", ["XFR 5 SB", "XFR 5 SB 10.0.0.1:1864", "XFR 5 SB nowhere:x CKI KEY", "XFR 5 NS x CKI"]
)
def test_a_switchboard_that_is_nowhere(reply: str) -> None:
    talk = Talk()
    work = talk.opening("a@b")
    talk.hear(reply)
    with pytest.raises(RemoteProtocolError, match="named no switchboard to go to"):
        work.result()


def test_a_switchboard_that_cannot_be_reached() -> None:
    talk = Talk()
    work = talk.opening("a@b")
    talk.hear("XFR 5 SB 10.0.0.1:1864 CKI KEY")
    talk.actions()
    talk.engine.open_failed(2, ConnectionFailed("connection refused"), talk.now)
    with pytest.raises(ConnectionFailed, match="connection refused"):
        work.result()
    assert talk.actions() == [Drop(2)]
    assert not talk.engine.opened(2, talk.now)


def test_who_gives_up_leaves_the_chat() -> None:
    talk = Talk()
    work = talk.opening("a@b")
    number = talk.board(work)
    work.give_up()
    assert talk.actions() == [Drop(number)]
    assert talk.said(number) == ["OUT"]
    assert not work.is_there


def test_a_message_goes_into_the_chat_that_is_open() -> None:
    talk = Talk()
    number = talk.board(talk.opening("a@b"), "a@b")
    work = talk.engine.begin(lambda it: it.chats.send_message(["A@b"], "x" * 2000, PLAIN, 30))
    assert (talk.said(), talk.said(number)) == ([], ["MSG 3 A", "MSG 4 A"])
    talk.hear("ACK 3", number=number)
    there = [work.is_there]
    talk.hear("ACK 4", number=number)
    assert [*there, work.is_there] == [False, True]
    talk.engine.begin(lambda it: it.chats.send_message(["a@b", "c@b"], "both", PLAIN, 30))
    assert talk.said() == ["XFR 6 SB"]


def test_who_has_just_left_is_called_again() -> None:
    """A message that crosses BYE on the way has reached nobody."""
    talk = Talk()
    number = talk.board(talk.opening("a@b"), "a@b")
    work = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], "hi", PLAIN, 30))
    assert talk.said(number) == ["MSG 3 A"]
    talk.hear("BYE a@b", "NAK 3", number=number)
    assert talk.said(number) == ["CAL 4 a@b"]
    talk.hear("CAL 4 RINGING 1", "JOI a@b A", number=number)
    assert talk.said(number) == ["MSG 5 A"]
    talk.hear("BYE a@b", "NAK 5", number=number)
    with pytest.raises(MessageNotDelivered):
        work.result()
    assert talk.said(number) == [], "twice is enough"


def test_only_the_part_that_nobody_got_is_said_again() -> None:
    talk = Talk()
    number = talk.board(talk.opening("a@b"), "a@b")
    text = "x" * 1500 + "y"
    work = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], text, PLAIN, 30))
    assert talk.said(number) == ["MSG 3 A", "MSG 4 A"]
    talk.hear("ACK 3", "BYE a@b", "NAK 4", "CAL 5 RINGING 1", "JOI a@b A", number=number)
    assert talk.said(number) == ["CAL 5 a@b", "MSG 6 A"]
    talk.hear("ACK 6", number=number)
    work.result()


def test_who_has_left_for_good_is_the_error() -> None:
    talk = Talk()
    number = talk.board(talk.opening("a@b"), "a@b")
    work = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], "hi", PLAIN, 30))
    talk.hear("BYE a@b", "NAK 3", "217 4", number=number)
    with pytest.raises(ContactOffline):
        work.result()


@pytest.mark.parametrize("heard", ["NAK 3", "BYE c@b\r\nNAK 3"])
def test_what_somebody_may_have_got_is_not_said_twice(heard: str) -> None:
    talk = Talk()
    everybody = ["a@b", "c@b"] if "BYE" in heard else ["a@b"]
    number = talk.board(talk.opening(*everybody), *everybody)
    trid = 2 + len(everybody)
    work = talk.engine.begin(lambda it: it.chats.send_message(everybody, "hi", PLAIN, 30))
    assert talk.said(number) == [f"MSG {trid} A"]
    talk.hear(*heard.replace("NAK 3", f"NAK {trid}").split("\r\n"), number=number)
    with pytest.raises(MessageNotDelivered):
        work.result()
    assert talk.said(number) == []


def test_a_chat_that_a_message_has_opened_is_left_when_it_is_quiet() -> None:
    talk = Talk()
    work = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], "one", PLAIN, 30))
    number = talk.board(work, "a@b")
    assert talk.said(number) == ["MSG 3 A"]
    talk.hear("ACK 3", number=number)
    work.result()
    talk.wait(LINGER - 1)
    again = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], "two", PLAIN, 30))
    assert talk.said(number) == ["MSG 4 A"]
    talk.hear("ACK 4", number=number)
    again.result()
    talk.wait(LINGER - 1)
    assert talk.actions() == []
    talk.wait(2)
    assert talk.actions() == [Drop(number)]
    assert talk.said(number) == ["OUT"]


def test_a_chat_in_which_a_message_was_refused_is_left_too() -> None:
    talk = Talk()
    work = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], "one", PLAIN, 30))
    number = talk.board(work, "a@b")
    talk.hear("282 3", number=number)
    with pytest.raises(MessageNotDelivered):
        work.result()
    talk.wait(LINGER + 1)
    assert talk.actions() == [Drop(number)]


def test_a_chat_of_ones_own_is_left_by_nobody_else() -> None:
    talk = Talk()
    number = talk.board(talk.opening("a@b"), "a@b")
    work = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], "one", PLAIN, 30))
    talk.hear("ACK 3", number=number)
    work.result()
    talk.wait(5 * LINGER)
    assert talk.actions() == []


def test_a_call_is_answered() -> None:
    talk = Talk()
    assert talk.events() == []  # somebody reads events: calls are answered from now on
    talk.hear("RNG 11752013 10.0.0.1:1864 CKI KEY a@b A")
    (opened,) = talk.actions()
    assert talk.engine.opened(opened.number, talk.now)
    assert talk.said(opened.number) == ["ANS 1 me@b KEY 11752013"]
    talk.hear("IRO 1 1 1 a@b A", "ANS 1 OK", number=opened.number)
    data = Command("MSG", None, ("a@b", "A"), text_payload("hello", PLAIN)).encode()
    talk.engine.receive_data(opened.number, data, talk.now)
    match talk.events():
        case [ChatOpened(first, ("a@b",)), MessageReceived(second, "a@b", "hello")]:
            assert first is second
        case events:
            raise AssertionError(events)
    work = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], "hi", PLAIN, 30))
    assert talk.said(opened.number) == ["MSG 2 A"]
    talk.hear("ACK 2", number=opened.number)
    work.result()


def test_a_call_that_comes_to_nothing_is_no_event() -> None:
    talk = Talk()
    talk.events()
    talk.hear("RNG 1 nowhere:x CKI KEY a@b A", "RNG 1 10.0.0.1:1864 CKI KEY a@b A", "RNG 1")
    (opened,) = talk.actions()
    talk.engine.opened(opened.number, talk.now)
    talk.hear("911 1", number=opened.number)
    assert talk.actions() == [Drop(opened.number)]
    (closed,) = talk.events()
    assert isinstance(closed, ChatClosed)


def test_who_speaks_msnp_themselves_is_called_by_nobody_else() -> None:
    talk = Talk()
    talk.hear("RNG 1 10.0.0.1:1864 CKI KEY a@b A")
    command = talk.engine.take_command()
    assert command is not None
    assert command.verb == "RNG"
    assert (talk.actions(), talk.engine.has_society) == ([], False)


def test_eight_chats_a_minute() -> None:
    talk = Talk()
    for _ in range(8):
        talk.board(talk.opening("a@b"), "a@b")
    with pytest.raises(TooManyChats, match="8 chats were opened within a minute") as caught:
        talk.opening("a@b", patience=59).result()
    assert caught.value.retry_after == 60
    ninth, tenth = talk.opening("a@b", patience=61), talk.opening("a@b", patience=61)
    talk.wait(59)
    before = talk.said()
    talk.wait(2)
    assert (before, talk.said()) == ([], ["XFR 13 SB", "XFR 14 SB"])
    assert not ninth.is_there
    assert not tenth.is_there


def test_typing_needs_no_answer() -> None:
    talk = Talk()
    number = talk.board(talk.opening("a@b"), "a@b")
    board = talk.engine.society.chats._boards[number]
    assert talk.engine.begin(lambda it: it.chats.typing(board)).is_there
    assert talk.said(number) == ["MSG 3 U"]
    talk.engine.society.chats.leave(board)
    with pytest.raises(ChatEnded):
        talk.engine.begin(lambda it: it.chats.typing(board))


def test_old_versions_have_no_nudges() -> None:
    talk = Talk(9)
    number = talk.board(talk.opening("a@b"), "a@b")
    board = talk.engine.society.chats._boards[number]
    with pytest.raises(LocalProtocolError, match="MSNP9 has no nudges"):
        talk.engine.begin(lambda it: it.chats.nudge(board))


def test_a_write_that_fails_ends_the_chat_alone() -> None:
    talk = Talk()
    number = talk.board(talk.opening("a@b"), "a@b")
    lost = ConnectionFailed("broken pipe")
    assert str(talk.engine.write_failed(number, lost, talk.now)) == str(lost)
    assert talk.actions() == [Drop(number)]
    assert talk.engine.state is SessionState.ALIVE
    (_, closed) = talk.events()
    assert closed.error.text == "broken pipe"


# --- losses --------------------------------------------------------------------------------------


def test_the_end_of_a_session_ends_its_chats() -> None:
    talk = Talk()
    talk.online()
    work = talk.engine.begin(lambda it: it.chats.send_message(["a@b"], "x", PLAIN, 30))
    number = talk.board(work, "a@b")
    talk.hear("OUT OTH")
    with pytest.raises(ChatEnded, match="the account signed in elsewhere"):
        work.result()
    assert talk.actions() == [Drop(1), Drop(number)]
    *_, closed, last = talk.events(to_the_end=True)
    assert isinstance(closed, ChatClosed)
    assert isinstance(last, SignedInElsewhere)


def test_what_was_there_is_set_up_again() -> None:
    talk = Talk(reconnect=Reconnect(first=0.0, longest=0.0))
    talk.online()
    waiting = talk.engine.begin(lambda it: it.presence.set_name("X"))
    talk.engine.connection_lost(1, ConnectionFailed("gone"), talk.now)
    with pytest.raises(ConnectionFailed, match="gone"):
        waiting.result()
    with pytest.raises(ConnectionFailed, match="is away"):
        talk.engine.begin(lambda it: it.presence.contacts())
    assert talk.engine.society.presence.status is Status.ONLINE
    talk.wait(0)
    assert [type(action) for action in talk.actions()] == [Drop, Enter]
    number = talk.engine.entered(signed_in(12, 20), talk.now)
    assert number is not None
    assert talk.said(number) == ["SYN 20 0 0"]
    talk.hear("SYN 20 1 1 0 0", number=number)
    assert talk.said(number) == ["CHG 21 NLN 1073741856"]
    before = talk.events()
    talk.hear("CHG 21 NLN 0", number=number)
    assert (before, talk.events()) == ([], [CameBack("ns:1863")])


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_presence_that_cannot_be_set_up_again_is_another_loss(how: str) -> None:
    talk = Talk(reconnect=Reconnect(first=0.0, longest=0.0))
    talk.online()
    talk.engine.connection_lost(1, ConnectionFailed("gone"), talk.now)
    talk.wait(0)
    number = talk.engine.entered(signed_in(12, 20), talk.now)
    assert number is not None
    if how == "refused":
        talk.hear("603 20", number=number)
    else:
        for _ in range(70):
            talk.now += 1
            talk.engine.tick(talk.now)
    assert talk.engine.state is SessionState.AWAY
    assert talk.events() == []


def test_who_waits_for_a_moment_hears_of_the_end() -> None:
    """The list waits for the profile, or for two seconds: after the end neither comes."""
    talk = Talk(18)
    work = talk.engine.begin(lambda it: it.presence.contacts())
    assert not work.is_there
    talk.engine.close()
    with pytest.raises(SessionEnded):
        work.result()


def test_a_step_may_end_the_session() -> None:
    talk = Talk()

    def steps() -> Steps[None]:
        talk.engine.close()
        yield talk.engine.society._desk.profile_came

    work = talk.engine.begin(lambda _: Work(steps()))
    with pytest.raises(SessionEnded):
        work.result()


# --- a name of one's own in MSNP21 -----------------------------------------------------------------


def published(commands: Iterable[Command]) -> Published:
    (put,) = [command for command in commands if command.verb == "PUT"]
    routed = parse_routed(put.payload or b"")
    assert routed is not None
    found = parse_published(routed.body)
    assert found is not None
    return found


def go(talk: Talk, number: int, own_name: str = "") -> Published:
    """Answer what go_online asks, and return what it publishes."""
    talk.wait(3)  # no profile comes
    (consult,) = [action for action in talk.actions() if isinstance(action, Consult)]
    talk.engine.consulted(consult.number, Book(own_name=own_name), talk.now)
    for command in talk.engine.take_output(number, talk.now):
        talk.hear(f"ADL {command.trid} OK", number=number)
    said = talk.engine.take_output(number, talk.now)
    for command in said:
        talk.hear(f"PUT {command.trid} OK 0", number=number)
    return published(said)


def test_a_name_that_was_set_before_the_status_is_published_with_it() -> None:
    talk = Talk(21)
    talk.engine.begin(lambda it: it.presence.set_name("Chosen")).result()
    talk.engine.begin(lambda it: it.presence.go_online(Status.ONLINE, None, None))
    assert go(talk, 1, "Of the book").name == "Chosen"


def test_name_and_message_are_set_up_again() -> None:
    talk = Talk(21, reconnect=Reconnect(first=0.0, longest=0.0))
    talk.engine.begin(lambda it: it.presence.go_online(Status.ONLINE, "Chosen", "hi"))
    assert go(talk, 1).name == "Chosen"
    talk.engine.connection_lost(1, ConnectionFailed("gone"), talk.now)
    talk.wait(0)
    talk.actions()
    number = talk.engine.entered(signed_in(21, 20), talk.now)
    assert number
    again = go(talk, number, "Of the book")
    assert (again.name, again.message) == ("Chosen", "hi")

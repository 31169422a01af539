"""Presence, contacts and chats of both drivers, against the embedded service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest

from both import AioDriver, SyncDriver
from msnpauth import (
    CameBack,
    ChatClosed,
    ChatEnded,
    ChatOpened,
    CommandRefused,
    ContactChanged,
    ContactOffline,
    ContactOnline,
    ContactRequest,
    JoinedChat,
    LeftChat,
    ListName,
    LocalProtocolError,
    MessageNotDelivered,
    MessageReceived,
    NotOnline,
    NudgeReceived,
    Reconnect,
    Servers,
    SignedInElsewhere,
    SignInTimeout,
    Status,
    TooManyChats,
    Typing,
)
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.service import Account, Service, run
from msnpauth.service.stores.protocol import LeftMessage

Driver = SyncDriver | AioDriver
SignIn = Callable[..., AbstractContextManager[Any]]

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"


def accounts() -> list[Account]:
    return [
        Account(ALICE, "a", display_name="Alice", allow_md5=True, contacts={"Fri ends": (BOB,)}),
        Account(BOB, "b", display_name="Bob", allow_md5=True, contacts=(ALICE,)),
        Account(CAROL, "c", allow_md5=True),
    ]


PASSWORDS = {ALICE: "a", BOB: "b", CAROL: "c"}


@pytest.fixture
def network() -> Iterator[Service]:
    with run(accounts(), chat_limit=None) as running:
        yield running


@pytest.fixture
def sign_in(driver: Driver, network: Service) -> SignIn:
    def enter(passport: str, dialect: int = 12, **settings: Any) -> AbstractContextManager[Any]:
        settings = {"ca_file": network.ca_file, "timeout": 10.0} | settings
        return driver.sign_in(
            passport, PASSWORDS[passport], network.servers, dialects=[dialect], **settings
        )

    return enter


def is_now(session: Any, status: Status) -> bool:
    """Compare the status; mypy believes that a property does not change between two asserts."""
    return bool(session.status is status)


def until(session: Any, kind: type) -> Any:
    """Return the next event of a kind; others before it are passed over."""
    while not isinstance(event := session.next_event(10), kind):
        pass
    return event


EVERY = sorted(DIALECTS)


@pytest.mark.parametrize("dialect", [number for number in EVERY if number != 21])
def test_two_people_talk(sign_in: SignIn, network: Service, dialect: int) -> None:
    with sign_in(ALICE, dialect) as alice, sign_in(BOB, dialect) as bob:
        bob.go_online("away")
        alice.go_online(name="Al ice")
        (contact,) = alice.contacts()
        groups = () if dialect < 7 else ("Fri ends",)
        assert (contact.passport, contact.name, contact.groups) == (BOB, "Bob", groups)
        assert contact.lists == {ListName.FORWARD, ListName.ALLOW, ListName.REVERSE}
        assert contact.status is Status.AWAY
        alice.send_message(BOB, "Grüße\n😀")
        event = until(bob, MessageReceived)
        assert (event.sender, event.text, event.sender_name) == (ALICE, "Grüße\n😀", "Al ice")
        assert event.chat.members == (ALICE,)
        event.chat.send("and to you", font="Segoe UI", colour="#cc0000", bold=True)
        match until(alice, MessageReceived):
            case MessageReceived(chat, sender, text) as answer:
                assert (sender, text) == (BOB, "and to you")
                assert (answer.looks.font, answer.looks.colour) == ("Segoe UI", "#cc0000")
                assert (answer.looks.bold, answer.looks.italic) == (True, False)
                chat.typing()
        assert until(bob, Typing).sender == ALICE
        alice.send_message(BOB, "again")
        assert until(bob, MessageReceived).text == "again"
    assert network.said(ALICE) == ["Grüße\n😀", "again"]
    assert network.said(BOB) == ["and to you"]


def test_old_and_new_talk(sign_in: SignIn) -> None:
    with sign_in(ALICE, 18) as alice, sign_in(BOB, 3) as bob:
        bob.go_online()
        alice.go_online("busy", personal_message="I <am> here")
        assert until(bob, ContactOnline).contact.passport == ALICE
        assert [contact.status for contact in bob.contacts()] == [Status.BUSY]
        bob.send_message(ALICE, "hello")
        until(alice, MessageReceived).chat.send("hello yourself")
        assert until(bob, MessageReceived).text == "hello yourself"


def test_presence_comes_and_goes(sign_in: SignIn) -> None:
    with sign_in(ALICE) as alice:
        assert is_now(alice, Status.OFFLINE)
        alice.go_online()
        assert is_now(alice, Status.ONLINE)
        with sign_in(BOB) as bob:
            bob.go_online("on the phone", personal_message="wait")
            online = until(alice, ContactOnline)
            assert online.contact.status is Status.ON_THE_PHONE
            said = until(alice, ContactChanged)
            assert (said.before.personal_message, said.contact.personal_message) == ("", "wait")
            bob.set_name("Bobby")
            assert until(alice, ContactChanged).contact.name == "Bobby"
            bob.set_status("invisible")
            assert until(alice, ContactChanged).contact.status is Status.OFFLINE
            bob.set_status(Status.ONLINE)
            assert until(alice, ContactOnline).contact.passport == BOB
            bob.set_personal_message("")
            assert until(alice, ContactChanged).contact.personal_message == ""
        left = until(alice, ContactChanged)
        assert (left.before.status, left.contact.status) == (Status.ONLINE, Status.OFFLINE)
        assert [contact.status for contact in alice.contacts()] == [Status.OFFLINE]


@pytest.mark.parametrize("dialect", [3, 7, 9, 10, 12, 13, 15, 18])
def test_contacts_are_changed(sign_in: SignIn, dialect: int) -> None:
    with sign_in(CAROL, dialect) as carol:
        assert carol.contacts() == []
        carol.go_online()
        with sign_in(ALICE, dialect) as alice:
            alice.go_online()
            alice.add_contact(CAROL)
            if dialect >= 7:
                alice.add_group("Work & play")
                alice.add_to_group(CAROL, "Work & play")
                alice.rename_group("Work & play", "Wörk")
            asked = until(carol, ContactRequest)
            assert (asked.passport, asked.name) == (ALICE, "Alice")
            carol.allow(ALICE)
            assert until(alice, ContactOnline).contact.passport == CAROL
            alice.block(BOB)
            alice.remove_contact(BOB)
            found = {contact.passport: contact for contact in alice.contacts()}
            assert found[CAROL].groups == (("Wörk",) if dialect >= 7 else ())
            assert {ListName.FORWARD, ListName.ALLOW} <= found[CAROL].lists
            assert ListName.FORWARD not in found[BOB].lists
            assert ListName.BLOCK in found[BOB].lists
        # The server kept it: somebody else who asks for the list sees the same.
        with sign_in(ALICE, dialect) as alice:
            again = {contact.passport: contact for contact in alice.contacts()}
            assert {passport: contact.lists for passport, contact in again.items()} == {
                passport: contact.lists for passport, contact in found.items()
            }
            assert again[CAROL].groups == found[CAROL].groups
            if dialect >= 7:
                alice.remove_from_group(CAROL, "Wörk")
                alice.remove_group("Wörk")
                assert [contact.groups for contact in alice.contacts()] == [(), ()]
        carol.allow(ALICE)  # once more: nothing to change
        lists = {contact.passport: contact.lists for contact in carol.contacts()}
        assert lists == {ALICE: {ListName.ALLOW, ListName.REVERSE}}


def test_who_is_blocked_sees_nobody(sign_in: SignIn) -> None:
    with sign_in(ALICE) as alice, sign_in(BOB) as bob:
        bob.go_online()
        alice.go_online()
        until(bob, ContactOnline)
        alice.block(BOB)
        assert until(bob, ContactChanged).contact.status is Status.OFFLINE
        with pytest.raises(ContactOffline, match=r"alice@example\.com: the person does not let"):
            bob.send_message(ALICE, "let me in")
        alice.allow(BOB)
        assert until(bob, ContactOnline).contact.passport == ALICE
        bob.send_message(ALICE, "thanks")
        assert until(alice, MessageReceived).text == "thanks"


def test_several_people_in_one_chat(sign_in: SignIn, network: Service) -> None:
    with sign_in(ALICE, 18) as alice, sign_in(BOB, 18) as bob, sign_in(CAROL, 18) as carol:
        for session in (alice, bob, carol):
            session.go_online()
        chat = alice.open_chat(BOB)
        assert chat.members == (BOB,)
        chat.invite(CAROL)
        assert set(chat.members) == {BOB, CAROL}
        opened = until(bob, ChatOpened)
        assert until(bob, JoinedChat).passport == CAROL
        chat.send("to both")
        assert [until(one, MessageReceived).text for one in (bob, carol)] == ["to both"] * 2
        chat.nudge()
        assert until(carol, NudgeReceived).sender == ALICE
        opened.chat.leave()
        opened.chat.leave()
        assert until(carol, LeftChat).passport == BOB
        assert until(alice, LeftChat).passport == BOB
        chat.send("are you there?")  # calls Bob again
        assert until(bob, MessageReceived).text == "are you there?"
        chat.leave()
        assert isinstance(chat.ended, ChatEnded)
        with pytest.raises(ChatEnded, match="this side has left the chat"):
            chat.send("too late")
        assert "ended" in repr(chat)
        assert until(carol, MessageReceived).text == "are you there?"
        alice.send_message([BOB, CAROL], "a new one")
        assert {until(one, MessageReceived).text for one in (bob, carol)} == {"a new one"}


def test_long_texts_come_in_pieces(sign_in: SignIn) -> None:
    text = "שלום עולם 👩‍👩‍👧 " * 150
    with sign_in(ALICE) as alice, sign_in(BOB) as bob:
        bob.go_online()
        alice.go_online()
        alice.send_message(BOB, text, right_to_left=True)
        pieces: list[str] = []
        while len("".join(pieces)) < len(text):
            event = until(bob, MessageReceived)
            assert event.looks.right_to_left
            pieces.append(event.text)
        assert "".join(pieces) == text
        assert len(pieces) == 4


def test_what_cannot_be(sign_in: SignIn) -> None:
    with sign_in(ALICE, 9) as alice:
        with pytest.raises(NotOnline, match=r"may not chat \(913\); call go_online\(\) first"):
            alice.send_message(BOB, "hello")
        alice.go_online()
        with pytest.raises(ContactOffline, match="bob@example.com: the person is not there"):
            alice.send_message(BOB, "hello")
        wrongs: list[Callable[[], Any]] = [
            lambda: alice.send_message([], "hello"),
            lambda: alice.send_message(BOB, ""),
            lambda: alice.send_message("nobody", "hello"),
            lambda: alice.send_message(BOB, "hello", colour="red"),
            lambda: alice.go_online("offline"),
            lambda: alice.go_online("hungry"),
            lambda: alice.set_name(""),
            lambda: alice.set_name("ü" * 100),
            lambda: alice.set_personal_message("no"),
            lambda: alice.go_online(personal_message="no"),
            lambda: alice.remove_contact(CAROL),
            lambda: alice.add_contact(CAROL, group="no such"),
            lambda: alice.add_group("x" * 62),
            lambda: alice.remove_group("no such"),
        ]
        for wrong in wrongs:
            with pytest.raises(LocalProtocolError):
                wrong()
        with pytest.raises(CommandRefused):
            alice.add_contact("nobody@example.com")
        with pytest.raises(SignInTimeout, match="no event within 0 seconds"):
            while True:
                alice.next_event(0)


def test_dialects_without_groups(sign_in: SignIn) -> None:
    with sign_in(ALICE, 5) as alice, pytest.raises(LocalProtocolError, match="MSNP5 has no groups"):
        alice.add_group("Work")


def test_the_switchboard_refuses_and_falls(sign_in: SignIn, network: Service) -> None:
    with sign_in(ALICE) as alice, sign_in(BOB) as bob:
        bob.go_online()
        alice.go_online()
        network.faults.refuse("XFR", 800)
        with pytest.raises(TooManyChats) as caught:
            alice.send_message(BOB, "hello")
        assert caught.value.retry_after == 60.0
        network.faults.drop("USR")
        with pytest.raises(ChatEnded, match="closed the connection"):
            alice.send_message(BOB, "hello")
        network.faults.drop("MSG")
        with pytest.raises(ChatEnded):
            alice.send_message(BOB, "hello")
        network.faults.refuse("MSG", 282)
        with pytest.raises(MessageNotDelivered, match="did not take the message"):
            alice.send_message(BOB, "hello")
        alice.send_message(BOB, "hello")
        assert until(bob, MessageReceived).text == "hello"
        assert network.drop_chats() >= 1
        assert isinstance(until(bob, ChatClosed).error, ChatEnded)
        for _ in range(3):  # that of USR, that of MSG, and this one
            assert isinstance(until(alice, ChatClosed).error, ChatEnded)
        alice.send_message(BOB, "a new chat")
        assert until(bob, MessageReceived).text == "a new chat"


def test_the_ninth_chat_waits_or_says_when(sign_in: SignIn) -> None:
    with sign_in(ALICE) as alice, sign_in(BOB) as bob:
        bob.go_online()
        alice.go_online()
        for _ in range(8):
            alice.open_chat(BOB).leave()
        with pytest.raises(TooManyChats, match="8 chats were opened within a minute") as caught:
            alice.open_chat(BOB, timeout=1)
        assert 50 < caught.value.retry_after <= 60


def test_events_and_commands_have_a_reader_each(sign_in: SignIn) -> None:
    with sign_in(ALICE) as alice, sign_in(BOB) as bob:
        bob.go_online()
        alice.go_online()
        until(bob, ContactOnline)
        with pytest.raises(SignInTimeout):  # what came meanwhile was nobody's
            bob.receive(0)
        alice.set_status("busy")
        assert bob.receive(5).verb == "NLN"
        assert until(bob, ContactChanged).contact.status is Status.BUSY


def test_a_session_that_keeps_nothing_can_talk(sign_in: SignIn) -> None:
    with sign_in(ALICE, receive=False) as alice, sign_in(BOB) as bob:
        bob.go_online()
        alice.go_online()
        alice.send_message(BOB, "hello")
        assert until(bob, MessageReceived).text == "hello"
        with pytest.raises(LocalProtocolError, match="receive=False"):
            alice.next_event(0)


def test_the_end_of_a_session(sign_in: SignIn, network: Service) -> None:
    with sign_in(ALICE) as alice, sign_in(BOB) as bob:
        bob.go_online()
        alice.go_online()
        chat = alice.open_chat(BOB)
        network.put_out(ALICE, "OTH")
        events = list(alice.events())
        assert isinstance(events[-1], SignedInElsewhere)
        assert any(isinstance(event, ChatClosed) for event in events)
        assert isinstance(chat.ended, ChatEnded)
        with pytest.raises(Exception, match="signed in elsewhere"):
            alice.send_message(BOB, "hello")


def test_without_a_contacts_host(driver: Driver, network: Service) -> None:
    servers = Servers(notification=network.notification, rst=str(network.servers.rst))
    with (
        driver.sign_in(
            ALICE, "a", servers, dialects=[18], ca_file=network.ca_file, timeout=10
        ) as alice,
        pytest.raises(LocalProtocolError, match="no contacts host is known"),
    ):
        alice.contacts()


def test_it_comes_back_as_it_was(sign_in: SignIn, network: Service) -> None:
    """Presence and message are set up again, chats are over, and contacts see it."""
    policy = Reconnect(first=0.0, longest=0.0)
    with sign_in(ALICE, 18, reconnect=policy) as alice, sign_in(BOB, 18) as bob:
        bob.go_online()
        alice.go_online("busy", personal_message="still here")
        chat = alice.open_chat(BOB)
        assert until(bob, ContactOnline).contact.personal_message in ("", "still here")
        network.put_out(ALICE, "SSD")
        assert until(alice, ChatClosed).chat.members == ()
        assert until(alice, CameBack).server == network.notification
        assert isinstance(chat.ended, ChatEnded)
        assert is_now(alice, Status.BUSY)
        contact = until(bob, ContactOnline).contact
        assert contact.status is Status.BUSY
        bob.send_message(ALICE, "welcome back")
        assert until(alice, MessageReceived).text == "welcome back"
        assert [one.status for one in alice.contacts()] == [Status.ONLINE]


@pytest.mark.parametrize("version", [13, 18, 21])
def test_messages_that_were_left(driver: Driver, version: int) -> None:
    with run({ALICE: "a", BOB: "b"}) as service:
        service.leave_message(BOB, ALICE, "while you were away")
        settings = {"ca_file": service.ca_file, "dialects": [version]}
        with driver.sign_in(ALICE, "a", service.servers, **settings) as session:
            session.go_online()
            event = until(session, MessageReceived)
            assert (event.sender, event.text) == (BOB, "while you were away")
            assert event.sent_at is not None
            with pytest.raises(ContactOffline):
                event.chat.send("and now you are")
            while kept(service):  # whoever comes for the next has read the one before
                with suppress(SignInTimeout):
                    session.next_event(0.05)
            with driver.sign_in(BOB, "b", service.servers, **settings) as bob:
                bob.go_online()
                event.chat.send("there you are")
                assert until(bob, MessageReceived).text == "there you are"


def kept(service: Service) -> list[LeftMessage]:
    """Return what the service keeps for Alice."""
    work = service._office.left.left(ALICE)
    return asyncio.run_coroutine_threadsafe(work, service._loop).result()


def test_a_message_that_cannot_be_left() -> None:
    with run({ALICE: "a", BOB: "b"}) as service:
        with pytest.raises(LocalProtocolError, match="no message of"):
            service.leave_message(BOB, "nobody@example.com", "x")

"""Somebody who is played: an account that writes without a client of its own."""

from __future__ import annotations

import asyncio

import pytest

from connections import Client, office_of
from msnpauth import LocalProtocolError
from msnpauth.core.urls import Address
from msnpauth.core.wire.messages import MAX_PAYLOAD, parse_message
from msnpauth.service.puppets import Puppets
from msnpauth.service.roles.chats import ChatRoom, Chats, Guest
from msnpauth.service.roles.news import LeftFor, News, Rung
from msnpauth.service.stores.memory import at_once
from msnpauth.service.stores.protocol import Account, Presence

ALICE, BOB = "alice@example.com", "bob@example.com"


class Called(Client):
    """A client that takes every call at once, and is a guest of the chat itself."""

    capabilities = "0"
    takes_calls = True

    def __init__(self, house: House, passport: str) -> None:
        super().__init__(house.office, passport, chats=house.chats)
        self.texts: list[tuple[str, str]] = []
        self.left: list[str] = []
        self.room: ChatRoom | None = None
        at_once(self.people.show(self.signed_in, self.seat, Presence("NLN", "A")))

    def hear(self, news: News) -> None:
        super().hear(news)
        if isinstance(news, Rung) and self.takes_calls:
            self.take(news)

    def take(self, call: Rung) -> None:
        assert self.chats is not None
        invitation = self.chats.redeem(call.key, self.signed_in.passport)
        assert invitation is not None
        assert invitation.room is not None
        self.room = invitation.room
        self.room.enter(self)  # type: ignore[arg-type]  # who is signed in has an account

    def sees_join(self, other: Guest) -> None: ...

    def sees_leave(self, other: Guest, *, idle: bool) -> None:
        self.left.append(other.account.passport)

    def hears(self, sender: Guest, payload: bytes) -> None:
        assert len(payload) <= MAX_PAYLOAD
        self.texts.append((sender.account.passport, parse_message(payload).text))

    def close(self) -> None: ...


class House:
    def __init__(self) -> None:
        self.office = office_of(ALICE, Account(BOB, "x", "Bob B"))
        self.chats = Chats(self.office, Address("sb.example", 1864))
        self.puppets = Puppets(self.office, self.chats)

    def send(self, text: str, sender: str = BOB, to: str = ALICE) -> None:
        at_once(self.puppets.send(sender, to, text))


def test_who_is_written_to_is_called_and_then_hears_it() -> None:
    house = House()
    alice = Called(house, ALICE)
    house.send("hello")
    assert alice.texts == [(BOB, "hello")]
    (call,) = alice.heard()
    assert isinstance(call, Rung)
    assert (call.passport, call.name) == (BOB, "Bob B")
    assert house.chats.said(BOB) == ["hello"]


def test_the_next_text_goes_to_the_same_chat_however_people_are_spelled() -> None:
    house = House()
    alice = Called(house, ALICE)
    house.send("one")
    house.send("two", BOB.upper(), "Alice@EXAMPLE.com")
    assert [text for _, text in alice.texts] == ["one", "two"]
    assert len(house.chats.rooms) == 1
    assert len(alice.heard()) == 1


def test_who_has_left_is_called_again() -> None:
    house = House()
    alice = Called(house, ALICE)
    house.send("one")
    assert alice.room is not None
    alice.room.leave(alice, idle=False)  # type: ignore[arg-type]
    assert house.chats.rooms == set(), "nobody stays in a chat alone"
    house.send("two")
    assert [text for _, text in alice.texts] == ["one", "two"]
    assert len(house.chats.rooms) == 1


def test_a_chat_that_is_dropped_is_left_and_another_begins() -> None:
    house = House()
    alice = Called(house, ALICE)
    house.send("one")
    assert house.chats.drop_all() == 1
    assert alice.left == [BOB]
    assert alice.room is not None
    alice.room.leave(alice, idle=False)  # type: ignore[arg-type]
    house.send("two")
    assert [text for _, text in alice.texts] == ["one", "two"]


def test_a_long_text_comes_in_pieces_that_a_switchboard_takes() -> None:
    house = House()
    alice = Called(house, ALICE)
    text = "ä" * 2000
    house.send(text)
    assert len(alice.texts) > 1
    assert "".join(said for _, said in alice.texts) == text


def test_nothing_is_said_before_the_call_was_taken() -> None:
    async def main() -> None:
        house = House()
        alice = Called(house, ALICE)
        alice.takes_calls = False
        sending = asyncio.create_task(house.puppets.send(BOB, ALICE, "hello"))
        while not alice.told:
            await asyncio.sleep(0)
        assert house.chats.said(BOB) == []
        assert not sending.done()
        (call,) = alice.heard()
        assert isinstance(call, Rung)
        alice.take(call)
        await sending
        assert alice.texts == [(BOB, "hello")]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("sender", "to", "why"),
    [
        ("nobody@example.com", ALICE, "no account nobody@example.com"),
        (BOB, "nobody@example.com", "no account nobody@example.com"),
        (ALICE, BOB, "bob@example.com is not there"),
    ],
)
def test_who_cannot_be_written_to(sender: str, to: str, why: str) -> None:
    house = House()
    Called(house, ALICE)
    with pytest.raises(LocalProtocolError, match=why):
        house.send("hello", sender, to)
    assert house.chats.rooms == set()
    assert house.chats._invitations == {}


def test_a_message_is_left_whether_somebody_is_there_or_not() -> None:
    house = House()
    at_once(house.puppets.leave(BOB, ALICE, "later"))
    alice = Client(house.office, ALICE)
    at_once(house.puppets.leave(BOB, ALICE.upper(), "again"))
    kept = at_once(house.office.left.left(ALICE))
    assert [(one.sender, one.name, one.text) for one in kept] == [
        (BOB, "Bob B", "later"),
        (BOB, "Bob B", "again"),
    ]
    assert alice.heard() == [LeftFor(kept[1])]


@pytest.mark.parametrize(
    ("sender", "to", "text", "why"),
    [
        ("nobody@example.com", ALICE, "x", "no account nobody@example.com"),
        (BOB, "nobody@example.com", "x", "no message of bob@example.com can be left for nobody"),
        (BOB, ALICE, "", "no message of bob@example.com can be left for alice"),
    ],
)
def test_a_message_that_is_not_taken(sender: str, to: str, text: str, why: str) -> None:
    house = House()
    with pytest.raises(LocalProtocolError, match=why):
        at_once(house.puppets.leave(sender, to, text))
    assert at_once(house.office.left.left(ALICE)) == []


def test_a_message_that_nobody_waits_for_leaves_no_chat() -> None:
    async def main() -> None:
        house = House()
        alice = Called(house, ALICE)
        alice.takes_calls = False
        sending = asyncio.create_task(house.puppets.send(BOB, ALICE, "hello"))
        while not alice.told:
            await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert house.chats.rooms == set()

    asyncio.run(main())

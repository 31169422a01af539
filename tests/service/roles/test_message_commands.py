"""The commands that lead to a conversation, and who may have none."""

from __future__ import annotations

import pytest

from connections import Client, office_of
from msnpauth.core.urls import Address
from msnpauth.core.wire.messages import NUDGE, PLAIN, text_payload, typing_payload
from msnpauth.core.wire.routed import as_datagram, parse_routed, routed_payload
from msnpauth.service.roles.chats import ChatRoom, Chats
from msnpauth.service.roles.message_commands import MESSAGE_COMMANDS, leave_chats, ring
from msnpauth.service.roles.news import LeftFor, Rung
from msnpauth.service.stores.memory import at_once
from msnpauth.service.stores.protocol import Account, LeftMessage, Presence

ALICE, BOB = "alice@example.com", "bob@example.com"
ONLINE = Presence("NLN", "A", "5:0")
TEXT = text_payload("hello", PLAIN)


class Pair:
    """Alice and Bob, who may both talk."""

    def __init__(self, version: int, *, limit: int | None = 8) -> None:
        self.office = office_of(Account(ALICE, "x", "Al ice"), BOB)
        self.chats = Chats(self.office, Address("sb.example", 1864), limit=limit)
        self.alice = self.client(ALICE, version)
        self.bob = self.client(BOB, version)

    def client(self, passport: str, version: int) -> Client:
        client = Client(self.office, passport, version, chats=self.chats)
        client.presence = ONLINE
        at_once(client.show())
        return client

    def say(self, line: str, payload: bytes | None = None) -> list[str]:
        return self.alice.do(MESSAGE_COMMANDS, line, payload)

    def left(self) -> list[LeftMessage]:
        return at_once(self.office.left.left(BOB))


# --- XFR SB --------------------------------------------------------------------------------------

TAILS = {
    2: "",
    12: "",
    13: " U messenger.msn.com",
    14: " U messenger.msn.com 1",
    19: " U messenger.msn.com 1",
}


@pytest.mark.parametrize("version", TAILS)
def test_xfr_names_the_switchboard_and_a_key(version: int) -> None:
    pair = Pair(version)
    pair.alice.guid = "{GUID}"
    (line,) = pair.say("XFR 15 SB")
    key = line.split(" ")[5].rstrip("|")
    assert line == f"XFR 15 SB sb.example:1864 CKI {key}{TAILS[version]}|"
    found = pair.chats.redeem(key, ALICE)
    assert found is not None
    assert (found.guid, found.dialect.number, found.room) == ("{GUID}", version, None)


@pytest.mark.parametrize("words", ["", " NS", " sb", " NS SB"])
def test_another_server_than_the_switchboard(words: str) -> None:
    assert Pair(12).say(f"XFR 15{words}") == ["201 15|"]


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [(12, None, "913"), (12, "HDN", "913"), (13, None, "913"), (13, "HDN", None), (12, "AWY", None), (18, "HDN", None)],
)  # fmt: skip
def test_who_is_not_there_opens_no_chat(version: int, status: str | None, code: str | None) -> None:
    pair = Pair(version)
    pair.alice.presence = None if status is None else Presence(status, "A")
    (line,) = pair.say("XFR 15 SB")
    assert line.split(" ")[0] == (code or "XFR")


def test_where_there_are_no_conversations() -> None:
    pair = Pair(12)
    pair.alice.chats = None
    assert pair.say("XFR 15 SB") == ["601 15|"]


def test_who_was_refused_has_begun_no_chat() -> None:
    pair = Pair(12, limit=1)
    pair.alice.presence = None
    assert [pair.say("XFR 15 SB"), pair.say("XFR 16 NS")] == [["913 15|"], ["201 16|"]]
    pair.alice.presence = ONLINE
    assert pair.say("XFR 17 SB")[0].startswith("XFR 17 ")
    assert pair.say("XFR 18 SB") == ["800 18|"]


# --- UUM -----------------------------------------------------------------------------------------


def test_a_text_is_left_for_somebody() -> None:
    pair = Pair(18)
    assert pair.say("UUM 9 bob%40example.com 1 1", TEXT) == ["UUM 9 OK|"]
    (message,) = pair.left()
    assert (message.sender, message.name, message.text) == (ALICE, "Al ice", "hello")
    assert pair.bob.heard() == [LeftFor(message)]


@pytest.mark.parametrize(
    ("words", "payload"),
    [("1 2", typing_payload(ALICE)), ("1 3", NUDGE), ("1 4", TEXT), ("1 1", NUDGE), ("1 1", b""), ("1", TEXT), ("", TEXT)],
)  # fmt: skip
def test_what_is_no_text_is_answered_and_not_kept(words: str, payload: bytes) -> None:
    pair = Pair(18)
    assert pair.say(f"UUM 9 {BOB} {words}".rstrip(), payload) == ["UUM 9 OK|"]
    assert pair.left() == []


@pytest.mark.parametrize(
    ("to", "text"),
    [("nobody@example.com", "hello"), (BOB, ""), (BOB, "x" * 8193), ("x", "hello")],
    ids=["nobody", "nothing", "too much", "no passport"],
)
def test_what_cannot_be_left(to: str, text: str) -> None:
    pair = Pair(18)
    assert pair.say(f"UUM 9 {to} 1 1", text_payload(text, PLAIN)) == ["217 9|"]
    assert pair.left() == []


@pytest.mark.parametrize(
    ("version", "is_known"), [(12, False), (17, False), (18, True), (21, True)]
)
def test_versions_that_leave_messages_by_uum(version: int, is_known: bool) -> None:
    pair = Pair(version)
    assert pair.say(f"UUM 9 {BOB} 1 1", TEXT) == ["UUM 9 OK|" if is_known else "502 9|"]
    assert len(pair.left()) == is_known


# --- SDG -----------------------------------------------------------------------------------------


def sdg(payload: bytes = TEXT, to: str = BOB) -> bytes:
    content = as_datagram(payload)
    assert content is not None
    return routed_payload(to, ALICE, "", *content)


def heard(client: Client) -> list[tuple[str, bytes]]:
    """Return sender and body of each SDG that a client is to be told."""
    commands, client.out = client.out, []
    assert {command.verb for command in commands} <= {"SDG"}
    routed = [parse_routed(command.payload or b"") for command in commands]
    return [(one.sender, one.body) for one in routed if one is not None]


@pytest.mark.parametrize("version", [2, 12, 17])
def test_no_earlier_version_has_sdg(version: int) -> None:
    assert Pair(version).say("SDG 9", sdg()) == ["502 9|"]


def test_a_word_goes_to_a_client_that_is_called_and_back() -> None:
    pair = Pair(21)
    assert pair.say("SDG 9", sdg()) == ["SDG 9 OK 0|"]
    (call,) = pair.bob.heard()
    assert isinstance(call, Rung)
    assert heard(pair.bob) == []
    ring(pair.bob, call)
    assert heard(pair.bob) == [(ALICE, b"hello")], "it has waited for who was called"
    back = routed_payload(ALICE, BOB, "", *(as_datagram(TEXT) or ((), b"")))
    assert pair.bob.do(MESSAGE_COMMANDS, "SDG 3", back) == ["SDG 3 OK 0|"]
    assert heard(pair.alice) == [(BOB, b"hello")]
    assert pair.bob.heard() == [], "nobody is called twice"
    assert len(pair.chats.rooms) == 1
    leave_chats(pair.alice)
    assert pair.chats.rooms == set()


def test_somebody_who_is_not_there_is_told_nothing() -> None:
    pair = Pair(21)
    at_once(pair.bob.people.show(pair.bob.signed_in, pair.bob.seat, None))
    assert pair.say("SDG 9", sdg()) == ["217 9|"]
    pair.alice.presence = None
    assert pair.say("SDG 10", sdg()) == ["913 10|"]
    pair.alice.chats = None
    assert pair.say("SDG 11", sdg()) == ["601 11|"]


def test_a_word_that_is_cut_before_it_says_what_it_is_reaches_nobody() -> None:
    whole = sdg()
    pair = Pair(21)
    for end in range(whole.index(b"Message-Type")):
        assert pair.say("SDG 9", whole[:end]) == ["SDG 9 OK 0|"]
    assert pair.chats.rooms == set()
    assert pair.bob.heard() == []


# --- calls ---------------------------------------------------------------------------------------


def call_of(pair: Pair) -> Rung:
    room = ChatRoom(pair.chats)
    at_once(room.call(pair.alice.signed_in, BOB))
    (call,) = pair.bob.heard()
    assert isinstance(call, Rung)
    return call


@pytest.mark.parametrize("version", TAILS)
def test_a_client_that_knows_switchboards_is_told_of_the_call(version: int) -> None:
    pair = Pair(version)
    call = call_of(pair)
    ring(pair.bob, call)
    said = f"RNG {call.session} sb.example:1864 CKI {call.key} {ALICE} Al%20ice"
    assert pair.bob.said() == [f"{said}{TAILS[version]}|"]
    assert pair.chats.redeem(call.key, BOB) is not None, "the client comes by the key itself"


def test_a_client_of_msnp21_is_in_the_chat_and_hears_nothing_of_the_call() -> None:
    pair = Pair(21)
    call = call_of(pair)
    ring(pair.bob, call)
    assert pair.bob.said() == []
    assert pair.chats.redeem(call.key, BOB) is None
    ring(pair.bob, call)
    assert pair.bob.said() == []


def test_who_has_no_chats_has_none_to_leave() -> None:
    pair = Pair(21)
    leave_chats(pair.alice)
    assert pair.alice.datagrams is None

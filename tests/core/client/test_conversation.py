from __future__ import annotations

from typing import Any

import pytest

from feeding import VECTORS, pieces, ways
from msnpauth.core.client.conversation import (
    CVR_PATIENCE,
    Accepted,
    Challenged,
    Conversation,
    Event,
    Refused,
    State,
    Transferred,
    ended_by,
)
from msnpauth.core.errors import (
    ConnectionFailed,
    NoCommonDialect,
    RemoteProtocolError,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    WrongCredentials,
)
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, offer


def challenged(word: str, number: int = 12) -> Challenged:
    return Challenged(DIALECTS[number], (word,))


def opened(pipeline: bool = True, **settings: Any) -> Conversation:
    conversation = Conversation(
        settings.pop("passport", "a@b.example"), offer(settings.pop("dialects", None)),
        server="ns:1863", pipeline=pipeline, **settings,
    )  # fmt: skip
    conversation.open()
    return conversation


def sent(conversation: Conversation) -> str:
    commands, conversation.to_send = conversation.to_send, []
    return b"".join(command.encode() for command in commands).decode().replace("\r\n", "|")


def hear(conversation: Conversation, *lines: str, way: str = "whole") -> list[Event]:
    data = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
    events: list[Event] = []
    for piece in pieces(data, way, b"NLN"):
        events += conversation.receive(piece)
    return events


def error_of(events: list[Event]) -> SignInError:
    assert isinstance(events[-1], Refused)
    return events[-1].error


def test_pipelined_opening() -> None:
    assert sent(opened(dialects=[8, 12])) == (
        "VER 1 MSNP12 MSNP8 CVR0|"
        "CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 7.0.0813 MSMSGS a@b.example|"
        "USR 3 TWN I a@b.example|"
    )


@ways
def test_to_usr_ok(way: str) -> None:
    conversation = opened()
    sent(conversation)
    events = hear(
        conversation, "VER 1 MSNP12", "CVR 2 1 1 1 u u", "USR 3 TWN S lc=1,x=%2F", way=way
    )
    assert events == [challenged("lc=1,x=%2F")]
    assert conversation.state is State.AWAIT_TICKET
    if way == "trailing":
        conversation.receive(b" NLN a@b A\r\n")
    conversation.answer("t=1&p=")
    assert sent(conversation) == "USR 4 TWN S t=1&p=|"
    events = hear(conversation, "USR 4 OK a@b.example 1 0", way=way)
    assert isinstance(events[0], Accepted)
    assert (events[0].passport, events[0].display_name) == ("a@b.example", "a@b.example")
    assert events[0].dialect.number == 12
    assert conversation.next_trid == 5


def test_one_at_a_time() -> None:
    conversation = opened(pipeline=False)
    assert sent(conversation).startswith("VER 1 ")
    hear(conversation, "VER 1 MSNP9")
    assert sent(conversation) == "CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 6.2.0208 MSMSGS a@b.example|"
    assert conversation.patience == CVR_PATIENCE
    hear(conversation, "CVR 2 1.0.0000 1.0.0000")
    assert not conversation.patience
    assert sent(conversation) == "USR 3 TWN I a@b.example|"
    conversation.silence()
    assert sent(conversation) == ""


def test_cvr_that_is_never_answered() -> None:
    conversation = opened(pipeline=False)
    hear(conversation, "VER 1 MSNP9")
    sent(conversation)
    conversation.silence()
    assert sent(conversation) == "USR 3 TWN I a@b.example|"
    assert hear(conversation, "USR 3 TWN S lc=1") == [challenged("lc=1", 9)]
    conversation = opened()
    assert hear(conversation, "VER 1 MSNP9", "USR 3 TWN S lc=1", "CVR 2 1") == [
        challenged("lc=1", 9)
    ]


@pytest.mark.parametrize(
    ("version", "line", "name", "verified", "restricted"),
    [
        (8, "USR 4 OK a@b.example My%20Name 1 0", "My Name", True, False),
        (9, "USR 4 OK a@b.example Zoë 0 1", "Zoë", False, True),
        (9, "USR 4 OK a@b.example", "a@b.example", True, False),
        (10, "USR 4 OK a@b.example 1 0", "a@b.example", True, False),
        (12, "USR 4 OK a@b.example 0 1 9 new", "a@b.example", False, True),
        (14, "USR 4 OK a@b.example", "a@b.example", True, False),
    ],
)
def test_usr_ok(version: int, line: str, name: str, verified: bool, restricted: bool) -> None:
    conversation = opened()
    hear(conversation, f"VER 1 MSNP{version}", "CVR 2 1", "USR 3 TWN S lc=1")
    conversation.answer("t=1&p=")
    (accepted,) = hear(conversation, line)
    assert isinstance(accepted, Accepted)
    found = (accepted.display_name, accepted.verified, accepted.restricted)
    assert found == (name, verified, restricted)


def test_what_follows_usr_ok_is_left_unread() -> None:
    conversation = opened()
    hear(conversation, "VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S lc=1")
    conversation.answer("t=1&p=")
    events = hear(conversation, "USR 4 OK a@b.example 1 0", "SBS 0 null", "OUT OTH", "911 4")
    assert len(events) == 1
    assert conversation.reader.unread == b"SBS 0 null\r\nOUT OTH\r\n911 4\r\n"
    assert conversation.receive(b"more") == []


def test_commands_that_nobody_asked_for() -> None:
    conversation = opened()
    events = hear(
        conversation, "CHL 0 123", "GCF 0 0", "VER 1 MSNP13", "SBS 0 null", "MSG H H 0", "CVR 2 1",
        "NOT 0", "UBX a@b 1 0", "XFR 0 SB h:1 CKI 1", "USR 3 TWN S lc=1", "GCF 0 0",
    )  # fmt: skip
    assert events == [challenged("lc=1", 13)]
    assert [command.verb for command in conversation.unasked] == [
        "CHL", "GCF", "SBS", "MSG", "NOT", "UBX", "XFR", "GCF",
    ]  # fmt: skip


@pytest.mark.parametrize("vector", [v for v in VECTORS["lines"] if v["line"].startswith("VER")])
def test_published_ver(vector: dict[str, Any]) -> None:
    events = hear(opened(), vector["line"])
    if vector["expect"]["version"]:
        assert events == []
    else:
        assert isinstance(error_of(events), NoCommonDialect)


@pytest.mark.parametrize("line", ["VER 1 0", "VER 1 CVR0", "VER 1 MSNP18", "VER 1", "VER 1 MSNP7"])
def test_no_common_dialect(line: str) -> None:
    error = error_of(hear(opened(), line))
    assert isinstance(error, NoCommonDialect)
    assert "MSNP14" in str(error)


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("XFR 3 NS 10.0.0.5:1863", "10.0.0.5:1863"),
        ("XFR 3 NS 10.0.0.5:1864 0", "10.0.0.5:1864"),
        ("XFR 3 NS 207.46.108.52:1863 0 65.54.239.140:1863", "207.46.108.52:1863"),
        ("XFR 3 NS 207.46.110.44:1863 U D", "207.46.110.44:1863"),
        ("XFR 0 NS ns.example U D VmVyc2lvbg==", "ns.example:1863"),
        ("XFR 0 NS [::1]:5 G D", "[::1]:5"),
    ],
)
def test_xfr(line: str, address: str) -> None:
    conversation = opened()
    events = hear(conversation, "VER 1 MSNP12", "CVR 2 1", line, "USR 3 TWN S lc=1")
    assert events == [Transferred(Address.parse(address))]
    assert conversation.state is State.ENDED


def test_xfr_here() -> None:
    conversation = opened()
    sent(conversation)
    events = hear(conversation, "VER 1 MSNP12", "CVR 2 1", "XFR 0 NS 0", "VER 4 MSNP12")
    assert events == [Transferred(None)]
    assert sent(conversation).startswith("VER 4 MSNP14 ")
    assert conversation.state is State.AWAIT_CVR


@pytest.mark.parametrize("line", ["XFR 3 NS", "XFR 3 NS a..b:1", "XFR 3 NS h:99999", "XFR 3 NS h:"])
def test_xfr_to_nowhere(line: str) -> None:
    assert isinstance(error_of(hear(opened(), line)), RemoteProtocolError)


@pytest.mark.parametrize(
    "lines",
    [
        ["USR 3 TWN S lc=1"],
        ["CVR 2 1", "USR 3 OK a@b"],
        ["VER 1 MSNP12", "VER 1 MSNP12"],
        ["VER 1 MSNP12", "CVR 2 1", "USR 3 OK a@b.example 1 0"],
        ["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S"],
        ["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S a\udcff"],
        ["VER 1 MSNP12", "CVR 2 1", "USR 3 SSO S MBI_KEY_OLD x"],
        ["VER 1 MSNP12", "CVR 2 1", "USR 3"],
        ["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S a", "USR 3 TWN S b"],
        ["HELLO"],
    ],
)
def test_what_makes_no_sense(lines: list[str]) -> None:
    conversation = opened()
    error = error_of(hear(conversation, *lines))
    assert isinstance(error, RemoteProtocolError)
    assert error.server == "ns:1863"
    assert conversation.receive(b"more\r\n") == []


@pytest.mark.parametrize("line", ["USR 4 OK", "USR 4 TWN S again", "USR 4"])
def test_a_ticket_not_answered_by_ok(line: str) -> None:
    conversation = opened()
    hear(conversation, "VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S lc=1")
    conversation.answer("t=1&p=")
    assert isinstance(error_of(hear(conversation, line)), RemoteProtocolError)


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_an_error_code_at_any_moment(before: int) -> None:
    lines = ["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S lc=1"][:before]
    error = error_of(hear(opened(), *lines, "911 3", "OUT"))
    assert isinstance(error, WrongCredentials)
    assert error.code == 911


@pytest.mark.parametrize(
    ("before", "awaited"), [(0, "VER"), (1, "CVR"), (2, "USR … S"), (3, "the ticket")]
)
def test_the_end_of_the_stream(before: int, awaited: str) -> None:
    conversation = opened()
    for line in ["VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S lc=1"][:before]:
        hear(conversation, line)
    error = error_of(conversation.receive(b""))
    assert isinstance(error, ConnectionFailed)
    assert awaited in error.text
    assert "pipeline=False" in error.hint


def test_the_end_of_the_stream_after_the_ticket() -> None:
    conversation = opened()
    hear(conversation, "VER 1 MSNP12", "CVR 2 1", "USR 3 TWN S lc=1")
    conversation.answer("t=1&p=")
    error = error_of(conversation.receive(b""))
    assert "USR OK" in error.text
    assert "pipeline" not in error.hint


@pytest.mark.parametrize(
    ("line", "kind", "retry_after"),
    [
        ("OUT", SessionEnded, None),
        ("OUT OTH", SessionEnded, None),
        ("OUT TOU", SessionEnded, None),
        ("OUT SSD", ServiceUnavailable, None),
        ("OUT RCT 6", ServiceUnavailable, 360),
        ("OUT RCT x", ServiceUnavailable, None),
    ],
)
def test_out_before_ok(line: str, kind: type[SignInError], retry_after: float | None) -> None:
    error = error_of(hear(opened(), line))
    assert isinstance(error, kind)
    assert getattr(error, "retry_after", None) == retry_after


@pytest.mark.parametrize(
    ("args", "reason", "minutes"),
    [((), "", None), (("OTH",), "OTH", None), (("rct", "6"), "RCT", 6), (("NEW",), "NEW", None)],
)
def test_ended_by(args: tuple[str, ...], reason: str, minutes: int | None) -> None:
    ended = ended_by(Command("OUT", None, args), "ns:1")
    assert (ended.reason, ended.minutes, ended.server) == (reason, minutes, "ns:1")


def test_a_passport_is_one_word() -> None:
    assert "USR 3 TWN I X100%25é@b.example|" in sent(opened(passport="X100%é@b.example"))


def test_observe() -> None:
    seen: list[Command] = []
    hear(opened(observe=seen.append), "VER 1 MSNP12")
    assert seen == [Command("VER", 1, ("MSNP12",))]

"""Payloads of PUT, NFY and SDG: read and written, and what stands for what in a conversation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.wire.messages import NUDGE, PLAIN, parse_message, text_payload, typing_payload
from msnpauth.core.wire.routed import (
    Routed,
    as_datagram,
    as_message,
    parse_routed,
    routed_payload,
)

GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"

# As Escargot writes it (msnp_ns.py), and as msnp-sharp does (MultiMimeMessage.cs).
ESCARGOT = (
    b"Routing: 1.0\r\nTo: bob@example.com\r\nFrom: 1:alice@example.com;epid={abc}\r\n\r\n"
    b"Reliability: 1.0\r\n\r\nMessaging: 2.0\r\nContent-Length: 5\r\n"
    b"Content-Type: Text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 7bit\r\n"
    b"Message-Type: Text\r\nMIME-Version: 1.0\r\n\r\nHello"
)


def test_what_a_server_writes() -> None:
    routed = parse_routed(ESCARGOT)
    assert routed is not None
    assert (routed.sender, routed.to, routed.guid) == (
        "alice@example.com",
        "bob@example.com",
        "{abc}",
    )
    assert routed.headers["message-type"] == "Text"
    assert routed.body == b"Hello"


def test_what_is_written() -> None:
    payload = routed_payload(
        "b@c",
        "a@c",
        GUID,
        (("Messaging", "2.0"), ("Message-Type", "Text")),
        "Zoë".encode(),
        routing=(("Service-Channel", "IM/Online"),),
        reliability=(("Stream", "1"), ("Flags", "ACK")),
    )
    assert payload.decode() == (
        "Routing: 1.0\r\nTo: 1:b@c\r\nFrom: 1:a@c;epid={f52973b6-c926-4bad-9ba8-7c1e840e4ab0}\r\n"
        "Service-Channel: IM/Online\r\n\r\nReliability: 1.0\r\nStream: 1\r\nFlags: ACK\r\n\r\n"
        "Messaging: 2.0\r\nMessage-Type: Text\r\nContent-Length: 4\r\n\r\nZoë"
    )
    routed = parse_routed(payload)
    assert routed is not None
    assert (routed.sender, routed.to, routed.guid) == ("a@c", "b@c", GUID.lower())
    assert routed.body.decode() == "Zoë"


def test_without_a_machine() -> None:
    routed = parse_routed(routed_payload("b@c", "a@c", "", (("Publication", "1.0"),), b""))
    assert routed == Routed("a@c", "b@c", "", {"publication": "1.0", "content-length": "0"}, b"")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"Routing: 1.0\r\n\r\n",
        b"To: 1:a@b\r\n\r\n\r\n\r\n",
        b"From: 1:a@b\r\n\r\n",
        b"\r\n\r\n\r\n\r\nTo: 1:a@b\r\nFrom: 1:a@b",
    ],
)
def test_from_nobody_or_to_nobody(payload: bytes) -> None:
    assert parse_routed(payload) is None


def test_lines_may_end_in_lf_alone() -> None:
    routed = parse_routed(ESCARGOT.replace(b"\r\n", b"\n"))
    assert routed is not None
    assert routed.body == b"Hello"


@pytest.mark.parametrize("payload", [text_payload("Grüße", PLAIN), NUDGE, typing_payload("a@c")])
def test_a_conversation_there_and_back(payload: bytes) -> None:
    content = as_datagram(payload)
    assert content is not None
    routed = parse_routed(routed_payload("b@c", "a@c", GUID, *content))
    assert routed is not None
    back = as_message(routed)
    assert back is not None
    assert parse_message(back) == parse_message(payload)


def test_what_has_no_datagram() -> None:
    assert as_datagram(b"Content-Type: application/x-msnmsgrp2p\r\n\r\n\0\0") is None


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"message-type": "Text"}, "text/plain"),
        ({"message-type": "Control", "message-subtype": "Typing"}, "text/x-msmsgscontrol"),
        ({"message-type": "Control"}, None),
        ({"message-type": "Signal/P2P"}, None),
        ({}, None),
    ],
)
def test_what_a_datagram_is(headers: dict[str, str], kind: str | None) -> None:
    payload = as_message(Routed("a@c", "b@c", "", headers, b"x"))
    assert (None if payload is None else parse_message(payload).kind) == kind


@given(st.binary() | st.binary().map(lambda data: b"To: 1:a\r\nFrom: 2:b;epid=\r\n\r\n" + data))
def test_any_payload_can_be_read(payload: bytes) -> None:
    routed = parse_routed(payload)
    if routed is not None:
        as_message(routed)

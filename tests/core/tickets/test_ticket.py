from __future__ import annotations

from datetime import UTC, datetime

import pytest

from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.ticket import Ticket, dump_ticket, load_ticket


@pytest.mark.parametrize(
    ("text", "t", "p"),
    [
        ("t=abc==&p=def", "abc==", "def"),
        ("t=abc&p=", "abc", ""),
        ("t=abc", "abc", None),
        ("0123abcd", None, None),
        ("p=x&t=y", "y", "x"),
    ],
)
def test_parts(text: str, t: str | None, p: str | None) -> None:
    ticket = Ticket(Secret(text), "https://h")
    assert ticket.reveal() == text
    assert (ticket.t.reveal() if ticket.t else None) == t
    assert (ticket.p.reveal() if ticket.p is not None else None) == p


def test_summary_and_repr_hide_it() -> None:
    until = datetime(2026, 11, 22, 12, tzinfo=UTC)
    ticket = Ticket(Secret("t=secret&p=x"), "https://h", until)
    assert (
        ticket.summary()
        == "12 characters (t=…&p=…) from https://h, good until 2026-11-22 12:00:00 UTC"
    )
    assert Ticket(Secret("abcd"), "https://h").summary() == "4 characters from https://h"
    assert "secret" not in repr(ticket)


@pytest.mark.parametrize("until", [None, datetime(2026, 11, 22, 12, tzinfo=UTC)])
@pytest.mark.parametrize("key", [None, Secret("AAAA")])
def test_a_ticket_as_text(until: datetime | None, key: Secret | None) -> None:
    ticket = Ticket(Secret("t=1&p="), "https://h", until, key)
    assert load_ticket(dump_ticket(ticket)) == ticket


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        "[]",
        "{}",
        "null",
        '{"value": "x"}',
        '{"value":1,"server":2,"expires":"x","proof_key":null}',
        '{"value":1,"server":"h","expires":null,"proof_key":null}',
        '{"value":"t=1","server":2,"expires":null,"proof_key":null}',
        '{"value":"t=1","server":"h","expires":5,"proof_key":null}',
        '{"value":"t=1","server":"h","expires":"2026-12-01T00:00:00","proof_key":null}',
        '{"value":"t=1","server":"h","expires":null,"proof_key":7}',
        '{"value":"t=1 2","server":"h","expires":null,"proof_key":null}',
        '{"value":"t=1\\r\\nOUT","server":"h","expires":null,"proof_key":null}',
        "[" * 100_000,
    ],
)
def test_what_is_no_ticket(text: str | None) -> None:
    assert load_ticket(None if text is None else Secret(text)) is None

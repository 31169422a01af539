from __future__ import annotations

from datetime import UTC, datetime

import pytest

from feeding import VECTORS
from msnpauth import LocalProtocolError
from msnpauth.core.secrets import Secret
from msnpauth.decoding import decode
from msnpauth.service.tickets import TicketOffice, new_key
from pasted import fields, one


def test_a_ticket_of_ours() -> None:
    key = new_key()
    ticket, expires = TicketOffice([key]).issue("Alice@example.com", secret=Secret("geheim"))
    told = fields(ticket, key)
    assert told["account"] == "alice@example.com"
    assert told["for"] == "login"
    assert told["ends"] == f"{expires:%Y-%m-%d %H:%M:%S} UTC"
    assert told["proof key"] == "*** (6 characters)"
    assert ticket[2:40] not in str(one(ticket, key))
    assert fields(ticket)["made by"] == "this package's service"
    assert "do not open it" in one(ticket, new_key()).problems[0]
    with pytest.raises(LocalProtocolError, match="ring of keys"):
        decode(ticket, ["no key"])


def test_a_ticket_that_has_ended() -> None:
    key = new_key()
    ticket, _ = TicketOffice([key], now=lambda: datetime(2020, 1, 1, tzinfo=UTC)).issue("a@b")
    assert one(ticket, key).problems == ("it has ended",)


def test_other_tickets() -> None:
    assert one("t=1&amp;p=2").problems == (
        "`&amp;` is XML's spelling of `&`: it has to be undone once",
    )
    assert one("t=1").problems == ("there is no `&p=`, without which msn-pecan crashes",)


def test_blobs() -> None:
    for case in VECTORS["sso_response"]:
        found = one(case["response"])
        assert found.problems == ()
        assert case["response"] not in str(found)
    assert one("HAAAA" + "!" * 40).problems == ("it is not base64",)
    assert any(
        "speaks of" in text for text in one(VECTORS["sso_response"][0]["response"][:-4]).problems
    )

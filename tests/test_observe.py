from __future__ import annotations

import logging

import pytest

from msnpauth import observe
from msnpauth.core.client.actions import Connect, Fetch, Prepare, Send
from msnpauth.core.client.engine import Back, Dropped, Lost, Over
from msnpauth.core.errors import ConnectionFailed, SessionEnded
from msnpauth.core.tickets.http import Request, Response
from msnpauth.core.urls import Address, Url
from msnpauth.core.wire.commands import Command

URL = Url.parse("https://h/l")


def test_nobody_listens() -> None:
    assert not observe.enabled()
    assert observe.observer() is None
    observe.requested(Request("GET", URL))


def test_what_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "msnpauth")
    observe.acted(Connect(Address("ns", 1863)))
    observe.acted(Prepare(URL))
    observe.acted(Send((Command("USR", 4, ("TWN", "S", "t=1")), Command("PNG"))))
    watch = observe.observer()
    assert watch is not None
    watch(Command("USR", 3, ("TWN", "S", "lc=1")))
    request = Request("GET", URL, (("Authorization", "pwd=x"),))
    observe.requested(request)
    observe.answered(request, Response(401))
    observe.answered(request, ConnectionFailed("refused"))
    assert caplog.messages == [
        "notification   connect to ns:1863",
        "login   prepare https://h",
        "notification > USR 4 TWN S ***",
        "notification > PNG",
        "notification < USR 3 TWN S lc=1",
        "login > GET https://h/l",
        "login > Authorization: ***",
        "login < HTTP 401",
        "login < refused",
    ]
    record = caplog.records[2]
    assert (record.direction, record.channel) == (">", "notification")  # type: ignore[attr-defined]


def test_what_happens_to_a_session_is_told_above_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "msnpauth")
    observe.told(Lost(ConnectionFailed("lost", server="ns:1863"), 1.25))
    observe.told(Back("ns:1863"))
    observe.told(Dropped(12))
    observe.told(Over(ConnectionFailed("lost", server="ns:1863", hint=""), 0))
    observe.told(Over(SessionEnded("elsewhere", reason="OTH"), 7))
    observe.told(Over(SessionEnded("the session was closed", reason="closed"), 0))
    observe.acted(Connect(Address("ns", 1863)))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "session   lost; signing in again in 1.2 seconds"),
        ("INFO", "session   signed in again, at ns:1863"),
        (
            "WARNING",
            "session   nobody receives: 12 unread commands were dropped, the oldest first,"
            " and more may follow (receive=False wants none)",
        ),
        ("WARNING", "session   the session is over: ns:1863: lost"),
        (
            "WARNING",
            "session   the session is over: session: elsewhere (7 commands were never received)",
        ),
    ]


def test_the_end_that_was_wished_for_is_told_to_those_who_look_closely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "msnpauth")
    observe.told(Over(SessionEnded("the session was closed", reason="closed"), 0))
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_what_is_done_at_its_own_time_is_told_then(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "msnpauth")
    observe.acted(Fetch(1, Request("GET", URL)))
    assert caplog.messages == []

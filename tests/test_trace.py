from __future__ import annotations

import logging

import pytest

from msnpauth import trace
from msnpauth.core.actions import Connect, Fetch, Prepare, Send
from msnpauth.core.commands import Command
from msnpauth.core.engine import Back, Dropped, Lost, Over
from msnpauth.core.errors import ConnectionFailed, SessionEnded
from msnpauth.core.http import Request, Response
from msnpauth.core.urls import Address, Url

URL = Url.parse("https://h/l")


def test_nobody_listens() -> None:
    assert not trace.enabled()
    assert trace.observer() is None
    trace.requested(Request("GET", URL))


def test_what_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "msnpauth")
    trace.acted(Connect(Address("ns", 1863)))
    trace.acted(Prepare(URL))
    trace.acted(Send((Command("USR", 4, ("TWN", "S", "t=1")), Command("PNG"))))
    observe = trace.observer()
    assert observe is not None
    observe(Command("USR", 3, ("TWN", "S", "lc=1")))
    request = Request("GET", URL, (("Authorization", "pwd=x"),))
    trace.requested(request)
    trace.answered(request, Response(401))
    trace.answered(request, ConnectionFailed("refused"))
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
    trace.told(Lost(ConnectionFailed("lost", server="ns:1863"), 1.25))
    trace.told(Back("ns:1863"))
    trace.told(Dropped(12))
    trace.told(Over(ConnectionFailed("lost", server="ns:1863", hint=""), 0))
    trace.told(Over(SessionEnded("elsewhere", reason="OTH"), 7))
    trace.told(Over(SessionEnded("the session was closed", reason="closed"), 0))
    trace.acted(Connect(Address("ns", 1863)))
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
    trace.told(Over(SessionEnded("the session was closed", reason="closed"), 0))
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_what_is_done_at_its_own_time_is_told_then(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "msnpauth")
    trace.acted(Fetch(1, Request("GET", URL)))
    assert caplog.messages == []

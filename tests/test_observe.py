from __future__ import annotations

import dataclasses
import logging
import time

import pytest

from msnpauth import observe
from msnpauth.core.client import session_actions
from msnpauth.core.client.actions import Connect, Prepare
from msnpauth.core.client.session_actions import Tell
from msnpauth.core.errors import ConnectionFailed, SessionEnded, Step
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.core.urls import Address, Url
from msnpauth.core.wire.commands import Command
from msnpauth.observe import Event
from msnpauth.watch import Watch

URL = Url.parse("https://h/l")
REQUEST = Request("GET", URL, (("Authorization", "pwd=7secret"),))
LOST = ConnectionFailed("lost", server="ns:1863", hint="")
CLOSED = SessionEnded("the session was closed", reason="closed")


def everything(watch: Watch) -> None:
    """Say everything that a driver or a carrier ever says."""
    watch.acted(Connect(Address("ns", 1863)))
    watch.acted(Prepare(URL))
    watch.looked_up("ns", ["192.0.2.1", "192.0.2.2", "192.0.2.1"], time.monotonic())
    watch.connected("ns:1863", "192.0.2.1:1863", time.monotonic())
    watch.connected("https://h", "192.0.2.3:443", 5.0, 5.012)
    watch.secured("https://h", "TLSv1.3", 5.0, 5.02)
    watch.sent("ns:1863", (Command("USR", 4, ("TWN", "S", "t=7secret")), Command("PNG")))
    watch.received("ns:1863", Command("USR", 3, ("TWN", "S", "lc=1")))
    watch.requested(REQUEST)
    watch.fetched(REQUEST, Response(401), time.monotonic())
    watch.fetched(REQUEST, ConnectionFailed("refused"), time.monotonic())
    watch.signed_in("ns:1863", time.monotonic())
    watch.failed(LOST, None)
    watch.failed(LOST, 1.25)
    watch.told(Tell(session_actions.Lost(LOST, 1.25)))
    watch.told(Tell(session_actions.Back("ns:1863")))
    watch.told(Tell(session_actions.Dropped(12)))
    watch.told(Tell(session_actions.Over(CLOSED, 0)))
    watch.told(Tell(session_actions.Over(SessionEnded("elsewhere", reason="OTH"), 7)))
    watch.told(Tell(session_actions.Over(LOST, 0)))


ABOVE_DEBUG = [
    ("WARNING", "notification   ns:1863: lost; trying again in 1.2 seconds"),
    ("INFO", "session   lost; signing in again in 1.2 seconds"),
    ("INFO", "session   signed in again, at ns:1863"),
    (
        "WARNING",
        "session   nobody receives: 12 unread commands were dropped, the oldest first,"
        " and more may follow (receive=False wants none)",
    ),
    (
        "WARNING",
        "session   the session is over: session: elsewhere (7 commands were never received)",
    ),
    ("WARNING", "session   the session is over: ns:1863: lost"),
]


def test_every_event_is_told_to_the_observer() -> None:
    heard: list[Event] = []
    before = time.monotonic()
    everything(Watch(heard.append))
    names = [type(event).__name__ for event in heard]
    assert names == [
        *("Connecting", "Preparing", "LookedUp", "Connected", "Connected", "Secured"),
        *("Sent", "Sent", "Received", "Requested", "Fetched", "Fetched", "SignedIn"),
        *("Failed", "Failed", "Lost", "Back", "Dropped", "Ended", "Ended", "Ended"),
    ]
    assert set(names) == {kind.__name__ for kind in Event.__args__}
    assert all(before <= event.at or event.at < 6 for event in heard)
    assert heard[2] == observe.LookedUp(
        at=heard[2].at,
        host="ns",
        addresses=("192.0.2.1", "192.0.2.2"),
        seconds=getattr(heard[2], "seconds"),  # noqa: B009 - a field of this kind of event only
    )
    assert heard[5] == observe.Secured(
        at=5.02, server="https://h", version="TLSv1.3", seconds=5.02 - 5.0
    )
    fetched, failed = heard[10:12]
    assert isinstance(fetched, observe.Fetched)
    assert (fetched.step, fetched.server, fetched.status, fetched.error) == (
        Step.LOGIN,
        "https://h",
        401,
        None,
    )
    assert isinstance(failed, observe.Fetched)
    assert (failed.status, str(failed.error)) == (
        None,
        "refused; check the address and the network",
    )
    assert heard[13:15] == [
        observe.Failed(at=event.at, error=LOST, pause=pause)
        for event, pause in zip(heard[13:15], (None, 1.25), strict=True)
    ]


def test_no_event_holds_a_secret() -> None:
    heard: list[Event] = []
    everything(Watch(heard.append))
    told = [str(value) for event in heard for value in dataclasses.astuple(event)]
    assert not any("t=7secret" in text or "pwd=7secret" in text for text in told)
    assert not any("t=7secret" in repr(event) or "pwd=7secret" in repr(event) for event in heard)


def test_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "msnpauth")
    everything(Watch())
    took = [message.partition(" in ")[0] for message in caplog.messages]
    assert took[:6] == [
        "notification   connect to ns:1863",
        "login   prepare https://h",
        "notification   ns is 192.0.2.1, 192.0.2.2, found",
        "notification   connected to ns:1863 at 192.0.2.1:1863",
        "login   connected to https://h at 192.0.2.3:443",
        "login   TLSv1.3 with https://h",
    ]
    assert caplog.messages[4:6] == [
        "login   connected to https://h at 192.0.2.3:443 in 12 ms",
        "login   TLSv1.3 with https://h in 20 ms",
    ]
    assert caplog.messages[6:13] == [
        "notification > USR 4 TWN S ***",
        "notification > PNG",
        "notification < USR 3 TWN S lc=1",
        "login > GET https://h/l",
        "login > Authorization: ***",
        "login < HTTP 401",
        "login < refused",
    ]
    assert caplog.messages[13].startswith("notification   signed in at ns:1863 in ")
    assert caplog.messages[14] == "notification   ns:1863: lost"
    record = caplog.records[6]
    assert (record.direction, record.channel) == (">", "notification")  # type: ignore[attr-defined]
    assert [getattr(record, "ended") for record in caplog.records[-4:]] == [False, True, True, True]  # noqa: B009
    above = [(r.levelname, r.getMessage()) for r in caplog.records if r.levelno > logging.DEBUG]
    assert above == ABOVE_DEBUG

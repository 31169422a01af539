"""The library's events, as the command shows them."""

from __future__ import annotations

import pytest

from msnpauth.cli import conversation
from msnpauth.cli.conversation import shown
from msnpauth.cli.output import OutputFailed
from msnpauth.core.errors import ConnectionFailed
from msnpauth.observe import Back, Dropped, Ended, Event, Failed, Lost, Received, Sent

LOST = ConnectionFailed("lost\x1b[2J", server="ns:1863", hint="")
EVENTS: list[Event] = [
    Sent(at=1.0, server="ns:1863", text="VER 1 MSNP14"),
    Received(at=1.0, server="ns:1863", text="VER 1 \x1b[2J"),
    Failed(at=1.0, error=LOST, pause=None),
    Failed(at=1.0, error=LOST, pause=2.0),
    Lost(at=2.0, error=LOST, pause=5.0),
    Back(at=3.0, server="ns:1863"),
    Dropped(at=4.0, count=12),
    Ended(at=5.0, error=LOST, dropped=0),
]


def test_news_of_a_session(capfd: pytest.CaptureFixture[str]) -> None:
    """Lost and back; the end is told by the command itself."""
    for event in EVENTS:
        shown(verbose=False)(event)
    said = capfd.readouterr()
    assert said.out == ""
    assert [line.partition(", the oldest")[0] for line in said.err.splitlines()] == [
        "msnpauth: ns:1863: lost [2J; trying again in 2.0 seconds",
        "msnpauth: lost [2J; signing in again in 5.0 seconds",
        "msnpauth: signed in again, at ns:1863",
        "msnpauth: nobody receives: 12 unread commands were dropped",
    ]


@pytest.mark.parametrize("to_stderr", [True, False])
def test_the_conversation(to_stderr: bool, capfd: pytest.CaptureFixture[str]) -> None:
    for event in EVENTS:
        shown(verbose=True, to_stderr=to_stderr)(event)
    said = capfd.readouterr()
    lines = [line.strip() for line in (said.err if to_stderr else said.out).splitlines()]
    assert lines[:3] == [
        "notification > VER 1 MSNP14",
        "notification < VER 1  [2J",
        "notification   ns:1863: lost [2J",
    ]
    assert lines[-1] == "session   the session is over: ns:1863: lost [2J"
    assert len(lines) == len(EVENTS)


@pytest.mark.parametrize("verbose", [True, False])
def test_output_that_is_gone_does_not_end_a_session(
    verbose: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown in the middle of a sign-in, where an OSError would be taken for the network's."""

    def gone(*_parts: object, err: bool = False) -> None:
        raise OutputFailed("Broken pipe", closed=True)

    monkeypatch.setattr(conversation, "say", gone)
    for event in EVENTS:
        shown(verbose=verbose)(event)

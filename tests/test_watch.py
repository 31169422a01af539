"""Who is told, and when: the log alone, an observer, an observer that fails."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from msnpauth.core.client.actions import Fetch, Send
from msnpauth.core.wire.commands import Command
from msnpauth.observe import Event
from msnpauth.watch import Watch
from test_observe import ABOVE_DEBUG, REQUEST, everything


def test_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "msnpauth")
    watch = Watch()
    assert not watch.is_wanted
    everything(watch)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == ABOVE_DEBUG


def test_debug_that_is_switched_on_later_is_heeded(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    caplog.set_level(logging.INFO, "msnpauth")
    watch.sent("ns:1863", (Command("PNG"),))
    caplog.set_level(logging.DEBUG, "msnpauth")
    watch.sent("ns:1863", (Command("PNG"),))
    watch.received("ns:1863", Command("QNG"))
    assert caplog.messages == ["notification > PNG", "notification < QNG"]


def test_an_observer_that_fails_costs_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError

    watch = Watch(broken)
    watch.sent("ns:1863", (Command("PNG"),))
    assert caplog.messages == ["the observer failed at Sent"]
    assert caplog.records[0].levelname == "ERROR"


@pytest.mark.parametrize("action", [Fetch(1, REQUEST), Send((Command("PNG"),))])
def test_what_is_done_at_its_own_time_is_told_then(action: Fetch | Send) -> None:
    heard: list[Event] = []
    Watch(heard.append).acted(action)
    assert heard == []


def test_nobody_who_listens_imports_no_events() -> None:
    """A sign-in that succeeds without an observer does not pay for them."""
    code = (
        "import sys; from msnpauth.watch import SILENT;"
        " SILENT.signed_in('ns:1863', 0.0); assert 'msnpauth.observe' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

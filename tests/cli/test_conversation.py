"""What the library logs, as the command shows it."""

from __future__ import annotations

import logging

import pytest

from msnpauth.cli import conversation
from msnpauth.cli.conversation import session_news, shown_conversation
from msnpauth.cli.output import OutputFailed


def log(level: int, text: str, channel: str = "session", direction: str = " ") -> None:
    """Log as the library does."""
    extra = {"channel": channel, "direction": direction}
    logging.getLogger("msnpauth").log(level, "%s %s %s", channel, direction, text, extra=extra)


def test_news_of_a_session(capfd: pytest.CaptureFixture[str]) -> None:
    """Lost and back; the end is told by the command itself."""
    over = False
    with session_news(True, lambda: over):
        log(logging.DEBUG, "a command")
        log(logging.INFO, "lost; signing in again in 5.0 seconds")
        log(logging.WARNING, "12 unread commands were dropped\x1b[2J")
        over = True
        log(logging.WARNING, "the session is over")
    log(logging.INFO, "nobody listens")
    assert capfd.readouterr().err.splitlines() == [
        "msnpauth: lost; signing in again in 5.0 seconds",
        "msnpauth: 12 unread commands were dropped [2J",
    ]


@pytest.mark.parametrize("to_stderr", [True, False])
def test_the_conversation(to_stderr: bool, capfd: pytest.CaptureFixture[str]) -> None:
    with shown_conversation(True, to_stderr=to_stderr):
        log(logging.DEBUG, "VER 1 MSNP14", "notification", ">")
        logging.getLogger("msnpauth").warning("without marks")
    said = capfd.readouterr()
    lines = [line.strip() for line in (said.err if to_stderr else said.out).splitlines()]
    assert lines == ["notification > VER 1 MSNP14", "without marks"]


@pytest.mark.parametrize("wanted", [True, False])
def test_it_leaves_the_log_as_it_was(wanted: bool) -> None:
    logger = logging.getLogger("msnpauth")
    before = (logger.level, logger.propagate, logger.handlers[:])
    with shown_conversation(wanted), session_news(wanted, lambda: False):
        pass
    assert (logger.level, logger.propagate, logger.handlers) == before


def test_output_that_is_gone_does_not_end_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is logged in the middle of a sign-in, where an OSError would be taken for the network's."""

    def gone(*_parts: object, err: bool = False) -> None:
        raise OutputFailed("Broken pipe", closed=True)

    monkeypatch.setattr(conversation, "say", gone)
    with shown_conversation(True):
        log(logging.DEBUG, "VER 1 MSNP14")

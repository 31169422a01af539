"""The conversation as it happens, and the news of a session: what the library logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress

from .output import OutputFailed, Styled, say

__all__ = ["logged_text", "session_news", "shown_conversation"]

_COLOURS = {">": "cyan", "<": "green", " ": "bright_black"}


class _Shown(logging.Handler):
    """Hands what is logged to `show`.

    It never raises: it runs in the middle of a sign-in, and in the threads of a session. When the
    output is closed the command finds out by the next line of its own.
    """

    def __init__(self, show: Callable[[str, str, str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OutputFailed):
            self._show(*_marks(record), logged_text(record))


def logged_text(record: logging.LogRecord) -> str:
    """Return what was logged, without the channel and the direction that begin a line of ours."""
    return record.getMessage().removeprefix("{} {} ".format(*_marks(record)))


def _marks(record: logging.LogRecord) -> tuple[str, str]:
    return getattr(record, "channel", ""), getattr(record, "direction", " ")


@contextmanager
def shown_conversation(wanted: bool, *, to_stderr: bool = True) -> Iterator[None]:
    """Show the conversation, secrets masked, in colours where the output has them."""

    def show(channel: str, direction: str, text: str) -> None:
        label = Styled(f"{channel:>12} {direction}", _COLOURS.get(direction))
        say(label, text, err=to_stderr)

    with _listening(logging.DEBUG, show) if wanted else nullcontext():
        yield


@contextmanager
def session_news(wanted: bool, is_over: Callable[[], bool]) -> Iterator[None]:
    """Tell on stderr that a session is lost, and that it is back.

    Its end is told by the command itself, and is passed over here.
    """

    def show(_channel: str, _direction: str, text: str) -> None:
        if not is_over():
            say("msnpauth:", text, err=True)

    with _listening(logging.INFO, show) if wanted else nullcontext():
        yield


@contextmanager
def _listening(level: int, show: Callable[[str, str, str], None]) -> Iterator[None]:
    log = logging.getLogger("msnpauth")
    handler, level_before, propagated = _Shown(show), log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False  # or its warnings would be told twice
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level_before)
        log.propagate = propagated

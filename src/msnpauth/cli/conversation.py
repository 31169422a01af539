"""Shows the library's events: the conversation, and the changes of a session."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .output import OutputFailed, Styled, say

if TYPE_CHECKING:
    from ..observe import Event, Observer

__all__ = ["shown"]

_COLOURS = {">": "cyan", "<": "green", " ": "bright_black"}


def shown(*, verbose: bool, to_stderr: bool = True) -> Observer:
    """Return an observer that shows all events, or else only losses and returns of a session.

    The command itself reports the end of a session. The observer never raises: it runs in the
    middle of a sign-in, and in the threads of a session. When the output is closed, the command
    notices that at its own next line.

    Args:
        verbose: show all events.
        to_stderr: whether all events are shown on stderr; otherwise on stdout.
    """
    from ..observe import Back, Dropped, Failed, Lost, describe

    def everything(event: Event) -> None:
        direction, channel, lines = describe(event)
        label = Styled(f"{channel:>12} {direction}", _COLOURS.get(direction))
        with suppress(OutputFailed):
            for line in lines:
                say(label, line, err=to_stderr)

    def news(event: Event) -> None:
        if isinstance(event, Lost | Back | Dropped) or (
            isinstance(event, Failed) and event.pause is not None
        ):
            with suppress(OutputFailed):
                for line in describe(event)[2]:
                    say("msnpauth:", line, err=True)

    return everything if verbose else news

"""The masked conversation, on the logger `msnpauth`, at DEBUG; at INFO, sessions that come back.

Each record has `direction` (`>`, `<` or ` `) and `channel` (a `Step`'s word) as attributes, for a
handler that wants more than the text.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .core.commands import Command, Role
from .core.errors import SignInError, Step
from .core.http import Request, Response, describe_request, describe_response

if TYPE_CHECKING:
    import logging

    from .core.actions import Action

__all__ = [
    "acted",
    "answered",
    "comes_back",
    "enabled",
    "observer",
    "received",
    "requested",
    "sent",
]

_DEBUG, _INFO = 10, 20


def enabled() -> bool:
    """Tell whether anybody listens: who does has imported logging, which takes its time."""
    return "logging" in sys.modules and _logger().isEnabledFor(_DEBUG)


@functools.cache
def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("msnpauth")


def _write(direction: str, channel: Step, text: str, level: int = _DEBUG) -> None:
    extra = {"direction": direction, "channel": str(channel)}
    _logger().log(level, "%s %s %s", channel, direction, text, extra=extra)


def sent(commands: Iterable[Command]) -> None:
    """Commands are being written to the notification server."""
    if enabled():
        for command in commands:
            _write(">", Step.NOTIFICATION, command.describe(Role.CLIENT))


def observer() -> Callable[[Command], None] | None:
    """Return what is to be shown every command that is read; None when nobody listens."""
    return received if enabled() else None


def received(command: Command) -> None:
    """A command was read from the notification server."""
    _write("<", Step.NOTIFICATION, command.describe(Role.SERVER))


def requested(request: Request) -> None:
    """An HTTPS request goes out."""
    if enabled():
        for line in describe_request(request):
            _write(">", request.step, line)


def answered(request: Request, outcome: Response | SignInError) -> None:
    """It was answered, or failed."""
    if enabled():
        lines = (
            [outcome.text]
            if isinstance(outcome, SignInError)
            else describe_response(outcome, request)
        )
        for line in lines:
            _write("<", request.step, line)


def comes_back(lost: SignInError, pause: float) -> None:
    """A session was lost, or an attempt to come back failed: the next is to be made."""
    _write(" ", Step.SESSION, f"{lost.text}; signing in again in {pause:.1f} seconds", _INFO)


def acted(action: Action) -> None:
    """The driver is about to do what the sign-in asked for."""
    if not enabled():
        return
    from .core.actions import Connect, Prepare, Send

    match action:
        case Connect(address):
            _write(" ", Step.NOTIFICATION, f"connect to {address}")
        case Prepare(url):
            _write(" ", Step.LOGIN, f"prepare {url.origin}")
        case Send(commands):
            sent(commands)
        case _:  # a Fetch is logged when its turn comes
            pass

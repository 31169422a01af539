"""The masked conversation, on the logger `msnpauth`, at DEBUG; at INFO, sessions that come back.

Each record has `direction` (`>`, `<` or ` `) and `channel` (a `Step`'s word) as attributes, for a
handler that wants more than the text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from .core.actions import Action, Connect, Prepare, Send
from .core.commands import Command, Role
from .core.errors import SignInError, Step
from .core.http import Request, Response, describe_request, describe_response

__all__ = [
    "acted",
    "answered",
    "comes_back",
    "enabled",
    "log",
    "observer",
    "received",
    "requested",
    "sent",
]

log = logging.getLogger("msnpauth")


def enabled() -> bool:
    """Tell whether anybody listens."""
    return log.isEnabledFor(logging.DEBUG)


def _write(direction: str, channel: Step, text: str, level: int = logging.DEBUG) -> None:
    extra = {"direction": direction, "channel": str(channel)}
    log.log(level, "%s %s %s", channel, direction, text, extra=extra)


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
    _write(" ", Step.SESSION, f"{lost.text}; signing in again in {pause:.1f} seconds", logging.INFO)


def acted(action: Action) -> None:
    """The driver is about to do what the sign-in asked for."""
    match action:
        case Connect(address):
            if enabled():
                _write(" ", Step.NOTIFICATION, f"connect to {address}")
        case Prepare(url):
            if enabled():
                _write(" ", Step.LOGIN, f"prepare {url.origin}")
        case Send(commands):
            sent(commands)
        case _:  # a Fetch is logged when its turn comes
            pass

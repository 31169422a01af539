"""The masked conversation, on the logger `msnpauth`, at DEBUG; at INFO, sessions that come back.

Each record has `direction` (`>`, `<` or ` `), `channel` (a `Step`'s word) and `ended` (True for the
end of a session) as attributes, for a handler that wants more than the text.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .core.errors import SignInError, Step
from .core.tickets.http import Request, Response, describe_request, describe_response
from .core.wire.commands import Command, Role

if TYPE_CHECKING:
    import logging

    from .core.client.actions import Action
    from .core.client.engine import Back, Dropped, Lost, Over

__all__ = [
    "acted",
    "answered",
    "enabled",
    "failed",
    "observer",
    "received",
    "requested",
    "sent",
    "told",
]

_DEBUG, _INFO, _WARNING = 10, 20, 30

# A session that this side closed is no news.
_OURS = frozenset({"closed", "detached"})


def enabled() -> bool:
    """Tell whether anybody listens: who does has imported logging, which takes its time."""
    return "logging" in sys.modules and _logger().isEnabledFor(_DEBUG)


@functools.cache
def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("msnpauth")


def _write(
    direction: str, channel: Step, text: str, level: int = _DEBUG, *, ended: bool = False
) -> None:
    extra = {"direction": direction, "channel": str(channel), "ended": ended}
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


def told(event: Lost | Back | Dropped | Over) -> None:
    """Something happened to a session that its owner should be able to read afterwards."""
    from .core.client.engine import Back, Dropped, Lost, Over
    from .core.errors import SessionEnded

    match event:
        case Lost(error, pause):
            text, level = f"{error.text}; signing in again in {pause:.1f} seconds", _INFO
        case Back(server):
            text, level = f"signed in again, at {server}", _INFO
        case Dropped(count):
            text = f"nobody receives: {count} unread commands were dropped, the oldest first"
            text, level = f"{text}, and more may follow (receive=False wants none)", _WARNING
        case _:
            lost = f" ({event.dropped} commands were never received)" if event.dropped else ""
            text, level = f"the session is over: {event.error}{lost}", _WARNING
            if isinstance(event.error, SessionEnded) and event.error.reason in _OURS:
                level = _DEBUG
    if level > _DEBUG or enabled():
        _write(" ", Step.SESSION, text, level, ended=isinstance(event, Over))


def failed(error: SignInError, pause: float) -> None:
    """A first sign-in failed, and is to be tried again."""
    _write(" ", Step.NOTIFICATION, f"{error}; trying again in {pause:.1f} seconds", _WARNING)


def acted(action: Action) -> None:
    """The driver is about to do what the sign-in asked for."""
    if not enabled():
        return
    from .core.client.actions import Connect, Prepare, Send

    match action:
        case Connect(address):
            _write(" ", Step.NOTIFICATION, f"connect to {address}")
        case Prepare(url):
            _write(" ", Step.LOGIN, f"prepare {url.origin}")
        case Send(commands):
            sent(commands)
        case _:  # a Fetch is logged when its turn comes
            pass

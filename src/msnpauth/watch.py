"""Who is told of what happens: the log, and one observer.

Drivers and carriers say what they do to a `Watch`. The events themselves (`observe`) are imported
when the first of them is told: most sign-ins have nobody who listens, and begin sooner without.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .core.errors import SessionEnded, SignInError
from .core.wire.commands import Command, Role

if TYPE_CHECKING:
    import logging

    from .core.client.actions import Action
    from .core.client.session_actions import Tell
    from .core.tickets.exchange import Request, Response
    from .observe import Event, Observer

__all__ = ["SILENT", "Watch"]


class Watch:
    """Tells the log and one observer what happens.

    Whether anybody listens is asked anew each time: DEBUG that is switched on in the middle of a
    session shows both directions from then on.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer = observer

    @property
    def is_wanted(self) -> bool:
        """True when somebody wants to hear of everything, and not only of what has gone wrong."""
        return self._observer is not None or _log_is_open()

    def tell(self, event: Event) -> None:
        """Hand an event to whoever listens."""
        write_to_log(event)
        if self._observer is None:
            return
        try:
            self._observer(event)
        except Exception:  # noqa: BLE001 - whatever somebody's function raises
            # A fault in somebody's counter of events must not cost the sign-in.
            _logger().exception("the observer failed at %s", type(event).__name__)

    # --- what the drivers and carriers say -----------------------------------------------------

    def acted(self, action: Action) -> None:
        """The driver is about to do what the sign-in asked for."""
        if not self.is_wanted:
            return
        from . import observe
        from .core.client.actions import Connect, Prepare

        match action:
            case Connect(address):
                self.tell(observe.Connecting(at=time.monotonic(), server=str(address)))
            case Prepare(url):
                self.tell(observe.Preparing(at=time.monotonic(), server=url.origin))
            case _:  # what is sent or fetched is told by whoever does it
                pass

    def looked_up(self, host: str, addresses: Iterable[str], began: float) -> None:
        """The resolver has answered."""
        if self.is_wanted:
            from . import observe

            now = time.monotonic()
            found = tuple(dict.fromkeys(addresses))
            self.tell(observe.LookedUp(at=now, host=host, addresses=found, seconds=now - began))

    def connected(
        self, server: str, address: str, began: float, ended: float | None = None
    ) -> None:
        """There is a TCP connection, since `ended` or just now."""
        if self.is_wanted:
            from . import observe

            now = ended or time.monotonic()
            self.tell(
                observe.Connected(at=now, server=server, address=address, seconds=now - began)
            )

    def secured(
        self, server: str, version: str | None, began: float, ended: float | None = None
    ) -> None:
        """There is a TLS connection, since `ended` or just now."""
        if self.is_wanted:
            from . import observe

            now = ended or time.monotonic()
            self.tell(
                observe.Secured(at=now, server=server, version=version or "", seconds=now - began)
            )

    def sent(self, server: str, commands: Iterable[Command]) -> None:
        """Commands are being written to a server."""
        if self.is_wanted:
            from . import observe

            now = time.monotonic()
            for command in commands:
                self.tell(observe.Sent(at=now, server=server, text=command.describe(Role.CLIENT)))

    def received(self, server: str, command: Command) -> None:
        """A command was read from a server."""
        if self.is_wanted:
            from . import observe

            text = command.describe(Role.SERVER)
            self.tell(observe.Received(at=time.monotonic(), server=server, text=text))

    def requested(self, request: Request) -> None:
        """An HTTPS request goes out."""
        if self.is_wanted:
            from . import observe
            from .core.tickets.exchange import describe_request

            self.tell(
                observe.Requested(
                    at=time.monotonic(),
                    step=request.step,
                    server=request.url.origin,
                    lines=tuple(describe_request(request)),
                )
            )

    def fetched(self, request: Request, outcome: Response | SignInError, began: float) -> None:
        """A request was answered, or failed."""
        if not self.is_wanted:
            return
        from . import observe
        from .core.tickets.exchange import describe_response

        now = time.monotonic()
        if isinstance(outcome, SignInError):
            lines, status, error = [outcome.text], None, outcome
        else:
            lines, status, error = describe_response(outcome, request), outcome.status, None
        self.tell(
            observe.Fetched(
                at=now,
                step=request.step,
                server=request.url.origin,
                lines=tuple(lines),
                status=status,
                error=error,
                seconds=now - began,
            )
        )

    def signed_in(self, server: str, began: float) -> None:
        """A sign-in has succeeded."""
        if self.is_wanted:
            from . import observe

            now = time.monotonic()
            self.tell(observe.SignedIn(at=now, server=server, seconds=now - began))

    def failed(self, error: SignInError, pause: float | None) -> None:
        """A sign-in has failed, and is tried again or not."""
        if pause is not None or self.is_wanted:
            from . import observe

            self.tell(observe.Failed(at=time.monotonic(), error=error, pause=pause))

    def told(self, news: Tell) -> None:
        """A session's engine has news."""
        from . import observe
        from .core.client import session_actions as actions

        now = time.monotonic()
        match news.event:
            case actions.Lost(error, pause):
                self.tell(observe.Lost(at=now, error=error, pause=pause))
            case actions.Back(server):
                self.tell(observe.Back(at=now, server=server))
            case actions.Dropped(total):
                self.tell(observe.Dropped(at=now, count=total))
            case actions.Over(error, dropped):
                self.tell(observe.Ended(at=now, error=error, dropped=dropped))


SILENT = Watch()
"""Tells the log only."""


# --- the log ---------------------------------------------------------------------------------

_DEBUG, _INFO, _WARNING = 10, 20, 30

# A session that this side closed is no news.
_OURS = frozenset({"closed", "detached"})


@functools.cache
def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("msnpauth")


def _log_is_open() -> bool:
    """Tell whether DEBUG is on: who has switched it on has imported logging, which takes time."""
    return "logging" in sys.modules and _logger().isEnabledFor(_DEBUG)


def write_to_log(event: Event) -> None:
    """Write the lines of an event.

    Each record has `direction` (`>`, `<` or ` `), `channel` (a `Step`'s word) and `ended` (True
    for the end of a session) as attributes, for a handler that wants more than the text.
    """
    from . import observe

    level = _level(event)
    if level == _DEBUG and not _log_is_open():
        return
    direction, channel, lines = observe.describe(event)
    extra = {
        "direction": direction,
        "channel": str(channel),
        "ended": isinstance(event, observe.Ended),
    }
    for line in lines:
        _logger().log(level, "%s %s %s", channel, direction, line, extra=extra)


def _level(event: Event) -> int:
    from . import observe

    match event:
        case observe.Lost() | observe.Back():
            return _INFO
        case observe.Dropped():
            return _WARNING
        case observe.Failed(pause=pause):
            return _DEBUG if pause is None else _WARNING
        case observe.Ended(error=SessionEnded(reason=reason)) if reason in _OURS:
            return _DEBUG
        case observe.Ended():
            return _WARNING
        case _:
            return _DEBUG

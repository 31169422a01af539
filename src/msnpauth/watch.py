"""Passes events to the log and to one observer.

Drivers and carriers report to a `Watch` what they do. The event classes (`observe`) are imported
with the first event: most sign-ins have no observer, and begin sooner without the import.
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
    """Passes events to the log and to one observer.

    Each call checks again whether events are wanted: if DEBUG is enabled in the middle of a
    session, the log shows both directions from then on.
    """

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer = observer

    @property
    def is_wanted(self) -> bool:
        """True when all events are wanted, and not only those of failures."""
        return self._observer is not None or _log_is_open()

    def tell(self, event: Event) -> None:
        """Pass an event to the log and to the observer."""
        write_to_log(event)
        if self._observer is None:
            return
        try:
            self._observer(event)
        except Exception:  # noqa: BLE001 - a caller's function may raise anything
            # A fault in the caller's observer must not make the sign-in fail.
            _logger().exception("the observer failed at %s", type(event).__name__)

    # --- reports of the drivers and carriers ---------------------------------------------------

    def acted(self, action: Action) -> None:
        """Report that the driver is about to perform an action of the sign-in."""
        if not self.is_wanted:
            return
        from . import observe
        from .core.client.actions import Connect, Prepare

        match action:
            case Connect(address):
                self.tell(observe.Connecting(at=time.monotonic(), server=str(address)))
            case Prepare(url):
                self.tell(observe.Preparing(at=time.monotonic(), server=url.origin))
            case _:  # the code that sends or fetches reports that
                pass

    def looked_up(self, host: str, addresses: Iterable[str], began: float) -> None:
        """Report that the resolver has answered."""
        if self.is_wanted:
            from . import observe

            now = time.monotonic()
            found = tuple(dict.fromkeys(addresses))
            self.tell(observe.LookedUp(at=now, host=host, addresses=found, seconds=now - began))

    def connected(
        self, server: str, address: str, began: float, ended: float | None = None
    ) -> None:
        """Report a TCP connection, which was made at `ended`, by default just now."""
        if self.is_wanted:
            from . import observe

            now = ended or time.monotonic()
            self.tell(
                observe.Connected(at=now, server=server, address=address, seconds=now - began)
            )

    def secured(
        self, server: str, version: str | None, began: float, ended: float | None = None
    ) -> None:
        """Report a TLS connection, which was made at `ended`, by default just now."""
        if self.is_wanted:
            from . import observe

            now = ended or time.monotonic()
            self.tell(
                observe.Secured(at=now, server=server, version=version or "", seconds=now - began)
            )

    def sent(self, server: str, commands: Iterable[Command]) -> None:
        """Report that commands are being written to a server."""
        if self.is_wanted:
            from . import observe

            now = time.monotonic()
            for command in commands:
                self.tell(observe.Sent(at=now, server=server, text=command.describe(Role.CLIENT)))

    def received(self, server: str, command: Command) -> None:
        """Report that a command was read from a server."""
        if self.is_wanted:
            from . import observe

            text = command.describe(Role.SERVER)
            self.tell(observe.Received(at=time.monotonic(), server=server, text=text))

    def requested(self, request: Request) -> None:
        """Report that an HTTPS request is being sent."""
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
        """Report that a request was answered, or that it failed."""
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
        """Report that a sign-in has succeeded."""
        if self.is_wanted:
            from . import observe

            now = time.monotonic()
            self.tell(observe.SignedIn(at=now, server=server, seconds=now - began))

    def failed(self, error: SignInError, pause: float | None) -> None:
        """Report that a sign-in has failed; it is tried again in `pause` seconds, unless None."""
        if pause is not None or self.is_wanted:
            from . import observe

            self.tell(observe.Failed(at=time.monotonic(), error=error, pause=pause))

    def told(self, news: Tell) -> None:
        """Report a change of a session, as the engine names it."""
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
"""A `Watch` that passes events only to the log."""


# --- the log ---------------------------------------------------------------------------------

_DEBUG, _INFO, _WARNING = 10, 20, 30

# The reasons of ends that this side has caused: they are logged at DEBUG only.
_OURS = frozenset({"closed", "detached"})


@functools.cache
def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("msnpauth")


def _log_is_open() -> bool:
    """Tell whether DEBUG is on; without `logging` imported, which takes time, it cannot be on."""
    return "logging" in sys.modules and _logger().isEnabledFor(_DEBUG)


def write_to_log(event: Event) -> None:
    """Write the lines of an event.

    Each record has `direction` (`>`, `<` or ` `), `channel` (the text of a `Step`) and `ended`
    (True for the end of a session) as attributes, for a handler that needs more than the text.
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

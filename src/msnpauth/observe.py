"""What happens while somebody signs in and stays signed in: typed events, and the log of them.

Pass `observer=` to `sign_in` or `MSNPAuth`, and every event is handed to it as it happens:

    def observer(event: observe.Event) -> None:
        print(event)

The log, on the logger `msnpauth`, is written from the same events. At DEBUG it shows both
directions of the conversation, at INFO the sessions that come back, and at WARNING those that end.

No event holds a secret. The texts of commands, requests and answers are masked.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .core.errors import SessionEnded, SignInError, Step
from .core.tickets.http import Request, Response, describe_request, describe_response
from .core.wire.commands import Command, Role

if TYPE_CHECKING:
    import logging

    from .core.client.actions import Action
    from .core.client.engine import Tell

__all__ = [
    "SILENT",
    "Back",
    "Connected",
    "Connecting",
    "Dropped",
    "Ended",
    "Event",
    "Failed",
    "Fetched",
    "LookedUp",
    "Lost",
    "Observer",
    "Preparing",
    "Received",
    "Requested",
    "Secured",
    "Sent",
    "SignedIn",
    "Watch",
    "describe",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    at: float
    """When it happened, in seconds of `time.monotonic()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp(_Event):
    """The addresses of a host were found, which took so many seconds."""

    host: str
    addresses: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting(_Event):
    """A connection to a notification server begins."""

    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing(_Event):
    """The connection to a login server is opened ahead of the request that will need it."""

    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(_Event):
    """There is a TCP connection to a server, at this one of its addresses."""

    server: str
    address: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured(_Event):
    """The TLS handshake is done, and the certificate was found good."""

    server: str
    version: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(_Event):
    """A command is being written."""

    server: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received(_Event):
    """A command was read."""

    server: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested(_Event):
    """An HTTPS request goes out; `lines` are its first line and its headers."""

    step: Step
    server: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched(_Event):
    """An HTTPS request was answered, or failed: then there is an error and no status."""

    step: Step
    server: str
    lines: tuple[str, ...]
    status: int | None
    error: SignInError | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(_Event):
    """The notification server has said `USR OK`."""

    server: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Event):
    """A sign-in failed. It is tried again in `pause` seconds, or not at all: None."""

    error: SignInError
    pause: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(_Event):
    """The connection of a session was lost; another sign-in follows in `pause` seconds."""

    error: SignInError
    pause: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Back(_Event):
    """A session lives again, at `server`."""

    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped(_Event):
    """Commands that nobody received were dropped, the oldest first. It is told once."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(_Event):
    """A session is over for good; `dropped` commands in all were never received."""

    error: SignInError
    dropped: int


Event = (
    LookedUp
    | Connecting
    | Preparing
    | Connected
    | Secured
    | Sent
    | Received
    | Requested
    | Fetched
    | SignedIn
    | Failed
    | Lost
    | Back
    | Dropped
    | Ended
)
Observer = Callable[[Event], None]
"""Is called with each event, in whichever thread it happens. What it raises is logged."""


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
        from .core.client.actions import Connect, Prepare

        match action:
            case Connect(address):
                self.tell(Connecting(at=time.monotonic(), server=str(address)))
            case Prepare(url):
                self.tell(Preparing(at=time.monotonic(), server=url.origin))
            case _:  # what is sent or fetched is told by whoever does it
                pass

    def looked_up(self, host: str, addresses: Iterable[str], began: float) -> None:
        """The resolver has answered."""
        if self.is_wanted:
            now = time.monotonic()
            found = tuple(dict.fromkeys(addresses))
            self.tell(LookedUp(at=now, host=host, addresses=found, seconds=now - began))

    def connected(
        self, server: str, address: str, began: float, ended: float | None = None
    ) -> None:
        """There is a TCP connection, since `ended` or just now."""
        if self.is_wanted:
            now = ended or time.monotonic()
            self.tell(Connected(at=now, server=server, address=address, seconds=now - began))

    def secured(
        self, server: str, version: str | None, began: float, ended: float | None = None
    ) -> None:
        """There is a TLS connection, since `ended` or just now."""
        if self.is_wanted:
            now = ended or time.monotonic()
            self.tell(Secured(at=now, server=server, version=version or "", seconds=now - began))

    def sent(self, server: str, commands: Iterable[Command]) -> None:
        """Commands are being written to a server."""
        if self.is_wanted:
            now = time.monotonic()
            for command in commands:
                self.tell(Sent(at=now, server=server, text=command.describe(Role.CLIENT)))

    def received(self, server: str, command: Command) -> None:
        """A command was read from a server."""
        if self.is_wanted:
            text = command.describe(Role.SERVER)
            self.tell(Received(at=time.monotonic(), server=server, text=text))

    def requested(self, request: Request) -> None:
        """An HTTPS request goes out."""
        if self.is_wanted:
            self.tell(
                Requested(
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
        now = time.monotonic()
        if isinstance(outcome, SignInError):
            lines, status, error = [outcome.text], None, outcome
        else:
            lines, status, error = describe_response(outcome, request), outcome.status, None
        self.tell(
            Fetched(
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
            now = time.monotonic()
            self.tell(SignedIn(at=now, server=server, seconds=now - began))

    def failed(self, error: SignInError, pause: float | None) -> None:
        """A sign-in has failed, and is tried again or not."""
        if pause is not None or self.is_wanted:
            self.tell(Failed(at=time.monotonic(), error=error, pause=pause))

    def told(self, news: Tell) -> None:
        """A session's engine has news."""
        from .core.client import engine

        now = time.monotonic()
        match news.event:
            case engine.Lost(error, pause):
                self.tell(Lost(at=now, error=error, pause=pause))
            case engine.Back(server):
                self.tell(Back(at=now, server=server))
            case engine.Dropped(count):
                self.tell(Dropped(at=now, count=count))
            case engine.Over(error, dropped):
                self.tell(Ended(at=now, error=error, dropped=dropped))


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
    level = _level(event)
    if level == _DEBUG and not _log_is_open():
        return
    direction, channel, lines = describe(event)
    extra = {
        "direction": direction,
        "channel": str(channel),
        "ended": isinstance(event, Ended),
    }
    for line in lines:
        _logger().log(level, "%s %s %s", channel, direction, line, extra=extra)


def _level(event: Event) -> int:
    match event:
        case Lost() | Back():
            return _INFO
        case Dropped():
            return _WARNING
        case Failed(pause=pause):
            return _DEBUG if pause is None else _WARNING
        case Ended(error=SessionEnded(reason=reason)) if reason in _OURS:
            return _DEBUG
        case Ended():
            return _WARNING
        case _:
            return _DEBUG


def describe(event: Event) -> tuple[str, Step, tuple[str, ...]]:
    """Return an event as people read it: direction, step, and lines of text."""
    match event:
        case Sent(text=text):
            return ">", Step.NOTIFICATION, (text,)
        case Received(text=text):
            return "<", Step.NOTIFICATION, (text,)
        case Requested(step=step, lines=lines):
            return ">", step, lines
        case Fetched(step=step, lines=lines):
            return "<", step, lines
        case Connecting(server=server):
            return " ", Step.NOTIFICATION, (f"connect to {server}",)
        case Preparing(server=server):
            return " ", Step.LOGIN, (f"prepare {server}",)
        case LookedUp() | Connected() | Secured() | SignedIn():
            return " ", _step_of(event), (_timed(event),)
        case Failed(error=error, pause=pause):
            again = "" if pause is None else f"; trying again in {pause:.1f} seconds"
            return " ", Step.NOTIFICATION, (f"{error}{again}",)
        case _:
            return " ", Step.SESSION, (_news(event),)


def _step_of(event: LookedUp | Connected | Secured | SignedIn) -> Step:
    """Return the step of what happens below both conversations: a login server is a URL."""
    server = event.host if isinstance(event, LookedUp) else event.server
    return Step.LOGIN if server.startswith("https:") else Step.NOTIFICATION


def _timed(event: LookedUp | Connected | Secured | SignedIn) -> str:
    took = f"in {event.seconds * 1000:.0f} ms"
    match event:
        case LookedUp(host=host, addresses=addresses):
            return f"{host} is {', '.join(addresses) or 'unknown'}, found {took}"
        case Connected(server=server, address=address):
            return f"connected to {server} at {address} {took}"
        case Secured(server=server, version=version):
            return f"{version} with {server} {took}"
        case SignedIn(server=server):
            return f"signed in at {server} {took}"


def _news(event: Lost | Back | Dropped | Ended) -> str:
    match event:
        case Lost(error=error, pause=pause):
            return f"{error.text}; signing in again in {pause:.1f} seconds"
        case Back(server=server):
            return f"signed in again, at {server}"
        case Dropped(count=count):
            return (
                f"nobody receives: {count} unread commands were dropped, the oldest first,"
                " and more may follow (receive=False wants none)"
            )
        case Ended(error=error, dropped=dropped):
            lost = f" ({dropped} commands were never received)" if dropped else ""
            return f"the session is over: {error}{lost}"

"""What happens while somebody signs in and stays signed in: typed events, and the log of them.

Pass `observer=` to `sign_in` or `MSNPAuth`, and every event is handed to it as it happens:

    def observer(event: observe.Event) -> None:
        print(event)

The log, on the logger `msnpauth`, is written from the same events. At DEBUG it shows both
directions of the conversation, at INFO the sessions that come back, and at WARNING those that end.

No event holds a secret. The texts of commands, requests and answers are masked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .core.errors import SignInError, Step

__all__ = [
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

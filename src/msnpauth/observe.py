"""Typed events of a sign-in and of its session.

Pass `observer=` to `sign_in` or `MSNPAuth`, and it is called with every event as it happens:

    def observer(event: observe.Event) -> None:
        print(event)

The log, on the logger `msnpauth`, is written from the same events. At DEBUG it shows both
directions of the conversation, at INFO lost sessions that sign in again, and at WARNING sessions
that end.

No event contains a secret. Secrets in the texts of commands, requests and answers are masked.
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
    """When the event happened, in seconds of `time.monotonic()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp(_Event):
    """The addresses of a host were found; the look-up took `seconds`."""

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
    """A TCP connection to a server was made, to `address`; that took `seconds`."""

    server: str
    address: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured(_Event):
    """The TLS handshake is done, and the certificate was accepted; that took `seconds`."""

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
    """An HTTPS request is sent; `lines` are its first line and its headers."""

    step: Step
    server: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched(_Event):
    """An HTTPS request was answered, or it failed: then there is an error and no status."""

    step: Step
    server: str
    lines: tuple[str, ...]
    status: int | None
    error: SignInError | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(_Event):
    """The notification server has sent `USR OK`; the sign-in took `seconds`."""

    server: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Event):
    """A sign-in failed. It is tried again in `pause` seconds; None: it is not tried again."""

    error: SignInError
    pause: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(_Event):
    """The connection of a session was lost; another sign-in follows in `pause` seconds."""

    error: SignInError
    pause: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Back(_Event):
    """A session is signed in again, at `server`."""

    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped(_Event):
    """Commands that nobody received were dropped, the oldest first. It is reported once."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(_Event):
    """A session has ended for good; `dropped` is the total of commands that were never received."""

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
"""A function that is called with each event, in the thread of the event. If it raises, that is
logged."""


def describe(event: Event) -> tuple[str, Step, tuple[str, ...]]:
    """Return an event for people: direction (`>`, `<` or a blank), step, and lines of text."""
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
    """Return the step of an event of a connection: the name of a login server is a URL."""
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

"""The actions that a session's engine asks its driver to perform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import SignInError
from ..secrets import Secret
from ..servers import Servers
from ..tickets.exchange import Exchange
from ..urls import Address

__all__ = [
    "Back",
    "Consult",
    "Drop",
    "Dropped",
    "Enter",
    "Lost",
    "Open",
    "Over",
    "SessionAction",
    "Tell",
]


class Open(NamedTuple):
    """Open a TCP connection for a conversation, which this number then identifies.

    The driver reports the outcome to `opened` or `open_failed`; it must not block the session.
    """

    number: int
    address: Address


class Drop(NamedTuple):
    """Close the connection of this number; nothing more is to be sent over it."""

    number: int


class Enter(NamedTuple):
    """Sign in again at the notification server `at`; None means the dispatch server.

    The driver reports the outcome to `entered` or `enter_failed`.
    """

    at: Address | None
    first_trid: int


class Consult(NamedTuple):
    """Carry out an exchange with a web service, and report the outcome to `consulted`.

    Attributes:
        number: identifies this exchange.
        make: makes the exchange, from the network's servers and a ticket for the service.
        site: the address whose ticket the service accepts.
        ticket: a ticket to use where the sign-in itself cannot get one, or None.
    """

    number: int
    make: Callable[[Servers, Secret], Exchange[Any]]
    site: str
    ticket: Secret | None


class Lost(NamedTuple):
    """The connection was lost; another sign-in follows in `pause` seconds."""

    error: SignInError
    pause: float


class Back(NamedTuple):
    """The session is signed in again, at `server` (`host:port`)."""

    server: str


class Dropped(NamedTuple):
    """Unreceived commands or events were dropped, the oldest first. This is reported once."""

    total: int


class Over(NamedTuple):
    """The session is over for good; `dropped` is how many commands and events were dropped."""

    error: SignInError
    dropped: int


class Tell(NamedTuple):
    """Write an event of the session to a log."""

    event: Lost | Back | Dropped | Over


SessionAction = Open | Drop | Enter | Consult | Tell

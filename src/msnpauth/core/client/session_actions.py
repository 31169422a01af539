"""What a session's engine asks of whoever drives it."""

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
    """Open a TCP connection for a conversation, and call it by this number.

    The outcome goes to `opened` or `open_failed`; nothing else waits for it meanwhile.
    """

    number: int
    address: Address


class Drop(NamedTuple):
    """Close the connection of this number; nothing more is to be said on it."""

    number: int


class Enter(NamedTuple):
    """Sign in again, at this notification server, or where sign-ins begin when it is None.

    The outcome goes to `entered` or `enter_failed`.
    """

    at: Address | None
    first_trid: int


class Consult(NamedTuple):
    """Carry an exchange with a service besides MSNP; the outcome goes to `consulted`.

    Attributes:
        number: tells this exchange from others.
        make: makes the exchange, of the network and a ticket for the service.
        site: the address whose ticket opens the service.
        ticket: a ticket to use where the sign-in itself knows no way to one.
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
    """The session lives again, at `server`."""

    server: str


class Dropped(NamedTuple):
    """Commands or events that nobody received were dropped, the oldest first. It is told once."""

    total: int


class Over(NamedTuple):
    """The session is over for good; `dropped` commands in all were never received."""

    error: SignInError
    dropped: int


class Tell(NamedTuple):
    """Something happened that a log should tell."""

    event: Lost | Back | Dropped | Over


SessionAction = Open | Drop | Enter | Consult | Tell

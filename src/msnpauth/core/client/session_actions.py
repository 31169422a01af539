"""What a session's engine asks of whoever drives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Open:
    """Open a TCP connection for a conversation, and call it by this number.

    The outcome goes to `opened` or `open_failed`; nothing else waits for it meanwhile.
    """

    number: int
    address: Address


@dataclass(frozen=True)
class Drop:
    """Close the connection of this number; nothing more is to be said on it."""

    number: int


@dataclass(frozen=True)
class Enter:
    """Sign in again, at this notification server, or where sign-ins begin when it is None.

    The outcome goes to `entered` or `enter_failed`.
    """

    at: Address | None
    first_trid: int


@dataclass(frozen=True)
class Consult:
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


@dataclass(frozen=True)
class Lost:
    """The connection was lost; another sign-in follows in `pause` seconds."""

    error: SignInError
    pause: float


@dataclass(frozen=True)
class Back:
    """The session lives again, at `server`."""

    server: str


@dataclass(frozen=True)
class Dropped:
    """Commands or events that nobody received were dropped, the oldest first. It is told once."""

    count: int


@dataclass(frozen=True)
class Over:
    """The session is over for good; `dropped` commands in all were never received."""

    error: SignInError
    dropped: int


@dataclass(frozen=True)
class Tell:
    """Something happened that a log should tell."""

    event: Lost | Back | Dropped | Over


SessionAction = Open | Drop | Enter | Consult | Tell

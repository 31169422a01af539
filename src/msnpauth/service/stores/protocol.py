"""What a role asks of a store. Which store it has, no role knows.

A store on a disk or on another machine waits for it, so that everything here is awaited. The stores
in memory never wait: a role over them finishes without an event loop (`memory.at_once`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...core.secrets import Secret
from ...core.tickets.passport14 import as_secret

__all__ = ["Account", "AccountStore", "Place", "Seat", "SharedState"]


@dataclass(frozen=True)
class Account:
    """One account.

    Attributes:
        passport: its address; compared without regard to letter case.
        password: what proves it.
        display_name: what MSNP8 and 9 tell in USR OK; the passport when empty.
        verified: the address was verified.
        restricted: the official client would sign out at once.
        allow_md5: it may sign in by MD5, which shows the password's hash to everybody between.
        contacts: passports on its contact list, each allowed to see it.
        refusal: MSNP code that ends each of its sign-ins (923, 924, 927 …), or None.
    """

    passport: str
    password: Secret
    display_name: str = ""
    verified: bool = True
    restricted: bool = False
    allow_md5: bool = False
    contacts: tuple[str, ...] = ()
    refusal: int | None = None

    def __post_init__(self) -> None:
        # Whoever passes text, in spite of the type, would find it in the account's repr.
        object.__setattr__(self, "password", as_secret(self.password))


class AccountStore(Protocol):
    """Who may sign in."""

    async def find(self, passport: str) -> Account | None:
        """Return the account of that passport, in any letter case, or None."""

    async def check(self, passport: str, password: str) -> Account | None:
        """Return the account if the password is right; an unknown account takes as long."""


@dataclass(frozen=True)
class Place:
    """Where an account can be signed in once.

    Attributes:
        passport: the account, in folded letter case.
        guid: the machine, for MSNP16 and on; empty for dialects that allow one place in all.
    """

    passport: str
    guid: str = ""


@dataclass(frozen=True)
class Seat:
    """The connection that holds a place.

    Attributes:
        node: which process of the network.
        connection: which connection of that process.
    """

    node: str
    connection: int


class SharedState(Protocol):
    """What all processes of one network know of each other's connections.

    With one process it lives in memory. With several they ask the same store, and `tell` carries
    words from one to another.
    """

    async def use_up(self, token: str, until: datetime) -> bool:
        """Note that a ticket or a nonce is used; False when it was used before.

        It need not be remembered after `until`: the ticket has ended by then.
        """

    async def enter(self, place: Place, seat: Seat) -> Seat | None:
        """Give a place to a connection, and return the one that held it."""

    async def leave(self, place: Place, seat: Seat) -> None:
        """Free a place, if that connection still holds it."""

    async def seats(self, passport: str) -> list[Seat]:
        """Return every connection that an account has, in folded letter case."""

    async def tell(self, node: str, word: str) -> None:
        """Hand a word to what listens for a process, wherever that process is."""

    async def listen(self, node: str, heard: Callable[[str], None]) -> None:
        """Have the words for a process handed to `heard`, until the process ends."""

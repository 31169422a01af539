"""What a role asks of a store. Which store it has, no role knows.

A store on a disk or on another machine waits for it, so that everything here is awaited. The stores
in memory never wait: a role over them finishes without an event loop (`memory.at_once`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

from ...core.credentials import as_secret, check_passport, check_password
from ...core.people.contact import Book, ListName
from ...core.secrets import Secret
from ...core.wire.dialects import Scheme

__all__ = [
    "MOST_PLACES",
    "PAGES",
    "Account",
    "AccountStore",
    "LeftMessage",
    "LeftStore",
    "ListStore",
    "Lists",
    "NodeListener",
    "Place",
    "Presence",
    "Principal",
    "Proof",
    "Purpose",
    "Seat",
    "SharedState",
    "Shown",
    "Stores",
]

T = TypeVar("T")

PAGES: Final = "PAGES"
"""Said in place of a scheme where a password is typed into a page. No app password is for that."""

Purpose = Scheme | Literal["PAGES"]
"""What a password is given for."""


@dataclass(frozen=True)
class Principal:
    """Who signs in, as the roles know them: no role ever sees what a password is checked against.

    Attributes:
        passport: the address; compared without regard to letter case.
        display_name: what MSNP8 and 9 tell in USR OK; the passport when empty.
        verified: the address was verified.
        restricted: the official client would sign out at once.
        refusal: MSNP code that ends each of its sign-ins (923, 924, 927 …), or None.
    """

    passport: str
    display_name: str = ""
    verified: bool = True
    restricted: bool = False
    refusal: int | None = None


class Proof(NamedTuple):
    """A password that was right.

    Attributes:
        principal: whose it is.
        stamp: names the password without telling it. Tickets carry it, and end with the password.
        method: what the password is called in a log: `password`, or the name of an app password.
    """

    principal: Principal
    stamp: str
    method: str = "password"


@dataclass(frozen=True)
class Account:
    """One account of a service in memory.

    Attributes:
        passport: its address; compared without regard to letter case.
        password: what proves it; text is taken, and kept as a `Secret`.
        display_name: what MSNP8 and 9 tell in USR OK; the passport when empty.
        verified: the address was verified.
        restricted: the official client would sign out at once.
        allow_md5: it may sign in by MD5, which shows the password's hash to everybody between.
        contacts: passports on its contact list, each allowed to see it; or the same by the names
            of the groups that they are in.
        refusal: MSNP code that ends each of its sign-ins (923, 924, 927 …), or None.

    Raises:
        LocalProtocolError: passport or password cannot be one.
    """

    passport: str
    password: Secret | str
    display_name: str = ""
    verified: bool = True
    restricted: bool = False
    allow_md5: bool = False
    contacts: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    refusal: int | None = None

    def __post_init__(self) -> None:
        check_passport(self.passport)
        object.__setattr__(self, "password", check_password(as_secret(self.password)))

    @property
    def secret(self) -> Secret:
        """The password."""
        return as_secret(self.password)

    @property
    def principal(self) -> Principal:
        """The account as the roles know it."""
        return Principal(
            self.passport, self.display_name, self.verified, self.restricted, self.refusal
        )


class AccountStore(Protocol):
    """Who may sign in.

    What a store cannot tell now, because its database is down or busy, it does not guess: every
    method may raise ServiceUnavailable, and the roles then refuse without letting anybody in.
    """

    async def find(self, passport: str) -> Principal | None:
        """Return the account of that passport, in any letter case, or None."""

    async def check(
        self, passport: str, password: Secret, scheme: Purpose, *, is_known: bool = False
    ) -> Proof | None:
        """Return the proof if the password is right; an unknown account takes as long.

        Args:
            passport: whose it is said to be.
            password: what was given.
            scheme: what the ticket is for, or `PAGES`. An app password may be for some schemes
                alone.
            is_known: the account has signed in from there before; it does not stand behind
                strangers where passwords wait to be checked.
        """

    async def check_md5(self, passport: str, salt: str, answer: str) -> Proof | None:
        """Return the proof if `answer` is the MD5 of the salt and a password that MD5 may use."""

    async def is_live(self, passport: str, stamp: str) -> bool:
        """Tell whether the password of a stamp still lets its account in.

        A store in memory also takes a ticket without a stamp, which was issued for no password. One
        that lasts does not: whoever has stolen the keys would need no more than them.
        """

    async def rename(self, passport: str, name: str) -> None:
        """Keep the display name that somebody has given themselves."""

    async def knows(self, passport: str, address: str) -> bool:
        """Tell whether the account has signed in from a network before."""

    async def signed_in(self, proof: Proof, address: str, scheme: Purpose) -> None:
        """Note that an account has signed in, from which network and with which password."""


@dataclass
class Lists:
    """The contact list of an account, as the service keeps it.

    Attributes:
        book: people and groups. The ids of groups end in the numbers that old versions call them.
        allows_others: who is on neither the allow nor the block list may see the account (BLP AL).
        serial: grows by one with each change.
    """

    book: Book = field(default_factory=Book)
    allows_others: bool = True
    serial: int = 1

    def shows_to(self, passport: str) -> bool:
        """Tell whether somebody may see the account, and write to it."""
        entry = self.book.find(passport)
        if entry is None or (not entry.is_on(ListName.BLOCK) and not entry.is_on(ListName.ALLOW)):
            return self.allows_others
        return not entry.is_on(ListName.BLOCK)


class ListStore(Protocol):
    """The contact lists."""

    async def lists(self, passport: str) -> Lists:
        """Return an account's lists, to be read and not changed; empty ones for a new account."""

    async def change(self, passport: str, change: Callable[[Lists], T]) -> T:
        """Have an account's lists changed as a whole, and return what the change returns."""


@dataclass(frozen=True)
class LeftMessage:
    """A message for somebody who is offline.

    Attributes:
        id: tells it from all others.
        sender: the passport of who has written.
        name: their display name.
        text: what they have written.
        sent_at: when it was written, in UTC.
    """

    id: str
    sender: str
    name: str
    text: str
    sent_at: datetime


class LeftStore(Protocol):
    """The messages that were left for people who are offline."""

    async def leave(self, passport: str, message: LeftMessage) -> bool:
        """Keep a message for an account; False when there is no more room for it."""

    async def left(self, passport: str) -> list[LeftMessage]:
        """Return an account's messages, the oldest first."""

    async def remove(self, passport: str, ids: Iterable[str]) -> None:
        """Forget those of an account's messages that have these ids."""


@dataclass(frozen=True)
class Presence:
    """How an account is to be seen.

    Attributes:
        status: the three letters of CHG.
        name: the display name.
        capabilities: the client's, as it has said them.
        picture: the object that describes its picture, as a word of the wire; empty for none.
        message: the payload of its UUX.
    """

    status: str
    name: str
    capabilities: str = "0"
    picture: str = ""
    message: str = ""


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
        guid: the machine, as in `Place`.
        dialect: the number of the version that it speaks.
        address: the network that it comes from.
        since: when it signed in, in seconds since 1970.
    """

    node: str
    connection: int
    guid: str = ""
    dialect: int = 0
    address: str = ""
    since: float = 0.0


Shown = tuple[Presence | None, Presence | None]
"""How an account was to be seen, and is now; None is offline."""


class NodeListener(Protocol):
    """What a process is told by the others, and by the store that they share."""

    def heard(self, word: str) -> None:
        """Another process has handed over a word."""

    def displaced(self, connection: int) -> None:
        """A connection has lost its place, unheard: the store was away."""

    async def put_out_seats(self, seats: Sequence[Seat]) -> None:
        """These connections have to go, because a place was taken again."""

    async def changed(self, passport: str, presence: Presence | None) -> None:
        """An account is to be seen otherwise, because a process is gone that could tell it."""


MOST_PLACES = 20
"""How many machines an account may be signed in from at once.

Each tells all others of the account what it does: two hundred would send 40,000 words for each.
"""


class SharedState(Protocol):
    """What all processes of one network know of each other's connections.

    With one process it lives in memory. With several they ask the same store, and `tell` carries
    words from one to another.
    """

    async def use_up(self, token: str, until: datetime, *, made: datetime) -> bool:
        """Note that a ticket or a nonce is used; False when it was used before.

        Args:
            token: what names it.
            until: when it ends. It need not be remembered after that.
            made: when it was made. A store that has lost its memory since then cannot tell.

        Raises:
            ServiceUnavailable: nobody can tell whether it was used.
        """

    async def enter(self, place: Place, seat: Seat) -> list[Seat]:
        """Give a place to a connection, and return those that have to go.

        That is the one that held the place, and the oldest of an account that has more than
        `MOST_PLACES`: they are not among its seats any more.
        """

    async def leave(self, place: Place, seat: Seat) -> None:
        """Free a place, if that connection still holds it."""

    async def seats(self, *passports: str) -> list[Seat]:
        """Return every connection that accounts have, in folded letter case.

        Those of one account are in the order in which they came.
        """

    async def show(self, seat: Seat, passport: str, presence: Presence | None) -> Shown:
        """Note how an account is to be seen by this connection's word; None when that is gone.

        Returns:
            How it was to be seen before, and is now.
        """

    async def shown(self, *passports: str) -> dict[str, Presence]:
        """Return how accounts are to be seen, by the last word of any of their connections.

        The passports are in folded letter case. Who is offline is not there.
        """

    async def tell(self, words: Mapping[str, Sequence[str]]) -> None:
        """Hand words to what listens for processes, by the names of those processes."""

    async def listen(self, node: str, listener: NodeListener) -> None:
        """Have what concerns a process told to its listener, until the process ends."""

    async def close(self) -> None:
        """The process ends."""


@dataclass(frozen=True)
class Stores:
    """Everything that a service keeps, and where.

    Attributes:
        accounts: who may sign in.
        lists: the contact lists.
        left: the messages that were left for people who are offline.
        state: what the processes of a network know of each other's connections.
    """

    accounts: AccountStore
    lists: ListStore
    left: LeftStore
    state: SharedState

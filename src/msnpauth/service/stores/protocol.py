"""The protocols of the stores: the methods that a role calls, and the values that they exchange.

No role knows which kind of store it uses. A store on a disk or on another machine has to wait for
that disk or machine, so that all methods here are coroutines. The stores in memory never wait: a
role over them finishes without an event loop (`memory.at_once`).
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
"""Used instead of a scheme when a password is typed into a page; no app password is valid there."""

Purpose = Scheme | Literal["PAGES"]
"""The purpose for which a password is given: a sign-in scheme, or the pages."""


@dataclass(frozen=True)
class Principal:
    """The account that signs in, as the roles know it: it contains no password and no hash.

    Attributes:
        passport: the address; compared without regard to letter case.
        display_name: the name that MSNP8 and MSNP9 send in USR OK; the passport when empty.
        verified: the address was verified.
        restricted: the last flag of USR OK, for which the official client signs out at once.
        refusal: the MSNP error code with which each sign-in is refused (923, 924, 927 …), or None.
    """

    passport: str
    display_name: str = ""
    verified: bool = True
    restricted: bool = False
    refusal: int | None = None


class Proof(NamedTuple):
    """The result of a password check that succeeded.

    Attributes:
        principal: the account that has the password.
        stamp: identifies the password without revealing it. Tickets contain the stamp, and become
            invalid when the password is replaced.
        method: the name of the password in a log: `password`, or the name of an app password.
    """

    principal: Principal
    stamp: str
    method: str = "password"


@dataclass(frozen=True)
class Account:
    """One account of a service in memory.

    Attributes:
        passport: its address; compared without regard to letter case.
        password: its password; a str is accepted too, and is kept as a `Secret`.
        display_name: the name that MSNP8 and MSNP9 send in USR OK; the passport when empty.
        verified: the address was verified.
        restricted: the last flag of USR OK, for which the official client signs out at once.
        allow_md5: the account may sign in by MD5, which shows a hash of the password to everybody
            who can read the connection.
        contacts: the passports on its contact list, each of which may see the account; or a mapping
            of group names to the passports in each group.
        refusal: the MSNP error code with which each sign-in is refused (923, 924, 927 …), or None.

    Raises:
        LocalProtocolError: the passport or the password is not valid.
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
    """The accounts that may sign in.

    A store does not guess when its database is down or busy: every method may raise
    ServiceUnavailable, and the roles then refuse the sign-in.
    """

    async def find(self, passport: str) -> Principal | None:
        """Return the account of that passport, in any letter case, or None."""

    async def check(
        self, passport: str, password: Secret, scheme: Purpose, *, is_known: bool = False
    ) -> Proof | None:
        """Return the proof if the password is right; the check of an unknown account takes as long.

        Args:
            passport: the account to sign in to.
            password: the password that was given.
            scheme: the scheme that the ticket is for, or `PAGES`. An app password may be valid for
                some schemes only.
            is_known: the account has signed in from the same network before; its password then does
                not wait behind the passwords of strangers to be checked.
        """

    async def check_md5(self, passport: str, salt: str, answer: str) -> Proof | None:
        """Return the proof if `answer` is the MD5 of the salt and a password allowed for MD5."""

    async def is_live(self, passport: str, stamp: str) -> bool:
        """Tell whether the password that a stamp identifies is still valid for its account.

        A store in memory also accepts a ticket without a stamp, which was issued without a
        password. A store in a database does not accept one: otherwise a person who has stolen the
        keys of the service could make valid tickets with nothing but the keys.
        """

    async def rename(self, passport: str, name: str) -> None:
        """Keep the display name that the owner of an account has chosen."""

    async def knows(self, passport: str, network: str) -> bool:
        """Tell whether the account has signed in from a network before."""

    async def signed_in(self, proof: Proof, network: str, scheme: Purpose) -> None:
        """Record that an account has signed in, from which network and with which password."""


@dataclass
class Lists:
    """The contact list of an account, as the service keeps it.

    Attributes:
        book: people and groups. The id of a group ends in the number that MSNP7 to MSNP9 use for
            the group.
        allows_others: people who are on neither the allow list nor the block list may see the
            account (BLP AL).
        serial: the version number of the lists; it grows by one with each change.
    """

    book: Book = field(default_factory=Book)
    allows_others: bool = True
    serial: int = 1

    def shows_to(self, passport: str) -> bool:
        """Tell whether a person may see the account, and write to it."""
        entry = self.book.find(passport)
        if entry is None or (not entry.is_on(ListName.BLOCK) and not entry.is_on(ListName.ALLOW)):
            return self.allows_others
        return not entry.is_on(ListName.BLOCK)


class ListStore(Protocol):
    """The contact lists."""

    async def lists(self, passport: str) -> Lists:
        """Return an account's lists, which the caller must not change; empty for a new account."""

    async def change(self, passport: str, change: Callable[[Lists], T]) -> T:
        """Apply `change` to an account's lists as one step, and return the result of `change`."""


@dataclass(frozen=True)
class LeftMessage:
    """A message for a person who is offline.

    Attributes:
        id: identifies the message.
        sender: the passport of the person who wrote the message.
        name: the display name of the sender.
        text: the text of the message.
        sent_at: when the message was written, in UTC.
    """

    id: str
    sender: str
    name: str
    text: str
    sent_at: datetime


class LeftStore(Protocol):
    """The messages that were left for people who are offline."""

    async def leave(self, passport: str, message: LeftMessage) -> bool:
        """Keep a message for an account; False when the account can keep no more messages."""

    async def left(self, passport: str) -> list[LeftMessage]:
        """Return an account's messages, the oldest first."""

    async def remove(self, passport: str, ids: Iterable[str]) -> None:
        """Remove the messages of an account that have these ids."""


@dataclass(frozen=True)
class Presence:
    """The presence of an account, as others see it.

    Attributes:
        status: the three letters of CHG.
        name: the display name.
        capabilities: the capabilities of the client, as the client has sent them.
        picture: the object that describes the picture, as encoded on the wire; empty for none.
        message: the payload of the UUX command that the client has sent.
    """

    status: str
    name: str
    capabilities: str = "0"
    picture: str = ""
    message: str = ""


@dataclass(frozen=True)
class Place:
    """A place where an account can be signed in once.

    Attributes:
        passport: the account, in folded letter case.
        guid: the GUID of the machine, for MSNP16 and later; empty for the dialects in which an
            account has only one place.
    """

    passport: str
    guid: str = ""


@dataclass(frozen=True)
class Seat:
    """The connection that holds a place.

    Attributes:
        node: the name of the process of the network that has the connection.
        connection: the number of the connection in that process.
        guid: the GUID of the machine, as in `Place`.
        dialect: the number of the MSNP version that the connection uses.
        address: the network from which the client has connected.
        since: when the client signed in, in seconds since 1970.
    """

    node: str
    connection: int
    guid: str = ""
    dialect: int = 0
    address: str = ""
    since: float = 0.0


Shown = tuple[Presence | None, Presence | None]
"""The presence of an account before and after a change; None means offline."""


class NodeListener(Protocol):
    """Receives the messages of the other processes, and the events of the store that they share."""

    def heard(self, word: str) -> None:
        """Receive a message from another process."""

    def displaced(self, connection: int) -> None:
        """Handle that a connection lost its place unnoticed, while the store was not available."""

    async def put_out_seats(self, seats: Sequence[Seat]) -> None:
        """Close these connections, which lost their places when this process took one again."""

    async def changed(self, passport: str, presence: Presence | None) -> None:
        """Report the changed presence of an account, because the process that had it is gone."""


MOST_PLACES = 20
"""The largest number of machines from which an account may be signed in at once.

Each machine reports its changes to all other machines of the account: two hundred machines would
send 40,000 messages for one change of each.
"""


class SharedState(Protocol):
    """The state of the connections that all processes of one network share.

    With one process, this state is in memory. Several processes use the same store, and `tell`
    sends messages from one process to another.
    """

    async def use_up(self, token: str, until: datetime, *, made: datetime) -> bool:
        """Record that a ticket or a nonce is used; False when it was used before.

        Args:
            token: identifies the ticket or the nonce.
            until: when the ticket expires. The store may forget the ticket after that time.
            made: when the ticket was made. A store that has lost its memory since then cannot know
                whether the ticket was used.

        Raises:
            ServiceUnavailable: the store does not know whether the ticket was used.
        """

    async def enter(self, place: Place, seat: Seat) -> list[Seat]:
        """Give a place to a connection, and return the connections that have to be closed.

        These are the connection that held the place before, and the oldest connections of an
        account that has more than `MOST_PLACES`. `seats` does not return them any more.
        """

    async def leave(self, place: Place, seat: Seat) -> None:
        """Free a place, if the connection still holds the place."""

    async def seats(self, *passports: str) -> list[Seat]:
        """Return every connection of some accounts, whose passports are in folded letter case.

        The connections of one account are in the order in which they took their places.
        """

    async def show(self, seat: Seat, passport: str, presence: Presence | None) -> Shown:
        """Record the presence that a connection gives an account; None when the connection ended.

        Returns:
            The presence of the account before and after the change.
        """

    async def shown(self, *passports: str) -> dict[str, Presence]:
        """Return the presence of accounts: the newest one that any of their connections has set.

        The passports are in folded letter case. An account that is offline is not in the result.
        """

    async def tell(self, words: Mapping[str, Sequence[str]]) -> None:
        """Send messages to other processes. The keys are the names of the receiving processes."""

    async def listen(self, node: str, listener: NodeListener) -> None:
        """Pass the messages and events for a process to its listener, until the process ends."""

    async def close(self) -> None:
        """Give up everything that this process holds, because the process ends."""


@dataclass(frozen=True)
class Stores:
    """The stores of a service.

    Attributes:
        accounts: the accounts that may sign in.
        lists: the contact lists.
        left: the messages that were left for people who are offline.
        state: the state of the connections that the processes of a network share.
    """

    accounts: AccountStore
    lists: ListStore
    left: LeftStore
    state: SharedState

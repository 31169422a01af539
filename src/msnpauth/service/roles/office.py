"""The parts that all connections of one process share: the stores, and the list of sessions."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from ...core.errors import ServiceUnavailable
from ...core.tickets.ticket import utc_now
from ...core.wire.dialects import Dialect
from ..stores.protocol import Place, Presence, Principal, Seat, Stores
from ..tickets import GRACE, Grant, TicketOffice
from .door import Door
from .faults import Faults
from .news import News, PutOut, decode, encode

__all__ = ["Member", "Office"]


class Member(Protocol):
    """A connection that is signed in, as the office knows it."""

    number: int
    account: Principal | None
    dialect: Dialect | None
    guid: str
    stamp: str
    address: str

    def place_of(self, account: Principal) -> Place:
        """Return the place that the connection takes for the account."""

    def hear(self, news: News) -> None:
        """Handle a message from another connection."""


class Office:
    """The parts that all connections of one process share.

    Args:
        stores: the stores of the service.
        tickets: issues and checks tickets.
        dialects: the MSNP versions that the service supports.
        door: checks passwords; by default a door without a guard.
        node: the name of this process among all processes; by default a random name.
        now: returns the present time, in UTC.
    """

    def __init__(
        self,
        stores: Stores,
        tickets: TicketOffice,
        dialects: tuple[Dialect, ...],
        *,
        door: Door | None = None,
        node: str | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.accounts = stores.accounts
        self.door = door or Door(stores.accounts)
        self.lists = stores.lists
        self.left = stores.left
        self.state = stores.state
        self.tickets = tickets
        self.dialects = dialects
        self.node = node or secrets.token_hex(8)
        self.now = now
        self.maintenance = False
        self.faults = Faults()
        """The faults that a test simulates."""
        self.here: dict[int, Member] = {}
        """The roles of this process that are signed in, by the numbers of their connections."""
        self.announce: Callable[[str, Presence | None], Awaitable[None]] | None = None
        """Reports the presence of an account to everybody who may see it."""
        self._numbers = itertools.count(1)
        self._seats: dict[int, Seat] = {}

    async def open(self) -> None:
        """Begin to receive the messages of other processes."""
        await self.state.listen(self.node, self)

    async def grant_while_online(self, ticket: str, *sites: str) -> Grant | None:
        """Return the content of a ticket for contacts or messages; None if it is not valid.

        A ticket that has expired stays valid while its account is online, for a month at most.
        Clients request these tickets when they sign in, and may then stay online for weeks. Runs
        showed the effect of a refusal: libpurple of 2009 to 2014 shows a change of the contact list
        that the service has refused, because it renews a ticket only by the legacy token, which
        this service does not issue.
        """
        grant = self.tickets.read(ticket)
        if grant is None or grant.site not in sites or grant.expires + GRACE <= self.now():
            return None
        is_late = grant.expires <= self.now()
        if is_late and not await self.state.shown(grant.passport):
            return None
        return grant if await self.accounts.is_live(grant.passport, grant.stamp) else None

    async def enter(self, account: Principal, member: Member) -> None:
        """Record a sign-in that succeeded, and end an earlier session at the same place.

        The oldest session of an account that is signed in from too many machines is ended too.
        """
        member.number = next(self._numbers)
        seat = Seat(
            *(self.node, member.number),
            guid=member.guid,
            dialect=0 if member.dialect is None else member.dialect.number,
            address=member.address,
            since=self.now().timestamp(),
        )
        place = member.place_of(account)
        try:
            going = await self.state.enter(place, seat)
            self.here[member.number], self._seats[member.number] = member, seat
            await self.tell(going, PutOut("OTH"))
        except BaseException:
            # This also handles a connection that was closed meanwhile: otherwise its place would
            # never become free.
            self.here.pop(member.number, None)
            self._seats.pop(member.number, None)
            with suppress(ServiceUnavailable):
                await self.state.leave(place, seat)
            raise

    async def leave(self, account: Principal, member: Member) -> None:
        """Record that a connection is closed, and free its place."""
        self.here.pop(member.number, None)
        seat = self._seats.pop(member.number, None)
        if seat is not None:
            await self.state.leave(member.place_of(account), seat)

    def seat_of(self, member: Member) -> Seat:
        """Return the seat of a connection of this process."""
        return self._seats[member.number]

    async def put_out(self, passport: str, reason: str) -> None:
        """End every session of an account, in all processes."""
        await self.tell_all([passport], PutOut(reason))

    async def sweep(self, passports: Collection[str] | None = None) -> None:
        """End the sessions whose password was changed or revoked, or whose account was removed.

        The client then asks the user for the password, as after a restart of the service.

        Args:
            passports: the accounts that were changed, in folded letter case; None for all accounts.
        """
        for member in list(self.here.values()):
            account = member.account
            if account is None:
                continue
            if passports is not None and account.passport.casefold() not in passports:
                continue
            if not await self.accounts.is_live(account.passport, member.stamp):
                member.hear(PutOut(""))

    async def tell_all(self, passports: Collection[str], news: News) -> None:
        """Send a message to every connection of some accounts."""
        if passports:
            await self.tell(await self.state.seats(*(one.casefold() for one in passports)), news)

    async def tell(self, seats: Iterable[Seat], news: News) -> None:
        """Send a message to some connections, which may be in any process."""
        elsewhere: dict[str, list[str]] = {}
        for seat in seats:
            if seat.node == self.node:
                self._hand_on(seat.connection, news)
            else:
                elsewhere.setdefault(seat.node, []).append(encode(seat.connection, news))
        if elsewhere:
            await self.state.tell(elsewhere)

    # --- as a NodeListener -----------------------------------------------------------------------

    def heard(self, word: str) -> None:
        """As `NodeListener.heard`."""
        self._hand_on(*decode(word))

    def displaced(self, connection: int) -> None:
        """As `NodeListener.displaced`."""
        self._hand_on(connection, PutOut("OTH"))

    async def put_out_seats(self, seats: Sequence[Seat]) -> None:
        """As `NodeListener.put_out_seats`."""
        await self.tell(seats, PutOut("OTH"))

    async def changed(self, passport: str, presence: Presence | None) -> None:
        """As `NodeListener.changed`."""
        if self.announce is not None:
            await self.announce(passport, presence)

    def _hand_on(self, connection: int, news: News) -> None:
        member = self.here.get(connection)
        if member is not None:
            member.hear(news)

"""What all connections of one process share: the stores, and who is signed in here."""

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
        """Take news."""


class Office:
    """See the module.

    Args:
        stores: everything that is kept: accounts, lists, messages, who is where.
        tickets: checks what proves who signs in.
        dialects: what the service speaks.
        door: where passwords are checked; one without a guard by default.
        node: what this process is called among the others; a random name by default.
        now: the clock.
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
        """What a test has ordered."""
        self.here: dict[int, Member] = {}
        """The roles of this process that are signed in, by the numbers of their connections."""
        self.announce: Callable[[str, Presence | None], Awaitable[None]] | None = None
        """Tells everybody whom it concerns how an account is to be seen."""
        self._numbers = itertools.count(1)
        self._seats: dict[int, Seat] = {}

    async def open(self) -> None:
        """Listen to what other processes say to this one."""
        await self.state.listen(self.node, self)

    async def grant_while_online(self, ticket: str, *sites: str) -> Grant | None:
        """Return what is inside a ticket for contacts or messages; None when it opens nothing.

        One that has expired is good while its account is seen online, for a month at most. Clients
        ask for these tickets when they sign in, and then stay for weeks. Runs showed what came of
        a refusal: libpurple of 2009 to 2014 shows a change of the contact list that was never
        kept, because it renews only by the legacy token, which this service does not issue.
        """
        grant = self.tickets.read(ticket)
        if grant is None or grant.site not in sites or grant.expires + GRACE <= self.now():
            return None
        is_late = grant.expires <= self.now()
        if is_late and not await self.state.shown(grant.passport):
            return None
        return grant if await self.accounts.is_live(grant.passport, grant.stamp) else None

    async def enter(self, account: Principal, member: Member) -> None:
        """Note a sign-in that succeeded; an earlier one from the same place is told and ended.

        So is the oldest one of an account that is signed in from too many machines.
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
            # Also where the connection was ended meanwhile: nobody would free the place later.
            self.here.pop(member.number, None)
            self._seats.pop(member.number, None)
            with suppress(ServiceUnavailable):
                await self.state.leave(place, seat)
            raise

    async def leave(self, account: Principal, member: Member) -> None:
        """Note that a connection is gone."""
        self.here.pop(member.number, None)
        seat = self._seats.pop(member.number, None)
        if seat is not None:
            await self.state.leave(member.place_of(account), seat)

    def seat_of(self, member: Member) -> Seat:
        """Return where a connection of this process is."""
        return self._seats[member.number]

    async def put_out(self, passport: str, reason: str) -> None:
        """End every session of an account, in whichever process it is."""
        await self.tell_all([passport], PutOut(reason))

    async def sweep(self, passports: Collection[str] | None = None) -> None:
        """End the sessions whose password was changed or revoked, or whose account is gone.

        The client then asks for the password, as it would after a restart of the service.

        Args:
            passports: the accounts that were changed, in folded letter case; None for any.
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
        """Tell every connection of some accounts."""
        if passports:
            await self.tell(await self.state.seats(*(one.casefold() for one in passports)), news)

    async def tell(self, seats: Iterable[Seat], news: News) -> None:
        """Tell some connections, in whichever processes they are."""
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

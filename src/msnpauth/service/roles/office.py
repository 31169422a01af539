"""What all connections of one process share: the stores, and who is signed in here."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

from ...core.tickets.ticket import utc_now
from ...core.wire.dialects import Dialect
from ..stores.protocol import Place, Principal, Seat, Stores
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
        self._numbers = itertools.count(1)

    async def open(self) -> None:
        """Listen to what other processes say to this one."""
        await self.state.listen(self.node, self._heard)

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
        if is_late and await self.state.shown(grant.passport) is None:
            return None
        return grant if await self.accounts.is_live(grant.passport, grant.stamp) else None

    async def enter(self, account: Principal, member: Member) -> None:
        """Note a sign-in that succeeded; an earlier one from the same place is told and ended.

        So is the oldest one of an account that is signed in from too many machines.
        """
        member.number = next(self._numbers)
        going = await self.state.enter(member.place_of(account), self.seat_of(member))
        self.here[member.number] = member
        for seat in going:
            await self.tell(seat, PutOut("OTH"))

    async def leave(self, account: Principal, member: Member) -> None:
        """Note that a connection is gone."""
        self.here.pop(member.number, None)
        await self.state.leave(member.place_of(account), self.seat_of(member))

    def seat_of(self, member: Member) -> Seat:
        """Return where a connection of this process is."""
        return Seat(self.node, member.number)

    async def put_out(self, passport: str, reason: str) -> None:
        """End every session of an account, in whichever process it is."""
        await self.tell_all(passport, PutOut(reason))

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

    async def tell_all(self, passport: str, news: News) -> int:
        """Tell every connection of an account; return how many there are."""
        seats = await self.state.seats(passport.casefold())
        for seat in seats:
            await self.tell(seat, news)
        return len(seats)

    async def tell(self, seat: Seat, news: News) -> None:
        """Tell one connection, in whichever process it is."""
        if seat.node == self.node:
            self._hand_on(seat.connection, news)
        else:
            await self.state.tell(seat.node, encode(seat.connection, news))

    def _heard(self, word: str) -> None:
        self._hand_on(*decode(word))

    def _hand_on(self, connection: int, news: News) -> None:
        member = self.here.get(connection)
        if member is not None:
            member.hear(news)

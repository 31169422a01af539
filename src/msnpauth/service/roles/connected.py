"""A client's connection as the handlers of its commands see it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from ...core.wire.commands import Command
from ...core.wire.dialects import Dialect
from ..stores.protocol import Lists, Place, Presence, Principal, Seat
from .chats import Chats
from .datagrams import Datagrams
from .news import News
from .office import Office
from .people import People

__all__ = ["Connected", "Handler"]


class Connected:
    """What a connection has said so far, and what is to be said on it.

    Whoever carries it writes what is in `out`, and closes when `closing` is set.
    """

    def __init__(self, office: Office, chats: Chats | None) -> None:
        self.office = office
        self.people = People(office)
        self.chats = chats
        """The conversations of this process; None where there are none."""
        self.dialect: Dialect | None = None
        self.account: Principal | None = None
        """The account, once it is signed in."""
        self.number = 0
        """What the office calls the connection, once it is signed in."""
        self.synchronized = False
        """True once the client has asked for its list: before, it is told nothing about people."""
        self.guid = ""
        """The machine, from MSNP16 on."""
        self.stamp = ""
        """Names the password by which the account signed in."""
        self.address = ""
        """The network that the client comes from."""
        self.presence: Presence | None = None
        """How the account is to be seen; None until the client has said it."""
        self.message = ""
        """The payload of the client's UUX."""
        self.query = ""
        """The last CHL that was asked."""
        self.datagrams: Datagrams | None = None
        """The chats of a client of MSNP21, which go over this connection."""
        self.out: list[Command] = []
        self.closing = False

    def say(self, verb: str, trid: int | None, *args: str, payload: bytes | None = None) -> None:
        """Have a command written."""
        self.out.append(Command(verb, trid, args, payload))

    def refuse(self, command: Command, code: int) -> None:
        """Have an error code written, and the connection closed."""
        self.say(str(code), command.trid)
        self.closing = True

    def wake(self) -> None:
        """There is something to write that nothing came for."""

    def ask(self, trid: int | None = 0) -> None:
        """Ask which program the client is: CHL."""
        # 20 digits and an id of 16: the length on which clients agree (MSNPiki).
        self.query = "".join(secrets.choice("0123456789") for _ in range(20))
        self.say("CHL", trid, self.query)

    async def show(self) -> None:
        """Let others see how the account is to be seen now."""
        if self.presence is not None:
            await self.people.show(self.signed_in, self.seat, self.presence)

    def place_of(self, account: Principal) -> Place:
        """Return the place that this connection takes when the account signs in over it."""
        return Place(account.passport.casefold(), self.guid)

    def hear(self, news: News) -> None:
        """Take news."""
        raise NotImplementedError

    @property
    def seat(self) -> Seat:
        """Where the connection is."""
        return self.office.seat_of(self)

    async def lists(self) -> Lists:
        """Return the account's lists, to be read."""
        return await self.people.lists(self.signed_in.passport)

    @property
    def spoken(self) -> Dialect:
        """The dialect, where one was agreed on: nothing but VER is answered before."""
        assert self.dialect is not None
        return self.dialect

    @property
    def signed_in(self) -> Principal:
        """The account, where somebody is signed in: nothing else is answered before."""
        assert self.account is not None
        return self.account


Handler = Callable[["Connected", Command], Awaitable[None]]
"""Answers one command."""

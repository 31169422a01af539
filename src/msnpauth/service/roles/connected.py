"""A client's connection, with the state that the handlers of its commands use."""

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
    """The state of one notification connection, and the commands to send on it.

    The host of the connection sends the commands in `out`, and closes the connection when `closing`
    is set.
    """

    def __init__(self, office: Office, chats: Chats | None) -> None:
        self.office = office
        self.people = People(office)
        self.chats = chats
        """The chats of this process; None if the process has no switchboard."""
        self.dialect: Dialect | None = None
        self.account: Principal | None = None
        """The account; None until the client has signed in."""
        self.number = 0
        """The number of the connection in the office; 0 until the client has signed in."""
        self.synchronized = False
        """Whether the client has requested its list: before that it receives nothing about people.
        """
        self.guid = ""
        """The GUID of the machine, for MSNP16 and later."""
        self.stamp = ""
        """The stamp that identifies the password of the sign-in."""
        self.address = ""
        """The network from which the client comes."""
        self.presence: Presence | None = None
        """The presence that the client has set; None until then."""
        self.message = ""
        """The payload of the last UUX of the client."""
        self.query = ""
        """The challenge of the last CHL that was sent."""
        self.datagrams: Datagrams | None = None
        """The chats of a client of MSNP21, whose messages use this connection."""
        self.out: list[Command] = []
        self.closing = False

    def say(self, verb: str, trid: int | None, *args: str, payload: bytes | None = None) -> None:
        """Send a command to the client."""
        self.out.append(Command(verb, trid, args, payload))

    def refuse(self, command: Command, code: int) -> None:
        """Send an error code to the client, and close the connection."""
        self.say(str(code), command.trid)
        self.closing = True

    def wake(self) -> None:
        """Make the host send the commands in `out`, although no command has arrived."""

    def ask(self, trid: int | None = 0) -> None:
        """Send a CHL, by which the client proves which program it is."""
        # Clients agree on one length of challenge and id: 20 digits and 16 characters (MSNPiki).
        self.query = "".join(secrets.choice("0123456789") for _ in range(20))
        self.say("CHL", trid, self.query)

    async def show(self) -> None:
        """Show the present presence of the account to others."""
        if self.presence is not None:
            await self.people.show(self.signed_in, self.seat, self.presence)

    def place_of(self, account: Principal) -> Place:
        """Return the place that this connection takes when the account signs in on it."""
        return Place(account.passport.casefold(), self.guid)

    def hear(self, news: News) -> None:
        """Handle a message from another connection."""
        raise NotImplementedError

    @property
    def seat(self) -> Seat:
        """The seat of this connection."""
        return self.office.seat_of(self)

    async def lists(self) -> Lists:
        """Return the account's lists, which the caller must not change."""
        return await self.people.lists(self.signed_in.passport)

    @property
    def spoken(self) -> Dialect:
        """The dialect that was agreed on; before that no command except VER is answered."""
        assert self.dialect is not None
        return self.dialect

    @property
    def signed_in(self) -> Principal:
        """The account that is signed in; before that no command that needs it is answered."""
        assert self.account is not None
        return self.account


Handler = Callable[["Connected", Command], Awaitable[None]]
"""Answers one command."""

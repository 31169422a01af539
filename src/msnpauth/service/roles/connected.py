"""A client's connection as the handlers of its commands see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...core.wire.commands import Command
from ...core.wire.dialects import Dialect
from ..stores.protocol import Account, Lists
from .office import Office
from .people import People

__all__ = ["Connected", "Handler"]


class Connected:
    """What a connection has said so far, and what is to be said on it.

    Whoever carries it writes what is in `out`, and closes when `closing` is set.
    """

    def __init__(self, office: Office) -> None:
        self.office = office
        self.people = People(office)
        self.dialect: Dialect | None = None
        self.account: Account | None = None
        """The account, once it is signed in."""
        self.number = 0
        """What the office calls the connection, once it is signed in."""
        self.synchronized = False
        """True once the client has asked for its list: before, it is told nothing about people."""
        self.out: list[Command] = []
        self.closing = False

    def say(self, verb: str, trid: int | None, *args: str, payload: bytes | None = None) -> None:
        """Have a command written."""
        self.out.append(Command(verb, trid, args, payload))

    def refuse(self, command: Command, code: int) -> None:
        """Have an error code written, and the connection closed."""
        self.say(str(code), command.trid)
        self.closing = True

    async def lists(self) -> Lists:
        """Return the account's lists, to be read."""
        return await self.people.lists(self.signed_in.passport)

    @property
    def spoken(self) -> Dialect:
        """The dialect, where one was agreed on: nothing but VER is answered before."""
        assert self.dialect is not None
        return self.dialect

    @property
    def signed_in(self) -> Account:
        """The account, where somebody is signed in: nothing else is answered before."""
        assert self.account is not None
        return self.account


Handler = Callable[["Connected", Command], Awaitable[None]]
"""Answers one command."""

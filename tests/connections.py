"""Connections without sockets, whose handlers a test calls one by one."""

from __future__ import annotations

from collections.abc import Mapping

from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.chats import Chats
from msnpauth.service.roles.connected import Connected, Handler
from msnpauth.service.roles.news import News
from msnpauth.service.roles.office import Office
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

__all__ = ["Client", "office_of"]


def office_of(*accounts: Account | str) -> Office:
    """Return an office of accounts, of which a passport alone is one."""
    made = [Account(one, "x") if isinstance(one, str) else one for one in accounts]
    return Office(in_memory(Accounts.of(made)), TicketOffice(), known(DIALECTS))


class Client(Connected):
    """A connection that is signed in; what others tell it is kept as it was told."""

    def __init__(
        self,
        office: Office,
        passport: str,
        version: int = 12,
        *,
        guid: str = "",
        chats: Chats | None = None,
    ) -> None:
        super().__init__(office, chats)
        self.dialect = DIALECTS[version]
        self.guid = guid
        self.account = at_once(office.accounts.find(passport))
        assert self.account is not None
        self.told: list[News] = []
        at_once(office.enter(self.account, self))

    def hear(self, news: News) -> None:
        self.told.append(news)

    def do(
        self, handlers: Mapping[str, Handler], line: str, payload: bytes | None = None
    ) -> list[str]:
        """Have a handler answer a command; return the lines that were said."""
        verb, trid, *words = line.split(" ")
        command = Command(verb, int(trid), tuple(words), payload)

        async def answer() -> None:
            await handlers[verb](self, command)

        at_once(answer())
        return self.said()

    def said(self) -> list[str]:
        """Return what is to be written, line ends as `|`."""
        commands, self.out = self.out, []
        return [command.encode().decode().replace("\r\n", "|") for command in commands]

    def heard(self) -> list[News]:
        """Return what it was told since the last time."""
        news, self.told = self.told, []
        return news

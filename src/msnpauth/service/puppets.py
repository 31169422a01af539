"""Puppets for tests: accounts without a client, in whose name a test sends messages."""

from __future__ import annotations

import asyncio

from ..core.errors import LocalProtocolError
from ..core.wire.messages import PLAIN, split_text, text_payload
from .roles.chats import ChatRoom, Chats, Guest
from .roles.left_messages import leave
from .roles.office import Office
from .stores.protocol import Principal

__all__ = ["Puppets"]


class _Puppet:
    """A guest of a chat that sends the messages of a test."""

    guid = ""
    capabilities = "0"

    def __init__(self, account: Principal, room: ChatRoom) -> None:
        self.account = account
        self.room = room
        self.joined = asyncio.Event()

    def sees_join(self, other: Guest) -> None:
        self.joined.set()

    def sees_leave(self, other: Guest, *, idle: bool) -> None:
        if len(self.room.guests) == 1:
            self.room.leave(self, idle=False)

    def hears(self, sender: Guest, payload: bytes) -> None:
        """Do nothing, because `Chats` records the messages already."""

    def close(self) -> None:
        self.room.leave(self, idle=False)


class Puppets:
    """The accounts in whose names a test sends messages."""

    def __init__(self, office: Office, chats: Chats) -> None:
        self._office = office
        self._chats = chats
        self._playing: dict[tuple[str, str], _Puppet] = {}

    async def send(self, sender: str, to: str, text: str) -> None:
        """Send a message to an account, in the earlier chat of the two if it is still open.

        Raises:
            LocalProtocolError: there is no such account, or it is not online.
        """
        key = (sender.casefold(), to.casefold())
        puppet = self._playing.get(key)
        if puppet is None or not puppet.room.is_in(to):
            puppet = await self._called(sender, to)
            try:
                await puppet.joined.wait()
            except BaseException:  # the caller waits no longer
                puppet.close()
                raise
            self._playing[key] = puppet
        for part in split_text(text):
            puppet.room.say(puppet, text_payload(part, PLAIN))

    async def leave(self, sender: str, to: str, text: str) -> None:
        """Leave an offline message for an account.

        Raises:
            LocalProtocolError: there is no such account, or it does not accept the message.
        """
        account = await self._account(sender)
        if not await leave(self._office, account, to, text):
            raise LocalProtocolError(f"no message of {sender} can be left for {to}")

    async def _called(self, sender: str, to: str) -> _Puppet:
        account = await self._account(sender)
        await self._account(to)
        if not await self._office.state.shown(to.casefold()):
            raise LocalProtocolError(f"{to} is not there", hint="its client has to go online first")
        room = ChatRoom(self._chats)
        self._chats.rooms.add(room)
        puppet = _Puppet(account, room)
        room.enter(puppet)
        await room.call(account, to)
        return puppet

    async def _account(self, passport: str) -> Principal:
        account = await self._office.accounts.find(passport)
        if account is None:
            raise LocalProtocolError(f"the service has no account {passport}")
        return account

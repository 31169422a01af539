"""Chats of MSNP21 clients, whose messages are SDGs on the notification connection.

In the service these are ordinary chats: a client that uses SDG is a guest of a chat room, and
receives the messages of the room as SDGs. So people with all versions can chat with each other.
"""

from __future__ import annotations

from typing import Protocol

from ...core.wire.commands import Command
from ...core.wire.routed import as_datagram, routed_payload
from ..stores.protocol import Presence, Principal
from .chats import ChatRoom, Chats, Guest
from .news import Rung

__all__ = ["Datagrams"]

_MOST_WAITING = 100


class Speaker(Protocol):
    """A client of MSNP21, as its chats use it."""

    presence: Presence | None
    guid: str
    out: list[Command]

    @property
    def signed_in(self) -> Principal:
        """The client's account."""

    def wake(self) -> None:
        """Make the host send the commands in `out`, although no command has arrived."""


class _Participant:
    """One client of MSNP21 in one chat.

    Messages that the client sends before another guest has entered wait for the first guest,
    because a client of MSNP21 does not know that it has to call another person first.
    """

    def __init__(self, client: Speaker, room: ChatRoom) -> None:
        self.account = client.signed_in
        self.guid = client.guid
        self.capabilities = client.presence.capabilities if client.presence else "0"
        self.room = room
        self._client = client
        self._waiting: list[bytes] = []

    def say(self, payload: bytes) -> None:
        """Send a message to the other guests, or keep it until another guest enters."""
        if len(self.room.guests) > 1:
            self.room.say(self, payload)
        elif len(self._waiting) < _MOST_WAITING:
            self._waiting.append(payload)

    def sees_join(self, other: Guest) -> None:
        waiting, self._waiting = self._waiting, []
        for payload in waiting:
            self.room.say(self, payload)

    def sees_leave(self, other: Guest, *, idle: bool) -> None:
        if len(self.room.guests) == 1:
            self.room.leave(self, idle=False)

    def hears(self, sender: Guest, payload: bytes) -> None:
        content = as_datagram(payload)
        if content is None:
            return  # a picture or a file, for which MSNP21 has other commands
        data = routed_payload(self.account.passport, sender.account.passport, sender.guid, *content)
        self._client.out.append(Command("SDG", 0, (), data))
        self._client.wake()

    def close(self) -> None:
        self.room.leave(self, idle=False)


class Datagrams:
    """The chats of one client of MSNP21, by the passport of the other person."""

    def __init__(self, client: Speaker, chats: Chats) -> None:
        self._client = client
        self._chats = chats
        self._seats: dict[str, _Participant] = {}

    async def send(self, to: str, payload: bytes) -> int | None:
        """Send a message to an account; return None, or the error code if it is refused."""
        seat = self._seats.get(to.casefold())
        if seat is None or seat not in seat.room.guests:
            code = await self._chats.people.may_call(self._client.signed_in, to)
            if code is not None:
                return code
            room = ChatRoom(self._chats)
            self._chats.rooms.add(room)
            seat = self._sit(room, to)
            seat.say(payload)
            await room.call(self._client.signed_in, to)
        else:
            seat.say(payload)
        return None

    def join(self, call: Rung) -> None:
        """Accept a call in the name of the client, which does not need to know of the call."""
        word = self._client.signed_in.passport
        invitation = self._chats.redeem(call.key, word)
        if invitation is not None and invitation.room is not None:
            self._sit(invitation.room, call.passport)

    def _sit(self, room: ChatRoom, other: str) -> _Participant:
        seat = self._seats[other.casefold()] = _Participant(self._client, room)
        room.enter(seat)
        return seat

    def leave_all(self) -> None:
        """Leave all chats, because the client is gone."""
        for seat in list(self._seats.values()):
            seat.close()

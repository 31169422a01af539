"""Chats of MSNP21 clients, whose words are SDGs on the notification connection.

In the service they are chats like any other: whoever speaks SDG has a seat in a chat room, and what
is said there goes out as SDG. So people of all versions talk to each other.
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
    """A client of MSNP21, as its chats know it."""

    presence: Presence | None
    guid: str
    out: list[Command]

    @property
    def signed_in(self) -> Principal:
        """The client's account."""

    def wake(self) -> None:
        """There is something to write that nothing came for."""


class _Participant:
    """One client of MSNP21 in one chat.

    What the client says before anybody has come in waits for the first who does: a client of
    MSNP21 knows of no call that would have to be answered first.
    """

    def __init__(self, client: Speaker, room: ChatRoom) -> None:
        self.account = client.signed_in
        self.guid = client.guid
        self.capabilities = client.presence.capabilities if client.presence else "0"
        self.room = room
        self._client = client
        self._waiting: list[bytes] = []

    def say(self, payload: bytes) -> None:
        """Say something to the others."""
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
            return  # a picture, a file: MSNP21 has other ways for them
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
        """Hand a word to somebody; return None, or the code that refuses it."""
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
        """Answer a call: the client need not know of it."""
        word = self._client.signed_in.passport
        invitation = self._chats.redeem(call.key, word)
        if invitation is not None and invitation.room is not None:
            self._sit(invitation.room, call.passport)

    def _sit(self, room: ChatRoom, other: str) -> _Participant:
        seat = self._seats[other.casefold()] = _Participant(self._client, room)
        room.enter(seat)
        return seat

    def leave_all(self) -> None:
        """The client is gone."""
        for seat in list(self._seats.values()):
            seat.close()

"""The chats of one process: the people in them, and the keys with which people enter them."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ...core.urls import Address
from ...core.wire.commands import Command, escape, passport_word
from ...core.wire.dialects import DIALECTS, Dialect
from ...core.wire.messages import parse_message
from ..stores.protocol import Principal
from .news import Rung
from .office import Office
from .people import People

__all__ = [
    "ChatRoom",
    "Chats",
    "Guest",
    "Invitation",
    "heard",
    "joined_words",
    "left_words",
]

_KEY_LIFE = timedelta(seconds=120)
"""How long a key is valid, which is the same in Escargot. A key is valid for one use."""

_KEPT_TEXTS = 1000


@dataclass(frozen=True)
class Invitation:
    """The right to enter a chat, which a key gives.

    Attributes:
        account: the account that may use the key.
        guid: the GUID of the machine that may use the key; empty for versions without GUIDs.
        dialect: the MSNP version that the account uses.
        room: the chat to enter; None for a new chat.
        until: when the key expires, in UTC.
    """

    account: Principal
    guid: str
    dialect: Dialect
    room: ChatRoom | None
    until: datetime


class Guest(Protocol):
    """A person in a chat, with the connection or other object that receives the messages."""

    account: Principal
    guid: str
    capabilities: str

    def sees_join(self, other: Guest) -> None:
        """Handle that another guest has entered the chat."""

    def sees_leave(self, other: Guest, *, idle: bool) -> None:
        """Handle that another guest has left the chat; idle if it was silent for too long."""

    def hears(self, sender: Guest, payload: bytes) -> None:
        """Receive a message of another guest."""

    def close(self) -> None:
        """Handle that the chat is over."""


class ChatRoom:
    """One chat."""

    def __init__(self, chats: Chats) -> None:
        self.session = str(secrets.randbelow(10**9) + 1)
        self.guests: list[Guest] = []
        self.called: set[str] = set()
        """The folded passports of the people who were called and have not entered yet."""
        self._chats = chats

    def is_in(self, passport: str) -> bool:
        """Tell whether an account is in the chat."""
        key = passport.casefold()
        return any(guest.account.passport.casefold() == key for guest in self.guests)

    def enter(self, guest: Guest) -> None:
        """Add a guest to the chat, and notify the other guests."""
        self.called.discard(guest.account.passport.casefold())
        others = list(self.guests)
        self.guests.append(guest)
        for other in others:
            other.sees_join(guest)

    def leave(self, guest: Guest, *, idle: bool) -> None:
        """Remove a guest from the chat, and notify the other guests."""
        if guest not in self.guests:
            return
        self.guests.remove(guest)
        for other in self.guests:
            other.sees_leave(guest, idle=idle)
        if not self.guests:
            self._chats.rooms.discard(self)

    def say(self, sender: Guest, payload: bytes) -> bool:
        """Send a message to all other guests; return whether there were any."""
        self._chats.note(sender.account, payload)
        others = [guest for guest in self.guests if guest is not sender]
        for guest in others:
            guest.hears(sender, payload)
        return bool(others)

    async def call(self, caller: Principal, passport: str) -> None:
        """Call an account into the chat, at every place where it is signed in."""
        self.called.add(passport.casefold())
        await self._chats.ring(self, caller, passport)


class Chats:
    """The chats of one process, and the keys with which people enter them.

    Args:
        office: the office of the process.
        here: the address of the switchboard for clients.
        limit: how many chats an account may begin in a minute; None for any number.
        keeps_texts: whether to record what accounts send, for `said`. A network of real people has
            no use for it, and their messages do not belong in the memory of the service.
    """

    def __init__(
        self,
        office: Office,
        here: Address,
        *,
        limit: int | None = 8,
        keeps_texts: bool = True,
    ) -> None:
        self.office = office
        self.people = People(office)
        self.here = here
        self.limit = limit
        self.rooms: set[ChatRoom] = set()
        self._invitations: dict[str, Invitation] = {}
        self._begun: dict[str, deque[datetime]] = {}
        self._keeps_texts = keeps_texts
        self._said: dict[str, deque[str]] = {}

    # --- keys ------------------------------------------------------------------------------------

    def invite(self, account: Principal, guid: str, dialect: Dialect, room: ChatRoom | None) -> str:
        """Return a new key for an account to enter a chat; room is None for a new chat."""
        now = self.office.now()
        for key in [key for key, found in self._invitations.items() if found.until <= now]:
            del self._invitations[key]
        key = secrets.token_hex(16)
        self._invitations[key] = Invitation(account, guid, dialect, room, now + _KEY_LIFE)
        return key

    def redeem(self, key: str, word: str) -> Invitation | None:
        """Return the invitation of a key, and make the key invalid; None if the key is not valid.

        Args:
            key: the key.
            word: `passport` or `passport;{guid}`, as the client has sent it.
        """
        invitation = self._invitations.get(key)
        if invitation is None or invitation.until <= self.office.now():
            return None
        passport, _, guid = word.partition(";")
        if passport.casefold() != invitation.account.passport.casefold():
            return None
        # libpurple's MSNP15 client and some others send no GUID, although their version has GUIDs.
        if guid and guid.casefold() != invitation.guid.casefold():
            return None
        del self._invitations[key]
        return invitation

    def may_begin(self, account: Principal) -> bool:
        """Tell whether the account may begin another chat now; if so, count that chat."""
        now = self.office.now()
        begun = self._begun.setdefault(account.passport.casefold(), deque())
        while begun and begun[0] <= now - timedelta(minutes=1):
            begun.popleft()
        if self.limit is not None and len(begun) >= self.limit:
            return False
        begun.append(now)
        return True

    # --- calls and messages ----------------------------------------------------------------------

    async def ring(self, room: ChatRoom, caller: Principal, passport: str) -> None:
        """Send a call to every place of an account, each with a key of its own."""
        account = await self.office.accounts.find(passport)
        if account is None:
            return
        name = caller.display_name or caller.passport
        for seat in await self.office.state.seats(account.passport.casefold()):
            dialect = DIALECTS.get(seat.dialect)
            if dialect is None:
                continue  # a node of a later version may use a dialect that is not known here
            # The client that accepts the call connects to this process, whichever process has
            # notified that client.
            key = self.invite(account, seat.guid, dialect, room)
            call = Rung(room.session, str(self.here), key, caller.passport, name)
            await self.office.tell([seat], call)

    def note(self, account: Principal, payload: bytes) -> None:
        """Record the text that an account has sent, for `said`."""
        if not self._keeps_texts:
            return
        body = parse_message(payload)
        if body.kind == "text/plain":
            kept = self._said.setdefault(account.passport.casefold(), deque(maxlen=_KEPT_TEXTS))
            kept.append(body.text)

    def said(self, passport: str) -> list[str]:
        """Return the last texts that an account has sent, the oldest first."""
        return list(self._said.get(passport.casefold(), ()))

    def drop_all(self) -> int:
        """End every chat, as if the switchboard had failed; return how many chats there were."""
        rooms = list(self.rooms)
        for room in rooms:
            for guest in list(room.guests):
                guest.close()
        return len(rooms)


def joined_words(viewer: Dialect, guest: Guest) -> list[list[str]]:
    """Return the words of JOI or IRO for a guest in the form of a version: one list for each line.

    For MSNP16 and later there are two lines for a guest: one with the GUID of the place, and one
    without.
    """
    account, name = passport_word(guest.account.passport), escape(_name(guest.account))
    first, _, second = guest.capabilities.partition(":")
    capabilities = [f"{first}:{second or 0}" if viewer.extended else first]
    words = [name, *(capabilities if viewer.chat_capabilities else [])]
    if viewer.guid and guest.guid:
        return [[f"{account};{guest.guid.lower()}", *words], [account, *words]]
    return [[account, *words]]


def left_words(viewer: Dialect, guest: Guest) -> list[str]:
    """Return the accounts of BYE for a guest in the form of a version: one for each line."""
    account = passport_word(guest.account.passport)
    if viewer.guid and guest.guid:
        return [f"{account};{guest.guid.lower()}", account]
    return [account]


def heard(sender: Guest, payload: bytes) -> Command:
    """Return the MSG command that the other guests receive."""
    account = passport_word(sender.account.passport)
    return Command("MSG", None, (account, escape(_name(sender.account))), payload)


def _name(account: Principal) -> str:
    return account.display_name or account.passport

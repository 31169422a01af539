"""What happens to a session that its user wants to know: messages, chats, contacts.

Each event can be matched by position, as in `case MessageReceived(chat, sender, text)`. `chat` is
the driver's own object: `msnpauth.Chat`, or `msnpauth.aio.Chat`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from ..errors import SessionEnded, SignInError
from ..people.contact import Contact
from ..wire.messages import PLAIN, Looks

__all__ = [
    "CameBack",
    "ChatClosed",
    "ChatOpened",
    "ContactChanged",
    "ContactOnline",
    "ContactRequest",
    "Event",
    "JoinedChat",
    "LeftChat",
    "MessageReceived",
    "NudgeReceived",
    "SignedInElsewhere",
    "Typing",
]

C = TypeVar("C")


@dataclass(frozen=True)
class MessageReceived(Generic[C]):
    """Somebody has written.

    Attributes:
        chat: where; `chat.send(…)` answers.
        sender: the passport of who has written.
        text: what they have written.
        sender_name: their display name.
        looks: how the text is to be shown.
        sent_at: when it was written, for a message that was left while the account was offline;
            None for one that has just been written.
    """

    chat: C
    sender: str
    text: str
    sender_name: str = ""
    looks: Looks = PLAIN
    sent_at: datetime | None = None


@dataclass(frozen=True)
class ChatOpened(Generic[C]):
    """Somebody has called the account into a chat, and the call was answered.

    Attributes:
        chat: the chat.
        members: passports of who was in it at that moment. `chat.members` says who is in it now.
    """

    chat: C
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class JoinedChat(Generic[C]):
    """Somebody has joined a chat."""

    chat: C
    passport: str
    name: str = ""


@dataclass(frozen=True)
class LeftChat(Generic[C]):
    """Somebody has left a chat. The chat goes on: who writes into it calls them again."""

    chat: C
    passport: str


@dataclass(frozen=True)
class ChatClosed(Generic[C]):
    """A chat is over; `error` says why."""

    chat: C
    error: SignInError


@dataclass(frozen=True)
class Typing(Generic[C]):
    """Somebody is typing; the word is repeated every few seconds while they do."""

    chat: C
    sender: str


@dataclass(frozen=True)
class NudgeReceived(Generic[C]):
    """Somebody has sent a nudge (MSNP11 and on)."""

    chat: C
    sender: str


# Tuples: when a session begins there is one for each contact, and they cost a third of this.
class ContactOnline(NamedTuple):
    """Somebody of the forward list was offline, and is there now."""

    contact: Contact


class ContactChanged(NamedTuple):
    """A contact's status, name or personal message has changed; `before` is what it was."""

    contact: Contact
    before: Contact


@dataclass(frozen=True)
class ContactRequest:
    """Somebody has added the account. `session.allow(passport)` lets them see it."""

    passport: str
    name: str = ""


@dataclass(frozen=True)
class SignedInElsewhere:
    """The account has signed in elsewhere, and this session is over."""

    error: SessionEnded


@dataclass(frozen=True)
class CameBack:
    """The session was lost, and lives again. Its presence is set up again, its chats are over."""

    server: str


Event = (
    MessageReceived[C]
    | ChatOpened[C]
    | JoinedChat[C]
    | LeftChat[C]
    | ChatClosed[C]
    | Typing[C]
    | NudgeReceived[C]
    | ContactOnline
    | ContactChanged
    | ContactRequest
    | SignedInElsewhere
    | CameBack
)

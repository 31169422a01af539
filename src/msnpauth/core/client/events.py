"""The events of a session that its user receives: messages, chats, contacts.

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
    """A person has sent a text message.

    Attributes:
        chat: the chat of the message; `chat.send(…)` answers.
        sender: the sender's passport.
        text: the text of the message.
        sender_name: the sender's display name.
        looks: font and colour of the text.
        sent_at: when an offline message was written; None for a message that has just been sent.
    """

    chat: C
    sender: str
    text: str
    sender_name: str = ""
    looks: Looks = PLAIN
    sent_at: datetime | None = None


@dataclass(frozen=True)
class ChatOpened(Generic[C]):
    """A person has called the account into a chat, and the call was answered.

    Attributes:
        chat: the chat.
        members: passports of the members at that moment. `chat.members` has the present members.
    """

    chat: C
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class JoinedChat(Generic[C]):
    """A person has joined a chat."""

    chat: C
    passport: str
    name: str = ""


@dataclass(frozen=True)
class LeftChat(Generic[C]):
    """A person has left a chat. The chat goes on: the next message calls the person again."""

    chat: C
    passport: str


@dataclass(frozen=True)
class ChatClosed(Generic[C]):
    """A chat is over; `error` says why."""

    chat: C
    error: SignInError


@dataclass(frozen=True)
class Typing(Generic[C]):
    """A person is typing; the event is repeated every few seconds while the person types."""

    chat: C
    sender: str


@dataclass(frozen=True)
class NudgeReceived(Generic[C]):
    """A person has sent a nudge (MSNP11 and on)."""

    chat: C
    sender: str


# The next two are tuples: when a session begins there is one of them for each contact, and a tuple
# costs a third of a dataclass.
class ContactOnline(NamedTuple):
    """A contact was offline, and is online now."""

    contact: Contact


class ContactChanged(NamedTuple):
    """A contact's status, name or personal message has changed; `before` is the earlier contact."""

    contact: Contact
    before: Contact


@dataclass(frozen=True)
class ContactRequest:
    """A person has added the account to their list. `session.allow(passport)` accepts this."""

    passport: str
    name: str = ""


@dataclass(frozen=True)
class SignedInElsewhere:
    """The account has signed in elsewhere, and this session is over."""

    error: SessionEnded


@dataclass(frozen=True)
class CameBack:
    """A lost session is signed in again. Its presence is set up again; its chats are over."""

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

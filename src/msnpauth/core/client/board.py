"""A conversation as the session knows it, without its transport: its members and its messages.

The transport is either a connection of its own (`switchboard`), or the notification connection
(`datagrams`, MSNP21).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ChatEnded, Step
from ..secrets import printable
from ..wire.commands import Command
from ..wire.messages import Body, Looks
from .events import ChatClosed, Event, MessageReceived, NudgeReceived, Typing
from .waiting import Outcome

__all__ = ["Board"]

# How many texts may wait for their missing pieces, and how many characters one text may have.
_MAX_UNFINISHED = 4
_MAX_IN_PIECES = 1024 * 1024


class Board:
    """One conversation. This base class is the chat of an offline message, which has no members.

    Args:
        number: the number by which the session identifies the chat.
        server: `host:port`, for errors.
        tell: is called with each event, in their order.
    """

    is_asleep = True
    """True where the chat has no transport yet: it is opened when the user writes into it."""

    def __init__(self, number: int, server: str, tell: Callable[[Event[Any]], None]) -> None:
        self.number = number
        self.server = server
        self.face: Any = None
        """The driver's object for this chat, which the events carry."""
        self.party: dict[str, str] = {}
        """Everybody who is or was in the chat: case-folded passports to passports as spelled."""
        self.connected: Outcome[None] = Outcome()
        self.ended: ChatEnded | None = None
        self.to_send: list[Command] = []
        """Commands to be written to the chat's own connection."""
        self._tell = tell
        self._unfinished: dict[tuple[str, str], _InPieces] = {}

    @property
    def members(self) -> tuple[str, ...]:
        """Passports of the people who are in the chat now, without the account itself."""
        return ()

    def has(self, passport: str) -> bool:
        """Tell whether somebody is in the chat now."""
        return passport.casefold() in {member.casefold() for member in self.members}

    def call(self, passport: str, word: str) -> Outcome[None]:
        """Call a person; the outcome is there when the person has joined or cannot be called.

        Args:
            passport: the person to call.
            word: the passport as a word of an MSNP line.
        """
        raise NotImplementedError

    def message(self, payload: bytes, *, acknowledged: bool) -> Outcome[None]:
        """Send a message; if acknowledged, the outcome is there when everybody has received it."""
        raise NotImplementedError

    def receive(self, data: bytes) -> None:
        """Take bytes of the chat's own connection; b"" means that the server closed it."""
        raise NotImplementedError

    def leave(self) -> None:
        """Leave the chat."""
        self.end("this side has left the chat")

    def end(self, text: str) -> None:
        """End the chat; only the first reason counts."""
        if self.ended is not None:
            return
        self.ended = ChatEnded(printable(text), step=Step.CHAT, server=self.server)
        self._fail_all(self.ended)
        self.connected.fail(self.ended)
        self._tell(ChatClosed(self.face, self.ended))

    def _fail_all(self, why: ChatEnded) -> None:
        """Make every outcome fail that still waits for an answer."""

    # --- received messages -----------------------------------------------------------------------

    def hear(self, sender: str, name: str, body: Body) -> None:
        """Report a received message as an event, if it is a text, a typing notice or a nudge."""
        if body.kind == "text/plain":
            self._hear_text(sender, name, body)
        elif body.is_typing:
            self._tell(Typing(self.face, sender))
        elif body.is_nudge:
            self._tell(NudgeReceived(self.face, sender))

    def _hear_text(self, sender: str, name: str, body: Body) -> None:
        """Report a text; a text that comes in pieces is reported once all pieces are there."""
        if body.piece is None:
            self._tell(MessageReceived(self.face, sender, body.text, name, body.looks))
            return
        message_id, place, total = body.piece
        key = (sender.casefold(), message_id)
        text = self._unfinished.setdefault(key, _InPieces(sender, name, body.looks))
        text.put(place, total, body.text)
        if text.is_whole:
            self._tell_pieces(key)
        elif len(self._unfinished) > _MAX_UNFINISHED or text.size > _MAX_IN_PIECES:
            # A text whose rest never comes is reported as far as it has come: nothing is lost, and
            # a peer cannot fill the memory.
            self._tell_pieces(next(iter(self._unfinished)))

    def _tell_pieces(self, key: tuple[str, str]) -> None:
        text = self._unfinished.pop(key)
        self._tell(MessageReceived(self.face, text.sender, text.joined(), text.name, text.looks))


class _InPieces:
    """A text of which some pieces have been received."""

    def __init__(self, sender: str, name: str, looks: Looks) -> None:
        self.sender = sender
        self.name = name
        self.looks = looks
        self.size = 0
        self._pieces: dict[int, str] = {}
        self._total = 0

    def put(self, place: int, total: int, text: str) -> None:
        """Add a piece; only the first piece of a text carries the number of pieces (`total`)."""
        self._total = total or self._total
        self.size += len(text)
        self._pieces[place] = text

    @property
    def is_whole(self) -> bool:
        """True when no piece is missing."""
        there = sum(place < self._total for place in self._pieces)
        return 0 < self._total == there

    def joined(self) -> str:
        """Return the pieces received so far as one text, in their order."""
        return "".join(self._pieces[place] for place in sorted(self._pieces))

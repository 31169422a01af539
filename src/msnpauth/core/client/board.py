"""A conversation as the session knows it, whatever carries it: who is in it, what is heard in it.

`switchboard` carries it over a connection of its own, and `datagrams` over the notification
connection (MSNP21).
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

# Texts that are waiting for their missing pieces, and how many characters one of them may have.
_MAX_UNFINISHED = 4
_MAX_IN_PIECES = 1024 * 1024


class Board:
    """One conversation. By itself it is the chat of a message that was left: nobody is in it yet.

    Args:
        number: what the session calls it.
        server: `host:port`, for errors.
        tell: takes the events, in their order.
    """

    is_asleep = True
    """True where nothing carries it: it opens when somebody writes into it."""

    def __init__(self, number: int, server: str, tell: Callable[[Event[Any]], None]) -> None:
        self.number = number
        self.server = server
        self.face: Any = None
        """The driver's object for this chat, which the events carry."""
        self.party: dict[str, str] = {}
        """Everybody who is or was in it, by folded passport; the values are as they are spelt."""
        self.connected: Outcome[None] = Outcome()
        self.ended: ChatEnded | None = None
        self.to_send: list[Command] = []
        """What is to be written to a connection of its own."""
        self._tell = tell
        self._unfinished: dict[tuple[str, str], _InPieces] = {}

    @property
    def members(self) -> tuple[str, ...]:
        """Passports of who is in the chat now, besides the account itself."""
        return ()

    def has(self, passport: str) -> bool:
        """Tell whether somebody is in the chat now."""
        return passport.casefold() in {member.casefold() for member in self.members}

    def call(self, passport: str, word: str) -> Outcome[None]:
        """Call somebody; the outcome is there when they have joined, or cannot be called.

        Args:
            passport: who.
            word: the passport as a word of the wire.
        """
        raise NotImplementedError

    def message(self, payload: bytes, *, acknowledged: bool) -> Outcome[None]:
        """Say something; acknowledged, the outcome is there when everybody has got it."""
        raise NotImplementedError

    def receive(self, data: bytes) -> None:
        """Take bytes of a connection of its own, b"" when the server closed it."""
        raise NotImplementedError

    def leave(self) -> None:
        """Leave the chat."""
        self.end("this side has left the chat")

    def end(self, text: str) -> None:
        """The chat is over; the first reason counts."""
        if self.ended is not None:
            return
        self.ended = ChatEnded(printable(text), step=Step.CHAT, server=self.server)
        self._fail_all(self.ended)
        self.connected.fail(self.ended)
        self._tell(ChatClosed(self.face, self.ended))

    def _fail_all(self, why: ChatEnded) -> None:
        """Nobody needs to wait for an answer any more."""

    # --- what is heard ---------------------------------------------------------------------------

    def hear(self, sender: str, name: str, body: Body) -> None:
        """Tell what somebody has said, if it is something that people say."""
        if body.kind == "text/plain":
            self._hear_text(sender, name, body)
        elif body.is_typing:
            self._tell(Typing(self.face, sender))
        elif body.is_nudge:
            self._tell(NudgeReceived(self.face, sender))

    def _hear_text(self, sender: str, name: str, body: Body) -> None:
        """Tell a text; one that comes in pieces once all of them are there."""
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
            # A text whose rest never comes is told as far as it has come: nothing is lost, and a
            # peer cannot fill the memory.
            self._tell_pieces(next(iter(self._unfinished)))

    def _tell_pieces(self, key: tuple[str, str]) -> None:
        text = self._unfinished.pop(key)
        self._tell(MessageReceived(self.face, text.sender, text.joined(), text.name, text.looks))


class _InPieces:
    """A text of which some pieces have come."""

    def __init__(self, sender: str, name: str, looks: Looks) -> None:
        self.sender = sender
        self.name = name
        self.looks = looks
        self.size = 0
        self._pieces: dict[int, str] = {}
        self._total = 0

    def put(self, place: int, total: int, text: str) -> None:
        """Take a piece; the first of them says how many there are."""
        self._total = total or self._total
        self.size += len(text)
        self._pieces[place] = text

    @property
    def is_whole(self) -> bool:
        """True when no piece is missing."""
        return len(self._pieces) == self._total

    def joined(self) -> str:
        """Return the pieces that there are, in their order."""
        return "".join(self._pieces[place] for place in sorted(self._pieces))

"""A chat, on blocking sockets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar, Unpack

from ..core.client.board import Board
from ..core.client.chats import Chats
from ..core.client.waiting import Outcome
from ..core.errors import ChatEnded
from ..core.wire.messages import Looks, LooksOptions
from .pump import Pump

__all__ = ["Chat"]

T = TypeVar("T")


class Chat:
    """A chat with one person or more. Any thread may use it.

    `Session.open_chat` opens a chat, and events report chats that others have opened. A chat ends
    when the session is lost, even if the session comes back. The chat of an offline message has no
    members; sending into it opens a chat with the sender of that message.
    """

    def __init__(self, pump: Pump, board: Board, timeout: float) -> None:
        self._pump = pump
        self._board = board
        self._timeout = timeout

    @property
    def members(self) -> tuple[str, ...]:
        """Passports of the people who are in the chat now, without the account itself."""
        with self._pump.lock:
            return self._board.members

    @property
    def ended(self) -> ChatEnded | None:
        """Why the chat has ended, or None while it is open."""
        ended = self._board.ended
        return None if ended is None else copy.copy(ended)

    def send(
        self, text: str, *, timeout: float | None = None, **looks: Unpack[LooksOptions]
    ) -> None:
        """Send a text into the chat, and return when everybody has received it.

        A long text is sent as several messages. A person who has left the chat is invited again.

        Args:
            text: the text to send.
            timeout: seconds; by default the time-out of the sign-in.
            looks: any of `font`, `colour` (`"#rrggbb"`), `bold`, `italic`, `underline`,
                `strikethrough` and `right_to_left`: see `msnpauth.Looks`.

        Raises:
            MessageNotDelivered: the server could not deliver it to everybody.
            ContactOffline: a person who had left cannot be invited again.
            ChatEnded: the chat has ended.
            SignInTimeout: no answer came in time.
            LocalProtocolError: there is no text.
        """
        shown, patience = Looks(**looks), self._patience(timeout)
        self._do(lambda chats: chats.say(self._board, text, shown, patience), "receipt", timeout)

    def typing(self) -> None:
        """Notify the others that the account is typing; clients show that for a few seconds.

        Raises:
            ChatEnded: the chat has ended.
        """
        self._do(lambda chats: chats.typing(self._board), "receipt", None)

    def nudge(self, *, timeout: float | None = None) -> None:
        """Send a nudge: the windows of the others shake.

        Raises:
            LocalProtocolError: the dialect has no nudges; MSNP11 and later have them.
            MessageNotDelivered, ChatEnded, SignInTimeout: as `send`.
        """
        patience = self._patience(timeout)
        self._do(lambda chats: chats.nudge(self._board, patience), "receipt", timeout)

    def invite(self, passport: str, *, timeout: float | None = None) -> None:
        """Invite a person into the chat, and return when the person has joined.

        Raises:
            ContactOffline: the person cannot be invited.
            ChatEnded, SignInTimeout, LocalProtocolError: as `send`.
        """
        self._do(lambda chats: chats.invite(self._board, passport), f"sign of {passport}", timeout)

    def leave(self) -> None:
        """Leave the chat. Calling this again does no harm."""
        with self._pump.lock:
            self._pump.engine.society.chats.leave(self._board)
            self._pump.engine.settle()
            self._pump.lock.notify_all()
        self._pump.ring()

    def __repr__(self) -> str:
        state = "ended" if self._board.ended else ", ".join(self._board.members) or "nobody"
        return f"<Chat at {self._board.server} with {state}>"

    def _do(self, begin: Callable[[Chats], Outcome[T]], what: str, timeout: float | None) -> T:
        patience = self._patience(timeout)
        return self._pump.carry_out(lambda society: begin(society.chats), patience, what)

    def _patience(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else timeout

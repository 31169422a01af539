"""A conversation, on blocking sockets."""

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
    """A conversation with one person or more. Any thread may use it.

    `Session.open_chat` opens one, and events bring those that others have opened. It is over when
    the session is lost, also when the session comes back. The chat of a message that was left while
    the account was offline has nobody in it; writing into it opens a chat with whoever left it.
    """

    def __init__(self, pump: Pump, board: Board, timeout: float) -> None:
        self._pump = pump
        self._board = board
        self._timeout = timeout

    @property
    def members(self) -> tuple[str, ...]:
        """Passports of who is in the chat now, besides the account itself."""
        with self._pump.lock:
            return self._board.members

    @property
    def ended(self) -> ChatEnded | None:
        """Why the chat is over, or None while it lives."""
        ended = self._board.ended
        return None if ended is None else copy.copy(ended)

    def send(
        self, text: str, *, timeout: float | None = None, **looks: Unpack[LooksOptions]
    ) -> None:
        """Write into the chat, and come back when everybody has got it.

        A long text goes in several messages. Who has left the chat is called again.

        Args:
            text: what to say.
            timeout: seconds; the sign-in's by default.
            looks: any of `font`, `colour` (`"#rrggbb"`), `bold`, `italic`, `underline`,
                `strikethrough` and `right_to_left`: see `msnpauth.Looks`.

        Raises:
            MessageNotDelivered: the server could not hand it to everybody.
            ContactOffline: who had left cannot be called again.
            ChatEnded: the chat is over.
            SignInTimeout: no answer came in time.
            LocalProtocolError: there is no text.
        """
        shown, patience = Looks(**looks), self._patience(timeout)
        self._do(lambda chats: chats.say(self._board, text, shown, patience), "receipt", timeout)

    def typing(self) -> None:
        """Say that the account is typing; others show it for a few seconds.

        Raises:
            ChatEnded: the chat is over.
        """
        self._do(lambda chats: chats.typing(self._board), "receipt", None)

    def nudge(self, *, timeout: float | None = None) -> None:
        """Send a nudge: the windows of the others shake.

        Raises:
            LocalProtocolError: the dialect has none; MSNP11 and later have.
            MessageNotDelivered, ChatEnded, SignInTimeout: as `send`.
        """
        patience = self._patience(timeout)
        self._do(lambda chats: chats.nudge(self._board, patience), "receipt", timeout)

    def invite(self, passport: str, *, timeout: float | None = None) -> None:
        """Call somebody into the chat, and come back when they have joined.

        Raises:
            ContactOffline: they cannot be called.
            ChatEnded, SignInTimeout, LocalProtocolError: as `send`.
        """
        self._do(lambda chats: chats.invite(self._board, passport), f"sign of {passport}", timeout)

    def leave(self) -> None:
        """Leave the chat. More than once does no harm."""
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

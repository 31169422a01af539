"""A chat, on asyncio."""

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
    """A chat with one person or more; see `msnpauth.Chat`."""

    def __init__(self, pump: Pump, board: Board, timeout: float) -> None:
        self._pump = pump
        self._board = board
        self._timeout = timeout

    @property
    def members(self) -> tuple[str, ...]:
        """Passports of the people who are in the chat now, without the account itself."""
        return self._board.members

    @property
    def ended(self) -> ChatEnded | None:
        """Why the chat has ended, or None while it is open."""
        ended = self._board.ended
        return None if ended is None else copy.copy(ended)

    async def send(
        self, text: str, *, timeout: float | None = None, **looks: Unpack[LooksOptions]
    ) -> None:
        """As `msnpauth.Chat.send`."""
        shown, patience = Looks(**looks), self._patience(timeout)
        await self._do(
            lambda chats: chats.say(self._board, text, shown, patience), "receipt", timeout
        )

    async def typing(self) -> None:
        """As `msnpauth.Chat.typing`."""
        await self._do(lambda chats: chats.typing(self._board), "receipt", None)

    async def nudge(self, *, timeout: float | None = None) -> None:
        """As `msnpauth.Chat.nudge`."""
        patience = self._patience(timeout)
        await self._do(lambda chats: chats.nudge(self._board, patience), "receipt", timeout)

    async def invite(self, passport: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Chat.invite`."""
        await self._do(
            lambda chats: chats.invite(self._board, passport), f"sign of {passport}", timeout
        )

    async def leave(self) -> None:
        """As `msnpauth.Chat.leave`."""
        self._pump.engine.society.chats.leave(self._board)
        self._pump.engine.settle()
        await self._pump.write_all_out()

    def __repr__(self) -> str:
        state = "ended" if self._board.ended else ", ".join(self._board.members) or "nobody"
        return f"<Chat at {self._board.server} with {state}>"

    async def _do(
        self, begin: Callable[[Chats], Outcome[T]], what: str, timeout: float | None
    ) -> T:
        patience = self._patience(timeout)
        return await self._pump.carry_out(lambda society: begin(society.chats), patience, what)

    def _patience(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else timeout

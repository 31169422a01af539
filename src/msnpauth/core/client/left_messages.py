"""Messages that were left while the account was offline: fetched, told as events, then deleted.

They are fetched once somebody reads events, because what is fetched must reach somebody. A message
is deleted at its service when the reader comes for what follows it: a bot that dies over a message
finds it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from ..errors import SignInError
from ..people.offline import Left, Notice, delete_left, fetch_left, notice_in
from ..servers import OIM_SITE
from ..wire.commands import Command
from .desk import Desk
from .events import Event, MessageReceived
from .waiting import Steps, Work

__all__ = ["LeftMessages"]


class LeftMessages:
    """See the module.

    Args:
        desk: the session's.
        chat_with: makes the chat in which a message of this passport is answered.
    """

    def __init__(self, desk: Desk, chat_with: Callable[[str], Any]) -> None:
        self._desk = desk
        self._chat_with = chat_with
        self._is_wanted = False
        self._waiting: list[Notice] = []
        self._told: deque[tuple[Event[Any], str]] = deque()
        """Events that nobody has taken yet, with the ids of their messages."""
        self._taken: list[str] = []
        """Ids of messages whose reader has not come back yet."""
        self._known: set[str] = set()

    def take(self, command: Command) -> None:
        """Take a command of the notification server."""
        # S: MSG Hotmail Hotmail 267, behind the first CHG and whenever somebody leaves a message
        if command.verb != "MSG" or command.payload is None:
            return
        notice = notice_in(command.payload)
        if notice is not None:
            self._waiting.append(notice)
            self._go_on()

    def read_on(self) -> None:
        """Somebody comes for the next event: they have done with the one before."""
        self._is_wanted = True
        self._go_on()
        ids, self._taken = self._taken, []
        if ids:
            # Nobody waits for it. What could not be deleted is told again by the next session.
            self._desk.consult(lambda servers, ticket: delete_left(servers, ticket, ids), OIM_SITE)

    def taken(self, event: Event[Any]) -> None:
        """Somebody has taken an event."""
        places = (at for at, (told, _) in enumerate(self._told) if told is event)
        place = next(places, None)
        if place is None:
            return
        for _ in range(place):
            self._told.popleft()  # it was dropped, as nobody came for it in time: it stays there
        self._taken.append(self._told.popleft()[1])

    def _go_on(self) -> None:
        if not self._is_wanted:
            return
        notices, self._waiting = self._waiting, []
        for notice in notices:
            Work(self._fetch(notice))

    def _fetch(self, notice: Notice) -> Steps[None]:
        # A message is announced again with every notice while it lies there.
        ids = notice.ids and tuple(name for name in notice.ids if name not in self._known)
        if ids == ():
            return
        self._known.update(ids or ())
        outcome = self._desk.consult(
            lambda servers, ticket: fetch_left(servers, ticket, ids), OIM_SITE
        )
        yield outcome
        try:
            found: list[Left] = outcome.result()
        except SignInError:
            found = []  # they stay where they are, and the log tells why they could not be had
        self._known.difference_update(ids or ())
        for left in found:
            if left.id in self._known:
                continue
            self._known.add(left.id)
            chat = self._chat_with(left.sender)
            event = MessageReceived(chat, left.sender, left.text, left.name, sent_at=left.sent_at)
            self._told.append((event, left.id))
            self._desk.happened.append(event)

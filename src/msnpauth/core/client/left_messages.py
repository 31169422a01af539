"""Offline messages: they are fetched, delivered as events, and then deleted at their service.

They are fetched only once the caller reads events, because fetched messages must reach somebody. A
message is deleted when the caller asks for the next event: a bot that crashes on a message gets it
again.
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
    """The offline messages of one session.

    Args:
        desk: the state that the parts of the session share.
        chat_with: makes the chat in which a message from a passport is answered.
    """

    def __init__(self, desk: Desk, chat_with: Callable[[str], Any]) -> None:
        self._desk = desk
        self._chat_with = chat_with
        self._is_wanted = False
        self._waiting: list[Notice] = []
        self._told: deque[tuple[Event[Any], str]] = deque()
        """Events that the caller has not taken yet, with the ids of their messages."""
        self._taken: list[str] = []
        """Ids of messages that were taken; they are deleted at the call for the next event."""
        self._known: set[str] = set()

    def take(self, command: Command) -> None:
        """Take a command of the notification server."""
        # S: MSG Hotmail Hotmail 267, behind the first CHG and with each new offline message
        if command.verb != "MSG" or command.payload is None:
            return
        notice = notice_in(command.payload)
        if notice is not None:
            self._waiting.append(notice)
            self._go_on()

    def read_on(self) -> None:
        """Note that the caller asks for the next event, and so has handled the earlier one."""
        self._is_wanted = True
        self._go_on()
        ids, self._taken = self._taken, []
        if ids:
            # Nobody waits for the outcome. A message that could not be deleted is delivered again
            # by the next session.
            self._desk.consult(lambda servers, ticket: delete_left(servers, ticket, ids), OIM_SITE)

    def taken(self, event: Event[Any]) -> None:
        """Note that the caller has taken an event."""
        places = (at for at, (told, _) in enumerate(self._told) if told is event)
        place = next(places, None)
        if place is None:
            return
        for _ in range(place):
            self._told.popleft()  # the inbox dropped this event: its message stays at the service
        self._taken.append(self._told.popleft()[1])

    def _go_on(self) -> None:
        if not self._is_wanted:
            return
        notices, self._waiting = self._waiting, []
        for notice in notices:
            Work(self._fetch(notice))

    def _fetch(self, notice: Notice) -> Steps[None]:
        # Every notice announces all messages again that are still stored.
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
            found = []  # the messages stay at the service, and the log shows the error
        self._known.difference_update(ids or ())
        for left in found:
            if left.id in self._known:
                continue
            self._known.add(left.id)
            chat = self._chat_with(left.sender)
            event = MessageReceived(chat, left.sender, left.text, left.name, sent_at=left.sent_at)
            self._told.append((event, left.id))
            self._desk.happened.append(event)

"""Queues of the commands and the events that wait to be received, with a limit in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..wire.commands import Command

if TYPE_CHECKING:
    from .events import Event

__all__ = ["MAX_UNREAD", "Deliveries", "Inbox", "weight"]

MAX_UNREAD = 4 * 1024 * 1024
"""Bytes of memory that waiting commands may use: about 10,000 lines of presence."""

# Bytes of memory that CPython uses for a command and for each of its words, without their text.
_COMMAND_BYTES = 250
_WORD_BYTES = 60
# Bytes of memory of an event with its names, and often a contact.
_EVENT_BYTES = 1000


def weight(command: Command) -> int:
    """Return about how many bytes of memory a command uses."""
    words = sum(len(word) + _WORD_BYTES for word in command.args)
    return _COMMAND_BYTES + words + len(command.payload or b"")


def event_weight(event: Event[Any]) -> int:
    """Return about how many bytes of memory an event uses."""
    return _EVENT_BYTES + 4 * len(getattr(event, "text", ""))


T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue of commands or of events. Beyond `limit` bytes the oldest items are dropped.

    A bot that only sends never takes a command out. The presence of its contacts must not fill the
    memory, and reading must not stop either, because the server's CHL has to be answered.

    Args:
        weigh: returns about how many bytes of memory an item uses.
        limit: the bytes of memory that all items together may use.
    """

    def __init__(self, weigh: Callable[[T], int], limit: int = MAX_UNREAD) -> None:
        self._weigh = weigh
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._bytes = 0
        self.dropped = 0
        """How many items were dropped, in all."""

    def put(self, item: T) -> int:
        """Add an item; return how many older items were dropped for it."""
        self._waiting.append(item)
        self._bytes += self._weigh(item)
        dropped = 0
        # The newest item stays, however large it is: the reader already limits payloads.
        while self._bytes > self._limit and len(self._waiting) > 1:
            self._bytes -= self._weigh(self._waiting.popleft())
            dropped += 1
        self.dropped += dropped
        return dropped

    def take(self) -> T | None:
        """Remove and return the oldest item; None when there is none."""
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        self._bytes -= self._weigh(item)
        return item

    def take_all(self) -> tuple[T, ...]:
        """Remove and return all items."""
        items = tuple(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return items

    @property
    def size(self) -> int:
        """About how many bytes of memory the items use."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._waiting)


class Deliveries:
    """The commands and the events of a session, for one reader each.

    It is not known beforehand whether the caller will read commands or events, so that both are
    kept at first. Once one of the two is read, the other is no longer kept, until it is read too:
    a bot that reads only events must not fill its memory with commands.

    Args:
        is_wanted: whether commands and events are kept at all.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self._commands: Inbox[Command] = Inbox(weight)
        self._events: Inbox[Event[Any]] = Inbox(event_weight)
        self._keeps_commands = self._keeps_events = is_wanted
        self._is_read = False

    def put(self, commands: list[Command], events: list[Event[Any]]) -> int:
        """Keep commands and events if they are wanted; return how many older ones were dropped."""
        dropped = 0
        if self._keeps_commands and commands:
            dropped += sum(self._commands.put(command) for command in commands)
        if self._keeps_events and events:
            dropped += sum(self._events.put(event) for event in events)
        return dropped

    def take_command(self) -> Command | None:
        """Return the oldest command; None when there is none."""
        self._keeps_commands = True
        if not self._is_read:
            self._is_read, self._keeps_events = True, False
            self._events.take_all()
        return self._commands.take()

    def take_event(self) -> Event[Any] | None:
        """Return the oldest event; None when there is none."""
        self._keeps_events = True
        if not self._is_read:
            self._is_read, self._keeps_commands = True, False
            self._commands.take_all()
        return self._events.take()

    def all_commands(self) -> tuple[Command, ...]:
        """Remove and return all commands."""
        return self._commands.take_all()

    @property
    def has_commands(self) -> bool:
        """True when there is a command to take."""
        return bool(self._commands)

    @property
    def size(self) -> int:
        """About how many bytes of memory the commands and events use."""
        return self._commands.size + self._events.size

    @property
    def dropped(self) -> int:
        """How many commands and events were dropped, in all."""
        return self._commands.dropped + self._events.dropped

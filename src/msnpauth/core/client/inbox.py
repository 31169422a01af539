"""What waits for whoever receives, commands or events, bounded in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..wire.commands import Command

if TYPE_CHECKING:
    from .events import Event

__all__ = ["MAX_UNREAD", "Deliveries", "Inbox", "weight"]

MAX_UNREAD = 4 * 1024 * 1024
"""Bytes that commands may take while they wait: about 10,000 lines of presence."""

# What CPython takes for a command and for each of its words besides their text.
_COMMAND_BYTES = 250
_WORD_BYTES = 60
# An event with its names, and often a contact.
_EVENT_BYTES = 1000


def weight(command: Command) -> int:
    """Return about how many bytes of memory a command takes."""
    words = sum(len(word) + _WORD_BYTES for word in command.args)
    return _COMMAND_BYTES + words + len(command.payload or b"")


def event_weight(event: Event[Any]) -> int:
    """Return about how many bytes of memory an event takes."""
    return _EVENT_BYTES + 4 * len(getattr(event, "text", ""))


T = TypeVar("T")


class Inbox(Generic[T]):
    """Commands, or events, in their order. Beyond `limit` bytes the oldest of them are dropped.

    A bot that only sends never takes a command out. Its contacts' presence must neither fill the
    memory nor stop the reading, because the server's CHL has to be answered all the same.

    Args:
        weigh: tells about how many bytes of memory one takes.
        limit: bytes.
    """

    def __init__(self, weigh: Callable[[T], int], limit: int = MAX_UNREAD) -> None:
        self._weigh = weigh
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._bytes = 0
        self.dropped = 0
        """How many were dropped, in all."""

    def put(self, item: T) -> int:
        """Add one; return how many older ones had to go for it."""
        self._waiting.append(item)
        self._bytes += self._weigh(item)
        dropped = 0
        # The newest stays, however large it is: a payload is bounded by the reader already.
        while self._bytes > self._limit and len(self._waiting) > 1:
            self._bytes -= self._weigh(self._waiting.popleft())
            dropped += 1
        self.dropped += dropped
        return dropped

    def take(self) -> T | None:
        """Return the oldest and forget it; None when there is none."""
        if not self._waiting:
            return None
        item = self._waiting.popleft()
        self._bytes -= self._weigh(item)
        return item

    def take_all(self) -> tuple[T, ...]:
        """Return all and forget them."""
        items = tuple(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return items

    @property
    def size(self) -> int:
        """About how many bytes of memory they take."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._waiting)


class Deliveries:
    """The commands and the events of a session, for one reader each.

    Nobody says beforehand which of the two they will read. Both are kept at first. Once somebody
    reads one of them, the other is kept no longer, until somebody reads that too: a bot that lives
    on events must not fill its memory with commands.

    Args:
        is_wanted: whether anybody will read at all.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self._commands: Inbox[Command] = Inbox(weight)
        self._events: Inbox[Event[Any]] = Inbox(event_weight)
        self._keeps_commands = self._keeps_events = is_wanted
        self._is_read = False

    def put(self, commands: list[Command], events: list[Event[Any]]) -> int:
        """Keep what is wanted; return how many older ones had to go for it."""
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
        """Return all commands and forget them."""
        return self._commands.take_all()

    @property
    def has_commands(self) -> bool:
        """True when there is a command to take."""
        return bool(self._commands)

    @property
    def size(self) -> int:
        """About how many bytes of memory they take."""
        return self._commands.size + self._events.size

    @property
    def dropped(self) -> int:
        """How many commands and events had to go, in all."""
        return self._commands.dropped + self._events.dropped

"""The commands that wait for whoever receives, bounded in bytes."""

from __future__ import annotations

from collections import deque

from ..wire.commands import Command

__all__ = ["MAX_UNREAD", "Inbox", "weight"]

MAX_UNREAD = 4 * 1024 * 1024
"""Bytes that commands may take while they wait: about 10,000 lines of presence."""

# What CPython takes for a command and for each of its words besides their text.
_COMMAND_BYTES = 250
_WORD_BYTES = 60


def weight(command: Command) -> int:
    """Return about how many bytes of memory a command takes."""
    words = sum(len(word) + _WORD_BYTES for word in command.args)
    return _COMMAND_BYTES + words + len(command.payload or b"")


class Inbox:
    """Commands in their order. When they take more than `limit` bytes the oldest are dropped.

    A bot that only sends never takes a command out. Its contacts' presence must neither fill the
    memory nor stop the reading, because the server's CHL has to be answered all the same.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int = MAX_UNREAD) -> None:
        self._limit = limit
        self._commands: deque[Command] = deque()
        self._bytes = 0
        self.dropped = 0
        """How many commands were dropped, in all."""

    def put(self, command: Command) -> int:
        """Add a command; return how many older ones had to go for it."""
        self._commands.append(command)
        self._bytes += weight(command)
        dropped = 0
        # The newest stays, however large it is: a payload is bounded by the reader already.
        while self._bytes > self._limit and len(self._commands) > 1:
            self._bytes -= weight(self._commands.popleft())
            dropped += 1
        self.dropped += dropped
        return dropped

    def take(self) -> Command | None:
        """Return the oldest command and forget it; None when there is none."""
        if not self._commands:
            return None
        command = self._commands.popleft()
        self._bytes -= weight(command)
        return command

    def take_all(self) -> tuple[Command, ...]:
        """Return all commands and forget them."""
        commands = tuple(self._commands)
        self._commands.clear()
        self._bytes = 0
        return commands

    @property
    def size(self) -> int:
        """About how many bytes of memory the commands take."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._commands)

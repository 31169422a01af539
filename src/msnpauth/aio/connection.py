"""One connection to a notification server or a switchboard, as asyncio's streams."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.urls import Address
from ..core.wire.commands import Command
from ..net.deadline import Deadline
from ..net.names import network_error
from ..net.streams import Streams, open_streams
from ..watch import Watch

__all__ = ["Connection"]

_CHUNK = 16 * 1024
_GOODBYE_SECONDS = 0.5


class Connection:
    """Streams that one task reads, and any task may write to.

    The sign-in opens them, and the session continues to use them.

    Attributes:
        streams: asyncio's reader and writer.
        server: `host:port`, for errors and events.
        step: the step of the sign-in, for errors.
        number: the engine's number for this connection; 0 during the sign-in.
    """

    def __init__(self, streams: Streams, server: str, watch: Watch) -> None:
        self.streams = streams
        self.server = server
        self.step = Step.NOTIFICATION
        self.number = 0
        self._watch = watch
        self._dropped = False

    @classmethod
    async def open(
        cls,
        address: Address,
        deadline: Deadline,
        watch: Watch,
        step: Step = Step.NOTIFICATION,
        *,
        fast_open: bool = False,
    ) -> Self:
        """Connect to a notification server, or to a switchboard.

        With `fast_open` the first data may be sent together with the SYN.

        Raises:
            ConnectionFailed: there is no such host, or none of its addresses could be reached.
            SignInTimeout: the deadline passed.
        """
        streams = await open_streams(address, deadline, step, watch=watch, fast_open=fast_open)
        return cls(streams, str(address), watch)

    def begin_session(self, number: int, step: Step = Step.SESSION) -> None:
        """Become a session's connection."""
        self.number, self.step = number, step

    def write(self, commands: Sequence[Command]) -> None:
        """Pass commands to asyncio, which buffers what cannot be sent yet."""
        if commands and not self.streams[1].is_closing():
            self._watch.sent(self.server, commands)
            self.streams[1].write(b"".join(command.encode() for command in commands))

    async def drained(self, timeout: float) -> None:
        """Wait until most of the written data has left this process.

        Raises:
            ConnectionFailed: the connection broke, or no data could be sent for `timeout` seconds.
        """
        transport = self.streams[1].transport
        if not (self._dropped or transport.is_closing() or transport.get_write_buffer_size()):
            return  # nearly always the buffer is empty, and a time-out costs more than the message
        try:
            async with asyncio.timeout(timeout):
                await self.streams[1].drain()
        except TimeoutError:
            text = f"nothing could be sent for {timeout:g} seconds"
            error: SignInError = ConnectionFailed(text, step=self.step, server=self.server)
        except OSError as problem:
            error = network_error(problem, self.step, self.server)
        else:
            if not self._dropped:
                return
            # asyncio wakes a waiting `drain` without an error when the connection was aborted.
            text = "the connection was closed"
            error = ConnectionFailed(text, step=self.step, server=self.server)
        raise error

    async def read(self) -> bytes:
        """Return the bytes that have arrived; b"" at the end of the connection.

        Raises:
            ConnectionFailed: the connection broke.
        """
        try:
            return await self.streams[0].read(_CHUNK)
        except OSError as problem:
            error = network_error(problem, self.step, self.server)
        raise error

    async def goodbye(self, commands: Sequence[Command]) -> None:
        """Write the last commands, such as OUT, and close; wait half a second at most."""
        writer = self.streams[1]
        try:
            self.write(commands)
            writer.close()
            # In a task of its own: asyncio's streams have one future that all tasks await which
            # wait for the end, and a time-out here would cancel that future for all of them.
            closed = asyncio.ensure_future(writer.wait_closed())
            closed.add_done_callback(_retrieved)
            await asyncio.wait({closed}, timeout=_GOODBYE_SECONDS)
        finally:
            self.drop()

    def drop(self) -> None:
        """Close at once; data that has not been sent yet is lost."""
        self._dropped = True
        with suppress(RuntimeError):  # the loop is closed, and the connection with it
            self.streams[1].transport.abort()


def _retrieved(task: asyncio.Future[None]) -> None:
    """Retrieve a task's error, or asyncio would log that it was never retrieved."""
    if not task.cancelled():
        task.exception()

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
    """Streams that any task may write to and one task reads.

    The sign-in opens it, and the session goes on with it.

    Attributes:
        streams: reader and writer.
        server: `host:port`, for errors and events.
        step: of the sign-in, for errors.
        number: what the session's engine calls it; 0 during the sign-in.
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

        With `fast_open` what is written first may travel with the SYN.

        Raises:
            ConnectionFailed: there is no such host, or none of its addresses could be reached.
            SignInTimeout: the deadline passed.
        """
        streams = await open_streams(address, deadline, step, watch=watch, fast_open=fast_open)
        return cls(streams, str(address), watch)

    def begin_session(self, number: int, step: Step = Step.SESSION) -> None:
        """Go on as a session's connection."""
        self.number, self.step = number, step

    def write(self, commands: Sequence[Command]) -> None:
        """Hand commands to asyncio, which keeps what cannot leave yet."""
        if commands and not self.streams[1].is_closing():
            self._watch.sent(self.server, commands)
            self.streams[1].write(b"".join(command.encode() for command in commands))

    async def drained(self, timeout: float) -> None:
        """Wait until what was written has left this process, or nearly so.

        Raises:
            ConnectionFailed: the connection broke, or nothing left for `timeout` seconds.
        """
        transport = self.streams[1].transport
        if not (self._dropped or transport.is_closing() or transport.get_write_buffer_size()):
            return  # as nearly always, and a time-out costs more than the message
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
            # asyncio wakes who waits for room in the same way when the connection was aborted.
            text = "the connection was closed"
            error = ConnectionFailed(text, step=self.step, server=self.server)
        raise error

    async def read(self) -> bytes:
        """Return what has come, b"" at the end.

        Raises:
            ConnectionFailed: the connection broke.
        """
        try:
            return await self.streams[0].read(_CHUNK)
        except OSError as problem:
            error = network_error(problem, self.step, self.server)
        raise error

    async def goodbye(self, commands: Sequence[Command]) -> None:
        """Write the last words and close, if that takes no time."""
        writer = self.streams[1]
        try:
            self.write(commands)
            writer.close()
            # In a task of its own: asyncio's streams keep one future for all who wait for the
            # end, and a time-out here would cancel that future for everybody and for ever.
            closed = asyncio.ensure_future(writer.wait_closed())
            closed.add_done_callback(_retrieved)
            await asyncio.wait({closed}, timeout=_GOODBYE_SECONDS)
        finally:
            self.drop()

    def drop(self) -> None:
        """Close at once, whatever was written and has not left yet."""
        self._dropped = True
        with suppress(RuntimeError):  # the loop is closed, and the connection with it
            self.streams[1].transport.abort()


def _retrieved(task: asyncio.Future[None]) -> None:
    """Look at a task's error, or asyncio would complain that nobody did."""
    if not task.cancelled():
        task.exception()

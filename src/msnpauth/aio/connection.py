"""One connection of a session, as asyncio's streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.wire.commands import Command
from ..net.names import network_error
from ..net.streams import Streams
from ..observe import Watch

__all__ = ["Connection"]

_CHUNK = 16 * 1024
_GOODBYE_SECONDS = 0.5


class Connection:
    """Streams that any task may write to and one task reads.

    Args:
        streams: the connection.
        number: what the engine calls it.
        server: `host:port`, for errors.
        timeout: seconds that a write may take.
        take_output: returns what is to be written now, each command once.
        watch: is told what is written.
    """

    def __init__(
        self,
        streams: Streams,
        *,
        number: int,
        server: str,
        timeout: float,
        take_output: Callable[[], list[Command]],
        watch: Watch,
    ) -> None:
        self.streams = streams
        self.number = number
        self._server = server
        self._timeout = timeout
        self._take_output = take_output
        self._watch = watch
        self._dropped = False

    def write_out(self) -> None:
        """Hand what there is to be written to asyncio, which keeps what cannot leave yet."""
        if (commands := self._take_output()) and not self.streams[1].is_closing():
            self._watch.sent(self._server, commands)
            self.streams[1].write(b"".join(command.encode() for command in commands))

    async def drained(self) -> None:
        """Wait until what was written has left this process, or nearly so.

        Raises:
            ConnectionFailed: the connection broke, or nothing left for `timeout` seconds.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self.streams[1].drain()
        except TimeoutError:
            text = f"nothing could be sent for {self._timeout:g} seconds"
            error: SignInError = ConnectionFailed(text, step=Step.SESSION, server=self._server)
        except OSError as problem:
            error = network_error(problem, Step.SESSION, self._server)
        else:
            if not self._dropped:
                return
            # asyncio wakes who waits for room in the same way when the connection was aborted.
            text = "the connection was closed"
            error = ConnectionFailed(text, step=Step.SESSION, server=self._server)
        raise error

    async def read(self) -> bytes:
        """Return what has come, b"" at the end.

        Raises:
            ConnectionFailed: the connection broke.
        """
        try:
            return await self.streams[0].read(_CHUNK)
        except OSError as problem:
            error = network_error(problem, Step.SESSION, self._server)
        raise error

    async def goodbye(self) -> None:
        """Write the last words and close, if that takes no time."""
        writer = self.streams[1]
        try:
            self.write_out()
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

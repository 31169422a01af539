"""One connection of a session: its streams, and the core that knows its state."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from .. import trace
from ..core.commands import Command
from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.session import SessionCore
from ..network import network_error
from .network import Streams

__all__ = ["Link"]

_CHUNK = 16 * 1024
_GOODBYE_PATIENCE = 1.0


class Link:
    """Any task may write, one reads."""

    def __init__(self, streams: Streams, core: SessionCore, timeout: float) -> None:
        self.streams = streams
        self.core = core
        self._timeout = timeout
        self._now = asyncio.get_running_loop().time

    async def send(
        self, verb: str, args: tuple[str, ...], payload: bytes | None, *, expect: bool = False
    ) -> Command:
        """Send a command, and return it; with `expect` the core keeps its reply.

        Raises:
            LocalProtocolError: it is no command.
            SignInError: the connection is over; the error says why.
        """
        command = self.core.command(verb, args, payload)
        if expect:
            self.core.expect(command)
        trace.sent([command])
        writer = self.streams[1]
        try:
            writer.write(command.encode())
            async with asyncio.timeout(self._timeout):
                await writer.drain()
        except TimeoutError:
            text = f"nothing could be sent for {self._timeout:g} seconds"
            raise self._lost(
                ConnectionFailed(text, step=Step.SESSION, server=self.core.server)
            ) from None
        except OSError as problem:
            raise self._lost(network_error(problem, Step.SESSION, self.core.server)) from None
        self.core.sent(self._now())
        return command

    def send_own(self) -> None:
        """Send what the core has to say by itself."""
        to_send, self.core.to_send = self.core.to_send, []
        if to_send:
            trace.sent(to_send)
            self.streams[1].write(b"".join(command.encode() for command in to_send))
            self.core.sent(self._now())

    def goodbye(self) -> None:
        """Say OUT; `drop` waits a moment for it to go out."""
        out = Command("OUT")
        trace.sent([out])
        with suppress(OSError):
            self.streams[1].write(out.encode())

    async def read(self) -> bytes | None:
        """Return what has come, b"" at the end; None when it is time for the core's `tick`."""
        idle = max(0.0, self.core.wake_at - self._now())
        try:
            async with asyncio.timeout(idle):
                return await self.streams[0].read(_CHUNK)
        except TimeoutError:
            return None
        except OSError as problem:
            self.core.end(network_error(problem, Step.SESSION, self.core.server))
            return b""

    async def drop(self) -> None:
        """Close; what is written goes out, if that takes no time."""
        writer = self.streams[1]
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_PATIENCE):
                await writer.wait_closed()

    def _lost(self, error: SignInError) -> SignInError:
        self.core.end(error)
        # The reader is to see it too.
        self.streams[1].transport.abort()
        return self.core.ended or error

"""A signed-in connection on asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .. import trace
from ..core.actions import SignedIn
from ..core.commands import Command
from ..core.errors import (
    ConnectionFailed,
    LocalProtocolError,
    SessionEnded,
    SignInError,
    SignInTimeout,
    Step,
    refusal_for_code,
)
from ..core.session import Profile, SessionCore
from ..core.tickets import Ticket
from ..network import network_error
from .network import Streams

__all__ = ["Detached", "Session"]

_CHUNK = 16 * 1024
_MAX_WAITING = 10_000
_GOODBYE_PATIENCE = 1.0


@dataclass(frozen=True)
class Detached:
    """A connection that was taken out of its session; the caller closes it.

    Attributes:
        streams: the connection's reader and writer.
        pending: commands that came and nobody had asked for yet.
        unread: bytes behind them that are no whole command.
        next_trid: the transaction id to go on with.
    """

    streams: Streams
    pending: tuple[Command, ...]
    unread: bytes
    next_trid: int


class Session:
    """A signed-in connection to a notification server; see `msnpauth.Session`.

    A task reads it all the while. Unlike there, `profile` does not wait: `wait_profile` does.
    """

    def __init__(
        self,
        streams: Streams,
        signed_in: SignedIn,
        *,
        product: tuple[str, str] | None = None,
        timeout: float = 30.0,
        renew: Callable[[], Awaitable[dict[str, Ticket]]] | None = None,
    ) -> None:
        self._renew = renew
        self._loop = asyncio.get_running_loop()
        self._core = SessionCore(signed_in, now=self._loop.time(), product=product)
        self._reader, self._writer = streams
        self._timeout = timeout
        self.passport: str = self._core.passport
        self.dialect: int = self._core.dialect.number
        self.server: str = self._core.server
        self.ticket: Ticket | None = self._core.ticket
        self.tickets: dict[str, Ticket] = self._core.tickets
        self._waiting: deque[Command] = deque()
        self._changed = asyncio.Event()
        self._take(None)
        self._task = asyncio.create_task(self._read(), name="msnpauth-session")

    @property
    def display_name(self) -> str:
        """The account's display name; its passport where the server has told none."""
        return self._core.display_name

    @property
    def profile(self) -> Profile:
        """The fields of the server's first MSG; empty until it has come."""
        return self._core.profile

    @property
    def ended(self) -> SignInError | None:
        """Why the session is over, or None while it lives."""
        return self._core.ended

    async def wait_profile(self, timeout: float = 2.0) -> Profile:
        """Return `profile` once it has come; empty when it has not within `timeout` seconds."""
        with suppress(SignInError):
            await self._wait_until(lambda: bool(self._core.profile), timeout, "profile")
        return self._core.profile

    async def send(self, verb: str, *args: str, payload: bytes | None = None) -> int | None:
        """Send a command; return its transaction id, or None for PNG and OUT, which have none.

        Raises:
            LocalProtocolError: it is no command.
            SessionEnded, ConnectionFailed: the session is over.
        """
        command = self._core.command(verb, args, payload)
        await self._write(command)
        return command.trid

    async def request(
        self, verb: str, *args: str, payload: bytes | None = None, timeout: float | None = None
    ) -> Command:
        """Send a command and return the reply that carries its transaction id.

        Raises:
            CommandRefused: the reply is an error code.
            SignInTimeout: none came within `timeout` seconds (the sign-in's by default).
            LocalProtocolError, SessionEnded, ConnectionFailed: as `send`.
        """
        patience = self._timeout if timeout is None else timeout
        command = self._core.command(verb, args, payload)
        reply_to = self._core.expect(command)
        replies = self._core.replies
        try:
            await self._write(command)
            await self._wait_until(
                lambda: replies[reply_to] is not None, patience, f"reply to {verb}"
            )
        finally:
            reply = replies.pop(reply_to)
        assert reply is not None  # _wait_until returned
        if reply.code is not None:
            raise refusal_for_code(reply.code, verb, server=self.server)
        return reply

    async def receive(self, timeout: float | None = None) -> Command:
        """Return the next command of the server; wait for it, `timeout` seconds or without end.

        Raises:
            SignInTimeout: none came in time.
            SessionEnded, ConnectionFailed, RemoteProtocolError: the session is over, and all
                that came before was received.
        """
        await self._wait_until(lambda: bool(self._waiting), timeout, "command")
        command = self._waiting.popleft()
        self._changed.set()
        return command

    async def __aiter__(self) -> AsyncIterator[Command]:
        """Yield commands until the session ends.

        Raises:
            ConnectionFailed, RemoteProtocolError: it ended otherwise than by OUT or `close`.
        """
        while True:
            try:
                command = await self.receive()
            except SessionEnded:
                return
            yield command

    async def renew(self) -> dict[str, Ticket]:
        """Get new tickets for the same addresses, without a new connection; they replace `tickets`.

        Raises:
            LocalProtocolError: the tickets did not come by RST: nothing else can be renewed.
            SignInError: as `msnpauth.sign_in`.
        """
        if self._renew is None:
            raise LocalProtocolError("this session knows no way to new tickets")
        self.tickets = await self._renew()
        return self.tickets

    async def detach(self) -> Detached:
        """Take the connection out, for somebody else to go on with; the session is over.

        Raises:
            SessionEnded, ConnectionFailed: it was over already.
        """
        if self._core.ended is not None:
            raise self._core.ended
        await self._stop_task()
        self._core.end(SessionEnded("detached", reason="detached", server=self.server))
        pending = tuple(self._waiting)
        self._waiting.clear()
        self._changed.set()
        streams = (self._reader, self._writer)
        return Detached(streams, pending, self._core.unread, self._core.next_trid)

    async def close(self) -> None:
        """Say OUT and close the connection. More than once does no harm."""
        alive = self._core.ended is None
        self._core.end(self._core.closed_here())
        self._changed.set()
        await self._stop_task()
        if alive:
            goodbye = Command("OUT")
            trace.sent([goodbye])
            with suppress(OSError, TimeoutError):
                self._writer.write(goodbye.encode())
                async with asyncio.timeout(_GOODBYE_PATIENCE):
                    await self._writer.drain()
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_PATIENCE):
                await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "over" if self._core.ended else "alive"
        return f"<Session of {self.passport!r} at {self.server}, MSNP{self.dialect}, {state}>"

    # --- inside --------------------------------------------------------------------------------

    async def _wait_until(self, come: Callable[[], bool], timeout: float | None, what: str) -> None:
        """Wait until something has come or the session is over."""
        try:
            async with asyncio.timeout(timeout):
                while not come():
                    if self._core.ended is not None:
                        raise self._core.ended
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            if isinstance(error, SignInError):
                raise
            text = f"no {what} within {timeout:g} seconds"
            raise SignInTimeout(text, step=Step.SESSION, server=self.server, hint="") from None

    async def _write(self, command: Command) -> None:
        trace.sent([command])
        try:
            self._writer.write(command.encode())
            async with asyncio.timeout(self._timeout):
                await self._writer.drain()
        except TimeoutError:
            text = f"nothing could be sent for {self._timeout:g} seconds"
            self._end(ConnectionFailed(text, step=Step.SESSION, server=self.server))
        except OSError as problem:
            self._end(network_error(problem, Step.SESSION, self.server))
        else:
            self._core.sent(self._loop.time())
            return
        assert self._core.ended is not None  # _end saw to it
        raise self._core.ended from None

    def _end(self, error: SignInError) -> None:
        self._core.end(error)
        self._changed.set()

    async def _read(self) -> None:
        while self._core.ended is None:
            while len(self._waiting) >= _MAX_WAITING:
                # Leave unread what nobody takes: it is not to fill the memory.
                self._changed.clear()
                await self._changed.wait()
            idle = max(0.0, self._core.wake_at - self._loop.time())
            try:
                async with asyncio.timeout(idle):
                    data: bytes | None = await self._reader.read(_CHUNK)
            except TimeoutError:
                data = None
            except OSError as problem:
                self._end(network_error(problem, Step.SESSION, self.server))
                return
            self._take(data)

    def _take(self, data: bytes | None) -> None:
        """Hand bytes to the core, the commands to who waits, and the core's own to the server."""
        now = self._loop.time()
        self._waiting += self._core.receive(data, now)
        self._core.tick(now)
        to_send, self._core.to_send = self._core.to_send, []
        if to_send:
            trace.sent(to_send)
            self._writer.write(b"".join(command.encode() for command in to_send))
            self._core.sent(now)
        self._changed.set()

    async def _stop_task(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

"""A signed-in connection on asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from ..core.actions import SignedIn
from ..core.comeback import comes_back, is_move
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
from ..core.urls import Address
from ..reconnect import Reconnect
from .link import Link
from .network import Streams

__all__ = ["Detached", "Session"]

_MAX_WAITING = 10_000


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


class Entry(Protocol):
    """The way in that a session came, to be gone again."""

    async def enter(self, at: Address | None, first_trid: int) -> tuple[Streams, SignedIn]:
        """Sign in, at that notification server if one is named."""

    async def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""


class Session:
    """A signed-in connection to a notification server; see `msnpauth.Session`.

    A task reads it all the while. Unlike there, `profile` does not wait: `wait_profile` does.
    """

    passport: str
    dialect: int
    server: str
    ticket: Ticket | None
    tickets: dict[str, Ticket]

    def __init__(
        self,
        streams: Streams,
        signed_in: SignedIn,
        *,
        product: tuple[str, str] | None = None,
        timeout: float = 30.0,
        entry: Entry | None = None,
        reconnect: Reconnect | None = None,
    ) -> None:
        self._entry = entry
        self._reconnect = reconnect
        self._product = product
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Command] = deque()
        self._changed = asyncio.Event()
        self._final: SignInError | None = None
        self._begin(streams, SessionCore(signed_in, now=self._loop.time(), product=product))
        self._take(None)
        self._task = asyncio.create_task(self._run(), name="msnpauth-session")

    @property
    def display_name(self) -> str:
        """The account's display name; its passport where the server has told none."""
        return self._link.core.display_name

    @property
    def profile(self) -> Profile:
        """The fields of the server's first MSG; empty until it has come."""
        return self._link.core.profile

    @property
    def ended(self) -> SignInError | None:
        """Why the session is over, or None while it lives or is coming back."""
        return self._over()

    async def wait_profile(self, timeout: float = 2.0) -> Profile:
        """Return `profile` once it has come; empty when it has not within `timeout` seconds."""
        with suppress(SignInError):
            await self._wait_until(lambda: bool(self.profile), self._over, timeout, "profile")
        return self.profile

    async def send(self, verb: str, *args: str, payload: bytes | None = None) -> int | None:
        """Send a command; return its transaction id, or None for PNG and OUT, which have none.

        Raises:
            LocalProtocolError: it is no command.
            SessionEnded, ConnectionFailed: the session is over.
        """
        return (await self._link.send(verb, args, payload)).trid

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
        link = self._link
        trid = (await link.send(verb, args, payload, expect=True)).trid
        assert trid is not None  # only such commands can be expected to be answered
        core, replies = link.core, link.core.replies
        try:
            await self._wait_until(
                lambda: replies[trid] is not None, lambda: core.ended, patience, f"reply to {verb}"
            )
        finally:
            reply = replies.pop(trid)
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
        await self._wait_until(lambda: bool(self._waiting), self._over, timeout, "command")
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
        if self._entry is None:
            raise LocalProtocolError("this session knows no way to new tickets")
        renewed = await self._entry.renew()
        self.tickets = renewed
        return renewed

    async def detach(self) -> Detached:
        """Take the connection out, for somebody else to go on with; the session is over.

        Raises:
            SessionEnded, ConnectionFailed: it was over already.
        """
        link = self._link
        if link.core.ended is not None:
            raise link.core.ended
        await self._stop_task()
        self._end(SessionEnded("detached", reason="detached", server=self.server))
        pending = tuple(self._waiting)
        self._waiting.clear()
        return Detached(link.streams, pending, link.core.unread, link.core.next_trid)

    async def close(self) -> None:
        """Say OUT and close the connection. More than once does no harm."""
        link = self._link
        alive = link.core.ended is None
        self._end(link.core.closed_here())
        await self._stop_task()
        if alive:
            link.goodbye()
        await link.drop()

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
        state = "over" if self._over() else "away" if self._link.core.ended else "alive"
        return f"<Session of {self.passport!r} at {self.server}, MSNP{self.dialect}, {state}>"

    # --- inside --------------------------------------------------------------------------------

    def _begin(self, streams: Streams, core: SessionCore) -> None:
        """Go on over this connection."""
        self._link = Link(streams, core, self._timeout)
        self.passport = core.passport
        self.dialect = core.dialect.number
        self.server = core.server
        self.ticket = core.ticket
        self.tickets = core.tickets

    def _over(self) -> SignInError | None:
        """Return why the session is over; None while it lives or may come back."""
        if self._final is not None:
            return self._final
        lost = self._link.core.ended
        return None if lost is None or self._may_come_back(lost) else lost

    def _may_come_back(self, lost: SignInError) -> bool:
        wanted = self._reconnect is not None
        return self._entry is not None and comes_back(lost, reconnect=wanted)

    def _end(self, why: SignInError) -> None:
        """End it for good; the first reason counts."""
        self._final = self._over() or why
        self._link.core.end(why)
        self._changed.set()

    async def _wait_until(
        self,
        come: Callable[[], bool],
        over: Callable[[], SignInError | None],
        timeout: float | None,
        what: str,
    ) -> None:
        """Wait until something has come or it no longer can."""
        try:
            async with asyncio.timeout(timeout):
                while not come():
                    if (why := over()) is not None:
                        raise why
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            if isinstance(error, SignInError):
                raise
            text = f"no {what} within {timeout:g} seconds"
            raise SignInTimeout(text, step=Step.SESSION, server=self.server, hint="") from None

    async def _run(self) -> None:
        """Read one connection after another, until the session is over."""
        while True:
            await self._read()
            if self._over() is not None:
                return
            try:
                streams, signed_in = await self._enter()
            except SignInError as error:
                self._end(error)
                return
            except Exception as fault:  # noqa: BLE001 - handed to who waits for the session
                text = "signing in again met a fault of the transport"
                failed = ConnectionFailed(text, step=Step.SESSION, server=self.server)
                failed.__cause__ = fault
                self._end(failed)
                return
            before, now = self._link.core, self._loop.time()
            core = SessionCore(signed_in, now=now, product=self._product, before=before)
            self._begin(streams, core)
            self._take(None)

    async def _enter(self) -> tuple[Streams, SignedIn]:
        """Sign in again: where the server sends us, or as the policy has it."""
        core = self._link.core
        lost, first_trid = core.ended, core.next_trid
        assert lost is not None  # the connection was read to its end
        assert self._entry is not None  # or the session would be over
        enter = self._entry.enter
        await self._link.drop()
        if is_move(lost):
            try:
                return await enter(lost.moved_to, first_trid)
            except SignInError as error:
                lost = error
        if self._reconnect is None:
            raise lost
        return await self._reconnect.run_async(
            lost, lambda: enter(None, first_trid), short_lives=core.short_lives
        )

    async def _read(self) -> None:
        """Read the connection to its end."""
        link = self._link
        while link.core.ended is None:
            while len(self._waiting) >= _MAX_WAITING:
                # Leave unread what nobody takes: it is not to fill the memory.
                self._changed.clear()
                await self._changed.wait()
            self._take(await link.read())

    def _take(self, data: bytes | None) -> None:
        """Hand bytes to the core, the commands to who waits, and the core's own to the server."""
        link, now = self._link, self._loop.time()
        self._waiting += link.core.receive(data, now)
        link.core.tick(now)
        link.send_own()
        self._changed.set()

    async def _stop_task(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

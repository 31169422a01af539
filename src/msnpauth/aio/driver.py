"""A sign-in on asyncio: performs the actions of `SignIn`, and decides nothing itself."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from ..core.client.actions import Action, Connect, Done, Failed, Fetch, Prepare, Send, SignedIn
from ..core.client.comeback import Comeback
from ..core.client.sign_in import SignIn
from ..core.errors import LocalProtocolError, SignInError, Step
from ..core.secrets import Secret
from ..core.servers import Servers
from ..core.tickets.exchange import Exchange, Response
from ..core.tickets.ticket import Ticket
from ..core.urls import Address
from ..core.wire.commands import Command
from ..net.deadline import Deadline
from ..net.names import network_error
from ..options import AsyncOptions, Plan, plan
from ..store.remembering import PATIENCE, tag_for
from ..transports import AsyncTransport, make_async_transport
from ..watch import Watch
from .connection import Connection
from .exchange import fetch_watched, run_exchange
from .remembering import note, recall

if TYPE_CHECKING:
    from ..core.client.session_actions import Consult
    from ..store.caches import AsyncTicketCache, TicketCache
    from .session import Session

__all__ = ["Entering"]

T = TypeVar("T")


class Entering:
    """A sign-in that has not begun; the arguments are those of `sign_in`."""

    def __init__(
        self, passport: str, password: Secret, servers: Servers, options: AsyncOptions
    ) -> None:
        self._plan = plan(passport, password, servers, options, AsyncOptions.__optional_keys__)
        self._entry = _Entry(self._plan, options.get("cache"), options.get("transport"))

    async def enter(self) -> Session:
        """Sign in."""
        connection, signed_in = await self._first_entered()
        from .session import Session  # the sign-in imported it while it waited

        return Session(
            connection,
            signed_in,
            entry=self._entry,
            reconnect=self._plan.reconnect,
            product=self._plan.product,
            timeout=self._plan.timeout,
            receive=self._plan.receive,
            watch=self._plan.watch,
        )

    async def _first_entered(self) -> tuple[Connection, SignedIn]:
        """Sign in for the first time; repeat it after a failure if the policy demands that."""
        policy = self._plan.reconnect
        comeback = Comeback(policy if policy is not None and policy.from_start else None)
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await self._entry.enter()
            except LocalProtocolError:
                raise  # the caller's mistake, which another attempt would not correct
            except SignInError as error:
                pause = comeback.after_failure(error, loop.time())
                self._plan.watch.failed(error, pause)
                if pause is None:
                    raise
            await asyncio.sleep(pause)


class _Entry:
    """Signs one account in to one network; a session uses it again to reconnect."""

    def __init__(
        self,
        made: Plan,
        cache: TicketCache | AsyncTicketCache | None,
        transport: str | AsyncTransport | None,
    ) -> None:
        self._machine = made.machine
        self._password = made.password
        self._cache = cache
        self._entered = False
        self._given = transport
        self._settings = (transport, *made.tls, made.watch, made.fast_open)
        self._fast_open = made.fast_open
        self._timeout = made.timeout
        self._watch = made.watch

    async def enter(
        self, at: Address | None = None, first_trid: int = 1
    ) -> tuple[Connection, SignedIn]:
        """Sign in; return the connection, and the data of the sign-in."""
        deadline, began = Deadline(self._timeout), time.monotonic()
        keys = self._machine.keys(tag_for(self._cache, self._password))
        patience = min(PATIENCE, self._timeout)
        kept = keys.load(await recall(self._cache, keys.all(), patience))
        if self._entered:
            machine = self._machine.again(at=at, first_trid=first_trid)
        else:
            machine = self._machine.again(memory=kept)
        try:
            connection, signed_in = await self._drive(machine, deadline)
        except BaseException:
            machine.give_up()
            await note(self._cache, keys.changes(kept, machine.memory))
            raise
        try:
            await note(self._cache, keys.changes(kept, machine.memory))
        except BaseException:  # cancelled: nobody will take the connection
            connection.drop()
            raise
        self._machine, self._entered = machine, True
        self._watch.signed_in(str(machine.server), began)
        return connection, signed_in

    async def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""
        return await self._carry(self._machine.renewal())

    async def consult(self, errand: Consult) -> object:
        """Carry an exchange that the session needs; return its result."""
        return await self._carry(self._machine.consult(errand))

    async def _carry(self, exchange: Exchange[T]) -> T:
        carrier = make_async_transport(*self._settings)
        before = self._machine.memory
        try:
            return await run_exchange(exchange, carrier, Deadline(self._timeout), self._watch)
        finally:
            await self._release(carrier)
            keys = self._machine.keys(tag_for(self._cache, self._password))
            await note(self._cache, keys.changes(before, self._machine.memory))

    async def _drive(self, machine: SignIn, deadline: Deadline) -> tuple[Connection, SignedIn]:
        carrier = make_async_transport(*self._settings)
        driver = _Driver(machine, carrier, deadline, self._watch, fast_open=self._fast_open)
        try:
            signed_in = await driver.run()
            return driver.take_connection(), signed_in
        finally:
            try:
                await driver.close()
            finally:
                await self._release(carrier)

    async def _release(self, carrier: AsyncTransport) -> None:
        if carrier is not self._given:
            await carrier.close()


class _Driver:
    """Performs a sign-in: tasks talk to the servers, and put all results into one queue."""

    def __init__(
        self,
        machine: SignIn,
        transport: AsyncTransport,
        deadline: Deadline,
        watch: Watch,
        *,
        fast_open: bool = False,
    ) -> None:
        self._machine = machine
        self._watch = watch
        self._fast_open = fast_open
        self._transport = transport
        self._deadline = deadline
        self._inputs: asyncio.Queue[Callable[[], list[Action]]] = asyncio.Queue()
        self._connection: Connection | None = None
        self._listener: asyncio.Task[None] | None = None
        self._unsent: list[Command] = []
        """The commands to send as soon as there is a connection."""
        self._heard: deque[bytes | SignInError] = deque()
        """Data and errors of the listener that the machine has not received yet."""
        self._stands = False
        """True once a requested connection has been prepared."""
        self._carrying = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> SignedIn:
        """Return the result of the sign-in machine, or raise its failure."""
        # The deadline is one more input of the queue: a timer for each wait would cost more.
        left, put = self._deadline.remaining(), self._inputs.put_nowait
        late = asyncio.get_running_loop().call_later(left, put, self._late)
        try:
            return await self._perform(self._machine.start())
        finally:
            late.cancel()

    async def _perform(self, pending: list[Action]) -> SignedIn:
        while True:
            for action in pending:
                self._watch.acted(action)
                match action:
                    case Done(result):
                        return await self._handed_over(result)
                    case Failed(error):
                        raise error
                    case Connect(address):
                        await self._drop()
                        listening = self._listen(address)
                        self._listener = asyncio.create_task(listening, name="msnpauth-listener")
                    case Send(commands):
                        if self._connection is None:
                            self._unsent += commands
                        else:
                            self._connection.write(commands)
                    case Prepare() | Fetch():
                        task = asyncio.create_task(self._carry(action))
                        self._tasks.add(task)
                        task.add_done_callback(self._tasks.discard)
            pending = await self._wait()

    def take_connection(self) -> Connection:
        """Return the notification connection; the caller owns it from now on."""
        assert self._connection is not None  # run() returned
        connection, self._connection = self._connection, None
        return connection

    async def close(self) -> None:
        """Release all resources that are still held."""
        await self._drop()
        for task in (tasks := list(self._tasks)):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _drop(self) -> None:
        """Drop the notification connection, or the attempt to make one."""
        await self._stop_listening()
        self._unsent.clear()
        self._heard.clear()
        if self._connection is not None:
            self._connection.drop()
            self._connection = None

    async def _handed_over(self, result: SignedIn) -> SignedIn:
        await self._stop_listening()
        # Data that was read since belongs to the session, as the machine has ended.
        for data in self._heard:
            if isinstance(data, bytes):
                result.reader.feed(data)
        return result

    async def _wait(self) -> list[Action]:
        """Wait for the next input, and return the machine's next actions."""
        try:
            async with asyncio.timeout(self._machine.patience):
                come = await self._inputs.get()
        except TimeoutError:
            return self._machine.silence()
        return come()

    def _late(self) -> list[Action]:
        raise self._machine.timed_out(self._deadline.timeout)

    async def _listen(self, address: Address) -> None:
        """Connect to a notification server, and pass its data to the machine."""
        try:
            connection = await Connection.open(
                address, self._deadline, self._watch, fast_open=self._fast_open
            )
            self._connection = connection
            connection.write(self._unsent)
            self._unsent.clear()
            if self._stands:
                self._inputs.put_nowait(lambda: self._machine.connected(https_stands=True))
            # While the server works on the commands, the modules for the next steps are loaded.
            self._machine.load()
            import_module(".session", __package__)
            while data := await connection.read():
                self._hear(data)
            self._hear(b"")
        except SignInError as error:
            self._hear(error)
        except Exception as problem:  # noqa: BLE001 - otherwise nobody would notice it
            self._hear(network_error(problem, Step.NOTIFICATION, str(address)))

    async def _stop_listening(self) -> None:
        """Stop reading; the connection stays."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            await asyncio.wait({listener})

    def _hear(self, heard: bytes | SignInError) -> None:
        listener = self._listener
        self._heard.append(heard)
        self._inputs.put_nowait(lambda: self._take(listener))

    def _take(self, listener: asyncio.Task[None] | None) -> list[Action]:
        if listener is not self._listener:
            return []  # the data of a connection that was dropped meanwhile
        heard = self._heard.popleft()
        if isinstance(heard, SignInError):
            return self._machine.connection_failed(heard)
        return self._machine.receive_data(heard)

    async def _carry(self, action: Prepare | Fetch) -> None:
        """Perform the action after all earlier ones; put the answer in the queue."""
        async with self._carrying:
            if isinstance(action, Prepare):
                # If it fails, the Fetch will fail in the same way, and report it.
                with suppress(Exception):
                    await self._transport.prepare(action.url, self._deadline.remaining())
                    self._stands = True
                return
            outcome = await self._fetched(action)
        if self._deadline.is_all_that(outcome):
            self._inputs.put_nowait(self._late)
            return
        fetch_id = action.id
        self._inputs.put_nowait(lambda: self._machine.receive_response(fetch_id, outcome))

    async def _fetched(self, action: Fetch) -> Response | SignInError:
        try:
            return await fetch_watched(self._transport, action.request, self._deadline, self._watch)
        except SignInError as error:
            return error

"""A sign-in on blocking sockets: performs the actions of `SignIn`, and decides nothing itself."""

from __future__ import annotations

import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from ..core.client.actions import Action, Connect, Done, Failed, Fetch, Prepare, Send, SignedIn
from ..core.client.comeback import Comeback
from ..core.client.sign_in import SignIn
from ..core.errors import ConnectionFailed, LocalProtocolError, SignInError, Step
from ..core.secrets import Secret
from ..core.servers import Servers
from ..core.tickets.exchange import Exchange, Response
from ..core.tickets.ticket import Ticket
from ..core.urls import Address
from ..net.deadline import Deadline
from ..net.names import network_error
from ..options import Options, Plan, plan
from ..store.remembering import PATIENCE, tag_for
from ..transports import Transport, make_transport
from ..watch import Watch
from .connection import Connection
from .exchange import fetch_watched, run_exchange
from .remembering import note, recall

if TYPE_CHECKING:
    from ..core.client.session_actions import Consult
    from ..store.caches import TicketCache
    from .session import Session

__all__ = ["enter"]

_JOIN_PATIENCE = 0.25

T = TypeVar("T")


def enter(passport: str, password: Secret, servers: Servers, options: Options) -> Session:
    """Sign in; the arguments are those of `sign_in`."""
    made = plan(passport, password, servers, options, Options.__optional_keys__)
    entry = _Entry(made, options.get("cache"), options.get("transport"))
    connection, signed_in = _first_entered(entry, made)
    from .session import Session  # the sign-in imported it while it waited

    return Session(
        connection,
        signed_in,
        entry=entry,
        reconnect=made.reconnect,
        product=made.product,
        timeout=made.timeout,
        receive=made.receive,
        watch=made.watch,
    )


def _first_entered(entry: _Entry, made: Plan) -> tuple[Connection, SignedIn]:
    """Sign in for the first time; repeat it after a failure if the policy demands that."""
    policy = made.reconnect
    comeback = Comeback(policy if policy is not None and policy.from_start else None)
    while True:
        try:
            return entry.enter()
        except LocalProtocolError:
            raise  # the caller's mistake, which another attempt would not correct
        except SignInError as error:
            pause = comeback.after_failure(error, time.monotonic())
            made.watch.failed(error, pause)
            if pause is None:
                raise
        time.sleep(pause)


class _Entry:
    """Signs one account in to one network; a session uses it again to reconnect."""

    def __init__(
        self, made: Plan, cache: TicketCache | None, transport: str | Transport | None
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
        self._aborted = False
        self._driver: _Driver | None = None

    def enter(self, at: Address | None = None, first_trid: int = 1) -> tuple[Connection, SignedIn]:
        """Sign in; return the connection, and the data of the sign-in."""
        deadline, began = Deadline(self._timeout), time.monotonic()
        keys = self._machine.keys(tag_for(self._cache, self._password))
        patience = min(PATIENCE, self._timeout)
        kept = keys.load(recall(self._cache, keys.all(), patience))
        if self._entered:
            machine = self._machine.again(at=at, first_trid=first_trid)
        else:
            machine = self._machine.again(memory=kept)
        try:
            connection, signed_in = self._drive(machine, deadline)
        finally:
            machine.give_up()
            note(self._cache, keys.changes(kept, machine.memory))
        self._machine, self._entered = machine, True
        self._watch.signed_in(str(machine.server), began)
        return connection, signed_in

    def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""
        return self._carry(self._machine.renewal())

    def consult(self, errand: Consult) -> object:
        """Carry an exchange that the session needs; return its result."""
        return self._carry(self._machine.consult(errand))

    def _carry(self, exchange: Exchange[T]) -> T:
        carrier = make_transport(*self._settings)
        before = self._machine.memory
        try:
            return run_exchange(exchange, carrier, Deadline(self._timeout), self._watch)
        finally:
            self._release(carrier)
            keys = self._machine.keys(tag_for(self._cache, self._password))
            note(self._cache, keys.changes(before, self._machine.memory))

    def abort(self) -> None:
        """Make an `enter` that runs in another thread fail at once, for good."""
        self._aborted = True
        driver = self._driver
        if driver is not None:
            driver.abort()

    def _drive(self, machine: SignIn, deadline: Deadline) -> tuple[Connection, SignedIn]:
        carrier = make_transport(*self._settings)
        try:
            driver = self._driver = _Driver(
                machine, carrier, deadline, self._watch, fast_open=self._fast_open
            )
            try:
                if self._aborted:
                    driver.abort()
                signed_in = driver.run()
                return driver.take_connection(), signed_in
            finally:
                self._driver = None
                driver.close()
                self._release(carrier)  # the HTTPS thread may be waiting in it
                driver.join()
        except BaseException:
            self._release(carrier)
            raise

    def _release(self, carrier: Transport) -> None:
        if carrier is not self._given:
            carrier.close()


class _Driver:
    """Performs a sign-in: this thread talks to the notification server, another carries HTTPS.

    Raises:
        ConnectionFailed: there is no descriptor, or no thread, left for it.
    """

    def __init__(
        self,
        machine: SignIn,
        transport: Transport,
        deadline: Deadline,
        watch: Watch,
        *,
        fast_open: bool = False,
    ) -> None:
        self._machine = machine
        self._deadline = deadline
        self._watch = watch
        self._fast_open = fast_open
        self._connection: Connection | None = None
        self._selector = _made(selectors.DefaultSelector)
        try:
            self._https = _made(lambda: _HttpsThread(transport, deadline, watch))
            self._selector.register(self._https.ready, selectors.EVENT_READ)
        except BaseException:
            self._selector.close()
            raise

    def run(self) -> SignedIn:
        """Return the result of the sign-in machine, or raise its failure."""
        pending: list[Action] = self._machine.start()
        while True:
            while pending:
                action = pending.pop(0)
                self._watch.acted(action)
                match action:
                    case Done(result):
                        return result
                    case Failed(error):
                        raise error
                    case Connect() | Send():
                        pending += self._talk(action)
                    case Prepare() | Fetch():
                        self._https.perform(action)
            pending = self._wait()

    def take_connection(self) -> Connection:
        """Return the notification connection; the caller owns it from now on."""
        assert self._connection is not None  # run() returned
        connection, self._connection = self._connection, None
        return connection

    def abort(self) -> None:
        """Make `run`, which another thread is in, fail at once."""
        self._https.abort()

    def close(self) -> None:
        """Release all resources that are still held."""
        self._https.close()
        self._selector.close()
        if self._connection is not None:
            self._connection.drop()

    def join(self) -> None:
        """Wait a moment for the HTTPS thread; a blocked one ends by itself at the deadline."""
        self._https.join()

    def _talk(self, action: Connect | Send) -> list[Action]:
        """Connect or send; return the machine's next actions."""
        try:
            if isinstance(action, Connect):
                self._drop()
                connection = Connection.open(
                    action.address, self._deadline, self._watch, fast_open=self._fast_open
                )
                self._connection = connection
                self._selector.register(connection.sock, selectors.EVENT_READ)
                return self._machine.connected(https_stands=self._https.stands)
            if self._connection is not None:  # otherwise it has just failed
                self._send(action, self._connection)
                # While the server works on the commands, the modules for the next steps are loaded.
                self._machine.load()
                import_module(".session", __package__)
        except SignInError as error:
            return self._machine.connection_failed(error)
        return []

    def _send(self, action: Send, connection: Connection) -> None:
        connection.sock.settimeout(self._deadline.check(connection.step, connection.server))
        try:
            connection.write(action.commands)
        except SignInError as problem:
            error = problem
        else:
            return
        # A write that used up all the remaining time is reported as the deadline's error.
        self._deadline.check(connection.step, connection.server)
        raise error

    def _drop(self) -> None:
        if self._connection is not None:
            self._selector.unregister(self._connection.sock)
            self._connection.drop()
            self._connection = None

    def _wait(self) -> list[Action]:
        """Wait for data on either connection, and return the machine's next actions."""
        left = self._deadline.remaining()
        if left <= 0:
            raise self._machine.timed_out(self._deadline.timeout)
        patience = self._machine.patience
        ready = self._selector.select(left if patience is None else min(left, patience))
        if not ready:
            return self._machine.silence() if patience is not None and patience < left else []
        if any(key.fileobj is self._https.ready for key, _ in ready):
            fetch_id, outcome = self._https.take(str(self._machine.server))
            if self._deadline.is_all_that(outcome):
                raise self._machine.timed_out(self._deadline.timeout)
            return self._machine.receive_response(fetch_id, outcome)
        return self._receive()

    def _receive(self) -> list[Action]:
        assert self._connection is not None  # the selector holds it
        try:
            data = self._connection.read()
        except SignInError as error:
            return self._machine.connection_failed(error)
        if not data:
            self._drop()
        return self._machine.receive_data(data)


class _HttpsThread:
    """Performs Prepare and Fetch one after another; `ready` becomes readable at each answer."""

    def __init__(self, transport: Transport, deadline: Deadline, watch: Watch) -> None:
        self._transport = transport
        self._watch = watch
        self._deadline = deadline
        self._jobs: queue.SimpleQueue[Prepare | Fetch | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[tuple[int, Response | SignInError] | None] = (
            queue.SimpleQueue()
        )
        self.stands = False
        """True once a requested connection has been prepared."""
        self.ready, self._done = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="msnpauth-https", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            self.ready.close()
            self._done.close()
            raise

    def perform(self, action: Prepare | Fetch) -> None:
        self._jobs.put(action)

    def take(self, server: str) -> tuple[int, Response | SignInError]:
        """Return the next answer.

        Raises:
            ConnectionFailed: the session has been closed meanwhile.
        """
        self.ready.recv(1)
        outcome = self._outcomes.get_nowait()
        if outcome is None:
            text = "the sign-in was given up"
            raise ConnectionFailed(text, step=Step.NOTIFICATION, server=server, hint="")
        return outcome

    def abort(self) -> None:
        """Make a thread that waits for an answer receive an error instead."""
        self._tell(None)

    def close(self) -> None:
        self._jobs.put(None)

    def join(self) -> None:
        self._thread.join(_JOIN_PATIENCE)

    def _tell(self, outcome: tuple[int, Response | SignInError] | None) -> None:
        self._outcomes.put(outcome)
        with suppress(OSError):  # no thread waits any more
            self._done.send(b"!")

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                if isinstance(job, Fetch):
                    self._tell((job.id, self._fetch(job)))
                else:
                    self._prepare(job)
        finally:
            self.ready.close()
            self._done.close()

    def _fetch(self, job: Fetch) -> Response | SignInError:
        try:
            return fetch_watched(self._transport, job.request, self._deadline, self._watch)
        except SignInError as error:
            return error

    def _prepare(self, job: Prepare) -> None:
        left = self._deadline.remaining()
        if left > 0:
            # If it fails, the Fetch will fail in the same way, and report it.
            with suppress(Exception):
                self._transport.prepare(job.url, left)
                self.stands = True


def _made(make: Callable[[], T]) -> T:
    """Return the result of `make`, which needs descriptors or threads: none may be left.

    Raises:
        ConnectionFailed: none is left.
    """
    try:
        return make()
    except (OSError, RuntimeError) as problem:
        error = network_error(problem, Step.NOTIFICATION, "this machine")
    raise error

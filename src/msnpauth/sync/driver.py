"""sign_in on blocking sockets: performs what `SignIn` asks for, and decides nothing."""

from __future__ import annotations

import os
import queue
import selectors
import socket
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import trace
from ..core.actions import Action, Connect, Done, Failed, Fetch, Prepare, Send, SignedIn
from ..core.errors import SignInError, Step
from ..core.http import Response
from ..core.secrets import Secret
from ..core.servers import Servers
from ..core.sign_in import SignIn
from ..core.tickets import Ticket, TicketCache
from ..core.urls import Address
from ..deadline import Deadline, check_timeout
from ..machine import machine_guid
from ..network import network_error
from ..reconnect import Reconnect, check_reconnect
from ..transports import Transport, make_transport
from .auth import fetch_traced, run_exchange
from .network import connect_tcp
from .session import Session

if TYPE_CHECKING:
    import ssl

__all__ = ["sign_in"]

_CHUNK = 16 * 1024
_JOIN_PATIENCE = 0.25


def sign_in(
    passport: str,
    password: str | Secret,
    servers: Servers,
    *,
    scheme: str | None = None,
    dialects: Iterable[int] | None = None,
    tickets: Iterable[str] = (),
    guid: str | None = None,
    cache: TicketCache | None = None,
    transport: str | Transport | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    timeout: float = 30.0,
    pipeline: bool = True,
    product: tuple[str, str] | None = None,
    reconnect: Reconnect | bool | None = None,
) -> Session:
    """Sign in; the session is a context manager that says OUT at its end.

    Args:
        passport: the account's address.
        password: its password, as text or `Secret`.
        servers: where the network's servers are.
        scheme: `SSO`, `TWN` or `MD5`; by default the best that the servers allow, never MD5
            unless `Servers(schemes=…)` says so.
        dialects: MSNP versions to offer, all of one scheme; those in use by default.
        tickets: addresses to ask the RST for besides, such as `contacts.msn.com`.
        guid: the machine's, for MSNP16 and on; one that stays the same by default.
        cache: remembers tickets until they expire, and which servers to ask: see `TicketCache`.
        transport: what carries the HTTPS part: `sockets`, `curl`, `httpx` or a `Transport`.
        ca_file: certificates to trust, in PEM, instead of the system's.
        ssl_context: TLS settings of your own.
        timeout: seconds for the whole sign-in.
        pipeline: send VER, CVR and USR in one flight; False for a server that cannot take it.
        product: id and key that answer a CHL; by default those of a client of that version.
        reconnect: when and how to sign in again once the connection is lost, True for the default
            `Reconnect()`; never by default.

    Raises:
        SignInError: whichever of its kinds; see `msnpauth.core.errors`.
    """
    policy = check_reconnect(reconnect)
    machine = SignIn(
        passport,
        password,
        servers,
        scheme=scheme,
        dialects=dialects,
        tickets=tickets,
        guid=guid or machine_guid(),
        cache=cache,
        pipeline=pipeline,
        observe=trace.observer(),
    )
    entry = _Entry(machine, (transport, ca_file, ssl_context), check_timeout(timeout))
    sock, signed_in = entry.enter()
    return Session(sock, signed_in, entry=entry, reconnect=policy, product=product, timeout=timeout)


class _Entry:
    """The way in: a session goes it again when it has to."""

    def __init__(
        self,
        machine: SignIn,
        transport: tuple[
            str | Transport | None, str | os.PathLike[str] | None, ssl.SSLContext | None
        ],
        timeout: float,
    ) -> None:
        self._machine = machine
        self._entered = False
        self._settings = transport
        self._timeout = timeout

    def enter(
        self, at: Address | None = None, first_trid: int = 1
    ) -> tuple[socket.socket, SignedIn]:
        """Sign in; return the connection and what is known of it."""
        deadline = Deadline(self._timeout)
        machine = self._machine
        if self._entered:
            machine = machine.again(at=at, first_trid=first_trid)
        self._entered = True
        carrier = make_transport(*self._settings)
        driver = _Driver(machine, carrier, deadline)
        try:
            signed_in = driver.run()
            self._machine = machine
            return driver.take_socket(), signed_in
        finally:
            driver.close()
            self._release(carrier)
            driver.join()

    def renew(self) -> dict[str, Ticket]:
        """Return new tickets, without a new connection."""
        carrier = make_transport(*self._settings)
        try:
            return run_exchange(self._machine.renewal(), carrier, Deadline(self._timeout))
        finally:
            self._release(carrier)

    def _release(self, carrier: Transport) -> None:
        if carrier is not self._settings[0]:
            carrier.close()


class _Driver:
    """Two threads: this one talks to the notification server, the other carries HTTPS."""

    def __init__(self, machine: SignIn, transport: Transport, deadline: Deadline) -> None:
        self._machine = machine
        self._deadline = deadline
        self._sock: socket.socket | None = None
        self._https = _HttpsThread(transport, deadline)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._https.ready, selectors.EVENT_READ)

    def run(self) -> SignedIn:
        """Return what the machine ends in, or raise its failure."""
        pending: list[Action] = self._machine.start()
        while True:
            while pending:
                action = pending.pop(0)
                trace.acted(action)
                match action:
                    case Done(result):
                        return result
                    case Failed(error):
                        raise error
                    case Connect() | Send():
                        try:
                            self._talk(action)
                        except SignInError as error:
                            pending = self._machine.connection_failed(error)
                    case Prepare() | Fetch():
                        self._https.perform(action)
            pending = self._wait()

    def take_socket(self) -> socket.socket:
        """Return the notification connection; it is the caller's from now on."""
        assert self._sock is not None  # run() returned
        sock, self._sock = self._sock, None
        return sock

    def close(self) -> None:
        """Let go of what is still held."""
        self._https.close()
        self._selector.close()
        if self._sock is not None:
            self._sock.close()

    def join(self) -> None:
        """Wait a moment for the HTTPS thread; one that is held up ends by the deadline."""
        self._https.join()

    def _talk(self, action: Connect | Send) -> None:
        if isinstance(action, Connect):
            self._drop()
            self._sock = connect_tcp(action.address, self._deadline, Step.NOTIFICATION)
            self._selector.register(self._sock, selectors.EVENT_READ)
            return
        assert self._sock is not None  # Send comes behind a Connect
        server = str(self._machine.server)
        try:
            self._sock.settimeout(self._deadline.check(Step.NOTIFICATION, server))
            self._sock.sendall(action.encode())
        except TimeoutError as error:
            if isinstance(error, SignInError):
                raise
            raise self._deadline.passed(Step.NOTIFICATION, server) from None
        except OSError as error:
            raise network_error(error, Step.NOTIFICATION, server) from None

    def _drop(self) -> None:
        if self._sock is not None:
            self._selector.unregister(self._sock)
            self._sock.close()
            self._sock = None

    def _wait(self) -> list[Action]:
        """Wait for either connection, and return what the machine makes of it."""
        left = self._deadline.remaining()
        if left <= 0:
            raise self._machine.timed_out(self._deadline.timeout)
        patience = self._machine.patience
        ready = self._selector.select(left if patience is None else min(left, patience))
        if not ready:
            return self._machine.silence() if patience is not None and patience < left else []
        if any(key.fileobj is self._https.ready for key, _ in ready):
            fetch_id, outcome = self._https.take()
            return self._machine.receive_response(fetch_id, outcome)
        return self._receive()

    def _receive(self) -> list[Action]:
        assert self._sock is not None  # the selector holds it
        try:
            data = self._sock.recv(_CHUNK)
        except OSError as error:
            server = str(self._machine.server)
            return self._machine.connection_failed(network_error(error, Step.NOTIFICATION, server))
        if not data:
            self._selector.unregister(self._sock)
            self._sock.close()
            self._sock = None
        return self._machine.receive_data(data)


class _HttpsThread:
    """Performs Prepare and Fetch one after another; `ready` turns readable at each answer."""

    def __init__(self, transport: Transport, deadline: Deadline) -> None:
        self._transport = transport
        self._deadline = deadline
        self._jobs: queue.SimpleQueue[Prepare | Fetch | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[tuple[int, Response | BaseException]] = (
            queue.SimpleQueue()
        )
        self.ready, self._done = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="msnpauth-https", daemon=True)
        self._thread.start()

    def perform(self, action: Prepare | Fetch) -> None:
        self._jobs.put(action)

    def take(self) -> tuple[int, Response | SignInError]:
        """Return the next answer; a fault of the carrier's own code is raised here."""
        self.ready.recv(1)
        fetch_id, outcome = self._outcomes.get_nowait()
        if isinstance(outcome, Response | SignInError):
            return fetch_id, outcome
        raise outcome

    def close(self) -> None:
        self._jobs.put(None)

    def join(self) -> None:
        self._thread.join(_JOIN_PATIENCE)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                outcome: Response | BaseException | None = self._perform(job)
            except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
                outcome = error
            if isinstance(job, Fetch) and outcome is not None:
                self._outcomes.put((job.id, outcome))
                self._done.send(b"!")
        self.ready.close()
        self._done.close()

    def _perform(self, job: Prepare | Fetch) -> Response | None:
        if isinstance(job, Fetch):
            return fetch_traced(self._transport, job.request, self._deadline)
        left = self._deadline.remaining()
        if left > 0:
            self._transport.prepare(job.url, left)
        return None

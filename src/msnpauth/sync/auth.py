"""MSNPAuth: gets a ticket for a passport, a password and a challenge."""

from __future__ import annotations

import os
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..core.credentials import as_secret
from ..core.secrets import Secret
from ..core.servers import Servers
from ..core.tickets.auth import TicketRequest
from ..core.tickets.ticket import Ticket
from ..net.deadline import Deadline, check_timeout
from ..transports import Transport, make_transport, trust
from ..watch import Watch
from .exchange import run_exchange

if TYPE_CHECKING:
    import ssl

    from ..observe import Observer

__all__ = ["MSNPAuth"]


class MSNPAuth:
    """Gets a Passport 1.4 ticket for passport, password and challenge (MS-PASS 2.2).

    The constructor does no I/O. The connection stays open for the next ticket; `close()`, leaving
    a `with` block, or dropping the object closes it. One thread at a time may use it.

    Args:
        passport: the account's address.
        password: its password, as text or `Secret`.
        challenge: the fifth word of `USR n TWN S …`, or that whole line.
        servers: the addresses of login server or nexus; by default Microsoft's, by domain.
        transport: `sockets` (default), `curl`, `httpx`, or a `Transport`.
        ca_file: certificates to trust, in PEM, instead of the system's.
        ssl_context: TLS settings of your own.
        timeout: seconds for each ticket, from the beginning to the end.
        observer: is called with every event of `msnpauth.observe`, in the thread of the event.

    Raises:
        LocalProtocolError: an argument cannot be right; nothing was sent.
    """

    def __init__(
        self,
        passport: str,
        password: str | Secret,
        challenge: str,
        *,
        servers: Servers | None = None,
        transport: str | Transport | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        observer: Observer | None = None,
    ) -> None:
        password = as_secret(password)
        self._request = TicketRequest(passport, password, challenge, servers)
        self._timeout = check_timeout(timeout)
        self._watch = Watch(observer)
        tls = trust(servers, ca_file, ssl_context, transport)
        self._settings = (transport, *tls, self._watch)
        self._transport: Transport | None = None
        self._finalizer: weakref.finalize[[], MSNPAuth] | None = None

    def get_key(self) -> str:
        """Return the ticket as text, exactly as `USR n TWN S` needs it.

        Raises:
            SignInError: as `get_ticket`.
        """
        return self.get_ticket().reveal()

    def get_ticket(self) -> Ticket:
        """Return the ticket.

        Raises:
            WrongCredentials: the login server refused passport or password.
            UntrustedRedirect, TooManyRedirects: it redirected to a server that must not receive
                the password, or too many times.
            RemoteProtocolError: its answer breaks the protocol.
            ServiceUnavailable: it is busy or down.
            SignInTimeout, ConnectionFailed, CertificateRejected: it could not be reached.
            LocalProtocolError: no login server is known, or the transport is not installed.
        """
        transport = self._open_transport()
        return run_exchange(
            self._request.exchange(), transport, Deadline(self._timeout), self._watch
        )

    def close(self) -> None:
        """Close the connection. The object may be used again."""
        if self._finalizer is not None:
            self._finalizer()
        self._transport = self._finalizer = None

    def _open_transport(self) -> Transport:
        if self._transport is None:
            self._transport = make_transport(*self._settings)
            if self._transport is not self._settings[0]:  # the caller's own transport stays open
                self._finalizer = weakref.finalize(self, self._transport.close)
        return self._transport

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MSNPAuth {self._request!r}>"

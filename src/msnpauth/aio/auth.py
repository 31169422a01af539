"""MSNPAuth for asyncio: the same class with the same arguments, its methods awaited."""

from __future__ import annotations

import asyncio
import os
import ssl
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..core.credentials import as_secret
from ..core.secrets import Secret
from ..core.servers import Servers
from ..core.tickets.auth import TicketRequest
from ..core.tickets.ticket import Ticket
from ..net.deadline import Deadline, check_timeout
from ..transports import AsyncTransport, make_async_transport, trust
from ..watch import Watch
from .exchange import run_exchange

if TYPE_CHECKING:
    from ..observe import Observer

__all__ = ["MSNPAuth"]


class MSNPAuth:
    """Gets a Passport 1.4 ticket for passport, password, challenge; see `msnpauth.MSNPAuth`.

    Inside `async with` the connection stays open for the next ticket; otherwise it is closed after
    each ticket. Several tasks may use the object at the same time; they take turns.
    """

    def __init__(
        self,
        passport: str,
        password: str | Secret,
        challenge: str,
        *,
        servers: Servers | None = None,
        transport: str | AsyncTransport | None = None,
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
        self._transport: AsyncTransport | None = None
        self._kept = False
        self._turns = asyncio.Lock()

    async def get_key(self) -> str:
        """Return the ticket as text, exactly as `USR n TWN S` needs it.

        Raises:
            SignInError: as `msnpauth.MSNPAuth.get_ticket`.
        """
        return (await self.get_ticket()).reveal()

    async def get_ticket(self) -> Ticket:
        """Return the ticket.

        Raises:
            SignInError: as `msnpauth.MSNPAuth.get_ticket`.
        """
        deadline = Deadline(self._timeout)
        # A carrier takes one request after another: several tasks take turns.
        await self._take_turn(deadline)
        try:
            if self._transport is None:
                self._transport = make_async_transport(*self._settings)
            return await run_exchange(
                self._request.exchange(), self._transport, deadline, self._watch
            )
        finally:
            try:
                if not self._kept:
                    await self.close()
            finally:
                self._turns.release()

    async def _take_turn(self, deadline: Deadline) -> None:
        try:
            async with asyncio.timeout(deadline.remaining()):
                await self._turns.acquire()
        except TimeoutError:
            error = deadline.passed()
        else:
            return
        raise error

    async def close(self) -> None:
        """Close the connection. The object may be used again."""
        transport, self._transport = self._transport, None
        if transport is not None and transport is not self._settings[0]:
            await transport.close()

    async def __aenter__(self) -> Self:
        self._kept = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._kept = False
        await self.close()

    def __repr__(self) -> str:
        return f"<MSNPAuth {self._request!r}>"

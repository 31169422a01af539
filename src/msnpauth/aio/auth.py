"""MSNPAuth for asyncio: the same class with the same arguments, its methods awaited."""

from __future__ import annotations

import os
import ssl
from types import TracebackType
from typing import Self, TypeVar

from .. import trace
from ..core.auth import TicketRequest
from ..core.errors import SignInError, SignInTimeout
from ..core.http import Exchange, Request, Response
from ..core.secrets import Secret
from ..core.servers import Servers
from ..core.tickets import Ticket
from ..deadline import Deadline, check_timeout
from ..transports import AsyncTransport, make_async_transport

__all__ = ["MSNPAuth", "fetch_traced", "run_exchange"]

T = TypeVar("T")


class MSNPAuth:
    """Trades passport, password and challenge for a Passport 1.4 ticket; see `msnpauth.MSNPAuth`.

    Inside `async with` the connection stays open for the next ticket; otherwise each ticket
    closes it.
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
    ) -> None:
        self._request = TicketRequest(passport, password, challenge, servers)
        self._timeout = check_timeout(timeout)
        self._settings = (transport, ca_file, ssl_context)
        self._transport: AsyncTransport | None = None
        self._kept = False

    async def get_key(self) -> str:
        """Return the ticket as text, exactly as `USR n TWN S` wants it.

        Raises:
            SignInError: as `msnpauth.MSNPAuth.get_ticket`.
        """
        return (await self.get_ticket()).reveal()

    async def get_ticket(self) -> Ticket:
        """Return the ticket.

        Raises:
            SignInError: as `msnpauth.MSNPAuth.get_ticket`.
        """
        if self._transport is None:
            self._transport = make_async_transport(*self._settings)
        try:
            deadline = Deadline(self._timeout)
            return await run_exchange(self._request.exchange(), self._transport, deadline)
        finally:
            if not self._kept:
                await self.close()

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


async def run_exchange(exchange: Exchange[T], transport: AsyncTransport, deadline: Deadline) -> T:
    """Carry the requests of an exchange until it returns its result.

    Raises:
        SignInError: the exchange's, or the carrier's where the exchange has no use for it.
    """
    try:
        request = next(exchange)
        while True:
            try:
                response = await fetch_traced(transport, request, deadline)
            except SignInError as error:
                request = exchange.throw(error)
            else:
                request = exchange.send(response)
    except StopIteration as end:
        result: T = end.value
        return result


async def fetch_traced(transport: AsyncTransport, request: Request, deadline: Deadline) -> Response:
    """Carry a request, and log the masked exchange.

    Raises:
        SignInError: as `Transport.fetch`.
    """
    trace.requested(request)
    try:
        response = await transport.fetch(request, deadline.check(request.step, request.url.origin))
    except SignInTimeout:
        # The carrier knows what was left; the caller knows what there was.
        late = deadline.passed(request.step, request.url.origin)
        trace.answered(request, late)
        raise late from None
    except SignInError as error:
        trace.answered(request, error)
        raise
    trace.answered(request, response)
    return response

"""MSNPAuth for asyncio: the same class with the same arguments, its methods awaited."""

from __future__ import annotations

import asyncio
import os
import ssl
from types import TracebackType
from typing import Self, TypeVar

from .. import observe
from ..core.errors import SignInError, SignInTimeout
from ..core.secrets import Secret
from ..core.servers import Servers
from ..core.tickets.auth import TicketRequest, transport_fault
from ..core.tickets.http import Exchange, Request, Response
from ..core.tickets.passport14 import as_secret
from ..core.tickets.ticket import Ticket
from ..net.deadline import Deadline, check_timeout
from ..transports import AsyncTransport, make_async_transport

__all__ = ["MSNPAuth", "fetch_traced", "run_exchange"]

T = TypeVar("T")


class MSNPAuth:
    """Trades passport, password and challenge for a Passport 1.4 ticket; see `msnpauth.MSNPAuth`.

    Inside `async with` the connection stays open for the next ticket; otherwise each ticket
    closes it. Several tasks may ask at once, and take turns.
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
        password = as_secret(password)
        self._request = TicketRequest(passport, password, challenge, servers)
        self._timeout = check_timeout(timeout)
        self._settings = (transport, ca_file, ssl_context)
        self._transport: AsyncTransport | None = None
        self._kept = False
        self._turns = asyncio.Lock()

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
        deadline = Deadline(self._timeout)
        # A carrier takes one request after another: several tasks take turns.
        await self._take_turn(deadline)
        try:
            if self._transport is None:
                self._transport = make_async_transport(*self._settings)
            return await run_exchange(self._request.exchange(), self._transport, deadline)
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
        SignInError: as `Transport.fetch`; also for whatever a carrier of the caller's raises.
    """
    observe.requested(request)
    outcome = await _fetched(transport, request, deadline)
    observe.answered(request, outcome)
    if isinstance(outcome, SignInError):
        raise outcome
    return outcome


async def _fetched(
    transport: AsyncTransport, request: Request, deadline: Deadline
) -> Response | SignInError:
    step, server = request.step, request.url.origin
    try:
        return await transport.fetch(request, deadline.check(step, server))
    except SignInTimeout:
        # The carrier knows what was left; the caller knows what there was.
        return deadline.passed(step, server)
    except SignInError as error:
        return error
    except Exception as fault:  # noqa: BLE001 - a carrier of the caller's may raise anything
        return transport_fault(fault, request)

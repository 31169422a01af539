"""TCP connections as asyncio's streams."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.urls import Address
from ..deadline import Deadline
from ..network import AddressInfo, look_up, network_error, numeric

__all__ = ["Streams", "open_streams"]

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_streams(
    address: Address,
    deadline: Deadline,
    step: Step,
    *,
    ssl_context: ssl.SSLContext | None = None,
    server: str | None = None,
) -> Streams:
    """Return a connection, over TLS with `ssl_context`, trying each address of the host in turn.

    Raises:
        ConnectionFailed, CertificateRejected: none of them took it.
        SignInTimeout: the deadline passed.
    """
    server = server or str(address)
    host = address.host if ssl_context else None
    error: SignInError | None = None
    places = numeric(address) or await _resolve(address, deadline, step)
    for index, (_, where) in enumerate(places):
        # The first of several must not use up the time of the others.
        patience = deadline.check(step, server) / (len(places) - index)
        try:
            async with asyncio.timeout(patience):
                return await asyncio.open_connection(
                    where[0], where[1], ssl=ssl_context, server_hostname=host
                )
        except TimeoutError:
            error = deadline.passed(step, server)
        except (OSError, ValueError) as problem:
            error = network_error(problem, step, server)
    raise error or ConnectionFailed("the host has no address", step=step, server=server)


async def _resolve(address: Address, deadline: Deadline, step: Step) -> list[AddressInfo]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[AddressInfo] | SignInError] = loop.create_future()

    def settle(result: list[AddressInfo] | SignInError) -> None:
        if not future.done():
            future.set_result(result)

    def found(result: list[AddressInfo] | SignInError) -> None:
        with suppress(RuntimeError):  # the loop may be gone by then
            loop.call_soon_threadsafe(settle, result)

    look_up(address, step, found)
    try:
        async with asyncio.timeout(deadline.check(step, str(address))):
            result = await future
    except TimeoutError:
        raise deadline.passed(step, str(address)) from None
    if isinstance(result, SignInError):
        raise result
    return result

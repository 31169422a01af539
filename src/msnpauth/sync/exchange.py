"""Carries the requests of an exchange: the exchange decides, and this module performs."""

from __future__ import annotations

import time
from typing import TypeVar

from ..core.errors import SignInError, SignInTimeout
from ..core.tickets.exchange import Exchange, Request, Response
from ..net.deadline import Deadline
from ..transports import Transport
from ..watch import Watch

__all__ = ["fetch_watched", "run_exchange"]

T = TypeVar("T")


def run_exchange(
    exchange: Exchange[T], transport: Transport, deadline: Deadline, watch: Watch
) -> T:
    """Carry the requests of an exchange until it returns its result.

    Raises:
        SignInError: an error of the exchange, or one of the carrier that the exchange passes on.
    """
    try:
        request = next(exchange)
        while True:
            try:
                response = fetch_watched(transport, request, deadline, watch)
            except SignInError as error:
                request = exchange.throw(error)
            else:
                request = exchange.send(response)
    except StopIteration as end:
        result: T = end.value
        return result


def fetch_watched(
    transport: Transport, request: Request, deadline: Deadline, watch: Watch
) -> Response:
    """Carry a request, and report the request and its answer to `watch`.

    Raises:
        SignInError: as `Transport.fetch`; also for any other exception of a caller's own carrier.
    """
    watch.requested(request)
    began = time.monotonic()
    outcome = _fetched(transport, request, deadline)
    watch.fetched(request, outcome, began)
    if isinstance(outcome, SignInError):
        raise outcome
    return outcome


def _fetched(transport: Transport, request: Request, deadline: Deadline) -> Response | SignInError:
    step, server = request.step, request.url.origin
    try:
        return transport.fetch(request, deadline.check(step, server))
    except SignInTimeout:
        # The carrier names the time that was left; the caller knows the whole time-out.
        return deadline.passed(step, server)
    except SignInError as error:
        return error
    except Exception as fault:  # noqa: BLE001 - a caller's own carrier may raise anything
        from ..core.tickets.auth import transport_fault  # only needed here

        return transport_fault(fault, request)

"""Carries the requests of an exchange. The exchange decides, and this performs."""

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
        SignInError: the exchange's, or the carrier's where the exchange has no use for it.
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
    """Carry a request, and tell what is asked and answered.

    Raises:
        SignInError: as `Transport.fetch`; also for whatever a carrier of the caller's raises.
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
        # The carrier knows what was left; the caller knows what there was.
        return deadline.passed(step, server)
    except SignInError as error:
        return error
    except Exception as fault:  # noqa: BLE001 - a carrier of the caller's may raise anything
        from ..core.tickets.auth import transport_fault  # of no use otherwise

        return transport_fault(fault, request)

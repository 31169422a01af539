"""The three checked arguments of MSNPAuth: the common part of both drivers' classes."""

from __future__ import annotations

from ..credentials import as_secret, check_challenge, check_passport, check_password
from ..errors import ConnectionFailed, LocalProtocolError
from ..secrets import Secret
from ..servers import HISTORIC, Servers
from ..urls import Url
from .exchange import Exchange, Request
from .passport14 import get_ticket
from .ticket import Ticket

__all__ = ["TicketRequest", "transport_fault"]


class TicketRequest:
    """A request for one ticket: passport, password, challenge, and the servers to ask.

    Raises:
        LocalProtocolError: an argument is not valid.
    """

    def __init__(
        self, passport: str, password: str | Secret, challenge: str, servers: Servers | None
    ) -> None:
        password = self._password = check_password(as_secret(password))
        self._passport = check_passport(passport)
        self._challenge = check_challenge(challenge)
        if servers is not None and not isinstance(servers, Servers):
            raise LocalProtocolError(
                "servers= is not a Servers", hint='as in Servers("messenger.example")'
            )
        self._servers = HISTORIC if servers is None else servers
        self._made: dict[Url, Request] = {}

    def exchange(self) -> Exchange[Ticket]:
        """Return the exchange over HTTPS that results in a ticket."""
        return get_ticket(
            self._passport, self._password, self._challenge, self._servers, made=self._made
        )

    def __repr__(self) -> str:
        return f"for {self._passport!r}"


def transport_fault(fault: Exception, request: Request) -> ConnectionFailed:
    """Return the error for a transport that raised an exception other than msnpauth's own errors.

    The error contains only the type of the exception, whose text may quote the request.
    """
    return ConnectionFailed(
        f"the transport met a fault of its own ({type(fault).__name__})",
        step=request.step,
        server=request.url.origin,
        hint="a transport raises msnpauth's own errors only: see Transport.fetch",
    )

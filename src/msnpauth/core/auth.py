"""The three arguments of MSNPAuth, checked: what both drivers' classes are made of."""

from __future__ import annotations

from .errors import LocalProtocolError
from .http import Exchange
from .passport14 import check_challenge, check_passport, check_password, get_ticket
from .secrets import Secret
from .servers import HISTORIC, Servers
from .tickets import Ticket

__all__ = ["TicketRequest"]


class TicketRequest:
    """Passport, password and challenge, and where to take them.

    Raises:
        LocalProtocolError: one of them cannot be right.
    """

    def __init__(
        self, passport: str, password: str | Secret, challenge: str, servers: Servers | None
    ) -> None:
        self._passport = check_passport(passport)
        self._password = check_password(password)
        self._challenge = check_challenge(challenge)
        if servers is not None and not isinstance(servers, Servers):
            raise LocalProtocolError(
                "servers= is not a Servers", hint='as in Servers("messenger.example")'
            )
        self._servers = HISTORIC if servers is None else servers

    def exchange(self) -> Exchange[Ticket]:
        """Return the conversation over HTTPS that ends in a ticket."""
        return get_ticket(self._passport, self._password, self._challenge, self._servers)

    def __repr__(self) -> str:
        return f"for {self._passport!r}"

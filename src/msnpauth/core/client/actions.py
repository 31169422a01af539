"""The actions that a sign-in asks its driver to perform."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import SignInError
from ..tickets.exchange import Request
from ..tickets.ticket import Ticket
from ..urls import Address, Url
from ..wire.commands import Command
from ..wire.lines import LineReader
from .conversation import Accepted

__all__ = ["Action", "Connect", "Done", "Failed", "Fetch", "Prepare", "Send", "SignedIn"]


class Connect(NamedTuple):
    """Open a TCP connection to the notification server, and drop the earlier connection."""

    address: Address


class Send(NamedTuple):
    """Write these commands to the notification connection, in one write."""

    commands: tuple[Command, ...]

    def encode(self) -> bytes:
        """Return the bytes to write."""
        return b"".join(command.encode() for command in self.commands)


class Prepare(NamedTuple):
    """Open a connection with TLS to this host: a request will follow. A driver may ignore this."""

    url: Url


class Fetch(NamedTuple):
    """Send this HTTP request, and give the answer to `receive_response(id, …)`.

    The driver must not follow redirects by itself.
    """

    id: int
    request: Request


class SignedIn(NamedTuple):
    """The result of a sign-in that succeeded, with everything that a session needs.

    Attributes:
        accepted: the fields of USR OK, and the dialect.
        ticket: the ticket that was used; None under MD5, which has none.
        tickets: every ticket that RST granted, by address.
        server: the notification server.
        next_trid: the transaction id of the next command.
        unasked: commands that came before USR OK and answered no request, in their order.
        reader: the reader of the connection, with the bytes that came behind USR OK.
        guid: the GUID of the machine; empty where the dialect has no end points (before MSNP16).
    """

    accepted: Accepted
    ticket: Ticket | None
    tickets: dict[str, Ticket]
    server: Address
    next_trid: int
    unasked: tuple[Command, ...]
    reader: LineReader
    guid: str = ""


class Done(NamedTuple):
    """The sign-in succeeded. The notification connection belongs to the session now."""

    result: SignedIn


class Failed(NamedTuple):
    """The sign-in failed: drop the connections and raise the error."""

    error: SignInError


Action = Connect | Send | Prepare | Fetch | Done | Failed

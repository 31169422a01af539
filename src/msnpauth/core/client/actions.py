"""What the sign-in asks of whoever drives it."""

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
    """Open a TCP connection to the notification server, and drop the one before."""

    address: Address


class Send(NamedTuple):
    """Write these commands to the notification connection, in one write."""

    commands: tuple[Command, ...]

    def encode(self) -> bytes:
        """Return the bytes to write."""
        return b"".join(command.encode() for command in self.commands)


class Prepare(NamedTuple):
    """Open the connection to this host, TLS included: a request will follow. May be ignored."""

    url: Url


class Fetch(NamedTuple):
    """Carry this request; `receive_response(id, …)` takes the answer. Never redirect."""

    id: int
    request: Request


class SignedIn(NamedTuple):
    """A sign-in that succeeded: what a session needs to go on.

    Attributes:
        accepted: what USR OK said, and the dialect.
        ticket: the ticket that was used; None under MD5, which has none.
        tickets: every ticket that RST granted, by address.
        server: the notification server.
        next_trid: the transaction id to go on with.
        unasked: commands that came before USR OK and answered nothing, in their order.
        reader: the reader, with what came behind USR OK.
        guid: the machine's, where the dialect tells the places of an account apart by it.
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
    """Signed in. The notification connection is the session's now."""

    result: SignedIn


class Failed(NamedTuple):
    """It failed: drop the connections and raise the error."""

    error: SignInError


Action = Connect | Send | Prepare | Fetch | Done | Failed

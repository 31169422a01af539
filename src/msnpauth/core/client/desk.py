"""What the parts of a living session share: its connection, who waits for a reply, what happened.

The engine owns the desk. Presence, lists and chats work at it, and know nothing of the engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import LocalProtocolError, SignInError
from ..secrets import Secret
from ..servers import CONTACTS_SITE, Servers
from ..tickets.exchange import Exchange
from ..wire.commands import Command
from .connection import SessionConnection
from .session_actions import Consult, SessionAction
from .waiting import Outcome, Reply, Timers

if TYPE_CHECKING:
    from .events import Event

__all__ = ["Desk"]


class Desk:
    """See the module.

    Args:
        connection: the connection that was signed in over.
        now: the time.
        consults: whether the driver can perform `Consult`.
    """

    def __init__(self, connection: SessionConnection, now: float, *, consults: bool) -> None:
        self.connection = connection
        """The present connection, or while the session is away the last one."""
        self.timers = Timers(now)
        self.actions: list[SessionAction] = []
        """What the driver is to do."""
        self.happened: list[Event[Any]] = []
        """Events that nobody was told yet."""
        self.profile_came: Outcome[None] = Outcome()
        self._consults = consults
        self._numbers = itertools.count(connection.number + 1)
        self._replies: dict[int, Reply] = {}
        self._consultations: dict[int, Outcome[Any]] = {}

    def change_connection(self, connection: SessionConnection) -> None:
        """The session has come back, over another connection."""
        self.connection = connection
        self.profile_came = Outcome()

    def next_number(self) -> int:
        """Return a number that no connection and no exchange of this session has had."""
        return next(self._numbers)

    # --- the notification server -----------------------------------------------------------------

    def say(self, verb: str, *args: str, payload: bytes | None = None) -> Command:
        """Have a command sent to the notification server.

        Raises:
            LocalProtocolError: it is no command.
        """
        return self.connection.send(verb, args, payload)

    def ask(self, verb: str, *args: str, payload: bytes | None = None) -> Reply:
        """Have a command sent to the notification server; return its reply.

        Raises:
            LocalProtocolError: it is no command.
        """
        trid = self.say(verb, *args, payload=payload).trid
        assert trid is not None  # only PNG and OUT have none
        reply = self._replies[trid] = Reply(verb, trid, self.connection.server)
        return reply

    def forget(self, reply: Reply) -> None:
        """Nobody waits for this reply any more."""
        self._replies.pop(reply.trid, None)

    def answer(self, command: Command) -> bool:
        """Give a command to who waits for a reply of its transaction id; tell whether somebody did.

        The first command with the transaction id of a request is its reply. What follows with the
        same id (the LSTs behind SYN) is no reply any more.
        """
        reply = None if command.trid is None else self._replies.pop(command.trid, None)
        if reply is None:
            return False
        reply.settle(command)
        return True

    # --- services besides MSNP -------------------------------------------------------------------

    def consult(
        self, make: Callable[[Servers, Secret], Exchange[Any]], site: str = CONTACTS_SITE
    ) -> Outcome[Any]:
        """Have an exchange with a service carried; return its outcome.

        Args:
            make: makes the exchange, of the network and a ticket for the service.
            site: the address whose ticket opens the service; by default the contacts host's.
        """
        outcome: Outcome[Any] = Outcome()
        if not self._consults:
            outcome.fail(LocalProtocolError("this session knows no way to its contacts host"))
            return outcome
        number = self.next_number()
        self._consultations[number] = outcome
        self.actions.append(Consult(number, make, site, self._own_ticket()))
        return outcome

    def _own_ticket(self) -> Secret | None:
        """Return the ticket that the profile has brought, or None.

        Clients of MSNP13 and 14 that signed in by a login server have no other ticket for the
        contacts host (libpurple of 2007; MSNPiki, profile).
        """
        word = self.connection.profile.get("MSPAuth", "")
        return Secret(word if word.startswith("t=") else f"t={word}&p=") if word else None

    def consulted(self, number: int, result: Any) -> None:
        """An exchange has ended, by its result or by a `SignInError`."""
        outcome = self._consultations.pop(number, None)
        if outcome is None:
            return
        if isinstance(result, SignInError):
            outcome.fail(result)
        else:
            outcome.settle(result)

    # --- the end ---------------------------------------------------------------------------------

    def fail_all(self, why: SignInError) -> None:
        """The connection is over: nobody needs to wait for a reply any more."""
        for waiting in (self._replies, self._consultations):
            outcomes: list[Outcome[Any]] = list(waiting.values())
            waiting.clear()
            for outcome in outcomes:
                outcome.fail(why)

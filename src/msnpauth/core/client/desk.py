"""The state that the parts of a session share: connection, awaited replies, actions and events.

The engine owns the desk. Presence, lists and chats use the desk, and do not know the engine.
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
    """The shared state of one session.

    Args:
        connection: the connection of the sign-in.
        now: the present time.
        consults: whether the driver can perform `Consult`.
    """

    def __init__(self, connection: SessionConnection, now: float, *, consults: bool) -> None:
        self.connection = connection
        """The present connection; while the session is away, the last one."""
        self.timers = Timers(now)
        self.actions: list[SessionAction] = []
        """Actions that the driver has to perform."""
        self.happened: list[Event[Any]] = []
        """Events that have not been delivered yet."""
        self.profile_came: Outcome[None] = Outcome()
        self._consults = consults
        self._numbers = itertools.count(connection.number + 1)
        self._replies: dict[int, Reply] = {}
        self._consultations: dict[int, Outcome[Any]] = {}

    def change_connection(self, connection: SessionConnection) -> None:
        """Use another connection, over which the session has come back."""
        self.connection = connection
        self.profile_came = Outcome()

    def next_number(self) -> int:
        """Return a number that no connection and no exchange of this session has had."""
        return next(self._numbers)

    # --- the notification server -----------------------------------------------------------------

    def say(self, verb: str, *args: str, payload: bytes | None = None) -> Command:
        """Have a command sent to the notification server.

        Raises:
            LocalProtocolError: these values do not make a valid command.
        """
        return self.connection.send(verb, args, payload)

    def ask(self, verb: str, *args: str, payload: bytes | None = None) -> Reply:
        """Have a command sent to the notification server; return its reply.

        Raises:
            LocalProtocolError: these values do not make a valid command.
        """
        trid = self.say(verb, *args, payload=payload).trid
        assert trid is not None  # only PNG and OUT have no transaction id
        reply = self._replies[trid] = Reply(verb, trid, self.connection.server)
        return reply

    def forget(self, reply: Reply) -> None:
        """Stop waiting for this reply."""
        self._replies.pop(reply.trid, None)

    def answer(self, command: Command) -> bool:
        """Settle the reply that waits for the command's transaction id; tell whether one did.

        The first command with the transaction id of a request is its reply. Later commands with
        the same id (the LSTs behind SYN) are not replies any more.
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
        """Have the driver carry out an exchange with a web service; return its outcome.

        Args:
            make: makes the exchange, from the network's servers and a ticket for the service.
            site: the address whose ticket the service accepts; by default the contacts host's.
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
        """Return the ticket in the profile's field MSPAuth, or None.

        Clients of MSNP13 and 14 that signed in by a login server have no other ticket for the
        contacts host (libpurple of 2007; MSNPiki, profile).
        """
        word = self.connection.profile.get("MSPAuth", "")
        return Secret(word if word.startswith("t=") else f"t={word}&p=") if word else None

    def consulted(self, number: int, result: Any) -> None:
        """Note that an exchange has ended, with its result or with a `SignInError`."""
        outcome = self._consultations.pop(number, None)
        if outcome is None:
            return
        if isinstance(result, SignInError):
            outcome.fail(result)
        else:
            outcome.settle(result)

    # --- the end ---------------------------------------------------------------------------------

    def fail_all(self, why: SignInError) -> None:
        """Make every awaited reply and exchange fail, because the connection is over."""
        for waiting in (self._replies, self._consultations):
            outcomes: list[Outcome[Any]] = list(waiting.values())
            waiting.clear()
            for outcome in outcomes:
                outcome.fail(why)

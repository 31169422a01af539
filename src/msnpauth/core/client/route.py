"""A route to a ticket, beside the notification conversation: what all routes have in common.

A route finds its server before there is a challenge, has the connection prepared, and answers the
challenge once it is there. A new offer of dialects makes a new route, and nothing of the earlier
route is used any more: a late answer of a nexus that was asked for another scheme is ignored. (Such
an answer once sent the password to the login server, with the salt of MD5 as the challenge.)
"""

from __future__ import annotations

from typing import Any

from ..errors import (
    LocalProtocolError,
    RemoteProtocolError,
    SignInError,
    Step,
)
from ..secrets import Secret
from ..tickets.exchange import Exchange, Response
from ..tickets.ticket import Ticket
from ..wire.dialects import Dialect
from .actions import Action, Failed, Fetch
from .journey import Journey

__all__ = ["Route"]


class Route:
    """The base class of the ways to a ticket, each for one scheme. By itself it sends nothing."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._running: Exchange[Any] | None = None
        self._fetch: Fetch | None = None
        self._answer: tuple[str | Secret, ...] = ()
        self.ticket: Ticket | None = None
        """The ticket that answers the challenge; None under MD5."""
        self.tickets: dict[str, Ticket] = {}
        """Every ticket that RST granted, by address."""

    @property
    def uses_kept(self) -> bool:
        """True when the answer was made from a ticket of an earlier sign-in."""
        return False

    @property
    def step(self) -> Step | None:
        """The step whose answer is awaited, or None when no answer is awaited."""
        return self._fetch.request.step if self._fetch else None

    @property
    def server(self) -> str | None:
        """The server whose answer is awaited, or None when no answer is awaited."""
        return self._fetch.request.url.origin if self._fetch else None

    def serves(self, dialect: Dialect) -> bool:
        """Tell whether this is the route for the dialect that was agreed on."""
        raise NotImplementedError

    def start(self) -> list[Action]:
        """Do what can be done before there is a challenge."""
        return []

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        """Take the challenge of the present notification connection."""
        raise NotImplementedError

    def ahead(self, agreed: Dialect | None) -> list[Action]:
        """Do what can be done while the challenge is still a round trip away.

        Args:
            agreed: the dialect that a server of this network has agreed to, or None.
        """
        return []

    def load(self) -> None:
        """Import the modules that only this route needs, before the challenge has come."""

    def take_answer(self) -> tuple[str | Secret, ...]:
        """Return the words for `USR n SCHEME S …` once; empty before they are known."""
        answer, self._answer = self._answer, ()
        return answer

    def forget_challenge(self) -> None:
        """Drop the challenge, which is valid for its connection only, and any answer to it."""
        self._answer = ()

    def refused(self, error: SignInError) -> bool:
        """Note that the server refused the answer; tell whether there is another way to try."""
        # A new ticket of the same password would be refused for the same reason.
        return False

    def gave_up(self) -> None:
        """Forget remembered data that is in use, because the sign-in ended during a wait."""

    def accepted(self) -> None:
        """Remember how the answer was made, because the server has accepted it."""

    @property
    def verdict(self) -> SignInError | None:
        """The error of a request ahead that refused the account, or None.

        A request by another route would be refused in the same way.
        """
        return None

    def left(self) -> None:
        """Note that the sign-in failed or uses another route, which needs no request ahead."""

    def renewal(self) -> Exchange[dict[str, Ticket]]:
        """Return the exchange that gets new tickets for the same addresses.

        Raises:
            LocalProtocolError: a Passport 1.4 ticket answers the challenge of one connection, and
                MD5 has no tickets.
        """
        raise LocalProtocolError(
            "these tickets cannot be renewed without a new connection",
            hint="sign in again; tickets by RST can be renewed (Servers(rst=…))",
        )

    def ticket_for(self, site: str, fallback: Secret | None) -> Exchange[Secret]:
        """Return the exchange that gets a ticket for a site besides the notification server.

        Args:
            site: the address that the ticket is for.
            fallback: a ticket to use where this route has no ticket of its own for a site.

        Raises:
            LocalProtocolError: this network has no service that grants such a ticket.
        """
        if fallback is not None:
            return fallback
        servers = self._journey.servers
        if servers.rst is None and servers.rst2 is None:
            raise LocalProtocolError(
                f"there is no way to a ticket for {site} on this network",
                hint="name its RST service with Servers(rst=…)",
            )
        return (yield from self._ask_rst(site))

    def _ask_rst(self, site: str) -> Exchange[Secret]:
        """Ask the RST for one ticket, and keep it with the others."""
        from ..tickets.rst import Soap, policy_for, request_tickets

        journey = self._journey
        url = journey.servers.rst or journey.servers.rst2
        assert url is not None  # callers have checked this
        granted = yield from request_tickets(
            url,
            Soap.RST if journey.servers.rst is not None else Soap.RST2,
            journey.passport,
            journey.password,
            {site: policy_for(site)},
            servers=journey.servers,
            now=journey.now,
        )
        if site not in granted:
            text = f"the server gave no ticket for {site}"
            raise RemoteProtocolError(text, step=Step.LOGIN, server=url.origin)
        self.tickets = self.tickets | {site: granted[site]}
        return granted[site].value

    def respond(self, fetch_id: int, outcome: Response | SignInError) -> list[Action]:
        """Take the answer to a `Fetch`; the answer to an abandoned `Fetch` is ignored."""
        if self._fetch is None or self._fetch.id != fetch_id:
            return []
        return self._advance(outcome)

    # --- the exchange under way ------------------------------------------------------------------

    def _run(self, exchange: Exchange[Any]) -> list[Action]:
        self._running = exchange
        return self._advance(None)

    def _advance(self, outcome: Response | SignInError | None) -> list[Action]:
        """Move the exchange under way by one answer."""
        running = self._running
        assert running is not None  # _run set it, and nothing else calls this before
        try:
            if outcome is None:
                request = next(running)
            elif isinstance(outcome, Response):
                request = running.send(outcome)
            else:
                request = running.throw(outcome)
        except StopIteration as end:
            self._running = self._fetch = None
            return self._found(end.value)
        except SignInError as error:
            self._running = self._fetch = None
            return self._missed(error)
        self._fetch = Fetch(next(self._journey.fetch_ids), request)
        return [self._fetch]

    def _stop(self) -> None:
        """Abandon the exchange under way; its answer will be ignored."""
        # The driver may still be fetching. `respond` compares the number of the fetch, so that the
        # late answer cannot be taken for that of another request.
        if self._running is not None:
            self._running.close()
        self._running = self._fetch = None

    def _found(self, result: Any) -> list[Action]:
        """Use the result of the exchange."""
        raise NotImplementedError

    def _missed(self, error: SignInError) -> list[Action]:
        """Decide how to go on after the exchange has failed."""
        return [Failed(error)]

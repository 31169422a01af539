"""The routes to a ticket, beside the notification conversation: one small class for each.

A route finds its server before there is a challenge, has the connection prepared, and answers the
challenge once it is there. A new offer of dialects makes a new route, and nothing of the last one
survives it: a late answer of a nexus that was asked for another scheme reaches nobody. (Such an
answer once sent the password to the login server, with the salt of MD5 as the challenge.)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import (
    AccountBlocked,
    LocalProtocolError,
    RemoteProtocolError,
    SignInError,
    Step,
    WrongCredentials,
)
from ..secrets import Secret
from ..servers import CONTACTS_SITE, OIM_SITE, Servers
from ..tickets.exchange import Exchange, Response
from ..tickets.ticket import Ticket
from ..urls import Url
from ..wire.commands import unescape
from ..wire.dialects import Dialect, ListsForm, Scheme
from .actions import Action, Failed, Fetch, Prepare
from .memory import Memory
from .policies import USUAL, Policies

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Journey", "Route", "route_for", "site_of"]

SPARE = 60.0
"""Seconds. A kept ticket is not used when it lives shorter (papyon: 60 s; msnp-sharp: 30 s)."""


class Journey:
    """What all routes of one sign-in have in common.

    Args:
        passport, password, servers: who signs in, and where.
        more: addresses to ask the RST for besides.
        guid: the machine's, for MSNP16 and on.
        now: the clock.
        memory: what is known; a route replaces it when it learns more.
        policies: what the networks named in challenges of SSO.
        speculate: see `SignInOptions`.
    """

    def __init__(
        self,
        passport: str,
        password: Secret,
        servers: Servers,
        *,
        more: tuple[str, ...],
        guid: str,
        now: Callable[[], datetime],
        memory: Memory,
        policies: Policies,
        speculate: bool | None,
    ) -> None:
        self.passport = passport
        self.password = password
        self.servers = servers
        self.more = more
        self.guid = guid
        self.now = now
        self.fetch_ids = itertools.count(1)
        """Numbers for `Fetch`; no two routes give the same."""
        self.memory = memory
        self.policies = policies
        self.speculate = speculate


class Route:
    """The way to a ticket by one scheme; this one needs no ticket, and asks nobody."""

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
        """True when the answer was made of a ticket that had been kept."""
        return False

    @property
    def step(self) -> Step | None:
        """The step whose answer is awaited, or None when none is."""
        return self._fetch.request.step if self._fetch else None

    @property
    def server(self) -> str | None:
        """The server whose answer is awaited, or None when none is."""
        return self._fetch.request.url.origin if self._fetch else None

    def serves(self, dialect: Dialect) -> bool:
        """Tell whether this is the route for the dialect that was agreed on."""
        raise NotImplementedError

    def start(self) -> list[Action]:
        """Do what can be done before there is a challenge."""
        return []

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        """Take the challenge of the connection that is being talked to."""
        raise NotImplementedError

    def ahead(self, agreed: Dialect | None) -> list[Action]:
        """The challenge is a round trip away: do what can be done without it.

        Args:
            agreed: the dialect that a server of this network has agreed to, if one has.
        """
        return []

    def load(self) -> None:
        """Import what only this route needs: it would be missed when the challenge is there."""

    def take_answer(self) -> tuple[str | Secret, ...]:
        """Return the words for `USR n SCHEME S …`, once; empty before they are known."""
        answer, self._answer = self._answer, ()
        return answer

    def forget_challenge(self) -> None:
        """A challenge is good for its connection only; an answer to it that comes is not used."""
        self._answer = ()

    def refused(self, error: SignInError) -> bool:
        """The server did not take the answer; tell whether there is another way to try."""
        # A new ticket of the same password would be refused for the same reason.
        return False

    def gave_up(self) -> None:
        """The sign-in ended while something was awaited: doubt what was only remembered."""

    def accepted(self) -> None:
        """The answer signed in: what it was made by is worth remembering."""

    @property
    def verdict(self) -> SignInError | None:
        """What was said of the account ahead of the challenge: others would say it again."""
        return None

    def left(self) -> None:
        """The sign-in failed, or goes another way: what was asked ahead is of no use."""

    def renewal(self) -> Exchange[dict[str, Ticket]]:
        """Return the exchange that gets new tickets for the same addresses.

        Raises:
            LocalProtocolError: a Passport 1.4 ticket answers the challenge of one connection, and
                MD5 has none.
        """
        raise LocalProtocolError(
            "these tickets cannot be renewed without a new connection",
            hint="sign in again; tickets by RST can be renewed (Servers(rst=…))",
        )

    def ticket_for(self, site: str, fallback: Secret | None) -> Exchange[Secret]:
        """Return the exchange that gets a ticket for a site besides the notification server.

        Raises:
            LocalProtocolError: this network knows no way to one.
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
        assert url is not None  # callers saw to it
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
        """Take the answer to a `Fetch`; those to what was given up are passed over."""
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
        """Give up the exchange under way; its answer will reach nobody."""
        # The driver may still be fetching. `respond` compares the number of the fetch, so that the
        # late answer cannot be taken for that of another request.
        if self._running is not None:
            self._running.close()
        self._running = self._fetch = None

    def _found(self, result: Any) -> list[Action]:
        """The exchange ended well."""
        raise NotImplementedError

    def _missed(self, error: SignInError) -> list[Action]:
        """The exchange failed."""
        return [Failed(error)]


class Md5Route(Route):
    """MD5: the hash of salt and password, over plain TCP (draft-movva 7.3)."""

    def serves(self, dialect: Dialect) -> bool:
        return dialect.scheme is Scheme.MD5

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        # The salt is hashed as the text that the word stands for. Real salts look like
        # `seconds.nanoseconds` and never had an escape, but nothing forbids one (hypothetic.org).
        from ..tickets.proof import md5_answer  # other schemes have no use for it

        self._answer = (md5_answer(unescape(words[0]), self._journey.password),)
        return []


class LoginRoute(Route):
    """TWN by the login server (Passport 1.4). Where it is not known, the nexus is asked first."""

    def __init__(self, journey: Journey) -> None:
        super().__init__(journey)
        self._login = journey.servers.login_for(journey.passport)
        self._is_remembered = False
        self._challenge: str | None = None

    def serves(self, dialect: Dialect) -> bool:
        return _rst_address(self._journey, dialect) is None and dialect.scheme is Scheme.TWN

    def load(self) -> None:
        import_module("..tickets.passport14", __package__)

    def start(self) -> list[Action]:
        if self._login is None and self._journey.memory.login is not None:
            self._login, self._is_remembered = self._journey.memory.login, True
        if self._login is not None:
            # The handshake of TLS runs while VER, CVR and USR are under way: two round trips less.
            return [Prepare(self._login)]
        # The nexus needs no challenge, so that it is asked while the notification server is.
        return self._ask_nexus()

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        self._challenge = words[0]
        if self._running is not None:
            return []  # the nexus is being asked; its answer goes on
        return self._ask() if self._login is not None else self.start()

    def forget_challenge(self) -> None:
        super().forget_challenge()
        # What the nexus says does not depend on a challenge and may be awaited further on; a ticket
        # for the old challenge is worth nothing on the new connection.
        if self._challenge is not None and self.step is not Step.NEXUS:
            self._stop()
        self._challenge = None

    def gave_up(self) -> None:
        if self.step is Step.LOGIN:
            self._doubt_login()

    def _ask(self) -> list[Action]:
        from ..tickets.passport14 import request_ticket  # of no use to MSNP15 and on

        journey = self._journey
        assert self._login is not None  # callers saw to it
        assert self._challenge is not None
        return self._run(
            request_ticket(
                self._login,
                journey.passport,
                journey.password,
                self._challenge,
                journey.servers,
                now=journey.now,
            )
        )

    def _found(self, result: Url | Ticket) -> list[Action]:
        # A ticket of Passport 1.4 is bound to its challenge, so that it is never kept.
        if isinstance(result, Ticket):
            self.ticket, self._answer = result, (result.value,)
            return []
        self._login = result
        self._journey.memory = self._journey.memory._replace(login=result)
        return [Prepare(result)] if self._challenge is None else self._ask()

    def _missed(self, error: SignInError) -> list[Action]:
        # Who judged the password was a login server, and the right one. Anything else may mean that
        # the login server has moved since: ask the nexus, once.
        judged = isinstance(error, WrongCredentials | AccountBlocked)
        if judged or not self._doubt_login():
            return [Failed(error)]
        return self._ask_nexus()

    def _ask_nexus(self) -> list[Action]:
        from ..tickets.passport14 import find_login  # of no use to MSNP15 and on

        return self._run(find_login(self._journey.servers, now=self._journey.now))

    def _doubt_login(self) -> bool:
        """Forget a login address that was only remembered; tell whether it was."""
        doubted, self._is_remembered = self._is_remembered, False
        if doubted:
            self._login = None
            self._journey.memory = self._journey.memory._replace(login=None)
        return doubted


_Asked = tuple[str, tuple[str, ...]]
"""What a request asks for: the policy, and the addresses."""


class RstRoute(Route):
    """SSO, and TWN of later clients: tickets by RST or RST2 (ywiki rst), which may be kept.

    Under SSO the request needs the policy of the challenge, and not its nonce. So it may leave
    before the challenge comes, by the policy that is expected (`ahead`). What it brings waits until
    the challenge has named its policy: if that is another, it is dropped, and one more request is
    made. Nothing is asked ahead while the challenge may come any moment: a wrong request would
    have the right one wait behind it.
    """

    def __init__(self, journey: Journey, best: Dialect) -> None:
        super().__init__(journey)
        place = _rst_address(journey, best)
        assert place is not None  # route_for saw to it
        self._url, self._is_rst2 = place
        self._scheme = best.scheme
        self._dialect = best
        self._challenge: tuple[str, ...] = ()
        self._last_challenge: tuple[str, ...] = ()
        self._uses_kept = False
        self._asked: _Asked | None = None
        """What the request that is under way, or whose outcome waits, has asked for."""
        self._outcome: dict[str, Ticket] | SignInError | None = None
        """The outcome of a request that was made ahead, until its challenge comes."""

    @property
    def uses_kept(self) -> bool:
        return self._uses_kept

    @property
    def step(self) -> Step | None:
        # What was asked ahead is not awaited by anybody yet: the challenge is.
        return super().step if self._challenge else None

    @property
    def server(self) -> str | None:
        return super().server if self._challenge else None

    def serves(self, dialect: Dialect) -> bool:
        # MSNP16 and on ask by RST2 where the network has it. A server that agrees to MSNP15 instead
        # may so need another address or envelope, although the scheme is the same.
        same_place = _rst_address(self._journey, dialect) == (self._url, self._is_rst2)
        return same_place and dialect.scheme is self._scheme

    def load(self) -> None:
        import_module("..tickets.rst", __package__)
        import_module("..tickets.proof", __package__)

    def start(self) -> list[Action]:
        # With tickets that are kept there will be nothing to ask.
        return [] if self._kept() else [Prepare(self._url)]

    def ahead(self, agreed: Dialect | None) -> list[Action]:
        is_asked = self._running is not None or self._outcome is not None
        if is_asked or self._challenge or self._scheme is not Scheme.SSO or self._kept():
            return []
        policy = self._expected(agreed)
        if policy is None:
            return []
        self._dialect = agreed or self._dialect
        return self._ask(policy)

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        self._dialect = dialect
        self._challenge = self._last_challenge = words
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            return self._judged(outcome)
        if self._running is not None:
            return []  # it was asked ahead; `_judged` compares when the answer comes
        kept = self._kept()
        if kept:
            self._uses_kept = True
            return self._answer_with(kept)
        return self._ask(self._policy())

    def forget_challenge(self) -> None:
        super().forget_challenge()
        self._challenge = ()
        if self._scheme is not Scheme.SSO or self._journey.speculate is False:
            self._stop()  # the next challenge is waited for

    def refused(self, error: SignInError) -> bool:
        # A server that has forgotten its tickets refuses them by 911, by closing, or by silence.
        # What says something else about the account or the service says nothing about the ticket.
        if isinstance(error, AccountBlocked):
            return False
        return self._doubt_kept()

    def gave_up(self) -> None:
        self._doubt_kept()
        self.left()

    def accepted(self) -> None:
        if self._scheme is Scheme.SSO:
            journey = self._journey
            journey.policies.learn(journey.servers, self._url, self._policy())

    @property
    def verdict(self) -> SignInError | None:
        outcome = self._outcome
        return outcome if isinstance(outcome, WrongCredentials | AccountBlocked) else None

    def left(self) -> None:
        # The password was asked about, and no challenge has wanted it. The next try asks when it
        # is asked to: whoever tries again and again, while the notification server is down, would
        # else have a wrong password counted each time.
        if self._asked is not None and not self._challenge:
            self._journey.policies.doubt(self._journey.servers, self._url)

    def renewal(self) -> Exchange[dict[str, Ticket]]:
        if not self.tickets:
            return super().renewal()
        return self._renewed()

    def ticket_for(self, site: str, fallback: Secret | None) -> Exchange[Secret]:
        ticket = self.tickets.get(site)
        if ticket is not None and (ticket.expires is None or self._lives(ticket)):
            return ticket.value
        return (yield from self._ask_rst(site))

    def _expected(self, agreed: Dialect | None) -> str | None:
        """Return the policy by which to ask ahead; None when the challenge has to be awaited."""
        journey = self._journey
        if journey.speculate is False or (agreed is not None and not self.serves(agreed)):
            return None
        if self._last_challenge:  # of this sign-in: a kept ticket was refused, or an XFR came late
            return self._last_challenge[0]
        # The password is sent ahead only where it was sent before. At a network that is seen for
        # the first time, a server has to have agreed to the dialect that sends it there.
        unknown = USUAL if journey.speculate and agreed is not None else None
        return journey.policies.expected(journey.servers, self._url, unknown)

    def _doubt_kept(self) -> bool:
        """Forget tickets that were kept and did not work; tell whether there were any."""
        doubted, self._uses_kept = self._uses_kept, False
        if doubted:
            self._journey.memory = self._journey.memory.without_tickets(self._scheme)
        return doubted

    def _kept(self) -> dict[str, Ticket]:
        """Return the tickets that are wanted, if all of them are kept and live a while yet."""
        # All or none: one request by RST gets every ticket, so that asking for some saves nothing.
        found = {}
        for address in self._wanted():
            ticket = self._journey.memory.ticket(self._scheme, address)
            if ticket is None or not self._lives(ticket):
                return {}
            found[address] = ticket
        return found

    def _lives(self, ticket: Ticket) -> bool:
        """Tell whether a ticket is known to live for a while yet."""
        if ticket.expires is None:
            return False
        return (ticket.expires - self._journey.now()).total_seconds() >= SPARE

    def _ask(self, policy: str) -> list[Action]:
        self._asked = (policy, tuple(self._wanted()))
        return self._run(self._request(policy))

    def _stop(self) -> None:
        super()._stop()
        self._asked = self._outcome = None

    def _request(self, policy: str) -> Exchange[dict[str, Ticket]]:
        from ..tickets.rst import (  # XML is not needed by every sign-in
            Soap,
            policy_for,
            request_tickets,
        )

        journey = self._journey
        return request_tickets(
            self._url,
            Soap.RST2 if self._is_rst2 else Soap.RST,
            journey.passport,
            journey.password,
            {address: policy_for(address) for address in self._wanted()}
            | {site_of(self._scheme): policy},
            servers=journey.servers,
            now=journey.now,
        )

    def _wanted(self) -> list[str]:
        """Return the addresses to ask for, the one that signs in first.

        Every client of MSNP13 and on asks for the contacts host and the messages that were left
        along. At Escargot all tickets of one answer are the same, and no other opens its services.
        """
        journey, servers = self._journey, self._journey.servers
        services = ((CONTACTS_SITE, servers.contacts), (OIM_SITE, servers.oim))
        by_soap = self._dialect.lists is ListsForm.BY_SOAP
        besides = [site for site, host in services if host is not None and by_soap]
        return list(dict.fromkeys([site_of(self._scheme), *besides, *journey.more]))

    def _renewed(self) -> Exchange[dict[str, Ticket]]:
        self.tickets = yield from self._request(self._policy())
        self._journey.memory = self._journey.memory.with_tickets(self._scheme, self.tickets)
        return self.tickets

    def _policy(self) -> str:
        from ..tickets.rst import policy_for_challenge

        # SSO names the policy in its challenge. For TWN the challenge itself is the policy, spelled
        # another way (MSNPiki, Passport 3.0).
        word = self._challenge[0]
        return word if self._scheme is Scheme.SSO else policy_for_challenge(word)

    def _found(self, result: dict[str, Ticket]) -> list[Action]:
        return self._came(result)

    def _missed(self, error: SignInError) -> list[Action]:
        return self._came(error)

    def _came(self, outcome: dict[str, Ticket] | SignInError) -> list[Action]:
        """Take the outcome of a request; without a challenge it has to wait."""
        if self._challenge:
            return self._judged(outcome)
        self._outcome = outcome
        return []

    def _judged(self, outcome: dict[str, Ticket] | SignInError) -> list[Action]:
        """Use the outcome of a request, if it is the one that the challenge wants."""
        is_wanted = self._asked == (self._policy(), tuple(self._wanted()))
        self._asked = None
        # Who judged the password would judge it again, and may count how often it is wrong.
        if is_wanted or isinstance(outcome, WrongCredentials | AccountBlocked):
            if isinstance(outcome, SignInError):
                return [Failed(outcome)]
            self._journey.memory = self._journey.memory.with_tickets(self._scheme, outcome)
            return self._answer_with(outcome)
        self._journey.policies.doubt(self._journey.servers, self._url)
        return self._ask(self._policy())

    def _answer_with(self, tickets: dict[str, Ticket]) -> list[Action]:
        address = site_of(self._scheme)
        ticket = tickets.get(address)
        if ticket is None:
            return [Failed(self._no_ticket(f"the server gave no ticket for {address}"))]
        words: list[str | Secret] = [ticket.value]
        if self._scheme is Scheme.SSO:
            from ..tickets.proof import answer

            try:
                words.append(answer(ticket.proof_key or Secret("?"), self._challenge[1]))
            except ValueError:
                # The server granted the ticket under a policy that gives no proof key, or what it
                # calls BinarySecret is not base64 (msnp-sharp met policies without).
                text = "the ticket came without a usable proof key, by policy "
                return [Failed(self._no_ticket(text + self._policy()))]
            # From MSNP16 on several places of one account are told apart by the machine's GUID.
            words += [self._journey.guid] if self._dialect.guid else []
        self.ticket, self.tickets, self._answer = ticket, tickets, tuple(words)
        return []

    def _no_ticket(self, text: str) -> RemoteProtocolError:
        return RemoteProtocolError(text, step=Step.LOGIN, server=self._url.origin)


def route_for(journey: Journey, dialect: Dialect) -> Route | LocalProtocolError:
    """Return the route by which a dialect signs in here, or the error that says: there is none."""
    if dialect.scheme is Scheme.MD5:
        return Md5Route(journey)
    if _rst_address(journey, dialect) is not None:
        return RstRoute(journey, dialect)
    if dialect.scheme is Scheme.SSO or journey.more:
        return _no_server("RST", "rst")
    servers = journey.servers
    if servers.nexus is None and servers.login_for(journey.passport) is None:
        return _no_server("nexus, login or RST", "nexus")
    return LoginRoute(journey)


def _rst_address(journey: Journey, dialect: Dialect) -> tuple[Url, bool] | None:
    """Return the RST address for a dialect, and whether it is RST2; None to use the login server.

    TWN goes to a login server that the caller has named. Clients of MSNP8 to 11 knew nothing else,
    those of MSNP12 and on asked the RST (libpurple).
    """
    servers = journey.servers
    if dialect.scheme is Scheme.MD5:
        return None
    if dialect.scheme is Scheme.TWN and not journey.more:
        named = servers.login_for(journey.passport) is not None
        if named or (servers.nexus is not None and not dialect.rst):
            return None
    # Clients of MSNP16 and on ask by RST2, and those before them by RST. A network that has only
    # one of the two is asked there by everybody: the tickets are the same.
    order = [(servers.rst, False), (servers.rst2, True)]
    if dialect.rst2:
        order.reverse()
    return next(((url, is_rst2) for url, is_rst2 in order if url is not None), None)


def site_of(scheme: Scheme) -> str:
    """Return the address whose ticket signs in."""
    from ..tickets.rst import MESSENGER, MESSENGER_CLEAR

    return MESSENGER_CLEAR if scheme is Scheme.SSO else MESSENGER


def _no_server(what: str, keyword: str) -> LocalProtocolError:
    return LocalProtocolError(
        f"no {what} server is known for this network",
        hint=f"name one with Servers({keyword}=…), or sign in by another scheme=",
    )

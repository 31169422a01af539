"""The routes to a ticket, beside the notification conversation: one small class for each.

A route finds its server before there is a challenge, has the connection prepared, and answers the
challenge once it is there. A new offer of dialects makes a new route, and nothing of the earlier
route is used any more: a late answer of a nexus that was asked for another scheme is ignored. (Such
an answer once sent the password to the login server, with the salt of MD5 as the challenge.)
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
"""A kept ticket that expires in fewer seconds is not used (papyon: 60 s; msnp-sharp: 30 s)."""


class Journey:
    """The data that all routes of one sign-in share.

    Args:
        passport, password, servers: the account, and the network to sign in at.
        more: further addresses to request tickets for from the RST.
        guid: the GUID of the machine, for MSNP16 and on.
        now: the clock.
        memory: what is known so far; a route replaces it when it learns more.
        policies: the policies that networks have named in challenges of SSO.
        speculate: as in `SignInOptions`.
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
        """Numbers for `Fetch`, which are unique among all routes of the sign-in."""
        self.memory = memory
        self.policies = policies
        self.speculate = speculate


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


class Md5Route(Route):
    """MD5: the hash of salt and password, over plain TCP (draft-movva 7.3)."""

    def serves(self, dialect: Dialect) -> bool:
        return dialect.scheme is Scheme.MD5

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        # The salt is hashed without its percent-escapes. Real salts look like
        # `seconds.nanoseconds` and never had an escape, but nothing forbids one (hypothetic.org).
        from ..tickets.proof import md5_answer  # other schemes do not need it

        self._answer = (md5_answer(unescape(words[0]), self._journey.password),)
        return []


class LoginRoute(Route):
    """TWN with a login server (Passport 1.4). The nexus is asked for an unknown login server."""

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
            # The handshake of TLS runs while VER, CVR and USR are under way, which saves two round
            # trips.
            return [Prepare(self._login)]
        # The nexus needs no challenge, so that it is asked at the same time as the notification
        # server.
        return self._ask_nexus()

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        self._challenge = words[0]
        if self._running is not None:
            return []  # the nexus is being asked; `_found` goes on with its answer
        return self._ask() if self._login is not None else self.start()

    def forget_challenge(self) -> None:
        super().forget_challenge()
        # The answer of the nexus does not depend on a challenge, and is still awaited; a ticket for
        # the old challenge is worth nothing on the new connection.
        if self._challenge is not None and self.step is not Step.NEXUS:
            self._stop()
        self._challenge = None

    def gave_up(self) -> None:
        if self.step is Step.LOGIN:
            self._doubt_login()

    def _ask(self) -> list[Action]:
        from ..tickets.passport14 import request_ticket  # MSNP15 and on do not need it

        journey = self._journey
        assert self._login is not None  # callers have checked this
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
        # A server that judged the password is the right login server. Any other failure may mean
        # that the remembered login server has moved: the nexus is asked once.
        judged = isinstance(error, WrongCredentials | AccountBlocked)
        if judged or not self._doubt_login():
            return [Failed(error)]
        return self._ask_nexus()

    def _ask_nexus(self) -> list[Action]:
        from ..tickets.passport14 import find_login  # MSNP15 and on do not need it

        return self._run(find_login(self._journey.servers, now=self._journey.now))

    def _doubt_login(self) -> bool:
        """Forget the login address if it came from an earlier sign-in; tell whether it did."""
        doubted, self._is_remembered = self._is_remembered, False
        if doubted:
            self._login = None
            self._journey.memory = self._journey.memory._replace(login=None)
        return doubted


_Asked = tuple[str, tuple[str, ...]]
"""The policy and the addresses of a request for tickets."""


class RstRoute(Route):
    """SSO, and TWN of later clients: tickets by RST or RST2 (ywiki rst), which may be kept.

    Under SSO the request needs the policy of the challenge, and not its nonce. So the request may
    be sent before the challenge comes, with the expected policy (`ahead`). The tickets wait until
    the challenge has named its policy: if that is another policy, they are dropped, and one more
    request is made. No request is sent ahead while the challenge may come at any moment: the right
    request would have to wait behind a wrong one.
    """

    def __init__(self, journey: Journey, best: Dialect) -> None:
        super().__init__(journey)
        place = _rst_address(journey, best)
        assert place is not None  # route_for has checked this
        self._url, self._is_rst2 = place
        self._scheme = best.scheme
        self._dialect = best
        self._challenge: tuple[str, ...] = ()
        self._last_challenge: tuple[str, ...] = ()
        self._uses_kept = False
        self._asked: _Asked | None = None
        """Policy and addresses of the request that is under way, or whose outcome waits."""
        self._outcome: dict[str, Ticket] | SignInError | None = None
        """The outcome of a request that was sent ahead, until its challenge comes."""

    @property
    def uses_kept(self) -> bool:
        return self._uses_kept

    @property
    def step(self) -> Step | None:
        # Before the challenge has come, the sign-in awaits the challenge, and not a request ahead.
        return super().step if self._challenge else None

    @property
    def server(self) -> str | None:
        return super().server if self._challenge else None

    def serves(self, dialect: Dialect) -> bool:
        # MSNP18 and on use RST2 where the network has it. A server that agrees to an older dialect
        # may therefore need another address or envelope, although the scheme is the same.
        same_place = _rst_address(self._journey, dialect) == (self._url, self._is_rst2)
        return same_place and dialect.scheme is self._scheme

    def load(self) -> None:
        import_module("..tickets.rst", __package__)
        import_module("..tickets.proof", __package__)

    def start(self) -> list[Action]:
        # With kept tickets no request will be necessary.
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
            return []  # the request was sent ahead; `_judged` compares when the answer comes
        kept = self._kept()
        if kept:
            self._uses_kept = True
            return self._answer_with(kept)
        return self._ask(self._policy())

    def forget_challenge(self) -> None:
        super().forget_challenge()
        self._challenge = ()
        if self._scheme is not Scheme.SSO or self._journey.speculate is False:
            self._stop()  # the next request waits for the next challenge

    def refused(self, error: SignInError) -> bool:
        # A server that has forgotten its tickets refuses them by 911, by closing, or by silence.
        # An error about the account itself does not mean that the ticket is bad.
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
        # The password was sent, and no challenge has come. The next sign-in sends it only after its
        # challenge: otherwise, while the notification server is down, each new attempt with a wrong
        # password would be counted by the login server.
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
        """Return the policy for a request ahead; None when the challenge has to be awaited."""
        journey = self._journey
        if journey.speculate is False or (agreed is not None and not self.serves(agreed)):
            return None
        if self._last_challenge:  # a kept ticket was refused, or an XFR came after the challenge
            return self._last_challenge[0]
        # The password is sent ahead only where it was sent earlier. At a network that is used for
        # the first time, a server must first have agreed to the dialect that sends it there.
        unknown = USUAL if journey.speculate and agreed is not None else None
        return journey.policies.expected(journey.servers, self._url, unknown)

    def _doubt_kept(self) -> bool:
        """Forget the kept tickets if they were used and refused; tell whether they were used."""
        doubted, self._uses_kept = self._uses_kept, False
        if doubted:
            self._journey.memory = self._journey.memory.without_tickets(self._scheme)
        return doubted

    def _kept(self) -> dict[str, Ticket]:
        """Return the wanted tickets, if all of them are kept and valid for `SPARE` seconds."""
        # All or none: one RST request gets every ticket, so that requesting some saves nothing.
        found = {}
        for address in self._wanted():
            ticket = self._journey.memory.ticket(self._scheme, address)
            if ticket is None or not self._lives(ticket):
                return {}
            found[address] = ticket
        return found

    def _lives(self, ticket: Ticket) -> bool:
        """Tell whether a ticket is known to be valid for `SPARE` seconds or more."""
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
        from ..tickets.rst import (  # not every sign-in needs XML
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
        """Return the addresses to request tickets for; the address that signs in is the first.

        Every client of MSNP13 and on also requests tickets for the contacts host and for offline
        messages. At Escargot all tickets of one answer are the same, and its services accept no
        other ticket.
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
        """Take the outcome of a request, which has to wait if there is no challenge yet."""
        if self._challenge:
            return self._judged(outcome)
        self._outcome = outcome
        return []

    def _judged(self, outcome: dict[str, Ticket] | SignInError) -> list[Action]:
        """Use the outcome of a request if it fits the challenge; else send another request."""
        is_wanted = self._asked == (self._policy(), tuple(self._wanted()))
        self._asked = None
        # A server that refused the password would refuse it again, and may count wrong passwords.
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
                # The server granted the ticket under a policy without a proof key (msnp-sharp met
                # such policies), or the BinarySecret is not base64.
                text = "the ticket came without a usable proof key, by policy "
                return [Failed(self._no_ticket(text + self._policy()))]
            # From MSNP16 on several places of one account are told apart by the machine's GUID.
            words += [self._journey.guid] if self._dialect.guid else []
        self.ticket, self.tickets, self._answer = ticket, tickets, tuple(words)
        return []

    def _no_ticket(self, text: str) -> RemoteProtocolError:
        return RemoteProtocolError(text, step=Step.LOGIN, server=self._url.origin)


def route_for(journey: Journey, dialect: Dialect) -> Route | LocalProtocolError:
    """Return the route by which a dialect signs in, or an error when the network has none."""
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

    TWN uses a login server that the caller has named. Clients of MSNP8 to 11 knew no other way;
    clients of MSNP12 and on used the RST (libpurple).
    """
    servers = journey.servers
    if dialect.scheme is Scheme.MD5:
        return None
    if dialect.scheme is Scheme.TWN and not journey.more:
        named = servers.login_for(journey.passport) is not None
        if named or (servers.nexus is not None and not dialect.rst):
            return None
    # Clients of MSNP18 and on use RST2, and earlier clients RST (ywiki rst; escargot). Where a
    # network has only one of the two, every client uses that one: the tickets are the same.
    order = [(servers.rst, False), (servers.rst2, True)]
    if dialect.rst2:
        order.reverse()
    return next(((url, is_rst2) for url, is_rst2 in order if url is not None), None)


def site_of(scheme: Scheme) -> str:
    """Return the address whose ticket signs in under a scheme."""
    from ..tickets.rst import MESSENGER, MESSENGER_CLEAR

    return MESSENGER_CLEAR if scheme is Scheme.SSO else MESSENGER


def _no_server(what: str, keyword: str) -> LocalProtocolError:
    return LocalProtocolError(
        f"no {what} server is known for this network",
        hint=f"name one with Servers({keyword}=…), or sign in by another scheme=",
    )

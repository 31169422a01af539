"""The route by RST or RST2, for SSO and for TWN of later clients."""

from __future__ import annotations

from importlib import import_module

from ..errors import (
    AccountBlocked,
    RemoteProtocolError,
    SignInError,
    Step,
    WrongCredentials,
)
from ..secrets import Secret
from ..servers import CONTACTS_SITE, OIM_SITE
from ..tickets.exchange import Exchange
from ..tickets.ticket import Ticket
from ..wire.dialects import Dialect, ListsForm, Scheme
from .actions import Action, Failed, Prepare
from .journey import Journey, rst_address, site_of
from .policies import USUAL
from .route import Route

__all__ = ["RstRoute"]


SPARE = 60.0
"""A kept ticket that expires in fewer seconds is not used (papyon: 60 s; msnp-sharp: 30 s)."""

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
        place = rst_address(journey, best)
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
        same_place = rst_address(self._journey, dialect) == (self._url, self._is_rst2)
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

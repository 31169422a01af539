"""SignIn: a complete sign-in without I/O, for callers who have their own event loop.

The driver performs the actions that each method returns and reports back what happens:

    actions = sign_in.start()
    Connect, Send   →  receive_data(bytes), b"" at the end; connection_failed(error)
    Fetch           →  receive_response(id, response or error)
    Done, Failed    →  the end

Two parts run beside each other: the notification conversation, and the route to the ticket. The
driver decides nothing; it may perform the actions one after another or several at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from ..credentials import about_length, as_secret, check_guid, check_passport, check_password
from ..errors import (
    GONE_HINT,
    AccountBlocked,
    ConnectionFailed,
    LocalProtocolError,
    NoCommonDialect,
    SignInError,
    SignInTimeout,
    Step,
    TooManyRedirects,
    WrongCredentials,
)
from ..secrets import Secret
from ..servers import CONTACTS_SITE, OIM_SITE, Servers, is_historic
from ..tickets.exchange import Exchange, Response
from ..tickets.ticket import Ticket, utc_now
from ..urls import Address
from ..wire.commands import Command
from ..wire.dialects import Dialect, Scheme, offer, scheme_named, scheme_of
from .actions import Action, Connect, Done, Failed, Send, SignedIn
from .conversation import (
    PIPELINE_HINT,
    Accepted,
    Challenged,
    Conversation,
    Event,
    Refused,
    State,
    Transferred,
)
from .journey import Journey, site_of
from .memory import Keys, Memory
from .options import SignInOptions, check_names
from .policies import Policies
from .route import Route
from .routes import Md5Route, route_for

if TYPE_CHECKING:
    from datetime import datetime

    from .session_actions import Consult

__all__ = ["MAX_TRANSFERS", "SignIn"]

MAX_TRANSFERS = 5

TICKET_PATIENCE = 5.0
"""Seconds to wait for the answer to a kept ticket; some servers do not answer an old ticket."""


class SignIn:
    """One sign-in, without I/O.

    Args:
        passport: the account's address.
        password: its password, as text or `Secret`.
        servers: the addresses of the network's servers.
        memory: what an earlier sign-in of the same account and network has learned.
        now: the clock.
        observe: is called with a notification server's `host:port` and each command that it sends.
        at: the notification server to begin at, when it is not that of `servers`.
        first_trid: the transaction id of the first command.
        policies: the known policies of networks; all sign-ins may share one object.
        options: as in `SignInOptions`. Without `guid` a random one is used, and not kept.

    Raises:
        LocalProtocolError: an argument is not valid.
    """

    def __init__(
        self,
        passport: str,
        password: str | Secret,
        servers: Servers,
        *,
        memory: Memory | None = None,
        now: Callable[[], datetime] = utc_now,
        observe: Callable[[str, Command], None] | None = None,
        at: Address | None = None,
        first_trid: int = 1,
        policies: Policies | None = None,
        **options: Unpack[SignInOptions],
    ) -> None:
        check_names(options, SignInOptions.__optional_keys__, "SignIn")
        password = check_password(as_secret(password))
        self._passport = check_passport(passport)
        if not isinstance(servers, Servers) or servers.notification is None:
            raise LocalProtocolError(
                "no notification server to sign in at",
                hint='name one: Servers("messenger.example") or Servers.named("escargot")',
            )
        dialects, guid = options.get("dialects"), options.get("guid")
        numbers = None if dialects is None else tuple(dialects)
        more = tuple(options.get("tickets", ()))
        self._observe = observe
        self._offers = _offers(servers, options.get("scheme"), numbers)
        self._offered = self._offers[0]
        self._left_to_offer = self._offers[1:]
        self._pipeline = options.get("pipeline", True)
        self._dispatch = servers.notification
        self._journey = Journey(
            self._passport,
            password,
            servers,
            more=tuple(address.lower() for address in more),
            guid=check_guid(guid) if guid is not None or self.needs_guid else "",
            now=now,
            memory=memory or Memory(),
            policies=policies or Policies(),
            speculate=options.get("speculate"),
        )
        # `again` makes another sign-in of this account from these arguments, with the same GUID.
        self._arguments: dict[str, Any] = {
            **options,
            "passport": passport,
            "password": password,
            "servers": servers,
            "now": now,
            "observe": observe,
            "policies": self._journey.policies,
            "dialects": numbers,
            "tickets": more,
            "guid": self._journey.guid or guid,
        }
        self._route: Route = Md5Route(self._journey)  # until start() finds the right one
        self._remembered = None if at else self._journey.memory.server
        self._server = at or self._remembered or self._dispatch
        self._visited = [self._server]
        self._transfers = 0
        self._agreed: Dialect | None = None
        self._ended = False
        self._conversation = self._new_conversation(first_trid)

    # --- state ---------------------------------------------------------------------------------

    @property
    def server(self) -> Address:
        """The present notification server."""
        return self._server

    @property
    def memory(self) -> Memory:
        """What has been learned so far, for the next sign-in of the account at this network."""
        return self._journey.memory

    @property
    def needs_guid(self) -> bool:
        """True when a dialect that may be offered sends the machine's GUID (MSNP16 and on)."""
        return any(dialect.guid for offered in self._offers for dialect in offered)

    @property
    def waits_for(self) -> str:
        """The reply that the notification conversation waits for, for the text of a time-out."""
        return self._conversation.state.value

    @property
    def patience(self) -> float | None:
        """Seconds without received data after which `silence()` is to be called, or None."""
        if self._ended:
            return None
        if self._conversation.state is State.AWAIT_OK and self._route.uses_kept:
            return TICKET_PATIENCE
        return self._conversation.patience

    def keys(self, password_tag: str) -> Keys:
        """Return the keys under which a cache keeps this sign-in's memory.

        Args:
            password_tag: a keyed hash of the password, as in `Keys`.
        """
        schemes = [offered[0].scheme for offered in self._offers]
        addresses = [*map(site_of, schemes), CONTACTS_SITE, OIM_SITE, *self._journey.more]
        return Keys(self._passport, self._journey.servers, schemes, addresses, password_tag)

    # --- what the driver reports ---------------------------------------------------------------

    def start(self) -> list[Action]:
        """Begin the notification conversation and the route to the ticket at the same time."""
        self._conversation.open()
        return self._settle([*self._take_route(self._offered[0]), Connect(self._server)])

    def load(self) -> None:
        """Import the modules that are needed later; best called during the first round trip."""
        self._route.load()

    def again(
        self,
        *,
        at: Address | None = None,
        first_trid: int = 1,
        memory: Memory | None = None,
        guid: str | None = None,
    ) -> SignIn:
        """Return another sign-in with the same arguments, and with what this one has learned.

        The new sign-in begins at `at`, or else at the dispatch server: the remembered server is
        likely the one that was lost. With `memory`, which was known before this sign-in, it begins
        at the server that `memory` names.
        """
        arguments = self._arguments | {"pipeline": self._pipeline}
        if guid is not None:
            arguments["guid"] = guid
        if memory is not None:
            return SignIn(**arguments, memory=memory, first_trid=first_trid)
        where = at or self._dispatch
        return SignIn(**arguments, memory=self.memory, at=where, first_trid=first_trid)

    def renewal(self) -> Exchange[dict[str, Ticket]]:
        """Return the exchange that gets new tickets, after `Done`.

        Raises:
            LocalProtocolError: the tickets cannot be renewed.
        """
        return self._route.renewal()

    def consult(self, errand: Consult) -> Exchange[Any]:
        """Return the exchange that a session's `Consult` asks for, after `Done`.

        Raises:
            LocalProtocolError: the service is not known, or there is no way to get its ticket.
        """
        servers = self._journey.servers
        # Where no host for offline messages is named, the contacts host is used for them.
        if servers.oim is None or (servers.contacts is None and errand.site == CONTACTS_SITE):
            raise LocalProtocolError(
                "no contacts host is known for this network",
                hint="name the one that has the contact list with Servers(contacts=…)",
                finding="MA-ARG-02",
            )
        ticket = yield from self._route.ticket_for(errand.site, errand.ticket)
        return (yield from errand.make(servers, ticket))

    def connected(self, *, https_stands: bool = False) -> list[Action]:
        """Note that the notification connection was made. A driver may leave this call out.

        Args:
            https_stands: whether the connection that `Prepare` asked for has been made as well,
                because it was kept or its server is near. The ticket may then be requested at
                once, while the answer of the notification server is a round trip away.
        """
        if self._ended or not https_stands:
            return []
        return self._settle(self._ahead())

    def receive_data(self, data: bytes) -> list[Action]:
        """Take bytes of the notification connection; b"" means that the server closed it."""
        if self._ended:
            return []
        actions: list[Action] = []
        for event in self._conversation.receive(data):
            actions += self._on_event(event)
        if self._conversation.is_far_from_challenge:
            actions += self._ahead()
        return self._settle(actions)

    def receive_response(self, fetch_id: int, outcome: Response | SignInError) -> list[Action]:
        """Take the answer to a `Fetch`, or the error that occurred instead."""
        if self._ended:
            return []
        return self._settle(self._route.respond(fetch_id, outcome))

    def silence(self) -> list[Action]:
        """Go on after `patience` seconds in which nothing was received."""
        if self._ended:
            return []
        if self._conversation.state is State.AWAIT_OK and self._route.uses_kept:
            self._route.gave_up()
            return self._settle(self._begin_at(self._server))
        if self._conversation.takes_one_at_a_time:
            return self._settle(self._one_at_a_time())
        self._conversation.silence()
        return self._settle([])

    def connection_failed(self, error: SignInError) -> list[Action]:
        """Go on after the notification connection could not be made, or broke."""
        if self._ended:
            return []
        actions = self._another_way(error)
        if actions is None and is_historic(self._server.host):
            error.hint, error.finding = GONE_HINT, "MA-NET-12"
        return self._settle([Failed(error)] if actions is None else actions)

    def timed_out(self, timeout: float) -> SignInTimeout:
        """End the sign-in at its deadline; return the error, which names the awaited reply."""
        hint = PIPELINE_HINT if self._conversation.takes_one_at_a_time else None
        error = SignInTimeout(
            f"{self.waits_for} did not come within {timeout:g} seconds",
            step=self._route.step or Step.NOTIFICATION,
            server=str(self._route.server or self._server),
            hint=GONE_HINT if is_historic(self._server.host) else hint,
            finding="MA-NET-12" if is_historic(self._server.host) else None,
        )
        self.give_up()
        return error

    def give_up(self) -> None:
        """End the sign-in, because the deadline passed or the caller has cancelled.

        A remembered server whose answer is awaited is forgotten. Otherwise a caller with a time
        limit of its own would try a dead server again and again.
        """
        if self._ended:
            return
        self._ended = True
        # Only the server whose answer is awaited is forgotten. While a login server is slow, the
        # notification server has already done its part.
        if self._route.step is None or self._conversation.state is not State.AWAIT_TICKET:
            self._doubt_server()
        self._route.gave_up()

    # --- inside --------------------------------------------------------------------------------

    def _new_conversation(self, first_trid: int) -> Conversation:
        return Conversation(
            self._passport,
            self._offered,
            server=str(self._server),
            pipeline=self._pipeline,
            first_trid=first_trid,
            observe=self._observe and partial(self._observe, str(self._server)),
        )

    def _ahead(self) -> list[Action]:
        """Do what can be done while the challenge is at least a round trip away."""
        self._agreed = self._conversation.dialect or self._agreed
        return self._route.ahead(self._agreed)

    def _take_route(self, dialect: Dialect) -> list[Action]:
        """Begin the route of a dialect; nothing of an earlier route is used any more."""
        self._route.left()
        route = route_for(self._journey, dialect)
        if isinstance(route, LocalProtocolError):
            return [Failed(route)]
        self._route = route
        return route.start()

    def _on_event(self, event: Event) -> list[Action]:
        match event:
            case Challenged(dialect, words):
                # A server may agree to an older dialect of the scheme, which has another route. If
                # the login server has already refused the password, that route would fail as well.
                if not self._route.serves(dialect) and (verdict := self._route.verdict):
                    return [Failed(verdict)]
                before = [] if self._route.serves(dialect) else self._take_route(dialect)
                if before and isinstance(before[-1], Failed):
                    return before
                return [*before, *self._route.challenge(dialect, words)]
            case Transferred(address):
                return self._transfer(address)
            # One VER can offer the dialects of one scheme only, because the USR that follows it in
            # the same packet names the scheme. Another scheme needs another connection.
            case Refused(NoCommonDialect()) if self._left_to_offer and not self._is_remembered:
                return self._offer_others()
            case Refused(error):
                if isinstance(error, WrongCredentials) and self._offered[0].scheme is Scheme.MD5:
                    about_length(error, self._journey.password)  # no login server has judged it
                actions = self._another_way(error)
                return [Failed(error)] if actions is None else actions
            case Accepted():
                self._learn_server()
                self._route.accepted()
                return [Done(self._signed_in(event))]

    def _another_way(self, error: SignInError) -> list[Action] | None:
        """Return how to go on after a failure of the notification connection; None to fail."""
        about_us = isinstance(error, WrongCredentials | AccountBlocked)
        if self._is_remembered and not about_us:
            # The remembered server failed, and a sign-in at the dispatch server may succeed.
            return self._back_to_dispatch()
        if self._was_answering and self._route.refused(error):
            return self._begin_at(self._server)  # a kept ticket was refused: get a new one
        if isinstance(error, ConnectionFailed) and self._may_be_one_at_a_time:
            return self._one_at_a_time()
        return None

    @property
    def _is_remembered(self) -> bool:
        return self._remembered is not None and self._server == self._remembered

    @property
    def _was_answering(self) -> bool:
        """True when the challenge was answered on this connection."""
        return self._conversation.has_answered

    @property
    def _may_be_one_at_a_time(self) -> bool:
        """True when the server may have closed because it was sent three commands at once.

        A connection that broke before VER was answered may never have been made, so that it does
        not count.
        """
        talk = self._conversation
        broke = talk.takes_one_at_a_time and talk.state is not State.AWAIT_VER
        return talk.closed_early or broke

    def _signed_in(self, accepted: Accepted) -> SignedIn:
        return SignedIn(
            accepted=accepted,
            ticket=self._route.ticket,
            tickets=self._route.tickets,
            server=self._server,
            next_trid=self._conversation.next_trid,
            unasked=tuple(self._conversation.unasked),
            reader=self._conversation.reader,
            guid=self._journey.guid if accepted.dialect.guid else "",
        )

    def _transfer(self, address: Address | None) -> list[Action]:
        # XFR does not mean overload: a dispatch server always answers with XFR.
        self._transfers += 1
        self._route.forget_challenge()
        if self._transfers > MAX_TRANSFERS:
            return [self._too_many(f"more than {MAX_TRANSFERS} transfers")]
        if address is None:
            return self._ahead()
        if address in self._visited:
            return [self._too_many(f"sent in a circle, back to {address}")]
        self._visited.append(address)
        return self._begin_at(address)

    def _begin_at(self, server: Address) -> list[Action]:
        """Begin at this server with VER; transaction ids go on counting, as in libpurple."""
        self._route.forget_challenge()
        ahead = self._ahead()
        self._server = server
        self._conversation = self._new_conversation(self._conversation.next_trid)
        self._conversation.open()
        return [*ahead, Connect(server)]

    def _offer_others(self) -> list[Action]:
        """Offer the dialects of the next scheme, because the server speaks none of this one."""
        self._offered, *self._left_to_offer = self._left_to_offer
        return [*self._take_route(self._offered[0]), *self._begin_at(self._server)]

    def _one_at_a_time(self) -> list[Action]:
        """Begin again and send one command at a time, because at most VER was answered."""
        self._pipeline = False
        return self._begin_at(self._server)

    # --- the notification server that an XFR named ---------------------------------------------

    def _learn_server(self) -> None:
        # The next sign-in begins at the server that accepted this one, which saves the round trips
        # of the dispatch server. Without an XFR there is nothing to remember.
        server = None if self._server == self._dispatch else self._server
        self._journey.memory = self._journey.memory._replace(server=server)

    def _doubt_server(self) -> None:
        """Forget the server if it is the one that an earlier sign-in has remembered."""
        if self._is_remembered:
            self._journey.memory = self._journey.memory._replace(server=None)
        self._remembered = None

    def _back_to_dispatch(self) -> list[Action]:
        """Begin at the dispatch server, because the remembered server does not accept us."""
        self._doubt_server()
        self._visited = [self._dispatch]
        return self._begin_at(self._dispatch)

    def _too_many(self, text: str) -> Failed:
        return Failed(TooManyRedirects(text, step=Step.NOTIFICATION, server=str(self._server)))

    def _settle(self, actions: list[Action]) -> list[Action]:
        """Answer the challenge when the answer is known, and add the commands to send."""
        # The route may know the answer in the same step in which the challenge comes (MD5, a kept
        # ticket), or only some responses later.
        if answer := self._route.take_answer():
            self._conversation.answer(*answer)
        end = next((action for action in actions if isinstance(action, Done | Failed)), None)
        if end is not None:
            self._ended = True
            if isinstance(end, Failed):
                self._route.left()
            return [*actions[: actions.index(end)], end]
        commands, self._conversation.to_send = self._conversation.to_send, []
        return [*actions, Send(tuple(commands))] if commands else actions


def _offers(
    servers: Servers, scheme: str | None, dialects: Iterable[int] | None
) -> list[tuple[Dialect, ...]]:
    """Return the dialects to offer, one tuple for each scheme, the best scheme first."""
    if dialects is not None:
        numbers = list(dialects)
        return [offer(numbers, scheme_named(scheme) if scheme else scheme_of(numbers))]
    schemes = servers.schemes_allowed() if scheme is None else [scheme_named(scheme)]
    if not schemes:
        raise LocalProtocolError(
            "these servers allow no scheme",
            hint="name a nexus, login or rst server; scheme='MD5' signs in without any",
            finding="MA-ARG-02",
        )
    offers = [_had(servers, allowed) for allowed in schemes]
    if not any(offers):
        raise LocalProtocolError(
            f"this network has no dialect that signs in by {' or '.join(schemes)}",
            hint="name other dialects= or another scheme=",
        )
    return [offered for offered in offers if offered]


def _had(servers: Servers, scheme: Scheme) -> tuple[Dialect, ...]:
    """Return the dialects of a scheme that the network has, or all if that is not known."""
    if servers.dialects is None:
        return offer(None, scheme)
    return tuple(dialect for dialect in servers.dialects if dialect.scheme is scheme)

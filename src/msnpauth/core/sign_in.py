"""SignIn: the whole way to USR OK, without I/O, for people who bring their own loop.

The driver performs the actions that each method returns and feeds back what happens:

    actions = sign_in.start()
    Connect, Send   →  receive_data(bytes), b"" at the end; connection_failed(error)
    Fetch           →  receive_response(id, response or error)
    Done, Failed    →  the end

Two legs run beside each other: the notification conversation, and the way to the ticket. The
driver decides nothing; it may do one thing after another or several at once.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from .actions import Action, Connect, Done, Failed, Send, SignedIn
from .commands import Command
from .conversation import Accepted, Challenged, Conversation, Event, Refused, Transferred
from .dialects import Dialect, offer, scheme_named, scheme_of
from .errors import (
    GONE_HINT,
    AccountBlocked,
    LocalProtocolError,
    NoCommonDialect,
    SignInError,
    SignInTimeout,
    Step,
    TooManyRedirects,
    WrongCredentials,
)
from .http import Exchange, Response
from .passport14 import check_passport, check_password
from .secrets import Secret
from .servers import Servers, is_historic
from .ticket_leg import TicketLeg
from .tickets import Ticket, TicketCache, utc_now
from .urls import Address, BadAddress

__all__ = ["MAX_TRANSFERS", "SignIn", "check_guid"]

MAX_TRANSFERS = 5


class SignIn:
    """One sign-in, without I/O.

    Args:
        passport: the account's address.
        password: its password, as text or `Secret`.
        servers: where the network's servers are.
        dialects: MSNP versions to offer, all of one scheme.
        scheme: `SSO`, `TWN` or `MD5`. When neither it nor dialects are given, the best that the
            servers allow; MD5, which offers no check of the server, only where
            `Servers(schemes=…)` says that the network has it.
        tickets: addresses to ask the RST for besides, such as `contacts.msn.com`.
        guid: the machine's, for MSNP16 and on; a random one by default.
        cache: remembers tickets until they expire, and until they fail the login address and
            the notification server that an XFR named.
        pipeline: send VER, CVR and USR in one flight.
        now: the clock.
        observe: is shown every command of the server, for a log.
        at: the notification server to begin at, when it is not that of `servers`.
        first_trid: the transaction id to begin with.

    Raises:
        LocalProtocolError: an argument cannot be right.
    """

    def __init__(
        self,
        passport: str,
        password: str | Secret,
        servers: Servers,
        *,
        dialects: Iterable[int] | None = None,
        scheme: str | None = None,
        tickets: Iterable[str] = (),
        guid: str | None = None,
        cache: TicketCache | None = None,
        pipeline: bool = True,
        now: Callable[[], datetime] = utc_now,
        observe: Callable[[Command], None] | None = None,
        at: Address | None = None,
        first_trid: int = 1,
    ) -> None:
        self._observe = observe
        self._passport = check_passport(passport)
        secret, numbers = check_password(password), None if dialects is None else tuple(dialects)
        if not isinstance(servers, Servers) or servers.notification is None:
            raise LocalProtocolError(
                "no notification server to sign in at",
                hint='name one: Servers("messenger.example") or Servers.named("escargot")',
            )
        self._offers = _offers(servers, scheme, numbers)
        self._offered = self._offers.pop(0)
        self._pipeline = pipeline
        guid, more = check_guid(guid), tuple(tickets)
        self._leg = TicketLeg(
            self._passport, secret, servers, cache=cache, now=now, guid=guid, more=more
        )
        self._another = partial(
            SignIn,
            passport,
            secret,
            servers,
            dialects=numbers,
            scheme=scheme,
            tickets=more,
            guid=guid,
            cache=cache,
            pipeline=pipeline,
            now=now,
            observe=observe,
        )
        self._dispatch = servers.notification
        self._cache = cache
        self._server_key = f"ns {self._passport.casefold()} {self._dispatch}"
        self._remembered = None if at else self._recall_server()
        self._server = at or self._remembered or self._dispatch
        self._visited = [self._server]
        self._transfers = 0
        self._ended = False
        self._conversation = self._new_conversation(first_trid)

    @property
    def server(self) -> Address:
        """The notification server that is being talked to."""
        return self._server

    @property
    def waits_for(self) -> str:
        """What the notification leg waits for, in words for a time-out's text."""
        return self._conversation.state.value

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which `silence()` is to be called, or None."""
        return None if self._ended else self._conversation.patience

    def start(self) -> list[Action]:
        """Begin. Both legs start at once."""
        self._conversation.open()
        return self._settle([*self._leg.start(self._offered[0]), Connect(self._server)])

    def again(self, *, at: Address | None = None, first_trid: int = 1) -> SignIn:
        """Return another sign-in with the same arguments, at the dispatch server unless `at` is.

        Not at the server that was remembered: it is likely the one that was lost.
        """
        return self._another(at=at or self._dispatch, first_trid=first_trid)

    def renewal(self) -> Exchange[dict[str, Ticket]]:
        """Return the exchange that gets new tickets, after `Done`.

        Raises:
            LocalProtocolError: they cannot be renewed.
        """
        return self._leg.renewal()

    def receive_data(self, data: bytes) -> list[Action]:
        """Take what came on the notification connection; b"" when the peer closed it."""
        if self._ended:
            return []
        actions: list[Action] = []
        for event in self._conversation.receive(data):
            actions += self._on_event(event)
        return self._settle(actions)

    def receive_response(self, fetch_id: int, outcome: Response | SignInError) -> list[Action]:
        """Take the answer to a `Fetch`, or the error that it met."""
        if self._ended:
            return []
        return self._settle(self._leg.respond(fetch_id, outcome))

    def silence(self) -> list[Action]:
        """Nothing came for `patience` seconds."""
        if self._ended:
            return []
        self._conversation.silence()
        return self._settle([])

    def connection_failed(self, error: SignInError) -> list[Action]:
        """The notification connection could not be made, or broke."""
        if self._ended:
            return []
        if self._is_stale(error):
            return self._settle(self._back_to_dispatch())
        if is_historic(self._server.host):
            error.hint = GONE_HINT
        return self._settle([Failed(error)])

    def timed_out(self, timeout: float) -> SignInTimeout:
        """Return the error for a deadline that passed, saying what was waited for."""
        self._forget_server()
        error = SignInTimeout(
            f"{self.waits_for} did not come within {timeout:g} seconds",
            step=self._leg.step or Step.NOTIFICATION,
            server=str(self._leg.server or self._server),
        )
        if is_historic(self._server.host):
            error.hint = GONE_HINT
        return error

    # --- inside --------------------------------------------------------------------------------

    def _new_conversation(self, first_trid: int) -> Conversation:
        return Conversation(
            self._passport,
            self._offered,
            server=str(self._server),
            pipeline=self._pipeline,
            first_trid=first_trid,
            observe=self._observe,
        )

    def _on_event(self, event: Event) -> list[Action]:
        match event:
            case Challenged(dialect, words):
                return self._leg.challenge(dialect, words)
            case Transferred(address):
                return self._transfer(address)
            case Refused(error) if self._is_stale(error):
                return self._back_to_dispatch()
            case Refused(NoCommonDialect()) if self._offers:
                return self._offer_others()
            case Refused(WrongCredentials()) if self._leg.drop_cached():
                return self._once_more()
            case Refused(error):
                return [Failed(error)]
            case Accepted():
                self._remember_server()
                return [Done(self._signed_in(event))]

    def _signed_in(self, accepted: Accepted) -> SignedIn:
        return SignedIn(
            accepted=accepted,
            ticket=self._leg.ticket,
            tickets=self._leg.tickets,
            server=self._server,
            next_trid=self._conversation.next_trid,
            unasked=tuple(self._conversation.unasked),
            reader=self._conversation.reader,
        )

    def _transfer(self, address: Address | None) -> list[Action]:
        self._transfers += 1
        self._leg.forget_challenge()
        if self._transfers > MAX_TRANSFERS:
            return [self._too_many(f"more than {MAX_TRANSFERS} transfers")]
        if address is None:
            return []
        if address in self._visited:
            return [self._too_many(f"sent in a circle, back to {address}")]
        self._visited.append(address)
        return self._begin_at(address)

    def _begin_at(self, server: Address) -> list[Action]:
        """Talk to this server from VER on; transaction ids go on counting, as libpurple's did."""
        self._server = server
        self._conversation = self._new_conversation(self._conversation.next_trid)
        self._conversation.open()
        return [Connect(server)]

    def _offer_others(self) -> list[Action]:
        """The network speaks no dialect of that scheme: try the next."""
        self._offered = self._offers.pop(0)
        return [*self._leg.start(self._offered[0]), *self._begin_at(self._server)]

    def _once_more(self) -> list[Action]:
        """A ticket out of the cache was refused, and is dropped: go the full way."""
        self._leg.forget_challenge()
        return self._begin_at(self._server)

    # --- the notification server that an XFR named ---------------------------------------------

    def _recall_server(self) -> Address | None:
        text = self._cache.get(self._server_key) if self._cache is not None else None
        try:
            return Address.parse(text) if text else None
        except BadAddress:
            return None

    def _remember_server(self) -> None:
        if self._server == self._dispatch:
            self._forget_server()
        elif self._cache is not None and self._server != self._remembered:
            self._cache.put(self._server_key, str(self._server))

    def _forget_server(self) -> None:
        if self._remembered is not None and self._cache is not None:
            self._cache.forget(self._server_key)
        self._remembered = None

    def _is_stale(self, error: SignInError) -> bool:
        """Tell whether it is the remembered server that failed, rather than the sign-in."""
        about_us = isinstance(error, WrongCredentials | AccountBlocked)
        return self._server == self._remembered and not about_us

    def _back_to_dispatch(self) -> list[Action]:
        """The remembered server does not take us: begin where sign-ins begin."""
        self._forget_server()
        self._leg.forget_challenge()
        self._visited = [self._dispatch]
        return self._begin_at(self._dispatch)

    def _too_many(self, text: str) -> Failed:
        return Failed(TooManyRedirects(text, step=Step.NOTIFICATION, server=str(self._server)))

    def _settle(self, actions: list[Action]) -> list[Action]:
        """Answer the challenge when the answer is there, and send what is to be sent."""
        answer = self._leg.take_answer()
        if answer:
            self._conversation.answer(*answer)
        end = next((action for action in actions if isinstance(action, Done | Failed)), None)
        if end is not None:
            self._ended = True
            return [*actions[: actions.index(end)], end]
        commands, self._conversation.to_send = self._conversation.to_send, []
        return [*actions, Send(tuple(commands))] if commands else actions


_GUID = re.compile(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}?")


def check_guid(guid: str | None) -> str:
    """Return a machine's GUID as the wire has it: in braces and upper case; a new one for None.

    Raises:
        LocalProtocolError: it is none.
    """
    match = _GUID.fullmatch(str(uuid.uuid4()) if guid is None else guid)
    if match is None:
        raise LocalProtocolError(
            "that is no GUID", hint="as in {F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
        )
    return f"{{{match[1].upper()}}}"


def _offers(
    servers: Servers, scheme: str | None, dialects: Iterable[int] | None
) -> list[tuple[Dialect, ...]]:
    """Return what to offer, best first: one opening can offer the dialects of one scheme only."""
    if dialects is not None:
        numbers = list(dialects)
        return [offer(numbers, scheme_named(scheme) if scheme else scheme_of(numbers))]
    if scheme is not None:
        return [offer(None, scheme_named(scheme))]
    schemes = servers.schemes_allowed()
    if not schemes:
        raise LocalProtocolError(
            "these servers allow no scheme",
            hint="name a nexus, login or rst server; scheme='MD5' signs in without any",
        )
    return [offer(None, allowed) for allowed in schemes]

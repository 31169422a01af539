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

from collections.abc import Callable, Iterable
from datetime import datetime

from .actions import Action, Connect, Done, Failed, Fetch, Prepare, Send, SignedIn
from .commands import Command
from .conversation import Accepted, Challenged, Conversation, Event, Refused, Transferred
from .dialects import offer
from .errors import (
    GONE_HINT,
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    SignInError,
    SignInTimeout,
    Step,
    TooManyRedirects,
)
from .http import Exchange, Response
from .passport14 import check_passport, check_password, find_login, request_ticket
from .secrets import Secret
from .servers import Servers, is_historic
from .tickets import Ticket, TicketCache, utc_now
from .urls import Address, BadAddress, Url

__all__ = ["MAX_TRANSFERS", "SignIn"]

MAX_TRANSFERS = 5


class SignIn:
    """One sign-in, without I/O.

    Args:
        passport: the account's address.
        password: its password, as text or `Secret`.
        servers: where the network's servers are.
        dialects: MSNP versions to offer; all that sign in by TWN when None.
        cache: remembers the login address for the next sign-in.
        pipeline: send VER, CVR and USR in one flight.
        now: the clock.
        observe: is shown every command of the server, for a log.

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
        cache: TicketCache | None = None,
        pipeline: bool = True,
        now: Callable[[], datetime] = utc_now,
        observe: Callable[[Command], None] | None = None,
    ) -> None:
        self._observe = observe
        self._passport = check_passport(passport)
        if not isinstance(servers, Servers) or servers.notification is None:
            raise LocalProtocolError(
                "no notification server to sign in at",
                hint='name one: Servers("messenger.example") or Servers.named("escargot")',
            )
        self._offered = offer(dialects)
        self._pipeline = pipeline
        self._leg = _TicketLeg(self._passport, check_password(password), servers, cache, now)
        self._server = servers.notification
        self._visited = [self._server]
        self._transfers = 0
        self._ticket: Ticket | None = None
        self._ended = False
        self._conversation = self._new_conversation(1)

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
        return self._settle([*self._leg.start(), Connect(self._server)])

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
        if is_historic(self._server.host):
            error.hint = GONE_HINT
        return self._settle([Failed(error)])

    def timed_out(self, timeout: float) -> SignInTimeout:
        """Return the error for a deadline that passed, saying what was waited for."""
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
            case Challenged(challenge):
                return self._leg.challenge(challenge)
            case Transferred(address):
                return self._transfer(address)
            case Refused(error):
                return [Failed(error)]
            case Accepted():
                return [Done(self._signed_in(event))]

    def _signed_in(self, accepted: Accepted) -> SignedIn:
        assert self._ticket is not None  # USR OK is awaited only behind a ticket
        return SignedIn(
            accepted=accepted,
            ticket=self._ticket,
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
        self._server = address
        self._visited.append(address)
        # Transaction ids go on counting, as libpurple's did.
        self._conversation = self._new_conversation(self._conversation.next_trid)
        self._conversation.open()
        return [Connect(address)]

    def _too_many(self, text: str) -> Failed:
        return Failed(TooManyRedirects(text, step=Step.NOTIFICATION, server=str(self._server)))

    def _settle(self, actions: list[Action]) -> list[Action]:
        """Answer the challenge when the ticket is there, and send what is to be sent."""
        ticket = self._leg.take_ticket()
        if ticket is not None:
            self._ticket = ticket
            self._conversation.answer(ticket)
        end = next((action for action in actions if isinstance(action, Done | Failed)), None)
        if end is not None:
            self._ended = True
            return [*actions[: actions.index(end)], end]
        commands, self._conversation.to_send = self._conversation.to_send, []
        return [*actions, Send(tuple(commands))] if commands else actions


class _TicketLeg:
    """The way to the ticket: find the login server meanwhile, ask it once there is a challenge."""

    def __init__(
        self,
        passport: str,
        password: Secret,
        servers: Servers,
        cache: TicketCache | None,
        now: Callable[[], datetime],
    ) -> None:
        self._passport = passport
        self._password = password
        self._servers = servers
        self._cache = cache
        self._cache_key = f"login of {servers.nexus}"
        self._now = now
        self._login = servers.login_for(passport)
        self._remembered = False
        self._challenge: str | None = None
        self._ticket: Ticket | None = None
        self._finding: Exchange[Url] | None = None
        self._asking: Exchange[Ticket] | None = None
        self._fetch: Fetch | None = None
        self._fetches = 0

    @property
    def step(self) -> Step | None:
        """The step whose answer is awaited, or None when none is."""
        return self._fetch.request.step if self._fetch else None

    @property
    def server(self) -> str | None:
        """The server whose answer is awaited, or None when none is."""
        return self._fetch.request.url.origin if self._fetch else None

    def start(self) -> list[Action]:
        self._login = self._login or self._recall()
        if self._login is not None:
            return [Prepare(self._login)]
        self._finding = find_login(self._servers, now=self._now)
        return self._step(None)

    def challenge(self, challenge: str) -> list[Action]:
        self._challenge = challenge
        return self._ask()

    def forget_challenge(self) -> None:
        """A challenge is good for its connection only; an answer to it that comes is not used."""
        self._challenge = self._ticket = None
        if self._asking is not None:
            self._asking.close()
            self._asking = self._fetch = None

    def take_ticket(self) -> Ticket | None:
        ticket, self._ticket = self._ticket, None
        return ticket

    def respond(self, fetch_id: int, outcome: Response | SignInError) -> list[Action]:
        if self._fetch is None or self._fetch.id != fetch_id:
            return []
        return self._step(outcome)

    def _ask(self) -> list[Action]:
        if self._login is None or self._challenge is None:
            return []
        self._asking = request_ticket(
            self._login,
            self._passport,
            self._password,
            self._challenge,
            self._servers,
            now=self._now,
        )
        return self._step(None)

    def _step(self, outcome: Response | SignInError | None) -> list[Action]:
        """Move the exchange under way by one answer."""
        exchange: Exchange[Url] | Exchange[Ticket] | None = self._asking or self._finding
        assert exchange is not None  # callers start one
        try:
            if outcome is None:
                request = next(exchange)
            elif isinstance(outcome, Response):
                request = exchange.send(outcome)
            else:
                request = exchange.throw(outcome)
        except StopIteration as end:
            self._fetch = None
            return self._found(end.value)
        except SignInError as error:
            self._fetch = None
            return self._missed(error)
        self._fetches += 1
        self._fetch = Fetch(self._fetches, request)
        return [self._fetch]

    def _found(self, result: Url | Ticket) -> list[Action]:
        if isinstance(result, Ticket):
            self._asking, self._ticket = None, result
            return []
        self._finding, self._login = None, result
        if self._cache is not None:
            self._cache.put(self._cache_key, str(result))
        return self._ask() or [Prepare(result)]

    def _missed(self, error: SignInError) -> list[Action]:
        stale = isinstance(error, ConnectionFailed | RemoteProtocolError) and self._remembered
        if not stale:
            return [Failed(error)]
        # The login server may have moved since: ask the nexus, once.
        self._forget()
        self._asking, self._login = None, None
        self._finding = find_login(self._servers, now=self._now)
        return self._step(None)

    def _recall(self) -> Url | None:
        text = self._cache.get(self._cache_key) if self._cache is not None else None
        try:
            url = Url.parse(text) if text else None
        except BadAddress:
            url = None
        self._remembered = url is not None and url.scheme == "https"
        return url if self._remembered else None

    def _forget(self) -> None:
        self._remembered = False
        if self._cache is not None:
            self._cache.forget(self._cache_key)

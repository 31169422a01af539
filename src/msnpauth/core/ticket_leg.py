"""The way to the ticket, beside the notification conversation: which server, and what to ask it.

Three routes: the login server (Passport 1.4), RST or RST2, and none at all (MD5). Where the server
can be known before there is a challenge it is found, and its connection prepared, meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from .actions import Action, Failed, Fetch, Prepare
from .commands import unescape
from .dialects import Dialect, Scheme
from .errors import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    SignInError,
    Step,
)
from .http import Exchange, Response
from .passport14 import find_login, request_ticket
from .secrets import Secret
from .servers import Servers
from .tickets import Ticket, TicketCache, dump_ticket, load_ticket
from .urls import BadAddress, Url

__all__ = ["TicketLeg", "md5_answer"]

_SPARE = timedelta(seconds=60)
"""A kept ticket is not used when it lives shorter than this (papyon: 60 s; msnp-sharp: 30 s)."""


class TicketLeg:
    """Finds the server meanwhile, asks it once there is a challenge, and keeps what it grants.

    `answer` is what the conversation is to say, once it is known; `tickets` what was granted.
    """

    def __init__(
        self,
        passport: str,
        password: Secret,
        servers: Servers,
        *,
        cache: TicketCache | None,
        now: Callable[[], datetime],
        guid: str,
        more: Iterable[str] = (),
    ) -> None:
        self._passport = passport
        self._password = password
        self._servers = servers
        self._cache = cache
        self._cache_key = f"login of {servers.nexus}"
        self._now = now
        self._guid = guid
        self._more = tuple(address.lower() for address in more)
        self._login = servers.login_for(passport)
        self._remembered = False
        self._dialect: Dialect | None = None
        self._challenge: tuple[str, ...] = ()
        self._running: Exchange[Any] | None = None
        self._fetch: Fetch | None = None
        self._fetches = 0
        self._cached = False
        self._answer: tuple[str, ...] = ()
        self.ticket: Ticket | None = None
        """The ticket that answers the challenge; None under MD5."""
        self.tickets: dict[str, Ticket] = {}
        """Every ticket that RST granted, by address."""

    @property
    def step(self) -> Step | None:
        """The step whose answer is awaited, or None when none is."""
        return self._fetch.request.step if self._fetch else None

    @property
    def server(self) -> str | None:
        """The server whose answer is awaited, or None when none is."""
        return self._fetch.request.url.origin if self._fetch else None

    def start(self, best: Dialect) -> list[Action]:
        """Do what can be done before there is a challenge; `best` is the best dialect offered."""
        if best.scheme is Scheme.MD5:
            return []
        rst = self._rst(best)
        if rst is not None:
            # With a ticket that is kept there will be nothing to ask.
            return [] if self._kept(best) else [Prepare(rst[0])]
        if best.scheme is Scheme.SSO or self._more:
            return [Failed(_no_server("RST", "rst"))]
        return self._find_login()

    def challenge(self, dialect: Dialect, words: tuple[str, ...]) -> list[Action]:
        """Take the challenge of the connection that is being talked to."""
        self._dialect, self._challenge = dialect, words
        if dialect.scheme is Scheme.MD5:
            self._answer = (md5_answer(unescape(words[0]), self._password),)
            return []
        if self._running is not None:
            return []  # the nexus is being asked; its answer goes on
        return self._ask()

    def forget_challenge(self) -> None:
        """A challenge is good for its connection only; an answer to it that comes is not used."""
        asking = self._challenge and self._running is not None and self.step is not Step.NEXUS
        self._challenge = self._answer = ()
        if asking and self._running is not None:
            self._running.close()
            self._running = self._fetch = None

    def take_answer(self) -> tuple[str, ...]:
        """Return the words for `USR n SCHEME S …`, once; empty before they are known."""
        answer, self._answer = self._answer, ()
        return answer

    def respond(self, fetch_id: int, outcome: Response | SignInError) -> list[Action]:
        """Take the answer to a `Fetch`; those to what was given up are passed over."""
        if self._fetch is None or self._fetch.id != fetch_id:
            return []
        return self._advance(outcome)

    def renewal(self) -> Exchange[dict[str, Ticket]]:
        """Return the exchange that gets new tickets for the same addresses, by RST.

        Raises:
            LocalProtocolError: the tickets did not come by RST: a Passport 1.4 ticket answers the
                challenge of one connection.
        """
        if self._dialect is None or not self.tickets:
            raise LocalProtocolError(
                "these tickets cannot be renewed without a new connection",
                hint="sign in again; tickets by RST can be renewed (Servers(rst=…))",
            )
        return self._renewed(self._dialect)

    def drop_cached(self) -> bool:
        """Forget tickets that came from the cache and were refused; tell whether there were any."""
        cached, self._cached = self._cached, False
        if cached and self._cache is not None and self._dialect is not None:
            for address in self.tickets:
                self._cache.forget(self._ticket_key(self._dialect, address))
        return cached

    # --- which server --------------------------------------------------------------------------

    def _rst(self, dialect: Dialect) -> tuple[Url, bool] | None:
        """Return the RST address for a dialect, and whether it is RST2; None to use the login."""
        servers = self._servers
        if dialect.scheme is Scheme.TWN and not self._more:
            has_login = self._login is not None or servers.nexus is not None
            if self._login is not None or (has_login and not dialect.rst):
                return None
        order = [(servers.rst, False), (servers.rst2, True)]
        if dialect.rst2:
            order.reverse()
        return next(((url, is_2) for url, is_2 in order if url is not None), None)

    def _find_login(self) -> list[Action]:
        self._login = self._login or self._recall()
        if self._login is not None:
            return [Prepare(self._login)]
        self._running = find_login(self._servers, now=self._now)
        return self._advance(None)

    def _ask(self) -> list[Action]:
        assert self._dialect is not None  # challenge() set it
        if self._rst(self._dialect) is not None:
            kept = self._kept(self._dialect)
            if kept:
                self._cached = True
                return self._granted(kept)
            self._running = self._request_tokens(self._dialect)
        elif self._dialect.scheme is Scheme.SSO:
            return [Failed(_no_server("RST", "rst"))]
        elif self._login is None:
            return self._find_login()
        else:
            self._running = request_ticket(
                self._login,
                self._passport,
                self._password,
                self._challenge[0],
                self._servers,
                now=self._now,
            )
        return self._advance(None)

    def _request_tokens(self, dialect: Dialect) -> Exchange[dict[str, Ticket]]:
        from .rst import Soap, policy_for, request_tickets  # XML is not needed by every sign-in

        found = self._rst(dialect)
        assert found is not None  # callers saw to it
        url, is_2 = found
        wanted = {_site(dialect): self._policy(dialect)} | {
            more: policy_for(more) for more in self._more
        }
        return request_tickets(
            url,
            Soap.RST2 if is_2 else Soap.RST,
            self._passport,
            self._password,
            wanted,
            servers=self._servers,
            now=self._now,
        )

    def _renewed(self, dialect: Dialect) -> Exchange[dict[str, Ticket]]:
        self.tickets = yield from self._request_tokens(dialect)
        self._keep(self.tickets)
        return self.tickets

    def _policy(self, dialect: Dialect) -> str:
        from .rst import policy_for_challenge

        sso = dialect.scheme is Scheme.SSO
        return self._challenge[0] if sso else policy_for_challenge(self._challenge[0])

    # --- the cache -----------------------------------------------------------------------------

    def _ticket_key(self, dialect: Dialect, address: str) -> str:
        """Return the cache's key: nothing is used for another account, network or scheme."""
        network = self._servers.rst or self._servers.rst2
        scheme, passport = dialect.scheme, self._passport.casefold()
        return f"ticket {scheme} {address} {passport} {network}"

    def _kept(self, dialect: Dialect) -> dict[str, Ticket]:
        """Return the tickets that are wanted, if all of them are kept and live a while yet."""
        if self._cache is None:
            return {}
        found = {}
        for address in (_site(dialect), *self._more):
            ticket = load_ticket(self._cache.get(self._ticket_key(dialect, address)))
            if ticket is None or ticket.expires is None:
                return {}
            if ticket.expires - self._now() < _SPARE:
                return {}
            found[address] = ticket
        return found

    def _keep(self, tickets: dict[str, Ticket]) -> None:
        """Keep those whose life the service states; a Passport 1.4 ticket never comes here."""
        assert self._dialect is not None  # challenge() set it
        for address, ticket in tickets.items():
            if self._cache is not None and ticket.expires is not None:
                key = self._ticket_key(self._dialect, address)
                self._cache.put(key, dump_ticket(ticket), ticket.expires)

    # --- the exchange under way ----------------------------------------------------------------

    def _advance(self, outcome: Response | SignInError | None) -> list[Action]:
        """Move the exchange under way by one answer."""
        running = self._running
        assert running is not None  # callers start one
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
        self._fetches += 1
        self._fetch = Fetch(self._fetches, request)
        return [self._fetch]

    def _found(self, result: Url | Ticket | dict[str, Ticket]) -> list[Action]:
        if isinstance(result, Url):
            self._login = result
            if self._cache is not None:
                self._cache.put(self._cache_key, str(result))
            return self._ask() if self._challenge else [Prepare(result)]
        if isinstance(result, Ticket):
            self.ticket, self._answer = result, (result.reveal(),)
            return []
        self._keep(result)
        return self._granted(result)

    def _granted(self, tickets: dict[str, Ticket]) -> list[Action]:
        assert self._dialect is not None  # challenge() set it
        address = _site(self._dialect)
        ticket = tickets.get(address)
        if ticket is None:
            return [Failed(self._no_ticket(f"the server gave no ticket for {address}"))]
        words = [ticket.reveal()]
        if self._dialect.scheme is Scheme.SSO:
            from .proof import answer

            try:
                words.append(answer(ticket.proof_key or Secret("?"), self._challenge[1]))
            except ValueError:
                text = "the ticket came without a usable proof key, by policy "
                text += self._policy(self._dialect)
                return [Failed(self._no_ticket(text))]
            words += [self._guid] if self._dialect.guid else []
        self.ticket, self.tickets, self._answer = ticket, tickets, tuple(words)
        return []

    def _no_ticket(self, text: str) -> RemoteProtocolError:
        url = self._servers.rst or self._servers.rst2
        return RemoteProtocolError(text, step=Step.LOGIN, server=url.origin if url else None)

    def _missed(self, error: SignInError) -> list[Action]:
        stale = isinstance(error, ConnectionFailed | RemoteProtocolError) and self._remembered
        if not stale:
            return [Failed(error)]
        # The login server may have moved since: ask the nexus, once.
        self._forget()
        self._login = None
        self._running = find_login(self._servers, now=self._now)
        return self._advance(None)

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


def _site(dialect: Dialect) -> str:
    """Return the address whose ticket signs in."""
    from .rst import MESSENGER, MESSENGER_CLEAR

    return MESSENGER_CLEAR if dialect.scheme is Scheme.SSO else MESSENGER


def _no_server(what: str, keyword: str) -> LocalProtocolError:
    return LocalProtocolError(
        f"no {what} server is known for this network",
        hint=f"name one with Servers({keyword}=…), or sign in by another scheme=",
    )


def md5_answer(salt: str, password: Secret) -> str:
    """Return the answer to a salt (draft-movva 7.3): MD5 of the two, in hex."""
    text = f"{salt}{password.reveal()}".encode("utf-8", "surrogateescape")
    return hashlib.md5(text, usedforsecurity=False).hexdigest()

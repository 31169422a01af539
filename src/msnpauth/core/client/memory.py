"""What one sign-in learned and the next may use, as plain data.

The core asks no cache. A sign-in is given a `Memory`, and hands back another one; whoever drives it
reads a cache before and writes it afterwards. `Keys` says under which names the parts are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Self

from ..secrets import Secret
from ..servers import Servers
from ..tickets.ticket import Ticket, dump_ticket, load_ticket
from ..urls import Address, BadAddress, Url
from ..wire.dialects import Scheme

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Change", "Keys", "Memory"]


class Memory(NamedTuple):
    """What is known of one account at one network. All of it may be wrong by now.

    Attributes:
        login: the login address that the nexus named.
        server: the notification server that an XFR named for the account.
        tickets: tickets by RST whose end is known, by scheme and address: `SSO contacts.msn.com`.
    """

    login: Url | None = None
    server: Address | None = None
    tickets: Mapping[str, Ticket] = MappingProxyType({})

    def ticket(self, scheme: Scheme, address: str) -> Ticket | None:
        """Return the ticket for an address, got under this scheme, or None."""
        return self.tickets.get(f"{scheme} {address}")

    def with_tickets(self, scheme: Scheme, tickets: Mapping[str, Ticket]) -> Self:
        """Return a memory with these tickets, those whose end nobody stated left out."""
        kept = {
            f"{scheme} {address}": ticket
            for address, ticket in tickets.items()
            if ticket.expires is not None
        }
        return self._replace(tickets={**self.tickets, **kept})

    def without_tickets(self, scheme: Scheme) -> Self:
        """Return a memory without the tickets that were got under this scheme."""
        others = {name: t for name, t in self.tickets.items() if not name.startswith(f"{scheme} ")}
        return self._replace(tickets=others)


class Change(NamedTuple):
    """An entry of a cache to be put, or with no value to be forgotten."""

    key: str
    value: Secret | None
    expires: datetime | None = None


class Keys:
    """The names under which a cache keeps a `Memory`: for one account, network and password.

    Args:
        passport: the account.
        servers: the network.
        schemes: those that may be tried.
        addresses: for which tickets may be kept.
        password_tag: a keyed hash of the password. A kept ticket answers only to the password that
            got it, and the hash tells nothing to who has the cache without its key.
    """

    def __init__(
        self,
        passport: str,
        servers: Servers,
        schemes: Iterable[Scheme],
        addresses: Iterable[str],
        password_tag: str,
    ) -> None:
        account, wanted = passport.casefold(), tuple(addresses)
        network = servers.rst or servers.rst2
        self._login = f"login of {servers.nexus}" if servers.nexus is not None else None
        self._server = f"ns {account} {servers.notification}"
        self._tickets = {
            f"{scheme} {address}": f"ticket {scheme} {address} {account} {network} {password_tag}"
            for scheme in schemes
            for address in wanted
            if network is not None and scheme is not Scheme.MD5
        }

    def all(self) -> tuple[str, ...]:
        """Return every key that a sign-in may have a use for."""
        login = () if self._login is None else (self._login,)
        return (*login, self._server, *self._tickets.values())

    def load(self, kept: Mapping[str, Secret | None]) -> Memory:
        """Return what these entries stand for; an entry that makes no sense is as good as none."""
        tickets = {name: load_ticket(kept.get(key)) for name, key in self._tickets.items()}
        return Memory(
            _url(kept.get(self._login or "")),
            _address(kept.get(self._server)),
            {name: ticket for name, ticket in tickets.items() if ticket is not None},
        )

    def changes(self, before: Memory, after: Memory) -> list[Change]:
        """Return what a cache has to be told when `before` has become `after`."""
        found = []
        if self._login is not None and before.login != after.login:
            found.append(_change(self._login, after.login))
        if before.server != after.server:
            found.append(_change(self._server, after.server))
        for name, key in self._tickets.items():
            old, new = before.tickets.get(name), after.tickets.get(name)
            if new is not None and new != old:
                found.append(Change(key, dump_ticket(new), new.expires))
            elif new is None and old is not None:
                found.append(Change(key, None))
        return found


def _change(key: str, value: Url | Address | None) -> Change:
    return Change(key, None if value is None else Secret(str(value)))


def _url(text: Secret | None) -> Url | None:
    try:
        url = Url.parse(text.reveal()) if text else None
    except BadAddress:
        return None
    return url if url is not None and url.scheme == "https" else None


def _address(text: Secret | None) -> Address | None:
    try:
        return Address.parse(text.reveal()) if text else None
    except BadAddress:
        return None

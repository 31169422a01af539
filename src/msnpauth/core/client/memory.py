"""The data that one sign-in has learned and the next sign-in may use.

The core reads no cache. A sign-in gets a `Memory` and returns a new one; the driver reads a cache
before the sign-in and writes it afterwards. `Keys` has the names under which the parts are kept.
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
    """The data that is known about one account at one network. All of it may be out of date.

    Attributes:
        login: the address of the login server that the nexus named.
        server: the notification server that an XFR named for the account.
        tickets: RST tickets whose expiry is known, by scheme and address: `SSO contacts.msn.com`.
    """

    login: Url | None = None
    server: Address | None = None
    tickets: Mapping[str, Ticket] = MappingProxyType({})

    def ticket(self, scheme: Scheme, address: str) -> Ticket | None:
        """Return the ticket for an address that was granted under this scheme, or None."""
        return self.tickets.get(f"{scheme} {address}")

    def with_tickets(self, scheme: Scheme, tickets: Mapping[str, Ticket]) -> Self:
        """Return a memory that also has these tickets; tickets without an expiry are left out."""
        kept = {
            f"{scheme} {address}": ticket
            for address, ticket in tickets.items()
            if ticket.expires is not None
        }
        return self._replace(tickets={**self.tickets, **kept})

    def without_tickets(self, scheme: Scheme) -> Self:
        """Return a memory without the tickets that were granted under this scheme."""
        others = {name: t for name, t in self.tickets.items() if not name.startswith(f"{scheme} ")}
        return self._replace(tickets=others)


class Change(NamedTuple):
    """An entry to be written to a cache; with the value None it is to be deleted."""

    key: str
    value: Secret | None
    expires: datetime | None = None


class Keys:
    """The names under which a cache keeps a `Memory`: for one account, network and password.

    Args:
        passport: the account's passport.
        servers: the servers of the network.
        schemes: the schemes that may be tried.
        addresses: the addresses for which tickets may be kept.
        password_tag: a keyed hash of the password. A kept ticket is found only with the password
            that it was granted for, and a person who has the cache without the key of the hash
            learns nothing about the password.
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
        """Return every key that a sign-in may need."""
        login = () if self._login is None else (self._login,)
        return (*login, self._server, *self._tickets.values())

    def load(self, kept: Mapping[str, Secret | None]) -> Memory:
        """Return the memory that these cache entries contain; invalid entries are ignored."""
        tickets = {name: load_ticket(kept.get(key)) for name, key in self._tickets.items()}
        return Memory(
            _url(kept.get(self._login or "")),
            _address(kept.get(self._server)),
            {name: ticket for name, ticket in tickets.items() if ticket is not None},
        )

    def changes(self, before: Memory, after: Memory) -> list[Change]:
        """Return the entries to write to a cache when `before` has become `after`."""
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

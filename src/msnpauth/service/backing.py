"""What a service stands on: in memory for a test, or in a data folder for years.

`Service` is the same over both. A backing has the stores, the keys, the door and the certificates;
what only an operator wants, such as the private role, the one in memory does without.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import trustme

from .certificates import Certificates, FromFiles, OfAuthority
from .hosts.gate import Gate
from .roles.door import Door
from .roles.office import Office
from .roles.web import Answerer, WebSite
from .settings import Settings
from .stores.memory import Accounts, in_memory
from .stores.protocol import Stores
from .tickets import TicketOffice

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Backing", "InMemory"]


class Backing(Protocol):
    """See the module.

    Attributes:
        stores: everything that is kept.
        tickets: issues and checks tickets.
        door: where passwords are checked.
    """

    stores: Stores
    tickets: TicketOffice
    door: Door

    def certificates(self, settings: Settings, folder: Path) -> Certificates:
        """Return what the listeners of HTTPS show. `folder` is gone when the service ends."""

    def legacy_authority(self) -> trustme.CA:
        """Return the authority for old TLS, whose key is RSA."""

    def private(self, office: Office, gate: Gate) -> Mapping[str, Answerer]:
        """Return what the private port answers."""

    def pages(self, office: Office) -> WebSite:
        """Return the pages for people."""

    async def refresh(self, *, forced: bool = False) -> Collection[str] | None:
        """Read again what others may have changed; return which accounts, None for any of them."""

    def ending(self) -> None:
        """The service ends: whoever waits is refused, so that nothing under way takes long."""

    def close(self) -> None:
        """Let go of everything."""


class InMemory:
    """A backing that is gone with the process.

    Args:
        accounts: who may sign in.
        settings: has the keys that seal tickets.
    """

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self.stores = in_memory(accounts)
        self.tickets = TicketOffice(settings.keys)
        self.door = Door(accounts)

    def certificates(self, settings: Settings, folder: Path) -> Certificates:
        """As `Backing.certificates`: of an authority that is made for the run."""
        if settings.certificate is not None and settings.certificate_key is not None:
            return FromFiles(settings.certificate, settings.certificate_key)
        return OfAuthority(trustme.CA(), folder / "ca.pem", settings.certified)

    def legacy_authority(self) -> trustme.CA:
        """As `Backing.legacy_authority`."""
        return trustme.CA(key_type=trustme.KeyType.RSA)

    def private(self, office: Office, gate: Gate) -> Mapping[str, Answerer]:
        """As `Backing.private`: nothing."""
        return {}

    def pages(self, office: Office) -> WebSite:
        """As `Backing.pages`: nothing. `Settings` sees to it that nobody asks for them."""
        return WebSite()

    async def refresh(self, *, forced: bool = False) -> Collection[str] | None:
        """As `Backing.refresh`."""
        return ()

    def ending(self) -> None:
        """As `Backing.ending`."""

    def close(self) -> None:
        """As `Backing.close`."""

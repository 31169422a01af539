"""The parts that depend on where a service keeps its data: in memory or in a data folder.

`Service` is the same over both kinds of backing. A backing has the stores, the keys, the door for
passwords, and the certificates. The backing in memory has none of the parts that only an operator
needs, such as the private role.
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
    """The parts of a service that depend on where it keeps its data.

    Attributes:
        stores: the stores of the service.
        tickets: issues and checks tickets.
        door: checks passwords.
    """

    stores: Stores
    tickets: TicketOffice
    door: Door

    def certificates(self, settings: Settings, folder: Path) -> Certificates:
        """Return the certificates for HTTPS. `folder` is deleted when the service ends."""

    def legacy_authority(self) -> trustme.CA:
        """Return the authority for old TLS, whose key is RSA."""

    def private(self, office: Office, gate: Gate) -> Mapping[str, Answerer]:
        """Return the table of paths for the private port."""

    def pages(self, office: Office) -> WebSite:
        """Return the pages for people."""

    async def refresh(self, *, forced: bool = False) -> Collection[str] | None:
        """Read certificates and keys again, and return the accounts that others have changed.

        None means that any account may have been changed.
        """

    def ending(self) -> None:
        """Refuse all sign-ins that wait, so that the service can end soon."""

    def close(self) -> None:
        """Close all files, databases and threads."""


class InMemory:
    """A backing in memory, whose data ends with the process.

    Args:
        accounts: the accounts that may sign in.
        settings: the settings, with the keys that encrypt tickets.
    """

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self.stores = in_memory(accounts)
        self.tickets = TicketOffice(settings.keys)
        self.door = Door(accounts)

    def certificates(self, settings: Settings, folder: Path) -> Certificates:
        """As `Backing.certificates`; by default from an authority that is made for this run."""
        if settings.certificate is not None and settings.certificate_key is not None:
            return FromFiles(settings.certificate, settings.certificate_key)
        return OfAuthority(trustme.CA(), folder / "ca.pem", settings.certified)

    def legacy_authority(self) -> trustme.CA:
        """As `Backing.legacy_authority`."""
        return trustme.CA(key_type=trustme.KeyType.RSA)

    def private(self, office: Office, gate: Gate) -> Mapping[str, Answerer]:
        """As `Backing.private`; there are no private pages."""
        return {}

    def pages(self, office: Office) -> WebSite:
        """As `Backing.pages`; the site is empty. `Settings` refuses pages for such a service."""
        return WebSite()

    async def refresh(self, *, forced: bool = False) -> Collection[str] | None:
        """As `Backing.refresh`."""
        return ()

    def ending(self) -> None:
        """As `Backing.ending`."""

    def close(self) -> None:
        """As `Backing.close`."""

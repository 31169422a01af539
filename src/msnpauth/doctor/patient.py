"""The network that is examined, and the facts that one step passes to the next."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.errors import Step
from ..core.secrets import Secret
from ..core.servers import Servers
from ..core.urls import Address, Url
from ..net.deadline import Deadline
from ..net.tls import client_context

if TYPE_CHECKING:
    import ssl

    from ..observe import Event

__all__ = ["NOBODY", "PATIENCE", "PAUSE", "SPARE", "Patient", "Witness"]

PATIENCE = 10.0
"""Seconds that one server may take for one check."""

PAUSE = 0.05
"""Seconds between two connections to one server, so that an examination does not flood it."""

SPARE = 1.5
"""Seconds that have to be left to begin a check: a shorter one shows nothing about a server."""

NOBODY = "msnpauth-doctor@example.com"
"""An account that cannot exist (RFC 2606), for harmless requests that need one."""


class Patient:
    """The network that is examined, and perhaps an account of it.

    Args:
        servers: the addresses of the network's servers.
        passport, password: the account, if there is one.
        ca_file: certificates to trust instead of the system's.
        timeout: seconds for the whole examination.
        transport: the name of the carrier for HTTPS.

    Attributes:
        unreachable: the servers (`host:port`) to which no connection could be made.
        versions: the MSNP versions that the server has agreed to.
        login: the login address that the nexus has named.
        last_server: the notification server after all XFRs, once it is known.
        account_is_good: True once the account has signed in.
        kept_back: why the password is not sent (again); "" while it may be sent.
        round_trip: seconds that a connection to the notification server took; None before that.
        witness: the events of the sign-in that is drawn; None before it.
        facts: whether each named fact is true; `generations` judges by them.
    """

    def __init__(
        self,
        servers: Servers,
        passport: str | None,
        password: Secret | None,
        *,
        ca_file: str | os.PathLike[str] | None,
        timeout: float,
        transport: str | None = None,
    ) -> None:
        self.servers = servers
        self.transport = transport
        self.passport = passport
        self.password = password
        self.ca_file = servers.ca_file if ca_file is None else ca_file
        self.deadline = Deadline(timeout)
        self.unreachable: set[str] = set()
        self.versions: list[int] = []
        self.login: Url | None = None
        self.last_server: Address | None = None
        self.account_is_good = False
        self.kept_back = "" if password is not None else "no password was given"
        self.round_trip: float | None = None
        self.witness: Witness | None = None
        self.facts: dict[str, bool] = {}

    def patience(self) -> Deadline:
        """Return the deadline of the next check."""
        return Deadline(round(max(0.1, min(PATIENCE, self.deadline.remaining())), 1))

    @property
    def is_over(self) -> bool:
        """True when there is not enough time left to begin another check."""
        return self.deadline.remaining() < SPARE

    @property
    def notification(self) -> Address | None:
        """The server at which sign-ins begin."""
        return self.servers.notification

    @property
    def talking_to(self) -> Address | None:
        """The notification server that accepts sign-ins itself, as far as it is known."""
        return self.last_server or self.notification

    @property
    def login_url(self) -> Url | None:
        """The login server for the account, as far as it is known."""
        return self.servers.login_for(self.passport or NOBODY) or self.login

    def web(self) -> dict[str, Url]:
        """Return the https addresses by role, as far as they are known."""
        servers = self.servers
        found = {
            "nexus": servers.nexus,
            "login": self.login_url,
            "rst": servers.rst,
            "rst2": servers.rst2,
            "contacts": servers.contacts,
            "oim": servers.oim,
        }
        return {role: url for role, url in found.items() if url is not None}

    def web_places(self) -> dict[str, tuple[Address, list[str]]]:
        """Return the https servers by `host:port`, each with the roles that it has."""
        places: dict[str, tuple[Address, list[str]]] = {}
        for role, url in self.web().items():
            places.setdefault(str(url.address), (url.address, []))[1].append(role)
        return places

    def places(self) -> dict[str, tuple[Address, Step]]:
        """Return every server by `host:port`."""
        found: dict[str, tuple[Address, Step]] = {}
        if self.notification is not None:
            found[str(self.notification)] = (self.notification, Step.NOTIFICATION)
        for name, (address, _) in self.web_places().items():
            found.setdefault(name, (address, Step.LOGIN))
        return found

    def can_reach(self, url: Url) -> bool:
        """Tell whether the server of an address could be reached so far."""
        return str(url.address) not in self.unreachable

    def context(self) -> ssl.SSLContext:
        """Return TLS settings that check certificates."""
        return client_context(self.ca_file)


class Witness:
    """An observer that remembers the events of a sign-in, and can wait for an event."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.began = time.monotonic()
        self._news = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait_for(self, is_it: Callable[[Event], bool], seconds: float) -> bool:
        """Tell whether such an event has happened, or happens within `seconds`."""
        with self._news:
            return self._news.wait_for(lambda: any(map(is_it, self.events)), max(0.0, seconds))

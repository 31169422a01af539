"""The backing with a data folder, with delays for guesses, logs and metrics.

It needs the extra `[service]`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from ..core.errors import LocalProtocolError, ServiceUnavailable
from ..core.secrets import Secret
from ..core.tickets.ticket import utc_now
from .attempts import AttemptCounter, MemoryAttemptCounter
from .certificates import Certificates, FromFiles, OfAuthority
from .data_folder import DataFolder
from .guesses import Guesses
from .heap import HeapTrimmer
from .hosts.gate import Gate
from .journal import ServiceJournal, audit, log_to_file
from .keys import RingKey
from .metrics import Metrics
from .roles.door import Door
from .roles.office import Office
from .roles.private import PrivateRole
from .roles.web import Answerer, WebSite
from .settings import Settings
from .storage import keys_of, open_database
from .stores.protocol import SharedState, Stores
from .stores.sql.accounts import SqlAccounts
from .stores.sql.changes import UNKNOWN
from .stores.sql.database import Database
from .stores.sql.hashing import Hasher
from .stores.sql.lists import SqlLeft, SqlLists
from .stores.sql.sqlite import SqliteDatabase
from .stores.sql.state import SqlState
from .tickets import TicketOffice

if TYPE_CHECKING:
    from .stores.shared.server import SharedServer

__all__ = ["DataFolderBacking"]

_KNOWN_AFTER = timedelta(seconds=5)
"""The time after which every node has read a new key of the ring; nodes read the ring each second.
"""

_log = logging.getLogger("msnpauth.service")


class DataFolderBacking:
    """A `Backing` with a data folder.

    Args:
        path: the data folder.
        settings: all other settings of the service.

    Raises:
        LocalProtocolError: the folder cannot be used, or another service uses it.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self._folder = DataFolder(path)
        with ExitStack() as undo:  # a start that fails leaves nothing open
            self._folder.lock()
            undo.callback(self._folder.unlock)
            self._begin(settings, undo)
            undo.pop_all()
        audit("service began", data=str(path))

    def _begin(self, settings: Settings, undo: ExitStack) -> None:
        self._memory = HeapTrimmer()
        self._metrics = Metrics()
        self._hasher = Hasher(settings.argon2, timed=self._metrics.password_seconds.observe)
        undo.callback(self._hasher.close)
        self._server = _shared(settings.shared)
        self._database = self._opened(settings)
        undo.callback(self._database.close)
        self._keys = keys_of(self._folder, self._database if settings.database else None)
        for name in self._keys.make_missing():
            _log.info("%s was not there, and was made", name)
        self._ring = _as_used(self._keys.ring())
        self._verify_keys = self._keys.verify_keys()
        self._attempts = (
            MemoryAttemptCounter() if self._server is None else _shared_counter(self._server)
        )
        self._guesses = Guesses(
            attempts=self._attempts,
            key=self._keys.mark_key(),
            most_at_once=settings.connections_of_network,
        )
        self._seal = self._keys.app_password_key()
        self._audit = log_to_file(self._folder.audit_log)
        undo.callback(self._end_audit)
        self._settings = settings
        accounts = SqlAccounts(
            self._database, self._hasher, self._seal, allow_md5=settings.allow_md5
        )
        self.stores = Stores(
            accounts, SqlLists(self._database), SqlLeft(self._database), self._state()
        )
        self.tickets = TicketOffice(key.key for key in self._ring)
        self.door = Door(accounts, self._guesses, ServiceJournal(self._metrics))
        self._certificates: Certificates | None = None
        self._keys_fault = ""
        self._changes, _ = self._database.changes(UNKNOWN)

    def certificates(self, settings: Settings, folder: Path) -> Certificates:
        """As `Backing.certificates`; by default from the authority in the data folder."""
        if settings.certificate is not None and settings.certificate_key is not None:
            self._certificates = FromFiles(settings.certificate, settings.certificate_key)
        else:
            authority, ca_file = self._keys.authority(), self._folder.path / "ca.pem"
            if (
                settings.database is not None
            ):  # the authority is in the database, and clients need a file
                authority.cert_pem.write_to_path(str(ca_file))
            self._certificates = OfAuthority(authority, ca_file, settings.certified)
        return self._certificates

    def legacy_authority(self) -> trustme.CA:
        """As `Backing.legacy_authority`."""
        return self._keys.authority("legacy-ca", trustme.KeyType.RSA)

    def private(self, office: Office, gate: Gate) -> Mapping[str, Answerer]:
        """As `Backing.private`."""
        metrics = self._metrics
        metrics.watch("sessions", "Sessions that are signed in", lambda: len(office.here))
        metrics.watch("connections", "Connections", lambda: gate.count)
        metrics.watch(
            "connections_unproved", "Connections that have not signed in", lambda: gate.unproved
        )
        metrics.watch("connections_refused", "Connections not let in", lambda: gate.refused)
        metrics.watch("connections_ended", "Connections ended for room", lambda: gate.ended)
        metrics.watch("passwords_waiting", "Passwords being checked", lambda: self._hasher.waiting)
        metrics.watch("guesses_delayed", "Passwords that wait", lambda: self._guesses.delayed)
        metrics.watch(
            "database_usable",
            "1 while the database can be used",
            lambda: self._database.changes(UNKNOWN)[0] != UNKNOWN,
        )
        server = self._server
        if server is not None:
            metrics.watch(
                "shared_store_usable",
                "1 while the shared store answers",
                lambda: not server.is_down,
            )
        role = PrivateRole(
            office,
            keys=lambda: self._verify_keys,
            ready=lambda: self._why_not_ready(office),
            numbers=metrics.page,
            counted=lambda outcome: metrics.verified.labels(outcome).inc(),
        )
        return role.paths()

    def pages(self, office: Office) -> WebSite:
        """As `Backing.pages`."""
        from .pages.reception import page_site  # its library is an extra

        return page_site(
            office,
            self._settings,
            database=self._database,
            hasher=self._hasher,
            seal=self._seal,
            attempts=self._attempts,
        )

    async def refresh(self, *, forced: bool = False) -> Collection[str] | None:
        """As `Backing.refresh`."""
        if self._certificates is not None:
            self._certificates.refresh(forced=forced)
        await self._refresh_keys()
        self._memory.rest(is_busy=self._hasher.was_busy())
        changes, changed = self._database.changes(self._changes)
        if changes == UNKNOWN:
            return ()  # the changes are not known now
        self._changes = changes
        return changed

    async def _refresh_keys(self) -> None:
        """Read the keys again. If a key is damaged or missing, the old keys stay, with an error."""
        why = ""
        try:
            ring = _as_used(await self._database.aside(self._keys.ring))
            if ring != self._ring:
                self.tickets.replace_keys(key.key for key in ring)
                self._ring = ring
                _log.info("the ring of ticket keys was read again: %d keys", len(ring))
            self._verify_keys = await self._database.aside(self._keys.verify_keys)
        except (LocalProtocolError, ServiceUnavailable) as fault:
            why = fault.text
        if why and why != self._keys_fault:
            _log.error("the keys stay as they were: %s", why)
        self._keys_fault = why

    def ending(self) -> None:
        """As `Backing.ending`; these are the sign-ins that wait because of guesses."""
        self._guesses.close()

    def close(self) -> None:
        """As `Backing.close`."""
        audit("service ended")
        self._hasher.close()
        self._database.close()
        self._end_audit()
        self._folder.unlock()

    def _end_audit(self) -> None:
        logging.getLogger("msnpauth.audit").removeHandler(self._audit)
        self._audit.close()

    def _opened(self, settings: Settings) -> Database:
        if settings.database is None:
            return SqliteDatabase(self._folder.database)
        return open_database(settings.database, alone=settings.shared is None)

    def _state(self) -> SharedState:
        if self._server is None:
            return SqlState(self._database)
        from .stores.shared.state import ValkeyState

        return ValkeyState(self._server)

    def _why_not_ready(self, office: Office) -> list[str]:
        why = []
        if self._database.changes(UNKNOWN)[0] == UNKNOWN:
            why.append(f"the database cannot be used: {self._database.problem() or 'no answer'}")
        if self._keys_fault:
            why.append(self._keys_fault)
        if self._server is not None and self._server.is_down:
            why.append("the shared store does not answer")
        if office.maintenance:
            why.append("the service is in maintenance, or ends")
        return why


def _as_used(ring: list[RingKey]) -> list[RingKey]:
    """Return the keys of a ring in the order of their use: the first encrypts, and all decrypt.

    A new key decrypts at once, but encrypts only when every node has read it. Otherwise nodes that
    do not know the key yet would refuse the tickets that it has encrypted.
    """
    known = [key for key in ring if key.made + _KNOWN_AFTER <= utc_now()] or ring[-1:]
    return known + [key for key in ring if key not in known]


def _shared(url: str | Secret | None) -> SharedServer | None:
    """Return the server that all nodes share; None for a node that shares nothing.

    Raises:
        LocalProtocolError: the URL is not valid.
    """
    if url is None:
        return None
    from .stores.shared.server import SharedServer  # its library is an extra

    return SharedServer(url)


def _shared_counter(server: SharedServer) -> AttemptCounter:
    from .stores.shared.attempts import ValkeyAttemptCounter

    return ValkeyAttemptCounter(server)

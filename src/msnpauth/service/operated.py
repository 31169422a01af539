"""The backing of a service that is operated: a data folder, guesses slowed down, logs and numbers.

It needs the extra `[service]`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import trustme

from ..core.errors import LocalProtocolError
from .certificates import Certificates, FromFiles, OfAuthority
from .data import DataFolder
from .guesses import Guesses
from .hosts.gate import Gate
from .journal import ServiceJournal, audit, log_to_file
from .memory import Memory
from .metrics import Metrics
from .roles.door import Door
from .roles.office import Office
from .roles.private import PrivateRole
from .roles.web import Answerer
from .settings import Settings
from .stores.protocol import Stores
from .stores.sql.accounts import SqlAccounts
from .stores.sql.database import Database
from .stores.sql.hashing import Hasher
from .stores.sql.lists import SqlLeft, SqlLists
from .stores.sql.state import SqlState
from .tickets import TicketOffice

__all__ = ["Operated"]

_log = logging.getLogger("msnpauth.service")


class Operated:
    """See the module.

    Args:
        path: the data folder.
        settings: the rest.

    Raises:
        LocalProtocolError: the folder cannot be used, or another service runs on it.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self._folder = DataFolder(path)
        self._folder.lock()
        try:
            self._memory = Memory()
            self._metrics = Metrics()
            self._guesses = Guesses()
            self._hasher = Hasher(settings.argon2, timed=self._metrics.password_seconds.observe)
            self._database = Database(self._folder.database)
            self._ring = self._folder.ring()
            self._verify_keys = self._folder.verify_keys()
            seal = self._folder.app_password_key()
            self._audit = log_to_file(self._folder.audit_log)
        except BaseException:
            self._folder.unlock()
            raise
        accounts = SqlAccounts(self._database, self._hasher, seal, allow_md5=settings.allow_md5)
        self.stores = Stores(
            accounts, SqlLists(self._database), SqlLeft(self._database), SqlState(self._database)
        )
        self.tickets = TicketOffice(key.key for key in self._ring)
        self.door = Door(accounts, self._guesses, ServiceJournal(self._metrics))
        self._certificates: Certificates | None = None
        self._changes = self._database.changes()
        audit("service began", data=str(path))

    def certificates(self, settings: Settings, folder: Path) -> Certificates:
        """As `Backing.certificates`: of the folder's own authority, unless files are named."""
        if settings.certificate is not None and settings.certificate_key is not None:
            self._certificates = FromFiles(settings.certificate, settings.certificate_key)
        else:
            authority, ca_file = self._folder.authority(), self._folder.path / "ca.pem"
            self._certificates = OfAuthority(authority, ca_file, settings.certified)
        return self._certificates

    def legacy_authority(self) -> trustme.CA:
        """As `Backing.legacy_authority`."""
        return self._folder.authority("legacy-ca", trustme.KeyType.RSA)

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
        role = PrivateRole(
            office,
            keys=lambda: self._verify_keys,
            ready=lambda: self._why_not_ready(office),
            numbers=metrics.page,
            counted=lambda outcome: metrics.verified.labels(outcome).inc(),
        )
        return role.paths()

    def refresh(self, *, forced: bool = False) -> bool:
        """As `Backing.refresh`; a damaged file leaves all as it was, and is told of."""
        if self._certificates is not None:
            self._certificates.refresh(forced=forced)
        try:
            ring = self._folder.ring()
            if ring != self._ring:
                self.tickets.replace_keys(key.key for key in ring)
                self._ring = ring
                _log.info("the ring of ticket keys was read again: %d keys", len(ring))
            self._verify_keys = self._folder.verify_keys()
        except LocalProtocolError as fault:
            _log.error("the keys stay as they were: %s", fault.text)
        self._memory.rest(is_busy=self._hasher.was_busy())
        changes = self._database.changes()
        has_changed, self._changes = changes != self._changes, changes
        return has_changed

    def ending(self) -> None:
        """As `Backing.ending`: whoever waits because of guesses."""
        self._guesses.close()

    def close(self) -> None:
        """As `Backing.close`."""
        audit("service ended")
        self._hasher.close()
        self._database.close()
        logging.getLogger("msnpauth.audit").removeHandler(self._audit)
        self._audit.close()
        self._folder.unlock()

    def _why_not_ready(self, office: Office) -> list[str]:
        why = []
        if self._database.changes() < 0:
            why.append("the database cannot be read")
        if not self._database.is_there():
            why.append("the file of the database was deleted or replaced: restart the service")
        if office.maintenance:
            why.append("the service is in maintenance, or ends")
        return why

"""An `AccountStore` over a database: the accounts, as the roles read them.

Accounts that were read are kept in memory until they are changed. So the check of a ticket needs
no access to the database, and a change by another process takes effect at once.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, delete, insert, select, update

from ....core.errors import ServiceUnavailable
from ....core.secrets import Secret, printable
from ....core.tickets.proof import md5_answer
from ....core.tickets.ticket import utc_now
from ....core.wire.dialects import Scheme
from ..protocol import Principal, Proof, Purpose
from .changes import Remembered
from .database import Database
from .hashing import Hasher
from .kept import APP_PASSWORD_LENGTH, AppPassword, KeptAccount, digest_of, find, used_app_password
from .tables import accounts, app_passwords, known_networks

__all__ = ["SqlAccounts"]

_MOST_KEPT = 10_000
_LONGEST_KEPT = 320
"""The length of the longest possible address (RFC 3696). A longer name is not kept in memory,
because anybody may ask for names of any length.
"""
_MOST_NETWORKS = 20
_SEEN_EVERY = timedelta(minutes=10)
"""How exact the time of the last use is. Writing that time at each sign-in would cost more than the
sign-in itself.
"""

_log = logging.getLogger("msnpauth.service")


class SqlAccounts:
    """An `AccountStore` over a database.

    Args:
        database: the database that has the accounts.
        hasher: checks passwords.
        seal: decrypts the app passwords for MD5.
        allow_md5: whether anybody may sign in by MD5.
        now: returns the present time, in UTC.
    """

    def __init__(
        self,
        database: Database,
        hasher: Hasher,
        seal: Fernet,
        *,
        allow_md5: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._seal = seal
        self._allow_md5 = allow_md5
        self._now = now
        self._kept: Remembered[tuple[KeptAccount | None, dict[str, float]]] = Remembered(
            database.changes, _MOST_KEPT
        )

    async def find(self, passport: str) -> Principal | None:
        """As `AccountStore.find`."""
        account, _ = await self._get(passport)
        return None if account is None else account.principal

    async def check(
        self, passport: str, password: Secret, scheme: Purpose, *, is_known: bool = False
    ) -> Proof | None:
        """As `AccountStore.check`."""
        account, _ = await self._get(passport)
        app = None if account is None else _app_password(account, password, scheme)
        if app is None:
            hashed = self._hasher.nobody if account is None else account.hash
            is_right = await self._hasher.verify(hashed, password, is_known=is_known)
            if not is_right or account is None:
                self._tell_of_cut(account, password)
                return None
            if self._hasher.is_old(account.hash):
                await self._renew(account, password)
        if account is None or account.is_disabled:
            _log.warning(
                "the password was right, and the account %s is disabled", printable(passport)
            )
            return None
        return _proof(account, app)

    async def check_md5(self, passport: str, salt: str, answer: str) -> Proof | None:
        """As `AccountStore.check_md5`; only app passwords are valid for MD5."""
        account, _ = await self._get(passport)
        if account is None or account.is_disabled or not self._allow_md5:
            return None
        given = answer.encode("utf-8", "replace")
        for app in account.app_passwords:
            if Scheme.MD5 in app.schemes and app.sealed is not None:
                expected = md5_answer(salt, self._opened(app.sealed))
                if hmac.compare_digest(expected.encode(), given):
                    return _proof(account, app)
        return None

    async def is_live(self, passport: str, stamp: str) -> bool:
        """As `AccountStore.is_live`."""
        account, _ = await self._get(passport)
        return account is not None and account.is_live(stamp)

    async def rename(self, passport: str, name: str) -> None:
        """As `AccountStore.rename`."""
        mine = accounts.c.passport == passport.casefold()

        def rename(connection: Connection) -> None:
            connection.execute(update(accounts).where(mine).values(display_name=name))

        await self._database.run(rename)
        # Without `note_change`: other processes may use the earlier name for a while, and nothing
        # depends on the name.
        self._kept.forget(passport.casefold())

    async def knows(self, passport: str, network: str) -> bool:
        """As `AccountStore.knows`."""
        _, networks = await self._get(passport)
        return network in networks

    async def signed_in(self, proof: Proof, network: str, scheme: Purpose) -> None:
        """As `AccountStore.signed_in`. A failure of the database does not stop the sign-in."""
        passport = proof.principal.passport.casefold()
        seen = self._now().timestamp()
        try:
            _, networks = await self._get(passport)
            # The id of an app password is kept among the networks: no network looks like an id.
            marks = [network, *filter(None, [used_app_password(proof.stamp)])]
            late = seen - _SEEN_EVERY.total_seconds()
            if all(networks.get(mark, 0.0) > late for mark in marks):
                return
            networks.update(dict.fromkeys(marks, seen))
            await self._database.run(
                lambda connection: _note(connection, proof, network, seen, scheme),
                durable=False,
            )
        except ServiceUnavailable as fault:
            _log.warning("the sign-in of %s was not noted: %s", printable(passport), fault.text)

    async def _get(self, passport: str) -> tuple[KeptAccount | None, dict[str, float]]:
        """Return an account and its known networks; from memory if the account has not changed."""
        key = passport.casefold()
        found, number = self._kept.get(key)
        if found is None:
            found = await self._database.run(lambda connection: _read(connection, key))
            if len(key) <= _LONGEST_KEPT:
                self._kept.keep(key, found, number)
        return found

    async def _renew(self, account: KeptAccount, password: Secret) -> None:
        """Hash a password again at the cost of new hashes, because the password is known now."""
        key, before = account.passport.casefold(), account.hash

        def store(connection: Connection, made: str) -> None:
            # Not if the password was changed in the meantime.
            same = (accounts.c.passport == key) & (accounts.c.hash == before)
            # A hash that was imported does not show how long its password is.
            is_long = len(password) > APP_PASSWORD_LENGTH
            connection.execute(update(accounts).where(same).values(hash=made, is_long=is_long))

        try:
            made = await self._hasher.renewed(password)
            await self._database.run(lambda connection: store(connection, made))
        except ServiceUnavailable as fault:
            _log.warning("a hash was not renewed: %s", fault.text)
        # Without `note_change`: the password is the same, and so is the stamp that other processes
        # use.
        self._kept.forget(key)

    def _opened(self, sealed: str) -> Secret:
        try:
            return Secret(self._seal.decrypt(sealed).decode())
        except InvalidToken:
            _log.error("an app password for MD5 cannot be opened: its key is gone")
            # A password with which no answer is right.
            return Secret("\x00")

    def _tell_of_cut(self, account: KeptAccount | None, password: Secret) -> None:
        if account is not None and account.is_long and len(password) == APP_PASSWORD_LENGTH:
            _log.warning(
                "the client of %s has probably cut the password at 16 characters: an app password"
                " helps",
                printable(account.passport),
            )


def _app_password(account: KeptAccount, password: Secret, scheme: Purpose) -> AppPassword | None:
    if len(password) != APP_PASSWORD_LENGTH:
        return None
    for app in account.app_passwords:
        is_right = hmac.compare_digest(app.digest, digest_of(app.id, password))
        if is_right and scheme in app.schemes:
            return app
    return None


def _proof(account: KeptAccount, app: AppPassword | None) -> Proof:
    method = "password" if app is None else f"app password {app.name}"
    return Proof(account.principal, account.stamp_of(app), method)


def _read(connection: Connection, passport: str) -> tuple[KeptAccount | None, dict[str, float]]:
    account = find(connection, passport)
    if account is None:
        return None, {}
    rows = connection.execute(
        select(known_networks.c.network, known_networks.c.seen).where(
            known_networks.c.passport == passport
        )
    )
    return account, {row.network: row.seen for row in rows}


def _note(connection: Connection, proof: Proof, network: str, seen: float, scheme: Purpose) -> None:
    """Record the network and the password of a sign-in; the oldest networks are forgotten."""
    passport, app_id = proof.principal.passport.casefold(), used_app_password(proof.stamp)
    place = (known_networks.c.passport == passport) & (known_networks.c.network == network)
    connection.execute(delete(known_networks).where(place))
    connection.execute(insert(known_networks).values(passport=passport, network=network, seen=seen))
    mine = known_networks.c.passport == passport
    newest = (
        select(known_networks.c.network)
        .where(mine)
        .order_by(known_networks.c.seen.desc())
        .limit(_MOST_NETWORKS)
    )
    connection.execute(delete(known_networks).where(mine, known_networks.c.network.not_in(newest)))
    connection.execute(
        update(accounts).where(accounts.c.passport == passport).values(signed_in=seen)
    )
    if app_id:
        used = update(app_passwords).where(app_passwords.c.id == app_id)
        connection.execute(used.values(used=seen, used_scheme=str(scheme)))

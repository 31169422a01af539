"""The accounts as an operator changes them, whether the service runs or not."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self, TextIO

from sqlalchemy import Connection, delete, insert, select, update

from ....core.credentials import as_secret, check_passport, check_password
from ....core.errors import LocalProtocolError
from ....core.secrets import Secret
from ....core.tickets.ticket import utc_now
from ....core.wire.dialects import Scheme
from .changes import ANY, note_change, note_removal
from .csv_file import CsvAccount, read_csv
from .database import Database
from .escargot import EscargotAccount
from .hashing import Hasher
from .invitations import Invitations
from .kept import (
    APP_PASSWORD_LENGTH,
    LONGEST_APP_PASSWORD_NAME,
    MOST_APP_PASSWORDS,
    AppPassword,
    KeptAccount,
    digest_of,
    find,
    is_storable,
    kept,
    new_stamp,
    random_letters,
)
from .lists import written_lists
from .tables import LONGEST_PASSPORT, accounts, app_passwords, known_networks, left, lists

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

__all__ = ["AccountDirectory", "MadeAppPassword"]

_TOLD_EVERY = 100


class MadeAppPassword(NamedTuple):
    """An app password that was just made. This is the only time that the password can be read.

    Attributes:
        about: the description of the app password, which is kept.
        password: the password itself, which is not kept.
    """

    about: AppPassword
    password: Secret


class AccountDirectory:
    """The accounts of a service: `with open_directory("/var/lib/msnpauth") as accounts`.

    Every change takes effect at once, also for a service that is running. After a new password,
    `disable` or `remove`, the account is signed out within seconds, and its tickets are refused.

    Args:
        database: the database that has the accounts.
        hasher: makes the hashes.
        seal: encrypts app passwords for MD5; without it no such app passwords can be made.
        now: returns the present time, in UTC.
    """

    def __init__(
        self,
        database: Database,
        hasher: Hasher,
        seal: Fernet | None,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._seal = seal
        self._now = now

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._database.close()
        self._hasher.close()

    @property
    def invitations(self) -> Invitations:
        """The invitations to sign up at the pages, as in `accounts.invitations.add(uses=5)`."""
        return Invitations(self._database, now=self._now)

    # --- accounts --------------------------------------------------------------------------------

    def add(
        self,
        passport: str,
        password: Secret | str,
        *,
        display_name: str = "",
        verified: bool = True,
    ) -> None:
        """Add an account.

        Raises:
            LocalProtocolError: passport or password is not valid, or the account exists already.
            ServiceUnavailable: the database failed; nothing was changed.
        """
        password = as_secret(password)
        row = self._row(passport, password, display_name=display_name, verified=verified)

        def add(connection: Connection) -> None:
            if find(connection, passport) is not None:
                raise LocalProtocolError(
                    f"there is an account {passport} already",
                    hint="`password` gives it another password",
                )
            connection.execute(insert(accounts).values(row))
            note_change(connection, passport.casefold())

        self._database.call(add)

    def all(self) -> list[KeptAccount]:
        """Return every account without its app passwords, sorted by passport."""
        asked = select(accounts).order_by(accounts.c.passport)
        return self._database.call(
            lambda connection: [kept(row) for row in connection.execute(asked)]
        )

    def get(self, passport: str) -> KeptAccount:
        """Return an account with its app passwords.

        Raises:
            LocalProtocolError: there is no account with that passport.
        """
        return self._database.call(lambda connection: _wanted(connection, passport))

    def set_password(self, passport: str, password: Secret | str) -> None:
        """Give an account another password. Every ticket of the account becomes invalid.

        Raises:
            LocalProtocolError: there is no such account, or the password is not valid.
        """
        password = as_secret(password)
        row = self._row(passport, password)
        wanted = ("hash", "is_long", "stamp", "changed")
        self._change(passport, {name: row[name] for name in wanted})

    def end_tickets(self, passport: str) -> None:
        """End every ticket and every session of an account; the account keeps its password.

        This is for a person who has lost a device that remembers tickets but no password.

        Raises:
            LocalProtocolError: there is no such account.
        """
        self._change(passport, {"stamp": new_stamp()})

    def disable(self, passport: str) -> None:
        """Refuse every sign-in to an account from now on; the account keeps lists and messages."""
        self._change(passport, {"is_disabled": True})

    def enable(self, passport: str) -> None:
        """Let a disabled account sign in again, with the password that it had."""
        self._change(passport, {"is_disabled": False})

    def remove(self, passport: str) -> None:
        """Remove an account, its lists and its messages. Other people's lists keep its address.

        Raises:
            LocalProtocolError: there is no account with that passport.
        """
        key = passport.casefold()

        def remove(connection: Connection) -> None:
            _wanted(connection, passport)
            for table in (app_passwords, known_networks, lists, left, accounts):
                connection.execute(delete(table).where(table.c.passport == key))
            note_removal(connection, key)

        self._database.call(remove)

    # --- app passwords ---------------------------------------------------------------------------

    def add_app_password(
        self,
        passport: str,
        name: str,
        schemes: Iterable[Scheme] = (Scheme.TWN, Scheme.SSO),
        *,
        stamp: str | None = None,
    ) -> MadeAppPassword:
        """Make a password of 16 characters for one device of an account, and return it.

        App passwords are for clients that cut longer passwords, for MD5, and for owners who want to
        revoke the password of a single device.

        Args:
            passport: the account.
            name: the name that the owner gives to the device.
            schemes: the schemes that the app password is valid for. For MD5 the password is also
                kept in a form that the service can read, because MD5 cannot be checked otherwise.
            stamp: the stamp that the account must still have; by default any stamp is accepted.

        Raises:
            LocalProtocolError: there is no such account, the account has too many app passwords,
                or the name is not valid.
        """
        chosen = frozenset(Scheme(scheme) for scheme in schemes)
        is_name = name.strip() and name.isprintable() and len(name) <= LONGEST_APP_PASSWORD_NAME
        if not chosen or not is_name:
            raise LocalProtocolError(
                "an app password has a name of 1 to 60 printable characters, and a scheme",
                hint="name it after the device, such as `old laptop`",
            )
        made = Secret(random_letters(APP_PASSWORD_LENGTH))
        app_id = secrets.token_hex(8)
        row = {
            "id": app_id,
            "passport": passport.casefold(),
            "name": name.strip(),
            "schemes": " ".join(sorted(chosen)),
            "digest": digest_of(app_id, made),
            "sealed": self._sealed(made) if Scheme.MD5 in chosen else None,
            "created": self._now().timestamp(),
        }

        def add(connection: Connection) -> AppPassword:
            if stamp is not None:
                same = accounts.c.passport == passport.casefold(), accounts.c.stamp == stamp
                # An update instead of a query, because another node may change the password between
                # a query and the insertion.
                held = connection.execute(update(accounts).where(*same).values(stamp=stamp))
                if held.rowcount != 1:
                    raise LocalProtocolError("the password of the account was changed meanwhile")
            if len(_wanted(connection, passport).app_passwords) >= MOST_APP_PASSWORDS:
                raise LocalProtocolError(
                    f"{passport} has {MOST_APP_PASSWORDS} app passwords already",
                    hint="revoke those that are not used any more",
                )
            connection.execute(insert(app_passwords).values(row))
            note_change(connection, passport.casefold())
            apps = _wanted(connection, passport).app_passwords
            return next(app for app in apps if app.id == app_id)

        return MadeAppPassword(self._database.call(add), made)

    def _sealed(self, password: Secret) -> str:
        """Return an app password in the form in which it is kept for MD5."""
        if self._seal is None:
            raise LocalProtocolError(
                "app passwords for MD5 are sealed by a key that is not here",
                hint="name the data folder of a node as well (`--data`)",
            )
        return self._seal.encrypt(password.reveal().encode()).decode()

    def revoke_app_password(self, passport: str, name_or_id: str) -> None:
        """Revoke an app password by its id or its name. The tickets issued for it become invalid.

        Raises:
            LocalProtocolError: the account has no app password of that name, or several.
        """

        def revoke(connection: Connection) -> None:
            apps = _wanted(connection, passport).app_passwords
            found = [app for app in apps if name_or_id in (app.id, app.name)]
            if len(found) != 1:
                raise LocalProtocolError(
                    f"{passport} has {len(found) or 'no'} app passwords of that name or id",
                    hint="`show` lists them with their ids",
                )
            connection.execute(delete(app_passwords).where(app_passwords.c.id == found[0].id))
            note_change(connection, passport.casefold())

        self._database.call(revoke)

    # --- many accounts ---------------------------------------------------------------------------

    def import_csv(self, file: TextIO, told: Callable[[int], None] = lambda _count: None) -> int:
        """Add the accounts of a CSV file; return how many there were.

        The first line names the columns: `passport`, and `password` or `hash` (argon2id, or a hash
        in the form of Escargot); optionally `display_name`, `verified`, `disabled` (yes or no). All
        lines are checked before the first account is added.

        Args:
            file: the CSV file, open for reading as text.
            told: is called now and then with the number of accounts that are ready to be added.

        Raises:
            LocalProtocolError: a line is wrong; the error names the line, and nothing was added.
        """
        found = read_csv(file)
        known = {account.passport.casefold() for account in self.all()}
        for one in found:
            key = one.passport.casefold()
            if key in known:
                raise LocalProtocolError(f"line {one.line}: there is an account {key} already")
            known.add(key)
        # Each hash takes 20 ms. So the transaction, which locks others out, begins after hashing.
        made = []
        for one in found:
            made.append(self._csv_account(one))
            if len(made) % _TOLD_EVERY == 0 or len(made) == len(found):
                told(len(made))

        def add(connection: Connection) -> None:
            if made:
                connection.execute(insert(accounts), made)
                note_change(connection, ANY)

        self._database.call(add)
        return len(found)

    def import_escargot(self, found: Iterable[EscargotAccount]) -> int:
        """Add accounts of an Escargot server with their contact lists; return how many there were.

        The imported hashes are kept as they are; each is replaced by an argon2id hash when its
        account signs in next. An account without a hash gets a password that nobody knows, which
        `set_password` can replace.

        Args:
            found: the accounts that `read_escargot` has returned.

        Raises:
            LocalProtocolError: an address is not valid, or has an account already; nothing was
                added.
        """
        known = {account.passport.casefold() for account in self.all()}
        nobody = self._hasher.make(Secret(secrets.token_urlsafe(24)))
        made: list[dict[str, object]] = []
        kept: list[dict[str, object]] = []
        for one in found:
            key = one.passport.casefold()
            if key in known:
                raise LocalProtocolError(f"there is an account {key} already")
            known.add(key)
            try:
                row = self._row(
                    *(one.passport, Secret("x")),
                    display_name=one.display_name,
                    verified=one.verified,
                    hashed=one.hash or nobody,
                )
            except LocalProtocolError as fault:
                wrong = f"account {len(made) + 1}: {fault.text}"
                raise LocalProtocolError(wrong, hint=fault.hint) from None
            made.append(row)
            kept.append({"passport": key, "revision": 1, "content": written_lists(one.lists)})

        def add(connection: Connection) -> None:
            if made:
                connection.execute(insert(accounts), made)
                # An address without an account may have lists, if another person has added it.
                wanted = [row["passport"] for row in kept]
                for first in range(0, len(wanted), 500):
                    some = lists.c.passport.in_(wanted[first : first + 500])
                    connection.execute(delete(lists).where(some))
                connection.execute(insert(lists), kept)
                note_change(connection, ANY)

        self._database.call(add)
        return len(made)

    def _csv_account(self, one: CsvAccount) -> dict[str, object]:
        values = self._row(
            one.passport,
            one.password or Secret(secrets.token_urlsafe(24)),
            display_name=one.display_name,
            verified=one.verified,
            hashed=one.hash or None,
        )
        return values | {"is_disabled": one.disabled}

    # --- shared code -----------------------------------------------------------------------------

    def row_of(
        self, passport: str, password: Secret, hashed: str, *, verified: bool
    ) -> dict[str, object]:
        """Return the row of an account whose password was hashed elsewhere.

        Raises:
            LocalProtocolError: the passport or the password is not valid.
        """
        row = self._row(passport, password, verified=verified, hashed=hashed)
        return row | {"is_long": len(password) > APP_PASSWORD_LENGTH}

    def _row(
        self,
        passport: str,
        secret: Secret,
        *,
        display_name: str = "",
        verified: bool = True,
        hashed: str | None = None,
    ) -> dict[str, object]:
        check_passport(passport)
        if len(passport) > LONGEST_PASSPORT:
            raise LocalProtocolError(f"a passport has at most {LONGEST_PASSPORT} characters")
        check_password(secret)
        if not is_storable(display_name):
            raise LocalProtocolError("the display name has bytes that are no UTF-8, or NUL")
        now = self._now().timestamp()
        return {
            "passport": passport.casefold(),
            "spelled": passport,
            "display_name": display_name,
            "hash": hashed or self._hasher.make(secret),
            "is_long": hashed is None and len(secret) > APP_PASSWORD_LENGTH,
            "stamp": new_stamp(),
            "verified": verified,
            "created": now,
            "changed": now,
        }

    def _change(self, passport: str, values: dict[str, object]) -> None:
        def change(connection: Connection) -> None:
            _wanted(connection, passport)
            mine = accounts.c.passport == passport.casefold()
            connection.execute(update(accounts).where(mine).values(values))
            note_change(connection, passport.casefold())

        self._database.call(change)


def _wanted(connection: Connection, passport: str) -> KeptAccount:
    found = find(connection, passport)
    if found is None:
        raise LocalProtocolError(
            f"there is no account {passport}", hint="`list` names those that there are"
        )
    return found

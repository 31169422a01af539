"""Opens the data of a service: a data folder alone, or a folder and a separate database.

A network of one node has all its data in the folder. A network of several nodes has a database that
all nodes use, with a URL such as `postgresql://user@host/name`. Its password is better in
`~/.pgpass` or in the environment, because lists of processes show the URL.
"""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ..core.credentials import as_secret
from ..core.errors import LocalProtocolError
from ..core.secrets import Secret
from .data_folder import DataFolder
from .extras import check_extra
from .keys import SHARED_KEYS, Keys
from .settings import Argon2
from .stores.sql.database import Database
from .stores.sql.directory import AccountDirectory
from .stores.sql.hashing import Hasher
from .stores.sql.key_store import SqlKeyStore
from .stores.sql.moving import move
from .stores.sql.sqlite import SqliteDatabase
from .tickets import new_key

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

__all__ = [
    "database_url",
    "has_password",
    "keys_of",
    "move_folder",
    "open_database",
    "open_directory",
]

# The names of SQLAlchemy for the databases, without and with the driver that the service uses.
_POSTGRESQL = frozenset({"postgresql", "postgresql+psycopg"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})


def database_url(text: str | Secret) -> URL:
    """Return the URL of a database, after checking it.

    Raises:
        LocalProtocolError: the URL is not valid, or names a database that this service does not
            support.
    """
    text = as_secret(text)
    url = _known(text)
    if url is None:
        raise LocalProtocolError(
            "that is no URL of a database that the service can use",
            hint="as in postgresql://msnpauth@db.example.net/msnpauth, or sqlite:////var/lib/x.db",
        )
    if url.drivername in _SQLITE and not url.database:
        raise LocalProtocolError("sqlite:// wants a file", hint="as in sqlite:////var/lib/x.db")
    return url


def has_password(url: URL) -> bool:
    """Return whether a URL contains a password; libpq accepts one among the parameters as well."""
    return url.password is not None or not {"password", "sslpassword"}.isdisjoint(url.query)


def _known(text: Secret) -> URL | None:
    """Return the URL if the service can use that kind of database; otherwise None.

    The caller raises the error, because an error by make_url quotes the URL with its password.
    """
    with suppress(ArgumentError, ValueError):
        url = make_url(text.reveal())
        return url if url.drivername in _POSTGRESQL | _SQLITE else None
    return None


def open_database(
    url: str | Secret, *, make: bool = True, check: bool = True, alone: bool | None = None
) -> Database:
    """Open the database of a URL.

    Args:
        url: a URL that `database_url` accepts.
        make: make an SQLite file if it does not exist. The tables of PostgreSQL are made by
            `migrate`.
        check: refuse a PostgreSQL database whose tables do not have the present form.
        alone: for a node, whether it must be the only node. None for a command.

    Raises:
        LocalProtocolError: the database cannot be opened, has tables of another version, or is used
            by another node.
    """
    url = as_secret(url)
    where = database_url(url)
    if where.drivername in _SQLITE:
        return SqliteDatabase(Path(where.database or ""), make=make, for_node=alone is not None)
    check_extra("nodes")
    from .stores.sql.postgres import PostgresDatabase

    return PostgresDatabase(where, check=check, alone=alone)


def keys_of(folder: DataFolder, database: Database | None) -> Keys:
    """Return the keys of a node: those in its folder, or those that all nodes share.

    Args:
        folder: the data folder of the node.
        database: the database that has the keys of all nodes; None if the keys are in the folder.

    Raises:
        LocalProtocolError: the folder does not have the key that decrypts the keys.
    """
    if database is None:
        return folder.keys
    # The first node of a network makes the key, and the operator copies it to the other nodes.
    is_first = SqlKeyStore(database, _nothing()).is_empty()
    return Keys(SqlKeyStore(database, folder.service_key(make=is_first)))


def open_directory(
    path: Path | str | None,
    cost: Argon2 | None = None,
    *,
    database: str | Secret | None = None,
    make: bool = True,
) -> AccountDirectory:
    """Open the accounts of a service to change them.

    Args:
        path: the data folder; None if only a database is known.
        cost: the cost of new hashes.
        database: the URL of the database; None if the accounts are in the folder.
        make: make the database if it does not exist.

    Raises:
        LocalProtocolError: the folder or the database cannot be used.
    """
    database = None if database is None else as_secret(database)
    folder = None if path is None else DataFolder(path)
    if database is not None:
        opened = open_database(database, make=make)
    elif folder is None:
        raise LocalProtocolError("the accounts are in a data folder, or in a database")
    else:
        # While a service uses the folder, no file is made: if the file was deleted, the service
        # still uses the deleted file, and would not see a new one.
        opened = SqliteDatabase(folder.database, make=make and not folder.is_locked)
    try:
        return AccountDirectory(opened, Hasher(cost or Argon2()), _seal(folder, opened, database))
    except BaseException:
        opened.close()
        raise


def move_folder(path: Path | str, database: Database) -> dict[str, int]:
    """Copy the content of a data folder into a database; return the row count of each table there.

    The keys are copied too, encrypted by the `service-key` of the folder, so that earlier tickets
    and app passwords stay valid. The folder is not changed.

    Args:
        path: the data folder of a service that is stopped.
        database: the database to copy to; it has tables of the present form, and no accounts.

    Raises:
        LocalProtocolError: a service uses the folder, the folder has no database, or the database
            has accounts already.
        ServiceUnavailable: one of the databases failed. No rows were copied.
    """
    folder = DataFolder(path)
    folder.lock()
    try:
        with closing(SqliteDatabase(folder.database, make=False)) as source:
            kept = {name: text for name in SHARED_KEYS if (text := folder.read(name)) is not None}
            # The keys are copied first: if the rest fails, everything can be copied again.
            store = SqlKeyStore(database, folder.service_key(make=True))
            store.change(tuple(kept), lambda _: kept)
            return move(source, database)
    finally:
        folder.unlock()


def _seal(folder: DataFolder | None, opened: Database, url: Secret | None) -> Fernet | None:
    if folder is None:
        return None
    keys = keys_of(folder, None if url is None else opened)
    keys.make_missing()
    return keys.app_password_key()


def _nothing() -> Fernet:
    from cryptography.fernet import Fernet

    return Fernet(new_key())

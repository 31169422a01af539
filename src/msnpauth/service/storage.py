"""Where a service keeps things: in a data folder alone, or in a folder and a database of its own.

A network of one node has everything in its folder. One of several nodes has a database that all of
them use. Its URL says which: `postgresql://user@host/name`; the password of it is better in
`~/.pgpass` or in the environment, where no list of processes shows it.
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

__all__ = ["database_url", "keys_of", "move_folder", "open_database", "open_directory"]

# As SQLAlchemy names them, without and with the driver that the service works with.
_POSTGRESQL = frozenset({"postgresql", "postgresql+psycopg"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})


def database_url(text: str | Secret) -> URL:
    """Return the URL of a database.

    Raises:
        LocalProtocolError: it is none, or of a database that this service does not know.
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


def _known(text: Secret) -> URL | None:
    """Return the URL if it is of a database that the service can use.

    The caller raises the error: what make_url raises quotes the URL, and its password with it.
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
        url: as for `database_url`.
        make: an SQLite file is made where there is none. PostgreSQL's tables are made by `migrate`.
        check: refuse a database whose tables are not those of today.
        alone: for a node: whether it is the only one. None for a command.

    Raises:
        LocalProtocolError: it cannot be opened, is of another version, or is used by another node.
    """
    url = as_secret(url)
    where = database_url(url)
    if where.drivername in _SQLITE:
        return SqliteDatabase(Path(where.database or ""), make=make, for_node=alone is not None)
    check_extra("nodes")
    from .stores.sql.postgres import PostgresDatabase

    return PostgresDatabase(where, check=check, alone=alone)


def keys_of(folder: DataFolder, database: Database | None) -> Keys:
    """Return the keys of a node: of its folder, or those that all nodes of a database share.

    Args:
        folder: the node's folder.
        database: where the nodes have their keys; None for a node of its own.

    Raises:
        LocalProtocolError: the folder lacks the key that opens them.
    """
    if database is None:
        return folder.keys
    # The first node of a network makes the key, and the others are given it.
    is_first = SqlKeyStore(database, _nothing()).is_empty()
    return Keys(SqlKeyStore(database, folder.service_key(make=is_first)))


def open_directory(
    path: Path | str | None,
    cost: Argon2 | None = None,
    *,
    database: str | Secret | None = None,
    make: bool = True,
) -> AccountDirectory:
    """Return the accounts of a service, to be changed.

    Args:
        path: the data folder; None where a database alone is known.
        cost: of new hashes.
        database: its URL; None where the accounts are in the folder.
        make: make the database where there is none.

    Raises:
        LocalProtocolError: folder or database cannot be used.
    """
    database = None if database is None else as_secret(database)
    folder = None if path is None else DataFolder(path)
    if database is not None:
        opened = open_database(database, make=make)
    elif folder is None:
        raise LocalProtocolError("the accounts are in a data folder, or in a database")
    else:
        # A second file beside the one that is gone would be seen by no service.
        opened = SqliteDatabase(folder.database, make=make and not folder.is_locked)
    try:
        return AccountDirectory(opened, Hasher(cost or Argon2()), _seal(folder, opened, database))
    except BaseException:
        opened.close()
        raise


def move_folder(path: Path | str, database: Database) -> dict[str, int]:
    """Copy what is in a data folder into a database; return how many rows each table has there.

    The keys go as well, sealed under the folder's own `service-key`: tickets and app passwords of
    before are good after it. The folder keeps what it has.

    Args:
        path: the folder of a service that is stopped.
        database: where it is to be; it has the tables of today, and no accounts.

    Raises:
        LocalProtocolError: a service runs on the folder, there is nothing in it, or there are
            accounts in the database already.
        ServiceUnavailable: one of the databases failed. Nothing was copied.
    """
    folder = DataFolder(path)
    folder.lock()
    try:
        with closing(SqliteDatabase(folder.database, make=False)) as source:
            kept = {name: text for name in SHARED_KEYS if (text := folder.read(name)) is not None}
            # The keys first: if the rest fails, all of it can be done again.
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

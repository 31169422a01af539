"""The server side: a service that msnpauth, or an old client, signs in to.

    from msnpauth import service, sign_in

    with service.run({"alice@example.com": "secret"}) as here:
        with sign_in("alice@example.com", "secret", here.servers, ca_file=here.ca_file) as session:
            ...

With a data folder, the service keeps its data when it is restarted (the extra `[service]`):

    with service.open_directory("/var/lib/msnpauth") as accounts:
        accounts.add("alice@example.com", "secret")
    with service.run(data="/var/lib/msnpauth", host="0.0.0.0", name="msn.example.com") as here:
        ...

The answers of the service are made in `roles`: nexus, login servers, RST, contacts, dispatch and
notification, without I/O, as async functions over `stores`. `pages` are for people with a browser.
`hosts` connects roles and pages to sockets. A `backing` has the stores and keys, `node` is the
whole service, and `embedded` runs the service.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..core.credentials import as_secret
from .embedded import RunOptions, run
from .extras import check_extra
from .node import Service
from .settings import Argon2
from .stores.memory import Accounts
from .stores.protocol import Account
from .tickets import Grant, TicketVerifier, new_key

if TYPE_CHECKING:
    from ..core.secrets import Secret
    from .stores.sql.directory import AccountDirectory

__all__ = [
    "Account",
    "Accounts",
    "Argon2",
    "Grant",
    "RunOptions",
    "Service",
    "TicketVerifier",
    "new_key",
    "open_directory",
    "run",
]


def open_directory(
    data: Path | str | None,
    argon2: Argon2 | None = None,
    *,
    database: str | Secret | None = None,
    make: bool = True,
) -> AccountDirectory:
    """Open the accounts of a service to change them, whether the service runs or not.

    Args:
        data: the data folder, which is made if it does not exist. None if only a database is known:
            then app passwords for MD5 cannot be made, because their key is in the folder.
        argon2: the cost of new hashes.
        database: the URL of the database; None if the accounts are in the folder.
        make: make the database of the folder if it does not exist.

    Raises:
        LocalProtocolError: the folder or the database cannot be used, or the extra `[service]` is
            not installed.
    """
    database = None if database is None else as_secret(database)
    check_extra("service")
    from .storage import open_directory as opened

    return opened(data, argon2, database=database, make=make)

"""The keys that all nodes of a network share, in the database of the network.

The keys are encrypted there by another key, which each node has in a file of its own. So a person
who reads the database, or a backup of it, can neither make tickets nor decrypt app passwords.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, delete, insert, select

from ....core.errors import LocalProtocolError
from ....core.secrets import Secret
from ...keys import Change
from .database import Database, take_turns
from .tables import kept_secrets

__all__ = ["SqlKeyStore"]

_LOCK = 0x6D736E6B


class SqlKeyStore:
    """A `KeyStore` in a database.

    Args:
        database: the database that has the keys.
        seal: encrypts the keys by the key that the nodes have in a file.
    """

    def __init__(self, database: Database, seal: Fernet) -> None:
        self._database = database
        self._seal = seal

    def is_empty(self) -> bool:
        """Tell whether no node has stored a key yet."""
        asked = select(kept_secrets.c.name).limit(1)
        return self._database.call(lambda connection: connection.scalar(asked)) is None

    def read(self, name: str) -> Secret | None:
        """As `KeyStore.read`."""
        return self._database.call(lambda connection: self._read(connection, (name,)))[name]

    def change(self, names: tuple[str, ...], change: Change) -> None:
        """As `KeyStore.change`."""

        def work(connection: Connection) -> None:
            take_turns(connection, _LOCK)
            changed = change(self._read(connection, names))
            connection.execute(delete(kept_secrets).where(kept_secrets.c.name.in_(list(names))))
            rows = [
                {"name": name, "sealed": self._seal.encrypt(text.reveal().encode()).decode()}
                for name, text in changed.items()
            ]
            connection.execute(insert(kept_secrets), rows)

        self._database.call(work)

    def called(self, name: str) -> str:
        """As `KeyStore.called`."""
        return f"{name} in the database"

    def _read(self, connection: Connection, names: tuple[str, ...]) -> Mapping[str, Secret | None]:
        asked = select(kept_secrets).where(kept_secrets.c.name.in_(list(names)))
        found: dict[str, Secret | None] = dict.fromkeys(names)
        for row in connection.execute(asked):
            found[row.name] = self._opened(row.name, row.sealed)
        return found

    def _opened(self, name: str, sealed: str) -> Secret:
        try:
            return Secret(self._seal.decrypt(sealed).decode())
        except InvalidToken:
            raise LocalProtocolError(
                f"{self.called(name)} was sealed by another service-key than this node has",
                hint="copy `service-key` from another node of the network",
            ) from None

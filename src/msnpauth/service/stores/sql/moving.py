"""Copies everything from one database to another: usually from an SQLite file to PostgreSQL.

The copy is one transaction at the target: either everything arrives there, or nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from ....core.errors import LocalProtocolError
from .database import Database
from .tables import METADATA, accounts, changes, kept_secrets, left, notes

__all__ = ["move"]

_AT_ONCE = 1_000

_OWN = (notes, changes, kept_secrets)
"""The tables that are not copied. Keys are copied separately: in a data folder they are files, and
in a database they are encrypted.
"""


def move(source: Database, target: Database) -> dict[str, int]:
    """Copy every account and all its data; return how many rows each table of the target has now.

    Args:
        source: the database to copy from. No service may use it at the same time.
        target: the database to copy to; it has tables of the present form, and no accounts yet.

    Raises:
        LocalProtocolError: the target has accounts already, or not all rows have arrived there.
        ServiceUnavailable: one of the databases failed. The target is unchanged.
    """

    def copy(there: Connection) -> dict[str, int]:
        if _count(there, accounts):
            raise LocalProtocolError(
                "there are accounts in that database already",
                hint="name an empty one: two networks cannot be put together by it",
            )
        return source.call(lambda here: {t.name: _copied(here, there, t) for t in _tables()})

    return target.call(copy)


def _tables() -> list[Table]:
    return [table for table in METADATA.sorted_tables if table not in _OWN]


def _copied(here: Connection, there: Connection, table: Table) -> int:
    # The number of a message comes from a sequence, and the target has its own sequence.
    columns = [column for column in table.columns if column is not left.c.number]
    order = [left.c.number] if table is left else list(table.primary_key.columns)
    rows = here.execution_options(yield_per=_AT_ONCE).execute(select(*columns).order_by(*order))
    for several in rows.partitions(_AT_ONCE):
        there.execute(insert(table), [_storable(dict(row._mapping)) for row in several])
    found, wanted = _count(there, table), _count(here, table)
    if found != wanted:
        raise LocalProtocolError(f"{found} of {wanted} rows of {table.name} have arrived")
    return found


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without NUL, which SQLite accepts in a text and PostgreSQL does not."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in row.items()
    }

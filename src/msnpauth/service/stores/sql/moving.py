"""Moves everything from one database to another: as a rule from SQLite's file to PostgreSQL.

All of it is one transaction at the other end: either everything is there, or nothing.
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
"""What each database has of its own. Keys move by themselves: they are sealed otherwise there."""


def move(source: Database, target: Database) -> dict[str, int]:
    """Copy every account and what belongs to it; return how many rows each table has now.

    Args:
        source: where everything is. No service may run on it meanwhile.
        target: where it is to be; it has tables of today, and no accounts yet.

    Raises:
        LocalProtocolError: there are accounts at the target already, or not all came there.
        ServiceUnavailable: one of the databases failed. The target is as it was.
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
    # The number of a message is its place in a sequence, which the target has of its own.
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
    """Return a row without NUL, which SQLite takes in a text and PostgreSQL does not."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in row.items()
    }

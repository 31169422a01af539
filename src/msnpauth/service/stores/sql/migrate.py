"""Brings a database to the present form by the scripts in `migrations`, with alembic.

A script only adds: it removes nothing that the version before it uses, because nodes of that
version keep running while the new nodes are started.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from .database import Database, check_schema, make_tables, schema_of, take_turns
from .tables import OLDEST_COMPATIBLE, REVISION, SCHEMA_VERSION

__all__ = ["alembic_config", "bring_up", "migrate"]

_LOCK = 0x6D736E70


def migrate(database: Database) -> tuple[int, int]:
    """Bring a database to the present form; return the form that it had (0 for none) and has now.

    Raises:
        LocalProtocolError: a later version made the tables, and this version cannot use them.
        ServiceUnavailable: the database failed; nothing was changed.
    """
    return database.call(lambda connection: (bring_up(connection), SCHEMA_VERSION))


def alembic_config(connection: Connection) -> Config:
    """Return the configuration for alembic."""
    config = Config()
    config.set_main_option("script_location", "msnpauth:service/stores/sql/migrations")
    config.attributes["connection"] = connection
    return config


def bring_up(connection: Connection) -> int:
    """As `migrate`, within a transaction; return the form that the database had."""
    # Two commands that migrate at once would both make the tables.
    take_turns(connection, _LOCK)
    form = schema_of(connection)
    config = alembic_config(connection)
    if form is None:
        make_tables(connection)
        command.stamp(config, REVISION)
        return 0
    check_schema(form, "the database")
    if form[0] < SCHEMA_VERSION:
        # The database may have no revision of alembic yet: `serve` makes the tables itself.
        if not inspect(connection).has_table("alembic_version"):
            command.stamp(config, f"{form[0]:04}")
        command.upgrade(config, REVISION)
        _note(connection)
    return form[0]


def _note(connection: Connection) -> None:
    connection.execute(text("DELETE FROM notes WHERE name IN ('form', 'serves')"))
    for name, value in (("form", SCHEMA_VERSION), ("serves", OLDEST_COMPATIBLE)):
        connection.execute(
            text("INSERT INTO notes (name, value) VALUES (:name, :value)"),
            {"name": name, "value": value},
        )

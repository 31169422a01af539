"""`msnpauth migrate`: updates the tables of a database, and copies a data folder into it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from .output import say
from .where import Where, where

if TYPE_CHECKING:
    from ..service.stores.sql.database import Database

__all__ = ["migrate"]


@click.command()
@click.option(
    "--move",
    is_flag=True,
    help="Also copy everything that is in the folder of --data into the database: accounts, lists,"
    " messages, used tickets and keys. The service on the folder has to be stopped.",
)
@where()
def migrate(move: bool, where: Where) -> None:
    """Bring the tables of a database to the form of this version.

    Nodes of the previous version can run meanwhile. A data folder without a database needs no
    migration: `serve` updates it by itself.
    """
    from ..service.extras import check_extra

    check_extra("service")
    if where.database is None:
        raise click.UsageError("--database says which database")
    if move and where.data is None:
        raise click.UsageError("--move copies what is in the folder of --data")
    from ..service.storage import open_database
    from ..service.stores.sql.migrate import migrate as bring_up

    if move:
        from ..service.data_folder import DataFolder

        folder = DataFolder(str(where.data))
        folder.lock()  # before anything is changed: is the service stopped?
        folder.unlock()
    with closing(open_database(where.database, check=False)) as database:
        before, now = bring_up(database)
        if before == now:
            say(f"The tables are those of today (form {now}).")
        else:
            say(f"The tables were of form {before}, and are of form {now}.")
        if move:
            _moved(str(where.data), database)


def _moved(data: str, database: Database) -> None:
    from ..service.storage import move_folder

    for name, count in move_folder(data, database).items():
        say(f"{count:>9} {name}")
    say("Everything is in the database. Start the service with --data and --database.")

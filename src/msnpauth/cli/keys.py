"""`msnpauth keys`: the ring of keys that encrypts tickets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from .output import say
from .where import Where, where

if TYPE_CHECKING:
    from ..service.keys import Keys

__all__ = ["keys"]


@contextmanager
def _keys(place: Where) -> Iterator[Keys]:
    from ..service.extras import check_extra

    check_extra("service")
    from ..service.data_folder import DataFolder
    from ..service.journal import log_to_file
    from ..service.storage import keys_of, open_database

    assert place.data is not None  # `where` has checked it
    folder = DataFolder(place.data)
    database = None if place.database is None else open_database(place.database, make=False)
    with nullcontext() if database is None else closing(database):
        log_to_file(folder.audit_log)
        yield keys_of(folder, database)


def _note(event: str, **about: str) -> None:
    from ..service.journal import audit

    audit(event, **about)


@click.group()
def keys() -> None:
    """Show, rotate and replace the keys that seal tickets."""


@keys.command(name="list")
@where(folder_needed=True)
def list_(where: Where) -> None:
    """List the times at which the keys were made; the keys themselves are never shown."""
    with _keys(where) as kept:
        newest, *older = kept.ring()
    say(f"{newest.made:%Y-%m-%d %H:%M} UTC", "seals and opens")
    for key in older:
        say(f"{key.made:%Y-%m-%d %H:%M} UTC", "opens")


@keys.command()
@where(folder_needed=True)
def rotate(where: Where) -> None:
    """Seal new tickets by a new key. Nobody is signed out: older keys still open older tickets.

    A running service reads the ring within a second. A server with a TicketVerifier of its own
    needs the new `ticket-keys`, too.
    """
    with _keys(where) as kept:
        ring = kept.rotate()
        _note("ticket keys rotated", keys=str(len(ring)))
    say("New tickets are sealed by a new key.")
    say(f"Older keys that still open tickets: {len(ring) - 1}.")


@keys.command()
@click.confirmation_option(
    "--yes", help="Do not ask.", prompt="Everybody who comes back needs the password. Replace?"
)
@where(folder_needed=True)
def replace(where: Where) -> None:
    """Remove all keys and make a new one, because somebody has stolen them.

    Older tickets are no longer accepted. Sessions that are signed in continue.
    """
    with _keys(where) as kept:
        kept.replace()
        _note("ticket keys replaced")
    say("There is one new key. Tickets of before are not taken any more.")

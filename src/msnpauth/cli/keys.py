"""`msnpauth keys`: the ring of keys that seals tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .output import say

if TYPE_CHECKING:
    from ..service.data import DataFolder

__all__ = ["keys"]

_data = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False),
    required=True,
    envvar="MSNPAUTH_SERVE_DATA",
    metavar="DIR",
    help="The service's data folder.",
)


def _folder(data: str) -> DataFolder:
    from ..service.embedded import check_service_installed

    check_service_installed()
    from ..service.data import DataFolder

    return DataFolder(data)


@click.group()
def keys() -> None:
    """Show and rotate the keys that seal tickets."""


@keys.command(name="list")
@_data
def list_(data: str) -> None:
    """Tell how many keys there are, and how old; never what they are."""
    newest, *older = _folder(data).ring()
    say(f"{newest.made:%Y-%m-%d %H:%M} UTC", "seals and opens")
    for key in older:
        say(f"{key.made:%Y-%m-%d %H:%M} UTC", "opens")


@keys.command()
@_data
def rotate(data: str) -> None:
    """Seal new tickets by a new key. Nobody is signed out: older keys still open theirs.

    A service that runs reads the ring within a second. A server with a TicketVerifier of its own
    needs the new `ticket-keys`, too.
    """
    folder = _folder(data)
    from ..service.journal import audit, log_to_file

    ring = folder.rotate()
    log_to_file(folder.audit_log)
    audit("ticket keys rotated", keys=str(len(ring)))
    say(f"New tickets are sealed by a new key; {len(ring) - 1} older ones still open theirs.")

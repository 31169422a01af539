"""The options for the places where a service keeps its data: its data folder, its database."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import click
from click.core import ParameterSource

__all__ = ["Where", "database_option", "shared_option", "where"]

_F = TypeVar("_F", bound=Callable[..., Any])


class Where(NamedTuple):
    """The places that the options name.

    Attributes:
        data: the folder of a node, or None.
        database: the URL of a database that several nodes share, or None.
    """

    data: str | None
    database: str | None


def _checked_database(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    if value is None:
        return None
    from ..service.extras import check_extra

    check_extra("service")
    from ..service.storage import database_url, has_password

    return _checked(context, parameter, value, lambda text: has_password(database_url(text)))


def _checked_shared(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    if value is None:
        return None
    from urllib.parse import parse_qs, urlsplit

    from ..service.extras import check_extra

    check_extra("nodes")
    from ..service.stores.shared.server import checked_url

    def is_secret(text: str) -> bool:
        parts = urlsplit(checked_url(text).reveal())
        return parts.password is not None or "password" in parse_qs(parts.query)

    return _checked(context, parameter, value, is_secret)


def _checked(
    context: click.Context,
    parameter: click.Parameter,
    value: str,
    is_secret: Callable[[str], bool],
) -> str:
    """Return a valid URL; refuse one whose password is visible in the list of processes."""
    from ..core.errors import LocalProtocolError
    from .hints import for_command

    try:
        has_password = is_secret(value)
    except LocalProtocolError as error:
        raise click.BadParameter(str(for_command(error)), context, parameter) from None
    source = context.get_parameter_source(parameter.name or "")
    if has_password and source is ParameterSource.COMMANDLINE:
        variable = f"MSNPAUTH_SERVE_{(parameter.name or '').upper()}"
        raise click.BadParameter(
            "everybody on this machine can read a password that stands on the command line: put"
            f" the URL into {variable}, or into the file of --config",
            context,
            parameter,
        )
    return value


database_option = click.option(
    "--database",
    metavar="URL",
    envvar="MSNPAUTH_SERVE_DATABASE",
    callback=_checked_database,
    help="The database that several nodes share, as in postgresql://msnpauth@db.example.net/msn.",
)

shared_option = click.option(
    "--shared",
    metavar="URL",
    callback=_checked_shared,
    help="The store by which several nodes know of each other's people, as in"
    " valkey://shared.example.net:6379/0; needs --database.",
)


def where(*, new: bool = False, folder_needed: bool = False) -> Callable[[_F], _F]:
    """Add --data and --database; the command receives a `Where` as `where`.

    Args:
        new: whether the folder may be new. Otherwise a mistyped folder is an error.
        folder_needed: whether --data is required; a database alone is not enough then.
    """

    def add(command: _F) -> _F:
        @functools.wraps(command)
        def run(data: str | None, database: str | None, **others: Any) -> Any:
            if data is None and (database is None or folder_needed):
                raise click.UsageError(
                    "say where the service keeps things: --data DIR"
                    + ("" if folder_needed else ", or --database URL")
                )
            return command(where=Where(data, database), **others)

        data = click.option(
            "--data",
            type=click.Path(exists=not new, file_okay=False),
            envvar="MSNPAUTH_SERVE_DATA",
            metavar="DIR",
            help="The service's data folder.",
        )
        return cast("_F", data(database_option(run)))

    return add

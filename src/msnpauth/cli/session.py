"""The options of all commands that sign in, and the session that they open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .common import Network, check_carrier, network_options, output_options, password_option
from .conversation import shown
from .password import ask_password
from .values import DIALECT, PASSPORT, SCHEME

if TYPE_CHECKING:
    from ..networks import Servers
    from ..sync.session import Session

__all__ = ["open_session", "session_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


def session_options(command: _F) -> _F:
    """Add the account, and the options for the network and the sign-in."""
    parts = (
        click.argument("passport", type=PASSPORT),
        click.option(
            "--dialect",
            type=DIALECT,
            multiple=True,
            metavar="N",
            help="MSNP version; may be repeated.",
        ),
        click.option(
            "--scheme",
            type=SCHEME,
            metavar="NAME",
            help="SSO, TWN or MD5; by default the best there is.",
        ),
        click.option("--no-pipeline", is_flag=True, help="Send one command at a time."),
        network_options,
        password_option,
        output_options,
    )
    for part in reversed(parts):
        command = part(command)
    return command


def open_session(
    passport: str,
    *,
    dialect: tuple[int, ...],
    scheme: str | None,
    no_pipeline: bool,
    ca_file: str | None,
    transport: str | None,
    timeout: float,
    password_stdin: bool,
    verbose: bool,
    reconnect: bool = False,
    receive: bool = True,
    **network: object,
) -> Session:
    """Check the options, ask for the password, and sign in.

    Raises:
        click.UsageError: an option is missing, or has no effect.
        SignInError: as `msnpauth.sign_in`.
    """
    from ..sync.start import sign_in

    servers = Network(**network).servers()  # type: ignore[arg-type]  # click checked them
    if servers is None:
        raise click.UsageError("no network is named: give --service, --host or --notification")
    _check(passport, servers, dialect, scheme)
    check_carrier(transport, ca_file)
    password = ask_password(passport, password_stdin)
    return sign_in(
        passport,
        password,
        servers,
        dialects=dialect or None,
        scheme=scheme,
        transport=transport,
        ca_file=ca_file,
        timeout=timeout,
        pipeline=not no_pipeline,
        reconnect=reconnect,
        receive=receive,
        observer=shown(verbose=verbose),
    )


def _check(passport: str, servers: Servers, dialects: tuple[int, ...], scheme: str | None) -> None:
    """Check the arguments before the password is requested: making a `SignIn` sends nothing.

    Raises:
        LocalProtocolError: an argument is not valid.
    """
    from ..core.client.sign_in import SignIn
    from ..core.secrets import Secret

    SignIn(passport, Secret("not asked for yet"), servers, dialects=dialects or None, scheme=scheme)

"""`msnpauth sign-in`: the whole way to a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .common import (
    Network,
    check_carrier,
    go_online,
    network_options,
    output_options,
    password_option,
)
from .conversation import shown
from .failures import tell
from .output import emit_json, say
from .password import ask_password
from .received import SECRET_FIELDS, as_fields
from .values import DIALECT, PASSPORT, SCHEME

if TYPE_CHECKING:
    from ..networks import Servers
    from ..sync.session import Session

__all__ = ["sign_in"]


@click.command("sign-in")
@click.argument("passport", type=PASSPORT)
@click.option(
    "--dialect", type=DIALECT, multiple=True, metavar="N", help="MSNP version; may be repeated."
)
@click.option(
    "--scheme", type=SCHEME, metavar="NAME", help="SSO, TWN or MD5; by default the best there is."
)
@click.option("--no-pipeline", is_flag=True, help="Send one command at a time.")
@click.option("--stay", is_flag=True, help="Stay signed in and print what comes, until Ctrl-C.")
@click.option(
    "--reconnect", is_flag=True, help="With --stay: sign in again when the connection is lost."
)
@network_options
@password_option
@output_options
def sign_in(
    passport: str,
    dialect: tuple[int, ...],
    scheme: str | None,
    no_pipeline: bool,
    stay: bool,
    reconnect: bool,
    ca_file: str | None,
    transport: str | None,
    timeout: float,
    password_stdin: bool,
    as_json: bool,
    verbose: bool,
    **network: object,
) -> None:
    """Sign in, say what came of it, and sign out."""
    from ..sync.driver import sign_in as signed_in

    if reconnect and not stay:
        raise click.UsageError("--reconnect has no effect without --stay")
    servers = Network(**network).servers()  # type: ignore[arg-type]  # click checked them
    if servers is None:
        raise click.UsageError("no network is named: give --service, --host or --notification")
    _check(passport, servers, dialect, scheme)
    check_carrier(transport, ca_file)
    password = ask_password(passport, password_stdin)
    with signed_in(
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
        observer=shown(verbose=verbose),
    ) as session:
        _tell(session, as_json)
        if stay:
            _stay(session, as_json)


def _check(passport: str, servers: Servers, dialects: tuple[int, ...], scheme: str | None) -> None:
    """Find out what is wrong before a password is asked for: making a `SignIn` sends nothing.

    Raises:
        LocalProtocolError: this sign-in cannot be.
    """
    from ..core.client.sign_in import SignIn
    from ..core.secrets import Secret

    SignIn(passport, Secret("not asked for yet"), servers, dialects=dialects or None, scheme=scheme)


def _tell(session: Session, as_json: bool) -> None:
    if not as_json:
        say(f"Signed in: {session.passport}, MSNP{session.dialect}, at {session.server}")
        say(f"Name: {session.display_name}")
        if session.ticket is not None:
            say(f"Ticket: {session.ticket.summary()}")
        return
    profile = {k: v for k, v in session.profile.items() if k.lower() not in SECRET_FIELDS}
    content = {"passport": session.passport, "dialect": session.dialect, "server": session.server}
    emit_json({**content, "display_name": session.display_name, "profile": profile})


def _stay(session: Session, as_json: bool) -> None:
    from ..core.errors import SignInError
    from ..core.wire.commands import Role

    go_online(session)
    for command in session:
        if as_json:
            emit_json(as_fields(command))
        else:
            say(command.describe(Role.SERVER))
        if command.verb == "USR":  # the session was lost, and has come back
            try:
                go_online(session)
            except SignInError as error:
                # Lost again, perhaps: then there will be another USR, or the loop ends and says
                # why. If not, the session is worth more than its presence.
                if session.ended is None:
                    tell(error)
    if session.ended is not None:
        say(f"The session is over: {session.ended.text}", err=True)

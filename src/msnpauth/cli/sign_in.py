"""`msnpauth sign-in`: the whole way to a session."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from .common import (
    Network,
    ask_password,
    emit_json,
    errors_told,
    go_online,
    network_options,
    output_options,
    password_option,
    shown_conversation,
)

if TYPE_CHECKING:
    from ..core.commands import Command
    from ..sync.session import Session

__all__ = ["sign_in"]

_SECRET_FIELDS = frozenset({"mspauth", "mspprof", "mspsec"})


@click.command("sign-in")
@click.argument("passport")
@click.option(
    "--dialect", type=int, multiple=True, metavar="N", help="MSNP version; may be repeated."
)
@click.option("--scheme", metavar="NAME", help="SSO, TWN or MD5; by default the best there is.")
@click.option("--no-pipeline", is_flag=True, help="Send one command at a time.")
@click.option("--stay", is_flag=True, help="Stay signed in and print what comes, until Ctrl-C.")
@click.option("--reconnect", is_flag=True, help="With --stay: sign in again when it is lost.")
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

    with errors_told(as_json), shown_conversation(verbose):
        servers = Network(**network).servers()  # type: ignore[arg-type]  # click checked them
        if servers is None:
            raise click.UsageError("where? Name a network: --service, --host or --notification")
        with signed_in(
            passport,
            ask_password(passport, password_stdin),
            servers,
            dialects=dialect or None,
            scheme=scheme,
            transport=transport,
            ca_file=ca_file,
            timeout=timeout,
            pipeline=not no_pipeline,
            reconnect=reconnect and stay,
        ) as session:
            _tell(session, as_json)
            if stay:
                _stay(session, as_json)


def _tell(session: Session, as_json: bool) -> None:
    if not as_json:
        click.echo(f"Signed in: {session.passport}, MSNP{session.dialect}, at {session.server}")
        click.echo(f"Name: {session.display_name}")
        if session.ticket is not None:
            click.echo(f"Ticket: {session.ticket.summary()}")
        return
    profile = {k: v for k, v in session.profile.items() if k.lower() not in _SECRET_FIELDS}
    content = {"passport": session.passport, "dialect": session.dialect, "server": session.server}
    emit_json({**content, "display_name": session.display_name, "profile": profile})


def _stay(session: Session, as_json: bool) -> None:
    from ..core.errors import ConnectionFailed, SessionEnded

    go_online(session)
    try:
        for command in session:
            _tell_command(command, as_json)
            if command.verb == "USR":  # it has come back
                with suppress(ConnectionFailed, SessionEnded):
                    go_online(session)
    except KeyboardInterrupt:
        return
    if session.ended is not None:
        click.echo(f"The session is over: {session.ended.text}", err=True)


def _tell_command(command: Command, as_json: bool) -> None:
    from ..core.commands import Role

    if as_json:
        line = command.describe(Role.SERVER)
        emit_json({"verb": command.verb, "trid": command.trid, "line": line})
    else:
        click.echo(command.describe(Role.SERVER))

"""`msnpauth ticket`: passport, password and challenge in, ticket out."""

from __future__ import annotations

import click

from .common import (
    Network,
    ask_password,
    emit_json,
    errors_told,
    network_options,
    output_options,
    password_option,
    shown_conversation,
)

__all__ = ["ticket"]


@click.command()
@click.argument("passport")
@click.option(
    "--challenge",
    required=True,
    metavar="WORD",
    help="Fifth word of the server's `USR n TWN S …`, or that whole line.",
)
@network_options
@password_option
@output_options
def ticket(
    passport: str,
    challenge: str,
    ca_file: str | None,
    transport: str | None,
    timeout: float,
    password_stdin: bool,
    as_json: bool,
    verbose: bool,
    **network: object,
) -> None:
    """Print a Passport 1.4 ticket for the notification server's challenge.

    Without --service and its like, Microsoft's login servers are asked, by PASSPORT's domain.
    """
    from ..sync.auth import MSNPAuth

    with errors_told(as_json), shown_conversation(verbose):
        with MSNPAuth(
            passport,
            ask_password(passport, password_stdin),
            challenge,
            servers=Network(**network).servers(),  # type: ignore[arg-type]  # click checked them
            transport=transport,
            ca_file=ca_file,
            timeout=timeout,
        ) as auth:
            granted = auth.get_ticket()
        if as_json:
            expires = granted.expires.isoformat() if granted.expires else None
            emit_json({"ticket": granted.reveal(), "server": granted.server, "expires": expires})
        else:
            click.echo(granted.reveal())

"""`msnpauth ticket`: prints a ticket for a passport, a password and a challenge."""

from __future__ import annotations

import click

from .common import Network, check_carrier, network_options, output_options, password_option
from .conversation import shown
from .output import emit_json, say
from .password import ask_password
from .values import PASSPORT

__all__ = ["ticket"]


@click.command()
@click.argument("passport", type=PASSPORT)
@click.option(
    "--challenge",
    required=True,
    metavar="WORD",
    help="Fifth word of the server's `USR n TWN S WORD`, or that whole line.",
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
    """Print a Passport 1.4 ticket for a challenge.

    The challenge comes from the notification server. Without --service, --host, --nexus or --login,
    the request goes to Microsoft's own login servers, by PASSPORT's domain; they were switched off
    years ago.
    """
    from ..core.credentials import check_challenge
    from ..sync.auth import MSNPAuth

    # All checks that need no password come before a person has to type one.
    servers = Network(**network).servers()  # type: ignore[arg-type]  # click checked them
    check_challenge(challenge)
    check_carrier(transport, ca_file)
    password = ask_password(passport, password_stdin)
    with MSNPAuth(
        passport,
        password,
        challenge,
        servers=servers,
        transport=transport,
        ca_file=ca_file,
        timeout=timeout,
        observer=shown(verbose=verbose),
    ) as auth:
        granted = auth.get_ticket()
    if as_json:
        expires = granted.expires.isoformat() if granted.expires else None
        emit_json({"ticket": granted.reveal(), "server": granted.server, "expires": expires})
    else:
        say(granted.reveal())

"""`msnpauth sign-in`: signs in to a session, and can stay signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .common import go_online
from .failures import tell
from .output import emit_json, say
from .received import SECRET_FIELDS, as_fields
from .session import open_session, session_options

if TYPE_CHECKING:
    from ..sync.session import Session

__all__ = ["sign_in"]


@click.command("sign-in")
@session_options
@click.option("--stay", is_flag=True, help="Stay signed in and print what comes, until Ctrl-C.")
@click.option(
    "--reconnect", is_flag=True, help="With --stay: sign in again when the connection is lost."
)
def sign_in(passport: str, stay: bool, reconnect: bool, as_json: bool, **options: Any) -> None:
    """Sign in, print the result, and sign out."""
    if reconnect and not stay:
        raise click.UsageError("--reconnect has no effect without --stay")
    with open_session(passport, reconnect=reconnect, **options) as session:
        _tell(session, as_json)
        if stay:
            _stay(session, as_json)


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
        if command.verb == "USR":  # the session was lost, and has signed in again
            try:
                go_online(session)
            except SignInError as error:
                # If the session was lost again, another USR follows, or the loop ends and the
                # reason is printed. Otherwise the session continues without presence.
                if session.ended is None:
                    tell(error)
    if session.ended is not None:
        say(f"The session is over: {session.ended.text}", err=True)

"""`msnpauth demo`: a service on this machine, and a sign-in to it, watched line by line."""

from __future__ import annotations

import time

import click

from .common import errors_told, shown_conversation

__all__ = ["demo"]

_PASSPORT, _PASSWORD = "bob@hotmail.com", "correct, horse & battery"

_NEXT = """\
Next:
  msnpauth serve --account alice@example.com           keep such a service running
  msnpauth services                                    networks that are known
  msnpauth sign-in YOU@EXAMPLE.COM --service escargot  sign in to one of them
  python -c "import msnpauth; help(msnpauth)"          the same from Python"""


@click.command()
def demo() -> None:
    """Watch a whole sign-in, to a service that is started on this machine for it."""
    from ..service import run
    from ..sync.driver import sign_in

    with errors_told(), run({_PASSPORT: _PASSWORD}) as service:
        click.echo(
            f"A Messenger service runs on this machine; {_PASSPORT} signs in to it by Passport 1.4."
        )
        click.echo("> we say, < the servers say, *** is secret.\n")
        begun = time.perf_counter()
        with shown_conversation(True, to_stderr=False):
            session = sign_in(_PASSPORT, _PASSWORD, service.servers, ca_file=service.ca_file)
            took = time.perf_counter() - begun
            with session:
                session.request("CHG", "NLN", "0")
        click.echo()
        where = f"MSNP{session.dialect}, at {session.server}, {took * 1000:.0f} ms"
        click.secho(f"Signed in: {session.passport}, {where}", bold=True)
        if session.ticket is not None:
            click.echo(f"Ticket: {session.ticket.summary()}\n")
        click.echo(_NEXT)

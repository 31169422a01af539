"""`msnpauth demo`: shows a sign-in by every scheme, line by line, to a service on this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ..core.secrets import Secret
from ..networks import Servers
from .common import go_online
from .conversation import shown
from .output import Styled, say
from .values import DIALECT, SCHEME

if TYPE_CHECKING:
    from ..core.wire.dialects import Scheme
    from ..service import Service

__all__ = ["demo"]

_PASSPORT, _PASSWORD = "bob@hotmail.com", "correct, horse & battery"

_TITLES = {
    "SSO": "MSNP15 and later, a ticket by SOAP and the proof of its key",
    "TWN": "MSNP8 to MSNP14, a ticket by Passport 1.4 or SOAP",
    "MD5": "MSNP2 to MSNP7, a hash of salt and password, without any check of the server",
}

_NEXT = """\

Next:
  msnpauth serve --account alice@example.com           keep such a service running
  msnpauth services                                    networks that are known
  msnpauth sign-in YOU@EXAMPLE.COM --service escargot  sign in to one of them
  python -c "import msnpauth; help(msnpauth)"          the same from Python"""


@click.command()
@click.option(
    "--scheme", type=SCHEME, metavar="NAME", help="SSO, TWN or MD5 only; by default one of each."
)
@click.option("--dialect", type=DIALECT, metavar="N", help="One MSNP version only.")
def demo(scheme: str | None, dialect: int | None) -> None:
    """Watch a sign-in of each scheme on this machine.

    A service is started for the demonstration, and stopped at its end. No data leaves this machine.
    """
    from ..core.wire.dialects import Scheme, offer, scheme_named, scheme_of
    from ..service import Account, run

    schemes = list(Scheme)[::-1] if scheme is None else [scheme_named(scheme)]
    if dialect is not None:
        schemes = [scheme_of([dialect])] if scheme is None else schemes
        offer([dialect], schemes[0])  # the two options may contradict each other
    account = Account(_PASSPORT, Secret(_PASSWORD), allow_md5=True)
    # The account belongs to a second login server, so that a redirect is shown as well.
    with run([account], homes=["hotmail."]) as service:
        say(f"A Messenger service runs on this machine; {_PASSPORT} signs in to it.")
        say("> is what we say, < is what the servers say, *** is secret.")
        for chosen in schemes:
            _watch(service, chosen, None if dialect is None else [dialect])
    for line in _NEXT.splitlines():
        say(line)


def _watch(service: Service, scheme: Scheme, dialects: list[int] | None) -> None:
    from ..sync.start import sign_in

    say()
    say(Styled(f"{scheme}: {_TITLES[scheme]}", bold=True))
    say()
    servers = service.servers
    if scheme is scheme.TWN:
        # Without RST, so that Passport 1.4 is shown, including the nexus.
        servers = Servers(notification=str(servers.notification), nexus=str(servers.nexus))
    begun = time.perf_counter()
    session = sign_in(
        _PASSPORT,
        _PASSWORD,
        servers,
        scheme=scheme,
        dialects=dialects,
        ca_file=service.ca_file,
        observer=shown(verbose=True, to_stderr=False),
    )
    took = time.perf_counter() - begun
    with session:
        go_online(session)
    where = f"MSNP{session.dialect}, at {session.server}, {took * 1000:.0f} ms"
    say()
    say(Styled(f"Signed in: {session.passport}, {where}", bold=True))
    if session.ticket is not None:
        say(f"Ticket: {session.ticket.summary()}")

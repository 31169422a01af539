"""The options that commands share, and how a session goes online."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .values import CARRIER, SECONDS, TEXT

if TYPE_CHECKING:
    from ..networks import Servers
    from ..sync.session import Session

__all__ = [
    "Network",
    "check_carrier",
    "go_online",
    "network_options",
    "output_options",
    "password_option",
    "place_options",
]

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Network:
    """The addresses of a network, as the options name them."""

    service: str | None
    host: str | None
    notification: str | None
    nexus: str | None
    login: str | None
    rst: str | None
    rst2: str | None
    contacts: str | None
    oim: str | None
    trust: tuple[str, ...]

    def servers(self) -> Servers | None:
        """Return the servers, or None when no option names any.

        Raises:
            click.UsageError: an option would have no effect together with the others.
            LocalProtocolError: an address is not valid.
        """
        from ..networks import Servers

        services = (self.contacts, self.oim)
        web = (self.host, self.nexus, self.login, self.rst, self.rst2, *services)
        if self.service is not None:
            if any((*web, self.notification)):
                raise click.UsageError("--service names all addresses: leave the others out")
            if self.trust:
                raise click.UsageError(
                    "--service also names the hosts to trust: leave --trust out, or give all"
                    " addresses instead of --service"
                )
            return Servers.named(self.service)
        if self.trust and not any(web):
            raise click.UsageError(
                "--trust has no effect without --host, --nexus, --login, --rst or --rst2"
            )
        if not any((*web, self.notification)):
            return None
        return Servers(
            self.host,
            notification=self.notification,
            nexus=self.nexus,
            login=self.login,
            rst=self.rst,
            rst2=self.rst2,
            contacts=self.contacts,
            oim=self.oim,
            trusted_hosts=self.trust,
        )


_NETWORK = (
    click.option(
        "--service", type=TEXT, metavar="NAME", help="A known network; see `msnpauth services`."
    ),
    click.option(
        "--host", type=TEXT, metavar="HOST", help="A network with all its servers on one host."
    ),
    click.option(
        "--notification", type=TEXT, metavar="HOST:PORT", help="Dispatch or notification server."
    ),
    click.option("--nexus", type=TEXT, metavar="URL", help="Nexus, which names the login server."),
    click.option(
        "--login", type=TEXT, metavar="URL", help="Login server; the nexus is then not asked."
    ),
    click.option("--rst", type=TEXT, metavar="URL", help="RST service, for SSO and newer TWN."),
    click.option("--rst2", type=TEXT, metavar="URL", help="RST2 service, for the newest SSO."),
    click.option(
        "--contacts",
        type=TEXT,
        metavar="URL",
        help="Contacts host, which has the contact list from MSNP13 on.",
    ),
    click.option(
        "--oim",
        type=TEXT,
        metavar="URL",
        help="Service of messages left while offline, where it is not the contacts host.",
    ),
    click.option(
        "--trust",
        type=TEXT,
        multiple=True,
        metavar="HOST",
        help="A host, or .suffix, that redirects may send the password to; may be repeated.",
    ),
)
_CARRIER = (
    click.option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False, readable=True),
        help="Certificates (PEM) to trust instead of the system's.",
    ),
    click.option(
        "--transport",
        type=CARRIER,
        metavar="NAME",
        help="What carries HTTPS: sockets (default), curl or httpx.",
    ),
)
_TIMEOUT = click.option(
    "--timeout",
    type=SECONDS,
    metavar="SECONDS",
    default=30.0,
    show_default=True,
    help="Seconds that the whole sign-in may take.",
)


def place_options(command: _F) -> _F:
    """Add the options for the servers and the carrier, without --timeout."""
    for option in reversed(_NETWORK + _CARRIER):
        command = option(command)
    return command


def network_options(command: _F) -> _F:
    """Add the options for the servers and the carrier, and --timeout."""
    return place_options(_TIMEOUT(command))


def output_options(command: _F) -> _F:
    """Add --json and --verbose."""
    command = click.option(
        "--verbose", is_flag=True, help="Show the conversation on stderr, secrets masked."
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")(
        command
    )


def password_option(command: _F) -> _F:
    """Add --password-stdin."""
    from .password import VARIABLE

    text = f"Read the password from stdin. Otherwise it is ${VARIABLE}, or asked for."
    return click.option("--password-stdin", is_flag=True, help=text)(command)


def check_carrier(transport: str | None, ca_file: str | None) -> None:
    """Check that the carrier can be used, before the password is requested.

    Raises:
        LocalProtocolError: the carrier is not installed, or the certificates cannot be read.
        ConnectionFailed: this Python has no usable TLS.
    """
    from ..transports import make_transport

    # A file that is not a regular one, such as the pipe of a shell's `<(…)`, can be read only once.
    if ca_file is None or Path(ca_file).is_file():
        make_transport(transport, ca_file, None).close()


def go_online(session: Session) -> None:
    """Set the status to online, in the form of the session's dialect.

    Raises:
        SignInError: as `Session.request`.
    """
    from ..core.wire.dialects import DIALECTS

    session.request("CHG", "NLN", *(["0"] if DIALECTS[session.dialect].capabilities else []))

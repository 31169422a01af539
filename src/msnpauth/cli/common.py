"""What the commands share: options, the password, errors and the shown conversation."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..core.errors import SignInError
    from ..core.secrets import Secret
    from ..core.servers import Servers
    from ..sync.session import Session

__all__ = [
    "REFUSED",
    "UNAVAILABLE",
    "USAGE",
    "Network",
    "ask_password",
    "emit_json",
    "errors_told",
    "go_online",
    "network_options",
    "output_options",
    "password_option",
    "shown_conversation",
]

REFUSED, USAGE, UNAVAILABLE = 1, 2, 3

VARIABLE = "MSNPAUTH_PASSWORD"

_F = TypeVar("_F", bound=Callable[..., Any])


# --- options -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """Where to sign in, as the options say."""

    service: str | None
    host: str | None
    notification: str | None
    nexus: str | None
    login: str | None
    rst: str | None
    rst2: str | None
    trust: tuple[str, ...]

    def servers(self) -> Servers | None:
        """Return the servers, or None when no option names any.

        Raises:
            LocalProtocolError: they cannot be right.
        """
        from ..core.servers import Servers

        named = (self.host, self.notification, self.nexus, self.login, self.rst, self.rst2)
        if self.service is not None:
            if any(named):
                raise click.UsageError("--service names all addresses: leave the others out")
            return Servers.named(self.service)
        if not any(named):
            return None
        return Servers(
            self.host,
            notification=self.notification,
            nexus=self.nexus,
            login=self.login,
            rst=self.rst,
            rst2=self.rst2,
            trusted_hosts=self.trust,
        )


_NETWORK = (
    click.option("--service", metavar="NAME", help="A known network; see `msnpauth services`."),
    click.option("--host", metavar="HOST", help="A network with all its servers on one host."),
    click.option("--notification", metavar="HOST:PORT", help="Dispatch or notification server."),
    click.option("--nexus", metavar="URL", help="Nexus."),
    click.option("--login", metavar="URL", help="Login server; then no nexus is asked."),
    click.option("--rst", metavar="URL", help="RST service, for SSO and newer TWN."),
    click.option("--rst2", metavar="URL", help="RST2 service."),
    click.option(
        "--trust", multiple=True, metavar="HOST", help="Redirects may go there, or to .suffix."
    ),
)
_CONNECTION = (
    click.option(
        "--ca-file", type=click.Path(), help="Certificates to trust instead of the system's."
    ),
    click.option("--transport", metavar="NAME", help="sockets (default), curl or httpx."),
    click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds for all."),
)


def network_options(command: _F) -> _F:
    """Add the options that say where and how to connect."""
    for option in reversed(_NETWORK + _CONNECTION):
        command = option(command)
    return command


def output_options(command: _F) -> _F:
    """Add --json and --verbose."""
    command = click.option(
        "--verbose", is_flag=True, help="Show the conversation, secrets masked."
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")(
        command
    )


def password_option(command: _F) -> _F:
    """Add --password-stdin."""
    text = f"Read the password from stdin. Otherwise ${VARIABLE}, or a prompt."
    return click.option("--password-stdin", is_flag=True, help=text)(command)


def ask_password(passport: str, from_stdin: bool) -> Secret:
    """Return the password: from stdin, the environment, or a prompt; never from argv."""
    from ..core.secrets import Secret

    if from_stdin:
        line = sys.stdin.readline()
        if not line.strip("\r\n"):
            raise click.UsageError("--password-stdin: there is no password on stdin")
        return Secret(line.rstrip("\r\n"))
    if os.environ.get(VARIABLE):
        return Secret(os.environ[VARIABLE])
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"no password: use --password-stdin, set ${VARIABLE}, or run this on a terminal"
        )
    return Secret(click.prompt(f"Password of {passport}", hide_input=True, err=True))


# --- what is printed ---------------------------------------------------------------------------


def emit_json(content: object) -> None:
    """Print one line of JSON."""
    click.echo(json.dumps(content, ensure_ascii=False))


@contextmanager
def errors_told(as_json: bool = False) -> Iterator[None]:
    """Turn errors of ours into one line, and into the exit status."""
    from ..core.errors import SignInError

    try:
        yield
    except SignInError as error:
        if as_json:
            emit_json({"error": _fields(error)})
        else:
            click.echo(f"msnpauth: {click.style(str(error), fg='red')}", err=True)
        sys.exit(_status(error))


def _status(error: SignInError) -> int:
    from ..core.errors import AccountBlocked, LocalProtocolError, WrongCredentials

    if isinstance(error, WrongCredentials | AccountBlocked):
        return REFUSED
    return USAGE if isinstance(error, LocalProtocolError) else UNAVAILABLE


def _fields(error: SignInError) -> dict[str, object]:
    names = ("text", "step", "server", "code", "server_text", "hint", "retry_after")
    return {"kind": type(error).__name__} | {name: getattr(error, name, None) for name in names}


_COLOURS = {">": "cyan", "<": "green", " ": "bright_black"}


def go_online(session: Session) -> None:
    """Set the state to online, as the session's dialect says it.

    Raises:
        SignInError: as `Session.request`.
    """
    from ..core.dialects import DIALECTS

    session.request("CHG", "NLN", *(["0"] if DIALECTS[session.dialect].client_id else []))


class _Printer(logging.Handler):
    """Prints the masked conversation, in colours where the output has them."""

    def __init__(self, to_stderr: bool) -> None:
        super().__init__()
        self._to_stderr = to_stderr

    def emit(self, record: logging.LogRecord) -> None:
        direction = getattr(record, "direction", " ")
        channel = getattr(record, "channel", "")
        text = str(record.args[-1]) if isinstance(record.args, tuple) and record.args else ""
        label = click.style(f"{channel:>12} {direction}", fg=_COLOURS.get(direction))
        click.echo(f"{label} {text}", err=self._to_stderr)


@contextmanager
def shown_conversation(wanted: bool, *, to_stderr: bool = True) -> Iterator[None]:
    """Show the conversation as it happens."""
    if not wanted:
        yield
        return
    log = logging.getLogger("msnpauth")
    handler, level = _Printer(to_stderr), log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)

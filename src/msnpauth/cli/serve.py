"""`msnpauth serve`: the embedded service, until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress

import click

from .common import ask_password, errors_told, password_option

__all__ = ["serve"]


@click.command()
@click.option(
    "--account",
    "accounts",
    multiple=True,
    required=True,
    metavar="PASSPORT",
    help="Who may sign in; may be repeated.",
)
@password_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--name", metavar="HOST", help="How clients call this host; --host by default.")
@click.option("--port", type=int, default=0, help="Dispatch server's port; a free one by default.")
@click.option("--notification-port", type=int, default=0, help="Notification server's port.")
@click.option("--login-port", type=int, default=0, help="Port of nexus and login server.")
@click.option("--home-port", type=int, default=0, help="Port of the second login server.")
def serve(
    accounts: tuple[str, ...],
    password_stdin: bool,
    host: str,
    name: str | None,
    port: int,
    notification_port: int,
    login_port: int,
    home_port: int,
) -> None:
    """Run a service that ACCOUNTs can sign in to, until Ctrl-C.

    Its certificate authority is made anew each time. With --password-stdin there is one line on
    stdin for each account, in their order.
    """
    from ..service import run

    with errors_told():
        passwords = {who: ask_password(who, password_stdin).reveal() for who in accounts}
        ports = {"dispatch": port, "notification": notification_port}
        ports |= {"login": login_port, "home": home_port}
        with run(passwords, host=host, name=name, ports=ports) as service:
            click.echo(f"Serving {', '.join(accounts)}. Ctrl-C ends it. To sign in, elsewhere:\n")
            click.echo(
                f"msnpauth sign-in {accounts[0]} --notification {service.servers.notification}"
                f" --nexus {service.servers.nexus} --rst {service.servers.rst}"
                f" --ca-file {service.ca_file}"
            )
            _until_told()


def _until_told() -> None:
    told = threading.Event()
    for name in ("SIGINT", "SIGTERM"):
        with suppress(AttributeError, ValueError):  # not on this system, or not in this thread
            signal.signal(getattr(signal, name), _setter(told))
    # In slices: on Windows a wait without end does not let the handler run.
    while not told.wait(0.5):
        pass
    click.echo("\nStopped.")


def _setter(told: threading.Event) -> Callable[[int, object], None]:
    def set_it(_number: int, _frame: object) -> None:
        told.set()

    return set_it

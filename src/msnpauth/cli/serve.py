"""`msnpauth serve`: the embedded service, until Ctrl-C."""

from __future__ import annotations

import ipaddress
import queue
import shlex
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from .common import password_option
from .output import Styled, say
from .password import ask_password
from .values import HOST, PASSPORT, PORT, TEXT

if TYPE_CHECKING:
    from ..core.secrets import Secret
    from ..service import Service

__all__ = ["serve"]


@click.command()
@click.option(
    "--account",
    "accounts",
    type=PASSPORT,
    multiple=True,
    required=True,
    metavar="PASSPORT",
    help="Who may sign in; may be repeated.",
)
@password_option
@click.option(
    "--host",
    type=HOST,
    metavar="HOST",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option(
    "--name",
    "names",
    type=HOST,
    multiple=True,
    metavar="HOST",
    help="How clients call this host; --host by default. The certificate also has the names by"
    " which it is repeated, such as login.live.com, which old clients have built in.",
)
@click.option(
    "--allow-md5",
    is_flag=True,
    help="Let the accounts sign in by MD5, which is all that MSN Messenger knows before 5.0. It"
    " goes over an open connection, where who listens can try passwords.",
)
@click.option(
    "--port",
    type=PORT,
    metavar="PORT",
    default=0,
    help="Dispatch server's port; a free one by default.",
)
@click.option(
    "--notification-port",
    type=PORT,
    metavar="PORT",
    default=0,
    help="Notification server's port.",
)
@click.option(
    "--switchboard-port",
    type=PORT,
    metavar="PORT",
    default=0,
    help="Port of the chats, which a firewall has to let through as well.",
)
@click.option(
    "--login-port", type=PORT, metavar="PORT", default=0, help="Port of nexus and login server."
)
@click.option(
    "--home",
    "homes",
    type=TEXT,
    multiple=True,
    metavar="DOMAIN",
    help="A domain whose accounts live at a second login server; may be repeated.",
)
@click.option(
    "--home-port", type=PORT, metavar="PORT", default=0, help="Port of the second login server."
)
@click.option(
    "--legacy-tls",
    type=PORT,
    metavar="PORT",
    help="Also serve login and configuration by the TLS of old systems, which can be broken.",
)
@click.option(
    "--plain-http",
    type=PORT,
    metavar="PORT",
    help="Also serve all of HTTPS without TLS, to the proxies that --trusted-proxy names.",
)
@click.option(
    "--trusted-proxy",
    "proxies",
    type=HOST,
    multiple=True,
    metavar="ADDRESS",
    help="An IP address that --plain-http lets in; may be repeated.",
)
@click.option(
    "--plain-contacts",
    type=PORT,
    metavar="PORT",
    help="Also serve the contacts host without TLS, for clients that know none there.",
)
def serve(
    accounts: tuple[str, ...],
    password_stdin: bool,
    host: str,
    names: tuple[str, ...],
    allow_md5: bool,
    port: int,
    notification_port: int,
    switchboard_port: int,
    login_port: int,
    homes: tuple[str, ...],
    home_port: int,
    legacy_tls: int | None,
    plain_http: int | None,
    proxies: tuple[str, ...],
    plain_contacts: int | None,
) -> None:
    """Run a service to sign in to, until Ctrl-C.

    Its certificate authority is made anew each time. With --password-stdin there is one line on
    stdin for each account, in their order. Otherwise all accounts have the password of the
    environment variable, or each is asked for.
    """
    from ..service import Account, run

    ports = {"dispatch": port, "notification": notification_port, "switchboard": switchboard_port}
    ports |= {"login": login_port, "home": home_port}
    further = {
        "legacy_tls": legacy_tls,
        "plain_http": plain_http,
        "plain_contacts": plain_contacts,
    }
    ports |= {role: number for role, number in further.items() if number is not None}
    if home_port and not homes:
        raise click.UsageError("--home-port has no effect without --home")
    if (plain_http is None) != (not proxies):
        raise click.UsageError("--plain-http and --trusted-proxy go together")
    _check(accounts, ports)
    passwords = _passwords(accounts, password_stdin)
    known = [
        Account(who, password, allow_md5=allow_md5)
        for who, password in zip(accounts, passwords, strict=True)
    ]
    name = names[0] if names else None
    where: dict[str, Any] = {"host": host, "name": name, "names": names, "ports": ports}
    where |= {"homes": homes, "trusted_proxies": proxies}
    with _told_to_stop() as told, run(known, **where) as service:
        _tell(service, accounts, host, name)
        _warn_of_reach(service, login_port, legacy_tls, plain_contacts)
        # In slices: on Windows a wait without end does not let the handler run.
        while True:
            with suppress(queue.Empty):
                told.get(timeout=0.5)
                break
        say()
        say("Stopped.")


def _check(accounts: tuple[str, ...], ports: dict[str, int]) -> None:
    """Refuse options that would be accepted and then have no effect."""
    # The service finds an account by its passport in any letter case: the last would win.
    for who, count in Counter(who.casefold() for who in accounts).items():
        if count > 1:
            raise click.UsageError(f"--account {who} is given {count} times")
    for number, count in Counter(ports.values()).items():
        if number and count > 1:
            raise click.UsageError(f"port {number} is given {count} times: each wants its own")


def _passwords(accounts: tuple[str, ...], from_stdin: bool) -> list[Secret]:
    every = len(accounts)
    place = " for {}: it wants {} lines, one for each account" if every > 1 else ""
    return [ask_password(who, from_stdin, place=place.format(who, every)) for who in accounts]


def _tell(service: Service, accounts: tuple[str, ...], host: str, name: str | None) -> None:
    servers = service.servers
    told = servers.notification.host if servers.notification else host
    if _is_any_address(told):
        _warn(
            f"clients on other machines will be sent to {told}, which is no address that they can"
            " reach: give the name or address of this machine as --name"
        )
    elif name is None and _is_any_address(host):
        _warn(
            f"--host {host} is every address of this machine, and clients will be sent to {told}:"
            " if they cannot reach that, give another one as --name"
        )
    say(f"Serving {', '.join(accounts)}. Ctrl-C ends it. To sign in, type in another terminal:")
    say()
    words = ["msnpauth", "sign-in", accounts[0]]
    words += ["--notification", str(servers.notification), "--nexus", str(servers.nexus)]
    words += ["--rst", str(servers.rst), "--contacts", str(servers.contacts)]
    words += ["--ca-file", str(service.ca_file)]
    say(shlex.join(words))


def _warn_of_reach(
    service: Service, login_port: int, legacy_tls: int | None, plain_contacts: int | None
) -> None:
    """Say whom the ports cannot serve, and what can be read on the way."""
    if login_port != 443:
        _warn(
            "clients of before 2008 can use no other login port than 443: give --login-port 443,"
            " or put a proxy at 443 in front of --plain-http"
        )
    if legacy_tls is not None:
        _warn(
            f"port {legacy_tls} serves login and configuration by TLS 1.0, 3DES and RC4, which"
            " somebody between can break: passwords that are typed there can be read. Its"
            f" authority, for the old systems to trust, is {service.legacy_ca_file}"
        )
    if plain_contacts is not None:
        _warn(
            f"port {plain_contacts} serves the contacts host without TLS: who listens on the way"
            " reads contact lists, and the tickets that open them"
        )


def _warn(text: str) -> None:
    say("msnpauth:", Styled(f"warning: {text}", "yellow"), err=True)


def _is_any_address(host: str) -> bool:
    """Tell whether that is 0.0.0.0 or ::, which can be listened on and not be connected to."""
    with suppress(ValueError):  # a name
        return ipaddress.ip_address(host).is_unspecified
    return False


@contextmanager
def _told_to_stop() -> Iterator[queue.SimpleQueue[int]]:
    """Have the first Ctrl-C or SIGTERM told, so that the service ends in good order.

    A signal may come while the main thread holds the lock of what it waits for. `put` of a
    SimpleQueue is made for that; `set` of an Event waited for the lock for ever.
    """
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, _frame: object) -> None:
        told.put(number)
        for told_by, handler in before.items():
            signal.signal(told_by, handler)  # a second one does not wait for the good order

    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # not in this thread
            before[number] = signal.signal(number, stop)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

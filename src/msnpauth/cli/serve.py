"""`msnpauth serve`: runs a service to sign in to, until Ctrl-C; with `--data` a lasting one."""

from __future__ import annotations

import ipaddress
import os
import queue
import shlex
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from ..core.secrets import printable
from .common import password_option
from .config import config_option
from .output import Styled, say
from .password import ask_password
from .serve_options import serve_options
from .system import activated, notify, raise_descriptors, small_tls_buffers

if TYPE_CHECKING:
    from ..core.secrets import Secret
    from ..core.urls import Address
    from ..service import Service

__all__ = ["serve"]

_RELOAD = getattr(signal, "SIGHUP", None)
_PREFIX = "MSNPAUTH_SERVE_"


@click.command(context_settings={"auto_envvar_prefix": _PREFIX.rstrip("_")})
@config_option
@serve_options
@password_option
def serve(password_stdin: bool, check_config: bool, **options: Any) -> None:
    """Run a service to sign in to, until Ctrl-C.

    With --data it keeps its data: `msnpauth account` adds accounts, and a restart loses nothing.
    Without --data all is kept in memory, and each start makes a new certificate authority.

    With --password-stdin there is one line on stdin for each --account, in their order. Otherwise
    all accounts have the password of the environment variable, or you are asked for each one.

    Every option can also be in the file that --config names, and in the environment as
    MSNPAUTH_SERVE_ and its name, as in MSNPAUTH_SERVE_LOGIN_PORT=443.
    """
    from ..service import run

    _warn_of_environment(click.get_current_context().command)
    accounts: tuple[str, ...] = options["accounts"]
    if not accounts and options["data"] is None:
        raise click.UsageError("say who may sign in by --account, or where accounts are by --data")
    ports = _ports(options)
    _check(accounts, ports, options)
    where = _settings(options, ports)
    if check_config:
        _checked_by_making(where)
        say("The options are right.")
        return
    if options["log_format"] is not None:
        from ..service.journal import log_to

        log_to(as_json=options["log_format"] == "json")
    small_tls_buffers()
    # systemd hands listening sockets over once, and not to a child process.
    where["sockets"] = activated()
    given = _given(accounts, password_stdin, options)
    with _told() as told, run(given, **where) as service:
        _tell(service, accounts, options)
        _warn_of_reach(service, options)
        notify("READY=1")
        _wait(told, service)
        notify("STOPPING=1")
        say()
    say("Stopped.")


def _ports(options: dict[str, Any]) -> dict[str, int]:
    ports = {"dispatch": "port", "notification": "notification_port", "login": "login_port"}
    ports |= {"switchboard": "switchboard_port", "home": "home_port", "private": "private_port"}
    plain = ("legacy_tls", "plain_http", "plain_contacts", "plain_pages")
    ports |= {"pages": "pages_port"} | {role: role for role in plain}
    return {role: options[name] for role, name in ports.items() if options[name] is not None}


def _settings(options: dict[str, Any], ports: dict[str, int]) -> dict[str, Any]:
    """Return the arguments of `run`."""
    from pathlib import Path

    from ..service import Argon2

    names = options["names"]
    most = raise_descriptors(options["connections"], old_tls=options["legacy_tls"] is not None)
    if most < options["connections"] and options["data"] is not None:
        _warn(f"the system lets this process have {most} connections: see `ulimit -n`")
    files = {name: options[name] for name in ("certificate", "certificate_key", "data")}
    return {
        "database": options["database"],
        "shared": options["shared"],
        "switchboard_name": options["switchboard_name"],
        **{name: Path(path) for name, path in files.items() if path is not None},
        "host": options["host"],
        "name": names[0] if names else None,
        "names": names,
        "ports": ports,
        "private_host": options["private_host"],
        "homes": options["homes"],
        "trusted_proxies": options["proxies"],
        "proxy_protocol": options["proxy_protocol"],
        "allow_md5": options["allow_md5"],
        "sign_up": options["sign_up"],
        "argon2": Argon2(options["argon2_memory"], options["argon2_passes"]),
        "connections": most,
        "connections_of_network": options["connections_of_network"],
        "fast_open": options["fast_open"],
    }


def _checked_by_making(where: dict[str, Any]) -> None:
    """Check the options with the service's own checks; no socket is opened.

    Raises:
        LocalProtocolError: an option is not valid.
    """
    from ..service.certificates import FromFiles
    from ..service.extras import check_extra
    from ..service.settings import Settings

    settings = Settings(**where)
    for extra in settings.extras:
        check_extra(extra)
    if settings.certificate is not None and settings.certificate_key is not None:
        FromFiles(settings.certificate, settings.certificate_key)
    if settings.data is not None:
        from ..service.stores.sql.hashing import Hasher

        Hasher(settings.argon2).close()


def _given(accounts: tuple[str, ...], from_stdin: bool, options: dict[str, Any]) -> list[Any]:
    """Return the accounts for a service in memory; to a data folder, add those it does not have."""
    from ..service import Account, open_directory

    passwords = _passwords(accounts, from_stdin)
    if options["data"] is None:
        return [
            Account(who, password, allow_md5=options["allow_md5"])
            for who, password in zip(accounts, passwords, strict=True)
        ]
    if not accounts:
        return []
    with open_directory(options["data"], database=options["database"]) as kept:
        known = {account.passport.casefold() for account in kept.all()}
        for who, password in zip(accounts, passwords, strict=True):
            if who.casefold() not in known:
                kept.add(who, password)
    return []


def _wait(told: queue.SimpleQueue[int], service: Service) -> None:
    """Return when the service is to end; read certificates and keys again after a SIGHUP."""
    while True:
        # In short waits: on Windows a wait without end does not let the signal handler run.
        with suppress(queue.Empty):
            if told.get(timeout=0.5) != _RELOAD:
                return
            service.reload()
            notify("READY=1")


def _check(accounts: tuple[str, ...], ports: dict[str, int], options: dict[str, Any]) -> None:
    """Refuse options that would be accepted and then have no effect."""
    if ports["home"] and not options["homes"]:
        raise click.UsageError("--home-port has no effect without --home")
    behind = [options[name] is not None for name in ("plain_http", "plain_pages")]
    if (any(behind) or options["proxy_protocol"]) != bool(options["proxies"]):
        raise click.UsageError(
            "--trusted-proxy goes together with --plain-http, --plain-pages or --proxy-protocol"
        )
    if (options["certificate"] is None) != (options["certificate_key"] is None):
        raise click.UsageError("--certificate and --certificate-key go together")
    needs = [("private_port", "data"), ("pages_port", "data"), ("plain_pages", "data")]
    for flag, needed in (*needs, ("database", "data"), ("shared", "database")):
        if options[flag] is not None and options[needed] is None:
            raise click.UsageError(f"--{flag.replace('_', '-')} needs --{needed}")
    # The service finds an account by its passport in any letter case: the last one would count.
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


def _tell(service: Service, accounts: tuple[str, ...], options: dict[str, Any]) -> None:
    servers, host = service.servers, options["host"]
    told = servers.notification.host if servers.notification else host
    if _is_any_address(told):
        _warn(
            f"clients on other machines will be sent to {told}, which is no address that they can"
            " reach: give the name or address of this machine as --name"
        )
    elif not options["names"] and _is_any_address(host):
        _warn(
            f"--host {host} is every address of this machine, and clients will be sent to {told}:"
            " if they cannot reach that, give another one as --name"
        )
    who = ", ".join(accounts) or f"the accounts of {options['data']}"
    say(f"Serving {who}. Ctrl-C ends it. To sign in, type in another terminal:")
    say()
    words = ["msnpauth", "sign-in", accounts[0] if accounts else "PASSPORT"]
    words += ["--notification", str(servers.notification), "--nexus", str(servers.nexus)]
    words += ["--rst", str(servers.rst), "--contacts", str(servers.contacts)]
    words += ["--ca-file", str(service.ca_file)] if service.ca_file else []
    say(shlex.join(words))
    if service.pages_url is not None:
        say()
        say(f"The pages for people: {service.pages_url}")


def _warn_of_reach(service: Service, options: dict[str, Any]) -> None:
    """Warn of clients that the ports cannot serve, and of data that others could read."""
    legacy_tls, plain_contacts = options["legacy_tls"], options["plain_contacts"]
    if options["sign_up"] != "closed" and not service.has_pages:
        _warn("nobody can sign up: there are no pages without --pages-port or --plain-pages")
    if _login_place(service).port != 443:
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
    if options["fast_open"] and not _fast_open_allowed():
        _warn(
            "the system does not let servers use TCP Fast Open, so that --fast-open changes"
            " nothing: on Linux it is `sysctl net.ipv4.tcp_fastopen=3`"
        )
    if plain_contacts is not None:
        _warn(
            f"port {plain_contacts} serves the contacts host without TLS: who listens on the way"
            " reads contact lists, and the tickets that open them"
        )


_FAST_OPEN = "/proc/sys/net/ipv4/tcp_fastopen"


def _fast_open_allowed() -> bool:
    """Tell whether the system lets servers accept data in a SYN (ip-sysctl.rst of Linux)."""
    from pathlib import Path

    try:
        allowed = int(Path(_FAST_OPEN).read_text("ascii"))
    except (OSError, ValueError):  # another system, or a container without /proc
        return False
    return bool(allowed & 2)


def _warn_of_environment(command: click.Command) -> None:
    """Warn of variables that are spelled like options, and that no option reads."""
    known = {f"{_PREFIX}{option.name or ''}".upper() for option in command.params}
    for option in command.params:
        named = option.envvar or ()
        known.update([named] if isinstance(named, str) else named)
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name not in known:
            _warn(f"no option reads the environment variable {printable(name, 80)}")


def _login_place(service: Service) -> Address:
    """Return the host and the port of the login server, as clients are told them."""
    from ..core.urls import Url

    return Url.parse(service.login_urls[0]).address


def _warn(text: str) -> None:
    say("msnpauth:", Styled(f"warning: {text}", "yellow"), err=True)


def _is_any_address(host: str) -> bool:
    """Tell whether that is 0.0.0.0 or ::, on which a server can listen, but not be reached."""
    with suppress(ValueError):  # a name
        return ipaddress.ip_address(host).is_unspecified
    return False


@contextmanager
def _told() -> Iterator[queue.SimpleQueue[int]]:
    """Put the first Ctrl-C or SIGTERM, and every SIGHUP, into a queue, for an orderly end.

    A signal may arrive while the main thread holds the lock of the object that it waits for. `put`
    of a SimpleQueue works even then; `set` of an Event waited for the lock for ever.
    """
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, _frame: object) -> None:
        told.put(number)
        if number == _RELOAD:
            return
        for told_by, handler in before.items():
            signal.signal(told_by, handler)  # a second signal ends the process at once

    for number in filter(None, (signal.SIGINT, signal.SIGTERM, _RELOAD)):
        with suppress(ValueError):  # not in this thread
            before[number] = signal.signal(number, stop)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

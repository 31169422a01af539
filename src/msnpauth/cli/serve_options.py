"""The options of `msnpauth serve`: accounts, addresses and ports, further ports, and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .values import COUNT, HOST, PASSPORT, PORT, TEXT
from .where import database_option, shared_option

__all__ = ["serve_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


def _port(flag: str, text: str, *, default: int | None = 0) -> Callable[[_F], _F]:
    return click.option(flag, type=PORT, metavar="PORT", default=default, help=text)


_WHO = (
    click.option(
        "--account",
        "accounts",
        envvar="MSNPAUTH_SERVE_ACCOUNT",
        type=PASSPORT,
        multiple=True,
        metavar="PASSPORT",
        help="Who may sign in; may be repeated. With --data the account is added where it is not"
        " there yet.",
    ),
    click.option(
        "--data",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Keep accounts, lists, messages, keys and the certificate's authority in this folder."
        " Without it they are gone at the end.",
    ),
    database_option,
    shared_option,
    click.option(
        "--allow-md5",
        is_flag=True,
        help="Let the accounts sign in by MD5, which is all that MSN Messenger knows before 5.0. It"
        " goes over an open connection, where who listens can try passwords. With --data it takes"
        " app passwords for MD5 alone.",
    ),
)
_WHERE = (
    click.option(
        "--host",
        type=HOST,
        metavar="HOST",
        default="127.0.0.1",
        show_default=True,
        help="Address to listen on.",
    ),
    click.option(
        "--name",
        "names",
        envvar="MSNPAUTH_SERVE_NAME",
        type=HOST,
        multiple=True,
        metavar="HOST",
        help="How clients call this host; --host by default. The certificate also has the names by"
        " which it is repeated, such as login.live.com, which old clients have built in.",
    ),
    _port("--port", "Dispatch server's port; a free one by default."),
    _port("--notification-port", "Notification server's port."),
    _port("--switchboard-port", "Port of the chats, which a firewall has to let through as well."),
    click.option(
        "--switchboard-name",
        type=HOST,
        metavar="HOST",
        help="How clients call this node for chats, where --name is a load balancer's.",
    ),
    _port("--login-port", "Port of nexus and login server."),
    click.option(
        "--home",
        "homes",
        envvar="MSNPAUTH_SERVE_HOME",
        type=TEXT,
        multiple=True,
        metavar="DOMAIN",
        help="A domain whose accounts live at a second login server; may be repeated.",
    ),
    _port("--home-port", "Port of the second login server."),
)
_FURTHER = (
    _port(
        "--legacy-tls",
        "Also serve login and configuration by the TLS of old systems, which can be broken.",
        default=None,
    ),
    _port(
        "--plain-http",
        "Also serve all of HTTPS without TLS, to the proxies that --trusted-proxy names.",
        default=None,
    ),
    click.option(
        "--trusted-proxy",
        "proxies",
        envvar="MSNPAUTH_SERVE_TRUSTED_PROXY",
        type=HOST,
        multiple=True,
        metavar="ADDRESS",
        help="An IP address that --plain-http and --plain-pages let in, or a balancer's; may be"
        " repeated. Who it brings is read from X-Forwarded-For, or from the PROXY protocol.",
    ),
    click.option(
        "--proxy-protocol",
        is_flag=True,
        help="Each --trusted-proxy begins its connections by the PROXY protocol, as balancers of"
        " TCP do.",
    ),
    _port(
        "--plain-contacts",
        "Also serve the contacts host without TLS, for clients that know none there.",
        default=None,
    ),
    _port(
        "--pages-port",
        "Also serve the pages for people, where they look after their passwords; needs --data.",
        default=None,
    ),
    _port(
        "--plain-pages",
        "Also serve those pages without TLS, to the proxies that --trusted-proxy names.",
        default=None,
    ),
    click.option(
        "--sign-up",
        type=click.Choice(["closed", "invitation", "open"]),
        default="closed",
        show_default=True,
        help="Who may sign up by the pages: nobody, who has a code of `msnpauth account invite`, or"
        " everybody.",
    ),
    _port(
        "--private-port",
        "Also answer /healthz, /readyz, /metrics and /verify, without TLS; needs --data.",
        default=None,
    ),
    click.option(
        "--fast-open",
        envvar="MSNPAUTH_SERVE_FAST_OPEN",
        is_flag=True,
        help="Let clients send their first words with the SYN (TCP Fast Open), if the system allows"
        " it: on Linux, sysctl net.ipv4.tcp_fastopen=3.",
    ),
    click.option(
        "--private-host",
        type=HOST,
        metavar="HOST",
        default="127.0.0.1",
        show_default=True,
        help="Address that the private port listens on.",
    ),
)
_KEPT = (
    click.option(
        "--certificate",
        type=click.Path(exists=True, dir_okay=False, readable=True),
        help="The certificate's chain in PEM, from an authority that clients know. It is read again"
        " when it changes.",
    ),
    click.option(
        "--certificate-key",
        type=click.Path(exists=True, dir_okay=False, readable=True),
        help="The certificate's key in PEM.",
    ),
    click.option(
        "--argon2-memory",
        type=COUNT,
        metavar="KIB",
        default=19 * 1024,
        show_default=True,
        help="Memory that the hash of a password takes.",
    ),
    click.option(
        "--argon2-passes",
        type=COUNT,
        metavar="NUMBER",
        default=2,
        show_default=True,
        help="Times that it goes through that memory.",
    ),
    click.option(
        "--connections",
        type=COUNT,
        metavar="NUMBER",
        default=10_000,
        show_default=True,
        help="Connections in all. Then the one goes that has not signed in for longest.",
    ),
    click.option(
        "--connections-of-network",
        type=COUNT,
        metavar="NUMBER",
        default=500,
        show_default=True,
        help="Connections of one address, or of one network of IPv6.",
    ),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        help="Log to stderr what happens: a line for each event, for people or for programs.",
    ),
    click.option(
        "--check-config", is_flag=True, help="Say whether the options are right, and end."
    ),
)


def serve_options(command: _F) -> _F:
    """Add all options of `msnpauth serve`."""
    for option in reversed(_WHO + _WHERE + _FURTHER + _KEPT):
        command = option(command)
    return command

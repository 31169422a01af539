"""Sockets from systemd, messages to systemd, and the limit of descriptors of this process."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress

import click

__all__ = ["activated", "notify", "raise_descriptors", "small_tls_buffers"]

_FIRST = 3
_RESERVE = 256
"""Descriptors that are not for connections of clients: files, the database, listeners, the
operator's own connections, and connections that a listener has accepted before they are refused."""
_OF_OLD_TLS = 400
"""Descriptors of a listener for old TLS, which counts its connections separately: four for each."""


def activated() -> dict[str, socket.socket]:
    """Return the sockets that systemd has bound, by the roles in their FileDescriptorName.

    A service can thus listen on ports below 1024 without a privilege (sd_listen_fds of systemd).

    Raises:
        click.UsageError: a socket does not have the name of a role, or two have the same name.
    """
    from ..service.settings import ROLES

    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = int(os.environ.pop("LISTEN_FDS", "0"))
    names = os.environ.pop("LISTEN_FDNAMES", "").split(":")
    socks = {}
    for number, name in zip(range(_FIRST, _FIRST + count), names, strict=False):
        role = name.replace("-", "_")
        if role not in ROLES:
            raise click.UsageError(
                f"systemd hands over a socket called {name!r}: FileDescriptorName= is one of"
                f" {', '.join(ROLES)}"
            )
        if role in socks:
            raise click.UsageError(f"systemd hands over two sockets called {name!r}")
        sock = socket.socket(fileno=number)
        sock.setblocking(False)
        os.set_inheritable(number, False)
        socks[role] = sock
    return socks


def notify(state: str) -> None:
    """Send the state of the service to systemd (sd_notify); without systemd, do nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address)


def small_tls_buffers() -> None:
    """Make asyncio allocate 32 KiB for each TLS connection of this process, instead of 256 KiB.

    A record of TLS has 16 KiB at most. A peer that opens a thousand connections and sends nothing
    would otherwise cost 280 MB. asyncio has no setting for it; in a Python without this attribute
    the function does nothing.
    """
    from asyncio import sslproto

    if hasattr(sslproto.SSLProtocol, "max_size"):
        sslproto.SSLProtocol.max_size = 32 * 1024


def raise_descriptors(wanted: int, *, old_tls: bool = False) -> int:
    """Raise the limit of descriptors for the connections; return how many connections fit in it.

    Some descriptors stay in reserve: without any free descriptor nobody could connect.

    Args:
        wanted: the number of connections.
        old_tls: whether there is also a listener for old TLS.
    """
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reserve = _RESERVE + (_OF_OLD_TLS if old_tls else 0)
    enough = wanted + reserve
    if soft < enough:
        most = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # With a low limit, half of the descriptors is for connections.
    return max(1, min(wanted, max(soft - reserve, soft // 2)))

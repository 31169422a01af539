"""What systemd hands to a service, and is told by it; and how many descriptors there can be."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress

import click

__all__ = ["activated", "notify", "raise_descriptors", "small_tls_buffers"]

_FIRST = 3
_RESERVE = 256
"""Descriptors that are no connections of clients: files, the database, listeners, the operator's
own connections, and those that each listener takes before anybody says that there is no room."""
_OF_OLD_TLS = 400
"""Descriptors of a listener for old TLS, which counts its connections apart: four for each."""


def activated() -> dict[str, socket.socket]:
    """Return the sockets that systemd has bound, by the roles in their FileDescriptorName.

    So a service listens below port 1024 without any right of its own (sd_listen_fds, systemd).

    Raises:
        click.UsageError: one has no name of a role.
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
    """Tell systemd how the service is (sd_notify); nothing where nobody asks."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address)


def small_tls_buffers() -> None:
    """Have asyncio take 32 KiB for each TLS connection of this process, and not 256.

    A record of TLS has 16 KiB at most. A peer that opens a thousand connections and says nothing
    would otherwise cost 280 MB. asyncio has no setting for it; where this attribute is not there
    any more, nothing happens.
    """
    from asyncio import sslproto

    if hasattr(sslproto.SSLProtocol, "max_size"):
        sslproto.SSLProtocol.max_size = 32 * 1024


def raise_descriptors(wanted: int, *, old_tls: bool = False) -> int:
    """Have as many descriptors as the connections want; return how many connections there can be.

    What is left over is a reserve: with the last descriptor gone, nobody at all could get in.

    Args:
        wanted: connections.
        old_tls: there is a listener for old TLS besides.
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
    # Where there are few of them, half is for connections.
    return max(1, min(wanted, max(soft - reserve, soft // 2)))

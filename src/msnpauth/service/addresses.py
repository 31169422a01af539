"""Where a service listens, how it is called, and who may come: the arguments of `run`, checked."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from ipaddress import IPv6Address, ip_address

from ..core.errors import ConnectionFailed, LocalProtocolError
from ..core.urls import Address, BadAddress

__all__ = [
    "advertised",
    "bind_all",
    "domains",
    "fast_open",
    "host_names",
    "network_of",
    "plain_address",
    "proxy_addresses",
]

_BACKLOG = 1024

# What a certificate can be for (RFC 5280, 4.2.1.6). Docker's names like to have an underscore.
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_CERTIFIABLE = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def bind_all(
    hosts: Mapping[str, str], ports: Mapping[str, int], given: Mapping[str, socket.socket]
) -> dict[str, socket.socket]:
    """Return a listening socket for each role; none are left open when one cannot be had.

    Args:
        hosts: the address to listen on, by role.
        ports: the port, by role; a free one where none is named.
        given: sockets that listen already, by role.
    """
    with ExitStack() as undo:
        socks = {role: undo.enter_context(sock) for role, sock in given.items()}
        for role, host in hosts.items():
            if role not in socks:
                socks[role] = undo.enter_context(_bind(host, ports.get(role, 0)))
        undo.pop_all()
        return socks


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its full name: asyncio sets TCP_NODELAY for those only, and 40 ms an answer go without it.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
        return sock
    except OSError as problem:
        sock.close()
        raise ConnectionFailed(
            f"cannot listen on {host} port {port}: {problem.strerror}",
            hint="choose another port, or an address of this machine",
        ) from None


# How many connections may wait that have sent something with their SYN, and have not shown yet that
# they are where they say.
_FAST_OPENED = 256


def fast_open(socks: Iterable[socket.socket]) -> None:
    """Let clients send their first words with the SYN (RFC 7413), where the system can.

    A SYN may come twice, and the words with it. Only what loses nothing by it is to listen so: the
    first words of TLS, and VER, CVR and USR, which ask for a challenge.
    """
    if not hasattr(socket, "TCP_FASTOPEN"):
        return
    for sock in socks:
        with suppress(OSError):  # a system that knows the word and not the thing
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, _FAST_OPENED)


_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - nothing is bound here
# An address that exists in documents only (RFC 5737, RFC 3849): nothing is sent to it.
_NOWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def advertised(host: str, name: str | None) -> str:
    """Return how clients call this host: a name of the caller's, or an address they can reach.

    Who listens on all addresses cannot send clients to `0.0.0.0`: for them that is themselves.

    Raises:
        LocalProtocolError: the name is none.
    """
    if name is not None:
        told = _host(name)
        if told is not None:
            return told
        raise LocalProtocolError(
            f"name={name!r} is no host name",
            hint="it is what clients call this machine, in letters, digits, hyphens and dots",
        )
    if host not in _EVERYWHERE:
        return host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_NOWHERE[family], 9))  # asks for the way there, and sends nothing
            own: str = probe.getsockname()[0]
            return own
    except OSError:  # no way out of this machine
        return "::1" if family == socket.AF_INET6 else "127.0.0.1"


def host_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names for a certificate.

    Raises:
        LocalProtocolError: one of them is no host name.
    """
    for name in _several(names):
        if _host(name) is None:
            raise LocalProtocolError(
                f"names= has {name!r}, which is no host name",
                hint='as in names=["login.live.com", "contacts.msn.com"]',
            )
    return _several(names)


def domains(homes: Iterable[str]) -> tuple[str, ...]:
    """Return domains of accounts, in folded letter case.

    Raises:
        LocalProtocolError: one of them is none.
    """
    for home in _several(homes):
        if not isinstance(home, str) or not home.strip(".") or "@" in home or " " in home:
            raise LocalProtocolError(
                f"homes= has {home!r}, which is no domain",
                hint='as in homes=["hotmail.com"], or "hotmail." for all that begin so',
            )
    return tuple(home.casefold() for home in _several(homes))


def _several(given: Iterable[str]) -> tuple[str, ...]:
    """Return one string as one, and not as its letters."""
    return (given,) if isinstance(given, str) else tuple(given)


def _host(name: object) -> str | None:
    """Return a name or an address that a certificate can be for; None for anything else."""
    if not isinstance(name, str):
        return None
    try:
        host = Address.parse(name if ":" not in name else f"[{name}]").host
        ascii_name = host if ":" in host else host.encode("idna").decode("ascii")
    except (BadAddress, UnicodeError):
        return None
    return host if ":" in host or _CERTIFIABLE.fullmatch(ascii_name) else None


def plain_address(address: str) -> str:
    """Return an address as it is compared: `::1` for 0:0:0:0:0:0:0:1, and IPv4 where it is mapped.

    What is no address comes back as it is.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, and for IPv6 its network of 64 bits.

    A provider gives each of its customers at least such a network, so that whoever guesses has
    2**64 addresses at hand, and one network.
    """
    plain = plain_address(address)
    if ":" not in plain:
        return plain
    try:
        return f"{IPv6Address(int(IPv6Address(plain)) >> 64 << 64)}/64"
    except ValueError:
        return plain


def proxy_addresses(addresses: Iterable[str]) -> frozenset[str]:
    """Return addresses of proxies.

    Raises:
        LocalProtocolError: one of them is no IP address.
    """
    found = set()
    for address in _several(addresses):
        try:
            ip_address(address)
        except ValueError:
            pass
        else:
            found.add(plain_address(address))
            continue
        raise LocalProtocolError(
            f"trusted_proxies= has {address!r}, which is no IP address",
            hint="name the addresses that the proxies connect from, such as 127.0.0.1",
        )
    return frozenset(found)

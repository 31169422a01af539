"""Checks the arguments of `run` about addresses: where to listen, host names, and proxies."""

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

# The host names that a certificate can have (RFC 5280, 4.2.1.6). Names in Docker often contain an
# underscore, which is not allowed.
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_CERTIFIABLE = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def bind_all(
    hosts: Mapping[str, str], ports: Mapping[str, int], given: Mapping[str, socket.socket]
) -> dict[str, socket.socket]:
    """Return a listening socket for each role. If one of them fails, all are closed.

    Args:
        hosts: the address to listen on, by role.
        ports: the port, by role; a role without a port gets a free port.
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
    # With the protocol number, because asyncio sets TCP_NODELAY only for such sockets. Without
    # TCP_NODELAY each answer takes 40 ms longer.
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


# The largest number of connections that have sent data with their SYN, and have not yet proved that
# they receive packets at their address.
_FAST_OPENED = 256


def fast_open(socks: Iterable[socket.socket]) -> None:
    """Let clients send their first data with the SYN (RFC 7413), if the system supports that.

    A SYN may arrive twice, together with its data. So this is only for sockets on which the first
    data may be repeated without harm: the first message of TLS, and VER, CVR and USR, which request
    a challenge.
    """
    if not hasattr(socket, "TCP_FASTOPEN"):
        return
    for sock in socks:
        with suppress(OSError):  # a system that has the option but does not support it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, _FAST_OPENED)


_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - nothing is bound here
# Addresses that are reserved for documentation (RFC 5737, RFC 3849). Nothing is sent to them.
_NOWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def advertised(host: str, name: str | None) -> str:
    """Return the name of this host for clients: the given name, or an address they can reach.

    A service that listens on all addresses cannot send clients to `0.0.0.0`, because for a client
    this address means the client's own machine.

    Raises:
        LocalProtocolError: the name is not a host name.
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
            probe.connect((_NOWHERE[family], 9))  # chooses a route, and sends nothing
            own: str = probe.getsockname()[0]
            return own
    except OSError:  # this machine has no route to other machines
        return "::1" if family == socket.AF_INET6 else "127.0.0.1"


def host_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names for a certificate, after checking them.

    Raises:
        LocalProtocolError: one of the names is not a host name.
    """
    several = _several(names)
    for name in several:
        if _host(name) is None:
            raise LocalProtocolError(
                f"names= has {name!r}, which is no host name",
                hint='as in names=["login.live.com", "contacts.msn.com"]',
            )
    return several


def domains(homes: Iterable[str]) -> tuple[str, ...]:
    """Return domains of accounts, in folded letter case.

    Raises:
        LocalProtocolError: one of the values is not a domain.
    """
    several = _several(homes)
    for home in several:
        if not isinstance(home, str) or not home.strip(".") or "@" in home or " " in home:
            raise LocalProtocolError(
                f"homes= has {home!r}, which is no domain",
                hint='as in homes=["hotmail.com"], or "hotmail." for all that begin so',
            )
    return tuple(home.casefold() for home in several)


def _several(given: Iterable[str]) -> tuple[str, ...]:
    """Return the values as a tuple. A single string is one value, and not a series of letters."""
    return (given,) if isinstance(given, str) else tuple(given)


def _host(name: object) -> str | None:
    """Return a host name or an address if a certificate can be issued for it; otherwise None."""
    if not isinstance(name, str):
        return None
    try:
        host = Address.parse(name if ":" not in name else f"[{name}]").host
        ascii_name = host if ":" in host else host.encode("idna").decode("ascii")
    except (BadAddress, UnicodeError):
        return None
    return host if ":" in host or _CERTIFIABLE.fullmatch(ascii_name) else None


def plain_address(address: str) -> str:
    """Return an address in the form in which addresses are compared.

    That is `::1` for 0:0:0:0:0:0:0:1, and the IPv4 address for an IPv4-mapped IPv6 address. A text
    that is not an address is returned unchanged.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def network_of(address: str) -> str:
    """Return the network as which an address is counted: for IPv4 the address, for IPv6 its /64.

    A provider gives each customer at least a /64 network, so that a person who guesses passwords
    can use 2**64 addresses, but only one network.
    """
    plain = plain_address(address)
    if ":" not in plain:
        return plain
    try:
        return f"{IPv6Address(int(IPv6Address(plain)) >> 64 << 64)}/64"
    except ValueError:
        return plain


def proxy_addresses(addresses: Iterable[str]) -> frozenset[str]:
    """Return the addresses of proxies, after checking them.

    Raises:
        LocalProtocolError: one of the values is not an IP address.
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

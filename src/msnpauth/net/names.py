"""Resolves host names, and translates network errors; used by both drivers."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain, zip_longest
from typing import Any

from ..core.errors import ConnectionFailed, SignInError, SignInTimeout, Step
from ..core.urls import Address, Url
from .deadline import Deadline
from .resolver_cache import resolver_cache

__all__ = [
    "ATTEMPT_DELAY",
    "CONNECT_SECONDS",
    "AddressInfo",
    "beside_proxy",
    "connect_timeout",
    "hosts_of",
    "interleaved",
    "look_up",
    "most_telling",
    "network_error",
    "new_socket",
    "numeric",
    "open_fast",
    "peer_of",
    "wrong_family",
]

AddressInfo = tuple[socket.AddressFamily, tuple[Any, ...]]
"""An address family, and an address of that family as `socket.connect` accepts it."""

ATTEMPT_DELAY = 0.25
"""Seconds after which the next address of a host is tried too (RFC 8305, section 5)."""

CONNECT_SECONDS = 10.0
"""Seconds within which a host has to accept a connection.

A firewall that drops packets never answers, and Linux itself gives up only after two minutes. A
packet that was lost is sent again after 1, 3 and 7 seconds, so ten seconds allow three repeats.
"""


# --- addresses --------------------------------------------------------------------------------


def numeric(address: Address) -> list[AddressInfo]:
    """Return the socket address of a host that is given as an IP address; nothing for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, address.host)
            return [(family, (address.host, address.port))]
    return []


def interleaved(places: Iterable[AddressInfo]) -> list[AddressInfo]:
    """Return the addresses in the order in which they are tried (RFC 8305, section 4).

    The families take turns, so that a family without a route does not delay the other one. The
    resolver's first address stays the first, because the system sorted the addresses (RFC 6724).
    """
    by_family: dict[socket.AddressFamily, list[AddressInfo]] = {}
    for place in dict.fromkeys(places):
        by_family.setdefault(place[0], []).append(place)
    turns = chain.from_iterable(zip_longest(*by_family.values()))
    return [place for place in turns if place is not None]


def new_socket(family: socket.AddressFamily) -> socket.socket:
    """Return a TCP socket that sends all data at once.

    Both protocols here are requests and answers of a few hundred bytes. Nagle's algorithm, which
    waits for more data, costs 40 ms a request where the peer delays its acknowledgements.

    Raises:
        OSError: no descriptor is left, or the system does not know the family: a kernel without
            IPv6 fails here, and not in `connect`.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


# TCP_FASTOPEN_CONNECT of linux/tcp.h (4.11), which Python's `socket` does not name.
_FAST_OPEN_CONNECT = 30 if sys.platform == "linux" else None


def open_fast(sock: socket.socket) -> None:
    """Send the first data together with the SYN (TCP Fast Open, RFC 7413).

    For a server that gave this system a cookie earlier, `connect` then returns at once and sends
    nothing. Without a cookie, or on a system without TCP Fast Open, nothing changes.
    """
    if _FAST_OPEN_CONNECT is not None:
        with suppress(OSError):  # a kernel without it
            sock.setsockopt(socket.IPPROTO_TCP, _FAST_OPEN_CONNECT, 1)


def hosts_of(places: list[AddressInfo]) -> list[str]:
    """Return the addresses as text, without their ports."""
    return [str(where[0]) for _, where in places]


def peer_of(sock: socket.socket, otherwise: tuple[object, ...] = ()) -> str:
    """Return the address and port of the peer; empty when the connection has ended.

    Args:
        sock: the connection.
        otherwise: the peer's socket address, for when the system does not know it yet
            (`fast_open`).
    """
    try:
        where = sock.getpeername()
    except OSError:
        where = otherwise
    if not where:
        return ""
    host, port = where[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def look_up(
    address: Address, step: Step, done: Callable[[list[AddressInfo] | SignInError], None]
) -> None:
    """Find the socket addresses of a host, and pass them, or the error, to `done`.

    The system's resolver has no time-out that can be set. It runs in a thread of its own, in which
    `done` is called. A caller that does not want to wait any longer leaves the thread alone; the
    thread ends when the resolver does. When no thread can be started, `done` is called at once.
    """

    def run() -> None:
        outcome: list[AddressInfo] | SignInError
        try:
            answer = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            outcome = [(kind, where) for kind, _, _, _, where in answer if kind in _FAMILIES]
            resolver_cache.put(address, outcome)
        except UnicodeError:  # a label that is empty or too long for the resolver's codec
            outcome = _look_up_error(socket.EAI_NONAME, step, str(address))
        except Exception as problem:  # noqa: BLE001 - the caller waits for `done`
            outcome = network_error(problem, step, str(address))
        done(outcome)

    try:
        threading.Thread(target=run, name="msnpauth-resolve", daemon=True).start()
    except Exception as problem:  # noqa: BLE001 - RuntimeError, when there are too many threads
        error = network_error(problem, step, str(address))
    else:
        return
    done(error)


_FAMILIES = (socket.AF_INET, socket.AF_INET6)


# --- errors -----------------------------------------------------------------------------------


def network_error(error: BaseException, step: Step, server: str) -> SignInError:
    """Return an error of msnpauth for any other exception.

    The new error never quotes the exception's text, which may contain the data that was being
    sent. It quotes only the system's text for an error number, and OpenSSL's constants. Raise the
    new error outside the `except` block; otherwise the exception stays attached as its context.
    """
    if isinstance(error, SignInError):
        return error
    if isinstance(error, socket.gaierror):
        return _look_up_error(error.errno, step, server)
    from .tls import CertificateFault, certificate_error, tls_error  # most sign-ins go well

    # By name, so that this module can be imported by a Python without ssl.
    kind = type(error).__name__
    if kind in ("SSLCertVerificationError", "CertificateError"):
        code = getattr(error, "verify_code", 0)
        return certificate_error(CertificateFault.of(code), step, server, code)
    if kind.startswith("SSL"):
        return tls_error(str(getattr(error, "reason", None) or ""), step, server)
    if isinstance(error, OSError):
        return _os_error(error, step, server)
    if isinstance(error, RuntimeError) and "new thread" in str(error):
        return ConnectionFailed(
            "no thread could be started", step=step, server=server, hint=_TOO_MANY
        )
    return ConnectionFailed(f"the connection failed ({kind})", step=step, server=server)


_NO_WAY = "check that this machine is online, and that the address is not of a private network"
_FORBIDDEN = "a firewall or a sandbox of this machine forbids it"
_TOO_MANY = "close what is not needed any more, or raise the limit of this process (ulimit)"
_REASONS = {
    errno.EMFILE: ("MA-NET-10", _TOO_MANY),
    errno.ENFILE: ("MA-NET-10", _TOO_MANY),
    errno.EAFNOSUPPORT: (
        "MA-NET-07",
        "this machine has no IPv6 (or no IPv4): give the other kind of address",
    ),
    errno.ECONNREFUSED: (
        "MA-NET-04",
        "nothing listens at that port: the server is down, or the address has another port",
    ),
    errno.ENETUNREACH: ("MA-NET-06", _NO_WAY),
    errno.EHOSTUNREACH: ("MA-NET-06", _NO_WAY),
    errno.EACCES: ("MA-NET-09", _FORBIDDEN),
    errno.EPERM: ("MA-NET-09", _FORBIDDEN),
}
"""The finding and the hint for an error number of the system."""


def _os_error(error: OSError, step: Step, server: str) -> ConnectionFailed:
    # The system's text for the number: asyncio replaces that text by its own, with addresses.
    words = os.strerror(error.errno) if error.errno else "connection lost"
    if getattr(error, "winerror", None):  # `os.strerror` does not know these numbers
        words = error.strerror or words
    words = words[:1].lower() + words[1:]
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        # Three names for one event: which one the system uses depends on who was sending.
        words = f"the server closed the connection ({words})"
        return ConnectionFailed(words, step=step, server=server, finding="MA-NET-08")
    if error.errno == errno.ENETUNREACH and _is_offline():
        return _offline(step, server)
    if isinstance(error, TimeoutError):  # the system's own, after minutes
        return _no_answer("no answer to a connection", step, server)
    finding, hint = _REASONS.get(error.errno or 0, (None, None))
    return ConnectionFailed(words, step=step, server=server, hint=hint, finding=finding)


def _offline(step: Step, server: str) -> ConnectionFailed:
    text = "this machine has no network"
    return ConnectionFailed(
        text, step=step, server=server, hint="connect it first", finding="MA-NET-01"
    )


_FIREWALL = "a firewall may drop it, here or on the way, or the host is down; MSNP needs port 1863"


def _no_answer(text: str, step: Step, server: str) -> ConnectionFailed:
    return ConnectionFailed(text, step=step, server=server, hint=_FIREWALL, finding="MA-NET-05")


def _look_up_error(number: int | None, step: Step, server: str) -> ConnectionFailed:
    """Return the error for a name that was not found, by the resolver's number (RFC 3493, 6.1)."""
    # Without a network some systems report at once that the name does not exist.
    if _is_offline():
        return _offline(step, server)
    finding = "MA-NET-03"
    if number == socket.EAI_AGAIN:
        text = "the host name could not be looked up just now: the resolver did not answer"
        hint = "check this machine's network and its resolver (DNS), and try again"
        return ConnectionFailed(text, step=step, server=server, hint=hint, finding=finding)
    if number in (socket.EAI_FAIL, getattr(socket, "EAI_SYSTEM", None), socket.EAI_MEMORY):
        text = "the host name could not be looked up: the resolver failed"
        hint = "check this machine's network and its resolver (DNS)"
        return ConnectionFailed(text, step=step, server=server, hint=hint, finding=finding)
    text = "there is no such host name"
    return ConnectionFailed(text, step=step, server=server, finding="MA-NET-02")


def _is_offline() -> bool:
    """True when this machine has no route to the Internet; nothing is sent to find that out."""
    return not (_has_way(socket.AF_INET) or _has_way(socket.AF_INET6))


def _has_way(family: socket.AddressFamily) -> bool:
    """True when this machine has a route to the Internet for that address family."""
    # Addresses that are reserved for documentation (RFC 5737, RFC 3849). `connect` on a datagram
    # socket only looks for a route, and sends nothing.
    somewhere = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((somewhere, 53))
        return True
    return False


_TELLING = (
    # The most telling numbers come first: a host that refused a connection exists, while a missing
    # route for one address family says nothing about the server.
    (errno.EMFILE, errno.ENFILE),
    (errno.ECONNREFUSED, errno.ECONNRESET),
    (errno.ETIMEDOUT,),
    (errno.EHOSTUNREACH, errno.ENETUNREACH),
    (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT),
)


def most_telling(problems: list[Exception]) -> Exception:
    """Return the failure that says most about why none of a host's addresses could be reached."""

    def rank(problem: Exception) -> int:
        number = getattr(problem, "errno", None)
        for index, numbers in enumerate(_TELLING):
            if number in numbers:
                return index
        return 2

    return min(problems, key=rank)


def connect_timeout(
    deadline: Deadline, problems: list[Exception], step: Step, server: str
) -> SignInError:
    """Return the error for a host of which one address had not answered when the time was up.

    Args:
        deadline: the deadline of the whole sign-in; when it has not passed, `CONNECT_SECONDS` have.
        problems: the failures of the host's other addresses.
        step: the step of the sign-in.
        server: the server that was to be reached, as errors name it.
    """
    other = ""
    if problems:
        other = f" (another address: {network_error(most_telling(problems), step, server).text})"
    if deadline.remaining() > 0:
        text = f"no answer to a connection within {CONNECT_SECONDS:g} seconds{other}"
        return _no_answer(text, step, server)
    late = deadline.passed(step, server)
    return SignInTimeout(
        f"{late.text}{other}", step=step, server=server, hint=_FIREWALL, finding="MA-NET-05"
    )


def wrong_family(places: list[AddressInfo], error: SignInError) -> SignInError:
    """Return the error, or one that says that this machine lacks the host's address family."""
    families = {family for family, _ in places}
    if len(families) != 1 or error.finding not in ("MA-NET-06", "MA-NET-07"):
        return error
    theirs = "IPv6" if socket.AF_INET6 in families else "IPv4"
    if _has_way(*families):
        return error
    return ConnectionFailed(
        f"the host has {theirs} addresses only, and this machine has no {theirs}",
        step=error.step,
        server=error.server,
        hint=f"use a network with {theirs}, or ask the service for another kind of address",
        finding="MA-NET-07",
    )


def beside_proxy(error: SignInError, address: Address) -> SignInError:
    """Add to an error that the environment names a proxy, which the connection did not use."""
    if error.finding not in _PROXY_MAY_HELP:
        return error
    from .proxies import environment_proxy  # most sign-ins go well

    proxy = environment_proxy(Url("https", address, ""))
    if proxy is None:
        return error
    name = proxy.variable or "the system"
    if error.step in (Step.NOTIFICATION, Step.CHAT):
        error.finding = "MA-PRX-05"
        error.hint = (
            f"the connection to port {address.port} does not go through the proxy of {name}:"
            " it has to be open here"
        )
    else:
        error.finding = "MA-PRX-06"
        error.hint = f"{name} names a proxy: transport='curl' or transport='httpx' goes through it"
    return error


_PROXY_MAY_HELP = frozenset({"MA-NET-02", "MA-NET-03", "MA-NET-04", "MA-NET-05", "MA-NET-06"})

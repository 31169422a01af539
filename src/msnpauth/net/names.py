"""Names to addresses, and what the errors of the network mean: what both drivers need."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain, zip_longest
from typing import Any

from ..core.errors import ConnectionFailed, SignInError, SignInTimeout, Step
from ..core.urls import Address
from .deadline import Deadline
from .tls import CertificateFault, certificate_error, client_context, tls_error

__all__ = [
    "ATTEMPT_DELAY",
    "AddressInfo",
    "client_context",
    "connect_timeout",
    "hosts_of",
    "interleaved",
    "look_up",
    "most_telling",
    "network_error",
    "new_socket",
    "numeric",
    "peer_of",
]

AddressInfo = tuple[socket.AddressFamily, tuple[Any, ...]]
"""An address family, and where in it: what `socket.connect` takes."""

ATTEMPT_DELAY = 0.25
"""Seconds after which the next address of a host is tried too (RFC 8305, section 5)."""


# --- addresses --------------------------------------------------------------------------------


def numeric(address: Address) -> list[AddressInfo]:
    """Return the socket address of a host that is a number already; nothing for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, address.host)
            return [(family, (address.host, address.port))]
    return []


def interleaved(places: Iterable[AddressInfo]) -> list[AddressInfo]:
    """Return the addresses in the order in which they are tried (RFC 8305, section 4).

    The families take turns, so that one that leads nowhere does not hold up the other. The
    resolver's first address stays the first, because the system sorted them (RFC 6724).
    """
    by_family: dict[socket.AddressFamily, list[AddressInfo]] = {}
    for place in dict.fromkeys(places):
        by_family.setdefault(place[0], []).append(place)
    turns = chain.from_iterable(zip_longest(*by_family.values()))
    return [place for place in turns if place is not None]


def new_socket(family: socket.AddressFamily) -> socket.socket:
    """Return a TCP socket that sends what it is given at once.

    Both protocols here are questions and answers of a few hundred bytes: waiting for more to send
    (Nagle's algorithm) costs 40 ms a question where the peer delays its acknowledgements.

    Raises:
        OSError: no descriptor is left, or the system does not know the family: a kernel without
            IPv6 says so here, and not in `connect`.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def hosts_of(places: list[AddressInfo]) -> list[str]:
    """Return the addresses as text, without their ports."""
    return [str(where[0]) for _, where in places]


def peer_of(sock: socket.socket) -> str:
    """Return the address and port at the other end of a connection; empty when it is gone."""
    try:
        host, port = sock.getpeername()[:2]
    except OSError:
        return ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def look_up(
    address: Address, step: Step, done: Callable[[list[AddressInfo] | SignInError], None]
) -> None:
    """Find the socket addresses of a host, and hand them, or the error, to `done`.

    The system's resolver cannot be told when to give up. It runs in a thread of its own, in which
    `done` is called; whoever does not want to wait any longer leaves the thread alone, and the
    thread ends when the resolver does. When no thread can be started, `done` is called at once.
    """

    def run() -> None:
        outcome: list[AddressInfo] | SignInError
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            outcome = [(kind, where) for kind, _, _, _, where in found if kind in _FAMILIES]
        except UnicodeError:  # a label that is empty or too long for the resolver's codec
            outcome = _look_up_error(socket.EAI_NONAME, step, str(address))
        except Exception as problem:  # noqa: BLE001 - whoever waits for `done` has to hear of it
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
    """Return our error for any other.

    It never quotes the other's text, which may hold what was being sent: only the system's words
    for an error number, and OpenSSL's constants. Raise it outside the `except` block, or the
    other one hangs on to it as its context.
    """
    if isinstance(error, SignInError):
        return error
    if isinstance(error, socket.gaierror):
        return _look_up_error(error.errno, step, server)
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


_TOO_MANY = "close what is not needed any more, or raise the limit of this process (ulimit)"
_HINTS = {
    errno.EMFILE: _TOO_MANY,
    errno.ENFILE: _TOO_MANY,
    errno.EAFNOSUPPORT: "this machine has no IPv6 (or no IPv4): give the other kind of address",
    errno.ENETUNREACH: "check that this machine is online",
    errno.EACCES: "a firewall or a sandbox of this machine forbids it",
    errno.EPERM: "a firewall or a sandbox of this machine forbids it",
}


def _os_error(error: OSError, step: Step, server: str) -> ConnectionFailed:
    # The system's words for the number: asyncio puts its own in their place, with addresses.
    words = os.strerror(error.errno) if error.errno else "connection lost"
    if getattr(error, "winerror", None):  # of which `os.strerror` knows nothing
        words = error.strerror or words
    words = words[:1].lower() + words[1:]
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        # Three names for one thing: which of them comes depends on who was sending just then.
        words = f"the server closed the connection ({words})"
    return ConnectionFailed(words, step=step, server=server, hint=_HINTS.get(error.errno or 0))


def _look_up_error(number: int | None, step: Step, server: str) -> ConnectionFailed:
    """Return the error for a name that was not found, by the resolver's number (RFC 3493, 6.1)."""
    if number == socket.EAI_AGAIN:
        if _is_offline():
            return ConnectionFailed(
                "this machine has no network", step=step, server=server, hint="connect it first"
            )
        text = "the host name could not be looked up just now: the resolver did not answer"
        hint = "check this machine's network and its resolver (DNS), and try again"
        return ConnectionFailed(text, step=step, server=server, hint=hint)
    if number in (socket.EAI_FAIL, getattr(socket, "EAI_SYSTEM", None), socket.EAI_MEMORY):
        text = "the host name could not be looked up: the resolver failed"
        hint = "check this machine's network and its resolver (DNS)"
        return ConnectionFailed(text, step=step, server=server, hint=hint)
    return ConnectionFailed("there is no such host name", step=step, server=server)


def _is_offline() -> bool:
    """True when there is no way out of this machine; nothing is sent to find that out."""
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # Addresses of documents (RFC 5737, RFC 3849). To connect a datagram socket only looks for
        # the way there.
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((somewhere, 53))
            return False
    return True


_TELLING = (
    # The first says most: a machine that refused is there, and a machine that has no way to one
    # kind of address says nothing about the server.
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
) -> SignInTimeout:
    """Return the error for a host of which one address was still silent at the deadline.

    Args:
        deadline: that passed.
        problems: what the other addresses came to.
        step: of the sign-in.
        server: what was to be reached.
    """
    late = deadline.passed(step, server)
    if not problems:
        return late
    other = network_error(most_telling(problems), step, server)
    return SignInTimeout(f"{late.text} (another address: {other.text})", step=step, server=server)

"""msnpauth signs people, bots and bridges in to MSN Messenger compatible networks.

    from msnpauth import MSNPAuth

    key = MSNPAuth("bob@hotmail.com", password, challenge).get_key()   # for USR … TWN S

    import msnpauth

    with msnpauth.sign_in("alice@example.com", password, servers) as session:
        session.send("CHG", "NLN", "0")
        for command in session:
            print(command)

A map of the package:

    core/        the protocol without I/O: bytes and values in, actions and events out
      wire/      what both ends say: commands, lines, dialects, queries
      tickets/   how a ticket is got over HTTPS: generators of requests, nothing else
      client/    a client's sign-in and session
    observe.py   what happens, for the log
    net/         names, TLS, connections, deadlines
    store/       what lies on disk: tickets and the machine's GUID
    transports/  what carries HTTPS: sockets, curl, httpx, or your own
    networks.py  networks by name, and a person's own
    sync/        the driver on blocking sockets: `MSNPAuth`, `sign_in`, `Session`
    aio/         the same names and arguments on asyncio: `from msnpauth import aio`
    service/     the other end: a service to sign in to
    testing/     that service for your tests, and a pytest fixture
    cli/         the command `msnpauth`

`SignIn` is the whole sign-in without I/O, for people who bring their own loop.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .core.client.comeback import Reconnect
    from .core.client.engine import SessionState
    from .core.client.memory import Memory
    from .core.client.sign_in import SignIn
    from .core.errors import (
        AccountBlocked,
        CertificateRejected,
        CommandRefused,
        ConnectionFailed,
        LocalProtocolError,
        NoCommonDialect,
        RemoteProtocolError,
        ServiceUnavailable,
        SessionEnded,
        SignInError,
        SignInTimeout,
        Step,
        TooManyRedirects,
        UntrustedRedirect,
        WrongCredentials,
    )
    from .core.secrets import Secret
    from .core.tickets.ticket import AsyncTicketCache, MemoryTicketCache, Ticket, TicketCache
    from .core.wire.commands import Command, escape, unescape
    from .networks import Servers
    from .store.file_cache import FileTicketCache, PlainCacheWarning
    from .sync.auth import MSNPAuth
    from .sync.driver import sign_in
    from .sync.session import Session
    from .transports import AsyncTransport, Transport

# Names by the module they live in; nothing is imported before it is asked for.
_HOMES = {
    "store.file_cache": ("FileTicketCache", "PlainCacheWarning"),
    "core.client.comeback": ("Reconnect",),
    "core.wire.commands": ("Command", "escape", "unescape"),
    "core.client.engine": ("SessionState",),
    "core.errors": (
        "AccountBlocked",
        "CertificateRejected",
        "CommandRefused",
        "ConnectionFailed",
        "LocalProtocolError",
        "NoCommonDialect",
        "RemoteProtocolError",
        "ServiceUnavailable",
        "SessionEnded",
        "SignInError",
        "SignInTimeout",
        "Step",
        "TooManyRedirects",
        "UntrustedRedirect",
        "WrongCredentials",
    ),
    "core.secrets": ("Secret",),
    "core.client.sign_in": ("SignIn",),
    "core.client.memory": ("Memory",),
    "core.tickets.ticket": ("AsyncTicketCache", "MemoryTicketCache", "Ticket", "TicketCache"),
    "networks": ("Servers",),
    "sync.auth": ("MSNPAuth",),
    "sync.session": ("Session",),
    "sync.driver": ("sign_in",),
    "transports": ("AsyncTransport", "Transport"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - sorted without regard to case, as a reader looks names up
    "AccountBlocked",
    "AsyncTicketCache",
    "AsyncTransport",
    "CertificateRejected",
    "Command",
    "CommandRefused",
    "ConnectionFailed",
    "escape",
    "FileTicketCache",
    "LocalProtocolError",
    "Memory",
    "MemoryTicketCache",
    "MSNPAuth",
    "NoCommonDialect",
    "PlainCacheWarning",
    "Reconnect",
    "RemoteProtocolError",
    "Secret",
    "Servers",
    "ServiceUnavailable",
    "Session",
    "SessionEnded",
    "SessionState",
    "sign_in",
    "SignIn",
    "SignInError",
    "SignInTimeout",
    "Step",
    "Ticket",
    "TicketCache",
    "TooManyRedirects",
    "Transport",
    "unescape",
    "UntrustedRedirect",
    "WrongCredentials",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        value = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
        globals()[name] = value
        return value
    if name == "__version__":
        from importlib.metadata import version

        return version("msnpauth")
    if name in ("aio", "service", "testing"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

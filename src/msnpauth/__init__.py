"""msnpauth signs people, bots and bridges in to MSN Messenger compatible networks.

    from msnpauth import MSNPAuth

    key = MSNPAuth("bob@hotmail.com", password, challenge).get_key()   # for USR … TWN S

    import msnpauth

    with msnpauth.sign_in("alice@example.com", password, servers) as session:
        session.go_online()
        session.send_message("bob@example.com", "Hello Bob")

A map of the package, from the bottom up. A module imports only from modules above it in this list.

    core/        the protocol without I/O: accepts bytes and values, returns actions and events
      wire/      for both ends: commands, their lines, the dialects, the queries
      tickets/   gets tickets over HTTPS: generators of requests, without I/O
      people/    a contact list as data, as lines and by SOAP
      client/    a client's sign-in, session, presence and chats: it decides, without I/O
    observe.py   typed events, and their descriptions for people
    watch.py     passes the events to the log and to one observer
    net/         names, connections, TLS and deadlines; nothing about the protocol
    store/       data on disk: tickets, and the machine's GUID
    transports/  carriers of HTTPS: sockets, curl, httpx, or your own
    options.py   the keyword arguments of `sign_in`
    networks.py  known networks by name, and a person's own
    sync/        the driver on blocking sockets: `MSNPAuth`, `sign_in`, `Session`
    doctor/      finds out what is wrong with a network, an account, or the connection to them
    published.py fetches lists of networks that somebody has published, at a person's request
    aio/         the same names and arguments on asyncio: `from msnpauth import aio`
    sansio.py    the parts without I/O, for programs with their own event loop
    service/     the other end: a service to sign in to
    decoding/    explains lines, headers, envelopes, blobs, tickets and codes
    testing/     that service for your tests, and a pytest fixture
    cli/         the command `msnpauth`
    quick.py     `msnpauth ticket` for scripts, without the imports of `cli`

These names are public: those in `__all__` here, and those in the `__all__` of `aio`, `doctor`,
`observe`, `sansio`, `service` and `testing`. Everything else may change.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import aio, doctor, observe, sansio, service, testing
    from .core.client.comeback import Reconnect
    from .core.client.engine import SessionState
    from .core.client.events import (
        CameBack,
        ChatClosed,
        ChatOpened,
        ContactChanged,
        ContactOnline,
        ContactRequest,
        Event,
        JoinedChat,
        LeftChat,
        MessageReceived,
        NudgeReceived,
        SignedInElsewhere,
        Typing,
    )
    from .core.client.memory import Memory
    from .core.client.sign_in import SignIn
    from .core.errors import (
        AccountBlocked,
        CertificateRejected,
        ChatEnded,
        CommandRefused,
        ConnectionFailed,
        ContactOffline,
        LocalProtocolError,
        MessageNotDelivered,
        NoCommonDialect,
        NotOnline,
        RemoteProtocolError,
        ServiceUnavailable,
        SessionEnded,
        SignInError,
        SignInTimeout,
        Step,
        TooManyChats,
        TooManyRedirects,
        UntrustedRedirect,
        WrongCredentials,
    )
    from .core.people.contact import Contact, ListName
    from .core.secrets import Secret
    from .core.tickets.ticket import Ticket
    from .core.wire.commands import Command, escape, unescape
    from .core.wire.messages import Looks
    from .core.wire.status import Status
    from .networks import Servers
    from .options import AsyncOptions, Options
    from .store.caches import AsyncTicketCache, MemoryTicketCache, TicketCache
    from .store.file_cache import FileTicketCache, PlainCacheWarning
    from .sync.auth import MSNPAuth
    from .sync.chat import Chat
    from .sync.session import Session
    from .sync.start import sign_in
    from .transports import AsyncTransport, Transport

    __version__: str

__all__ = [  # noqa: RUF022 - sorted without regard to case, as a reader looks names up
    "AccountBlocked",
    "aio",
    "AsyncOptions",
    "AsyncTicketCache",
    "AsyncTransport",
    "CameBack",
    "CertificateRejected",
    "Chat",
    "ChatClosed",
    "ChatEnded",
    "ChatOpened",
    "Command",
    "CommandRefused",
    "ConnectionFailed",
    "Contact",
    "ContactChanged",
    "ContactOffline",
    "ContactOnline",
    "ContactRequest",
    "doctor",
    "escape",
    "Event",
    "FileTicketCache",
    "JoinedChat",
    "LeftChat",
    "ListName",
    "LocalProtocolError",
    "Looks",
    "Memory",
    "MemoryTicketCache",
    "MessageNotDelivered",
    "MessageReceived",
    "MSNPAuth",
    "NoCommonDialect",
    "NotOnline",
    "NudgeReceived",
    "observe",
    "Options",
    "PlainCacheWarning",
    "Reconnect",
    "RemoteProtocolError",
    "sansio",
    "Secret",
    "Servers",
    "service",
    "ServiceUnavailable",
    "Session",
    "SessionEnded",
    "SessionState",
    "sign_in",
    "SignedInElsewhere",
    "SignIn",
    "SignInError",
    "SignInTimeout",
    "Status",
    "Step",
    "testing",
    "Ticket",
    "TicketCache",
    "TooManyChats",
    "TooManyRedirects",
    "Transport",
    "Typing",
    "unescape",
    "UntrustedRedirect",
    "WrongCredentials",
    "__version__",
]

# The rest is for Python only. A type checker reads the imports above: if it saw `__getattr__`, it
# would accept every name, also a misspelled one such as `msnpauth.sing_in`.
if not TYPE_CHECKING:
    # Names by the module that defines them; a module is imported when a name of it is first used.
    _HOMES = {
        "core.client.comeback": ("Reconnect",),
        "core.client.engine": ("SessionState",),
        "core.client.events": (
            "CameBack",
            "ChatClosed",
            "ChatOpened",
            "ContactChanged",
            "ContactOnline",
            "ContactRequest",
            "Event",
            "JoinedChat",
            "LeftChat",
            "MessageReceived",
            "NudgeReceived",
            "SignedInElsewhere",
            "Typing",
        ),
        "core.client.memory": ("Memory",),
        "core.client.sign_in": ("SignIn",),
        "core.errors": (
            "AccountBlocked",
            "CertificateRejected",
            "ChatEnded",
            "CommandRefused",
            "ConnectionFailed",
            "ContactOffline",
            "LocalProtocolError",
            "MessageNotDelivered",
            "NoCommonDialect",
            "NotOnline",
            "RemoteProtocolError",
            "ServiceUnavailable",
            "SessionEnded",
            "SignInError",
            "SignInTimeout",
            "Step",
            "TooManyChats",
            "TooManyRedirects",
            "UntrustedRedirect",
            "WrongCredentials",
        ),
        "core.people.contact": (
            "Contact",
            "ListName",
        ),
        "core.secrets": ("Secret",),
        "core.tickets.ticket": ("Ticket",),
        "core.wire.commands": ("Command", "escape", "unescape"),
        "core.wire.messages": ("Looks",),
        "core.wire.status": ("Status",),
        "networks": ("Servers",),
        "options": ("AsyncOptions", "Options"),
        "store.caches": ("AsyncTicketCache", "MemoryTicketCache", "TicketCache"),
        "store.file_cache": ("FileTicketCache", "PlainCacheWarning"),
        "sync.auth": ("MSNPAuth",),
        "sync.chat": ("Chat",),
        "sync.session": ("Session",),
        "sync.start": ("sign_in",),
        "transports": ("AsyncTransport", "Transport"),
    }
    _MODULES = {name: module for module, names in _HOMES.items() for name in names}
    _ROOMS = frozenset({"aio", "doctor", "observe", "sansio", "service", "testing"})

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            value = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
            globals()[name] = value
            return value
        if name == "__version__":
            from importlib.metadata import version

            return version("msnpauth")
        if name in _ROOMS:
            return importlib.import_module(f".{name}", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})

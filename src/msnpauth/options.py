"""The keyword arguments of `sign_in`, declared once for both drivers, and their checked values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from .core.client.comeback import Reconnect, check_reconnect
from .core.client.connection import check_product
from .core.client.memory import Memory
from .core.client.options import SignInOptions, check_names
from .core.client.policies import Policies
from .core.client.sign_in import SignIn
from .core.secrets import Secret
from .core.servers import Servers
from .net.deadline import check_timeout
from .transports import trust
from .watch import Watch

if TYPE_CHECKING:
    import os
    import ssl

    from .observe import Observer
    from .store.caches import AsyncTicketCache, TicketCache
    from .transports import AsyncTransport, Transport

__all__ = ["AsyncOptions", "Options", "Plan", "plan"]


# The policies belong to networks, and not to accounts: when several bots sign in one after another,
# each bot after the first knows the network's policy. They last as long as the process: a file
# would save too little at the first sign-in of another process.
_POLICIES = Policies()


class CommonOptions(SignInOptions, total=False):
    """The options of both drivers, besides those of `SignIn`."""

    ca_file: str | os.PathLike[str] | None
    """Certificates to trust, in PEM, instead of the system's. By default those of
    `Servers(ca_file=…)`, if they are given."""

    ssl_context: ssl.SSLContext | None
    """TLS settings of your own."""

    timeout: float
    """Seconds for the whole sign-in. By default 30."""

    fast_open: bool
    """TCP Fast Open (RFC 7413), on Linux: VER, CVR and USR, and the first TLS message, are sent
    with the SYN to a server that has given this system a cookie earlier. This saves a round trip
    for each connection. It works for hosts with one address and the carrier `sockets`; otherwise it
    has no effect. By default False: some networks drop such a SYN, which costs a second."""

    product: tuple[str, str] | None
    """Product id and key that answer a CHL. By default those of a client of the dialect's time."""

    reconnect: Reconnect | bool | None
    """When and how to sign in again once the connection is lost; True for the default
    `Reconnect()`. By default never."""

    receive: bool
    """False when the program will never call `receive`: the server's commands are then not kept.
    By default True."""

    observer: Observer | None
    """A function that is called with every event of `msnpauth.observe`, in the event's thread."""


class Options(CommonOptions, total=False):
    """The options of `msnpauth.sign_in`."""

    cache: TicketCache | None
    """Keeps tickets until they expire, and the servers to use. By default there is no cache."""

    transport: str | Transport | None
    """The carrier for HTTPS: `sockets` (the default), `curl`, `httpx` or a `Transport`."""


class AsyncOptions(CommonOptions, total=False):
    """The options of `msnpauth.aio.sign_in`."""

    cache: TicketCache | AsyncTicketCache | None
    """Keeps tickets until they expire, and the servers to use. By default there is no cache."""

    transport: str | AsyncTransport | None
    """The carrier for HTTPS: `sockets` (the default), `curl`, `httpx` or an `AsyncTransport`."""


class Plan(NamedTuple):
    """The checked arguments of `sign_in`, and objects that are made from them.

    Attributes:
        machine: the sign-in, which has not begun.
        password: the account's password, to find its tickets in a cache.
        timeout: seconds for the whole sign-in.
        tls: `ca_file` and `ssl_context`, for the carrier.
        watch: passes events to the log and to the caller's observer.
        product, reconnect, receive, fast_open: as in `CommonOptions`.
    """

    machine: SignIn
    password: Secret
    timeout: float
    tls: tuple[str | os.PathLike[str] | None, ssl.SSLContext | None]
    product: tuple[str, str] | None
    reconnect: Reconnect | None
    receive: bool
    watch: Watch
    fast_open: bool


def plan(
    passport: str,
    password: Secret,
    servers: Servers,
    options: Options | AsyncOptions,
    known: frozenset[str],
) -> Plan:
    """Check the arguments of `sign_in`. Nothing is sent.

    Raises:
        LocalProtocolError: an argument is not valid.
        TypeError: there is no such option.
    """
    check_names(options, known, "sign_in")
    watch = Watch(options.get("observer"))
    names = SignInOptions.__optional_keys__
    core = {name: value for name, value in options.items() if name in names}
    machine = SignIn(
        passport,
        password,
        servers,
        observe=watch.received,
        policies=_POLICIES,
        **cast("SignInOptions", core),
    )
    if options.get("guid") is None and machine.needs_guid:
        from .store.machine import machine_guid  # files, which most sign-ins do not need

        machine = machine.again(memory=Memory(), guid=machine_guid())
    return Plan(
        machine=machine,
        password=password,
        timeout=check_timeout(options.get("timeout", 30.0)),
        tls=trust(
            servers, options.get("ca_file"), options.get("ssl_context"), options.get("transport")
        ),
        product=check_product(options.get("product")),
        reconnect=check_reconnect(options.get("reconnect")),
        receive=options.get("receive", True),
        watch=watch,
        fast_open=options.get("fast_open", False),
    )

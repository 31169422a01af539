"""The keyword arguments of `sign_in`, declared once for both drivers, and what they come to."""

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


# Of networks, and not of accounts: of bots that sign in one after another, each after the first
# knows what the network names. It lives as long as the process. What the first sign-in of another
# process would save is not worth a file.
_POLICIES = Policies()


class CommonOptions(SignInOptions, total=False):
    """The options of both drivers, besides those of `SignIn`."""

    ca_file: str | os.PathLike[str] | None
    """Certificates to trust, in PEM, instead of the system's. By default those of
    `Servers(ca_file=…)`, where it names some."""

    ssl_context: ssl.SSLContext | None
    """TLS settings of your own."""

    timeout: float
    """Seconds for the whole sign-in. By default 30."""

    fast_open: bool
    """TCP Fast Open (RFC 7413), on Linux: VER, CVR and USR, and the first words of TLS, travel with
    the SYN to a server that has given this system a cookie before. Each connection so costs a round
    trip less. For hosts of one address, and the carrier `sockets`; anywhere else all is as without.
    By default False: on some ways through the net such a SYN is lost, which costs a second."""

    product: tuple[str, str] | None
    """Id and key that answer a CHL. By default those of a client of the dialect's time."""

    reconnect: Reconnect | bool | None
    """When and how to sign in again once the connection is lost; True for the default
    `Reconnect()`. By default never."""

    receive: bool
    """False when nobody will ever receive: the server's commands are then passed over, and not
    kept. By default True."""

    observer: Observer | None
    """Is called with every event of `msnpauth.observe`, in whichever thread it happens."""


class Options(CommonOptions, total=False):
    """The options of `msnpauth.sign_in`."""

    cache: TicketCache | None
    """Remembers tickets until they expire, and which servers to ask. By default nothing does."""

    transport: str | Transport | None
    """What carries the HTTPS part: `sockets` (the default), `curl`, `httpx` or a `Transport`."""


class AsyncOptions(CommonOptions, total=False):
    """The options of `msnpauth.aio.sign_in`."""

    cache: TicketCache | AsyncTicketCache | None
    """Remembers tickets until they expire, and which servers to ask. By default nothing does."""

    transport: str | AsyncTransport | None
    """What carries the HTTPS part: `sockets` (the default), `curl`, `httpx` or an
    `AsyncTransport`."""


class Plan(NamedTuple):
    """The arguments of `sign_in`, checked, and what follows from them.

    Attributes:
        machine: the sign-in, which has not begun.
        password: the account's, to find its tickets in a cache.
        tls: `ca_file` and `ssl_context`, for the carrier.
        watch: tells the log and the caller's observer.
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
        LocalProtocolError: an argument cannot be right.
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

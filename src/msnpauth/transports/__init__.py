"""Carriers: they send an HTTPS request to a server and return the answer.

`sockets` is the default and needs no other package; `curl` and `httpx` are extras. An instance of
your own `Transport` or `AsyncTransport` can be given instead of a name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from ..core.errors import LocalProtocolError
from ..watch import SILENT, Watch
from .base import AsyncTransport, Transport

if TYPE_CHECKING:
    import ssl

    from ..core.servers import Servers

__all__ = [
    "NAMES",
    "AsyncTransport",
    "Transport",
    "make_async_transport",
    "make_transport",
    "trust",
]

_Path = str | os.PathLike[str] | None


# name: module and class for threads, module and class for asyncio
_CARRIERS = {
    "sockets": (".sockets", "SocketsTransport", ".async_sockets", "AsyncSocketsTransport"),
    "curl": (".curl", "CurlTransport", ".curl", "AsyncCurlTransport"),
    "httpx": (".httpx", "HttpxTransport", ".httpx", "AsyncHttpxTransport"),
}

NAMES = tuple(_CARRIERS)


def trust(
    servers: Servers | None,
    ca_file: _Path,
    ssl_context: ssl.SSLContext | None,
    transport: str | Transport | AsyncTransport | None,
) -> tuple[_Path, ssl.SSLContext | None]:
    """Return `ca_file` and `ssl_context` for a carrier: the caller's, or else the network's file.

    A carrier of the caller's own has its own settings, and so has an `ssl_context`: with either of
    them the network's file is not used.
    """
    is_own = ssl_context is not None or not isinstance(transport, str | None)
    if ca_file is None and servers is not None and not is_own:
        ca_file = servers.ca_file
    return ca_file, ssl_context


def make_transport(
    transport: str | Transport | None,
    ca_file: _Path,
    ssl_context: ssl.SSLContext | None,
    watch: Watch = SILENT,
    fast_open: bool = False,
) -> Transport:
    """Return the carrier of that name, or the given carrier.

    A carrier of msnpauth reports to `watch` how its connections are made; a given carrier does
    not. `fast_open` affects `sockets` alone: the libraries of the others connect by themselves.

    Raises:
        LocalProtocolError: there is no such carrier, its extra is not installed, or it cannot use
            the settings.
        ConnectionFailed: this Python has no usable TLS.
    """
    if isinstance(transport, Transport):
        _check_own(ca_file, ssl_context)
        return transport
    name = _name(transport)
    more = {"fast_open": True} if fast_open and name == "sockets" else {}
    made = _load(name, *_CARRIERS[name][:2])(_settings(name, ca_file, ssl_context), watch, **more)
    assert isinstance(made, Transport)  # as the table of carriers says
    return made


def make_async_transport(
    transport: str | AsyncTransport | None,
    ca_file: _Path,
    ssl_context: ssl.SSLContext | None,
    watch: Watch = SILENT,
    fast_open: bool = False,
) -> AsyncTransport:
    """As `make_transport`, for asyncio."""
    if isinstance(transport, AsyncTransport):
        _check_own(ca_file, ssl_context)
        return transport
    name = _name(transport)
    more = {"fast_open": True} if fast_open and name == "sockets" else {}
    made = _load(name, *_CARRIERS[name][2:])(_settings(name, ca_file, ssl_context), watch, **more)
    assert isinstance(made, AsyncTransport)  # as the table of carriers says
    return made


def _load(name: str, module: str, kind: str) -> Callable[..., object]:
    try:
        loaded: Callable[..., object] = getattr(import_module(module, __name__), kind)
    except ImportError as error:
        raise LocalProtocolError(
            f"transport {name!r} is not installed here ({error.name} cannot be imported)",
            hint=f"pip install 'msnpauth[{name}]'",
            finding="MA-ARG-04",
        ) from None
    return loaded


def _settings(name: str, ca_file: _Path, ssl_context: ssl.SSLContext | None) -> object:
    from ..net.tls import client_context, context_source

    if name != "curl":
        return context_source(ca_file, ssl_context)
    if ssl_context is not None:
        raise LocalProtocolError(
            "curl does its own TLS and cannot use ssl_context", hint="use ca_file= with curl"
        )
    from importlib.util import find_spec  # only curl needs it

    if ca_file is not None and find_spec("_ssl") is not None:
        client_context(ca_file)  # for its errors, which are easier to read than curl's
    return ca_file


def _name(transport: object) -> str:
    name = transport or "sockets"
    if name not in NAMES:
        shown = repr(name) if isinstance(name, str) else f"a {type(name).__name__}"
        raise LocalProtocolError(
            f"there is no transport {shown} here",
            hint=f"name one of {', '.join(NAMES)}, or pass an instance of your own"
            " (Transport for threads, AsyncTransport for asyncio)",
        )
    return str(name)


def _check_own(ca_file: _Path, ssl_context: ssl.SSLContext | None) -> None:
    if ca_file is not None or ssl_context is not None:
        raise LocalProtocolError(
            "a transport of your own brings its own TLS settings",
            hint="give ca_file or ssl_context to it instead",
        )

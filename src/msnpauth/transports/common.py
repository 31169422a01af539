"""The checks and the error messages that all carriers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    SignInTimeout,
    Step,
)
from ..core.patterns import pattern
from ..core.tickets.exchange import Request
from ..core.urls import Url
from ..net.tls import ContextSource

if TYPE_CHECKING:
    import ssl

__all__ = [
    "check_body",
    "check_request",
    "closed",
    "closed_early",
    "not_http",
    "source",
    "too_late",
]

# Characters that would end a header and begin another one, or that h11 refuses (curl sends them).
_FORGING = pattern(rb"[\x00\n\v\f\r]")
_NAME = pattern(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def check_request(request: Request) -> None:
    """Refuse a request whose headers would turn into other headers on the wire.

    The core already refuses such values from a server; a carrier does not rely on that.

    Raises:
        LocalProtocolError: a header has a line break or a similar character; nothing was sent.
    """
    if request.is_checked:
        return
    try:
        is_clean = all(
            _NAME.fullmatch(name) and not _FORGING.search(value)
            for name, value in request.all_headers()
        )
    except ValueError:  # a UnicodeError contains the header, so it is not passed on
        is_clean = False
    if not is_clean:
        raise LocalProtocolError(
            "the request has a header that cannot be sent",
            step=request.step,
            server=request.url.origin,
            hint="a challenge, a passport or a password has a character that no header may have",
        )
    request.is_checked = True


def check_body(size: int, request: Request) -> None:
    """Refuse a body of more bytes than the request allows.

    Raises:
        RemoteProtocolError: the body is larger.
    """
    if size > request.max_body:
        text = f"a body of more than {request.max_body} bytes"
        raise RemoteProtocolError(text, step=request.step, server=request.url.origin)


def not_http(request: Request) -> RemoteProtocolError:
    """Return the error for an answer that breaks the rules of HTTP/1.1."""
    text = "the answer is not HTTP/1.1"
    return RemoteProtocolError(
        text, step=request.step, server=request.url.origin, finding="MA-WEB-03"
    )


def closed_early(request: Request) -> ConnectionFailed:
    """Return the error for a connection that ended before the answer did."""
    text = "the connection was closed before the answer"
    return ConnectionFailed(text, step=request.step, server=request.url.origin, finding="MA-NET-08")


def closed(step: Step, url: Url) -> ConnectionFailed:
    """Return the error for a carrier that was closed by its owner."""
    text = "the transport is closed"
    return ConnectionFailed(text, step=step, server=url.origin, hint="make another")


def too_late(request: Request, timeout: float) -> SignInTimeout:
    """Return the error for an answer that did not come within `timeout` seconds."""
    text = f"no answer within {timeout:g} seconds"
    return SignInTimeout(text, step=request.step, server=request.url.origin)


def source(settings: ssl.SSLContext | ContextSource) -> ContextSource:
    """Return a function that gives the TLS settings for each connection."""
    # Not by `isinstance`: a Python without ssl, where curl still works, does not have the class.
    if callable(settings):
        return settings
    return lambda: settings

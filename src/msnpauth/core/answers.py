"""What the answers of nexus, login and RST servers mean, and where the password may follow them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import unquote

from .errors import (
    GONE_HINT,
    ConnectionFailed,
    RemoteProtocolError,
    ServiceUnavailable,
    SignInError,
    SignInTimeout,
    TooManyRedirects,
    UntrustedRedirect,
    WrongCredentials,
)
from .http import Request, Response
from .secrets import Secret, conceal, printable
from .servers import Servers, is_historic
from .urls import BadAddress, Url

__all__ = [
    "MAX_REDIRECTS",
    "NOT_HTTPS",
    "REDIRECTS",
    "explained",
    "fault",
    "follow",
    "parse_fields",
    "passport_fields",
    "refused",
    "too_many",
    "unavailable",
    "untrusted",
]

MAX_REDIRECTS = 5
REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})

_PREFIX = re.compile(r"(?:^|,)[ \t]*Passport1\.4(?:[ \t]+|\Z)", re.IGNORECASE)
_FIELD = re.compile(r"[ \t,]*([^=,]*?)[ \t]*(?:(=)[ \t]*|(?=,|\Z))")
_QUOTED = re.compile(r"(['\"])(.*?)\1[ \t]*(?=,|\Z)")


def parse_fields(value: str) -> dict[str, str]:
    """Return the fields of a Passport header by lower-case name; the first of a name counts.

    A value in quotes ends at the closing quote, not at the next comma. Words without a value
    (`prompt`) have "".

    Raises:
        ValueError: a quote is not closed.
    """
    prefix = _PREFIX.search(value)
    at = prefix.end() if prefix else 0
    fields: dict[str, str] = {}
    while at < len(value):
        field = _FIELD.match(value, at)
        if field is None:
            break
        at = field.end()
        text = ""
        if field[2]:
            quoted = _QUOTED.match(value, at)
            if quoted:
                text, at = quoted[2], quoted.end()
            elif value[at : at + 1] in ("'", '"'):
                raise ValueError("a quote is not closed")
            else:
                end = value.find(",", at)
                end = len(value) if end < 0 else end
                text, at = value[at:end].strip(" \t"), end
        if field[1]:
            fields.setdefault(field[1].lower(), text)
    return fields


def passport_fields(response: Response, name: str, request: Request) -> dict[str, str]:
    """Return the fields of every header of that name, those of Passport if there are others."""
    values = response.all(name)
    merged: dict[str, str] = {}
    for value in [value for value in values if _PREFIX.search(value)] or values:
        try:
            merged = parse_fields(value) | merged
        except ValueError as problem:
            raise fault(f"in {name}, {problem}", request, response) from None
    if "dastatus" in merged:  # a spelling of the newer wiki
        merged.setdefault("da-status", merged["dastatus"])
    return merged


def refused(
    response: Response, request: Request, fields: dict[str, str], password: Secret
) -> WrongCredentials:
    """Return the error for a refusal, with the server's words."""
    status = fields.get("da-status", "")
    words = conceal(unquote(fields.get("cbtxt", ""), errors="replace"), password)
    return WrongCredentials(
        "the login server refused the passport or the password",
        step=request.step,
        server=request.url.origin,
        code=status if status.startswith("fail") else response.status,
        server_text=printable(words, 1000) or None,
        hint="do not try again with the same password" if status.endswith("noretry") else None,
    )


def unavailable(
    response: Response, request: Request, now: Callable[[], datetime]
) -> ServiceUnavailable:
    """Return the error for a status that says so, with Retry-After."""
    return ServiceUnavailable(
        "the server is too busy" if response.status in (429, 503) else "the server has trouble",
        step=request.step,
        server=request.url.origin,
        code=response.status,
        retry_after=_retry_after(response, now),
    )


def _retry_after(response: Response, now: Callable[[], datetime]) -> float | None:
    """Read Retry-After, seconds or a date (RFC 9110, 10.2.3); None when there is none."""
    value = response.header("Retry-After") or ""
    if re.fullmatch(r"\d{1,9}", value, re.ASCII):
        return float(value)
    if not value:
        return None
    from email.utils import parsedate_to_datetime  # of no use to most sign-ins

    try:
        return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
    except (ValueError, TypeError):
        return None


def follow(location: str | None, request: Request, response: Response, servers: Servers) -> Url:
    """Return where a redirect leads, when the password may go there."""
    if not location:
        raise fault("a redirect without an address", request, response)
    try:
        url = Url.parse(location, base=request.url)
    except BadAddress as problem:
        raise fault(f"a redirect to no address: {problem}", request, response) from None
    if servers.trusts(url, redirected_by=request.url):
        return url
    if url.scheme != "https":
        raise untrusted(f"redirected to {url.origin}, which is not encrypted", request, NOT_HTTPS)
    raise untrusted(f"redirected to {url.origin}, which this network does not vouch for", request)


NOT_HTTPS = "the password goes to https only: if there is an https address, name it as login="


def untrusted(text: str, request: Request, hint: str | None = None) -> UntrustedRedirect:
    """Return the error for a host that must not be told the password; nothing was sent there."""
    return UntrustedRedirect(text, step=request.step, server=request.url.origin, hint=hint)


def fault(text: str, request: Request, response: Response) -> RemoteProtocolError:
    """Return the error for an answer that makes no sense."""
    return RemoteProtocolError(
        text, step=request.step, server=request.url.origin, code=response.status
    )


def too_many(request: Request) -> TooManyRedirects:
    """Return the error for one redirect too many."""
    return TooManyRedirects(
        f"more than {MAX_REDIRECTS} redirects", step=request.step, server=request.url.origin
    )


@contextmanager
def explained(url: Url, *secrets: Secret) -> Iterator[None]:
    """Keep a server from getting a secret into an error; say of Microsoft's that they are gone."""
    try:
        yield
    except SignInError as error:
        error.conceal(*secrets)
        gone = (ConnectionFailed, RemoteProtocolError, ServiceUnavailable, SignInTimeout)
        if is_historic(url.host) and isinstance(error, gone):
            error.hint = GONE_HINT
        raise

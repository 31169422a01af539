"""Interprets the answers of nexus, login and RST servers, and checks the targets of redirects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..credentials import about_length
from ..errors import (
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
from ..patterns import pattern
from ..secrets import Secret, holds, told
from ..servers import Servers, is_historic
from ..urls import BadAddress, Url
from .exchange import Request, Response

if TYPE_CHECKING:
    from datetime import datetime

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
    "speaks_passport",
    "too_many",
    "unavailable",
    "untrusted",
]

MAX_REDIRECTS = 5
REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})

_PREFIX = pattern(r"(?:^|,)[ \t]*Passport1\.4(?:[ \t]+|\Z)", re.IGNORECASE)
_NAME = pattern(r"[^=,]*")
_BLANKS = " \t"


def parse_fields(value: str) -> dict[str, str]:
    """Return the fields of a Passport header by lower-case name; the first field of a name counts.

    A value in quotes ends at the closing quote, not at the next comma (MS-PASS 2.2.11: tickets
    are in quotes). Words without a value (`prompt`) have the value "".

    The header is read once, from left to right. A regular expression for the same took 15 seconds
    for a header of 20,000 blanks.

    Raises:
        ValueError: a quote is not closed.
    """
    prefix = _PREFIX.search(value)
    at = prefix.end() if prefix else 0
    fields: dict[str, str] = {}
    while at < len(value):
        name = _NAME.match(value, at)
        assert name is not None  # the pattern also matches the empty text
        at, text = name.end(), ""
        if value[at : at + 1] == "=":
            text, at = _value(value, at + 1)
        key = name[0].strip(_BLANKS).lower()
        if key:
            fields.setdefault(key, text)
        at += 1  # the comma
    return fields


def _value(text: str, at: int) -> tuple[str, int]:
    """Return the value that begins at `at`, and the position of the comma behind it."""
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    quote = text[at : at + 1]
    if quote not in ("'", '"'):
        end = text.find(",", at)
        end = len(text) if end < 0 else end
        return text[at:end].strip(_BLANKS), end
    begin, close = at + 1, at
    while (close := text.find(quote, close + 1)) >= 0:
        # A quote inside the value is followed by more of the value, the closing quote by a comma.
        behind = close + 1
        while text[behind : behind + 1] in (" ", "\t"):
            behind += 1
        if text[behind : behind + 1] in ("", ","):
            return text[begin:close], behind
    raise ValueError("a quote is not closed")


def speaks_passport(response: Response, name: str) -> bool:
    """Tell whether a header of that name is one of Passport 1.4."""
    return any(_PREFIX.search(value) for value in response.all(name))


def passport_fields(response: Response, name: str, request: Request) -> dict[str, str]:
    """Return the fields of all headers of that name, or only of Passport headers if there are any.

    Raises:
        RemoteProtocolError: a quote in a header is not closed.
    """
    # A login server behind a proxy may send WWW-Authenticate twice, with Basic or Negotiate in one
    # of them. PassportURLs has no `Passport1.4` in front of its fields, and is read without it.
    values = response.all(name)
    merged: dict[str, str] = {}
    for value in [value for value in values if _PREFIX.search(value)] or values:
        try:
            for key, text in parse_fields(value).items():
                merged.setdefault(key, text)
        except ValueError as problem:
            complaint = str(problem)
            break
    else:
        complaint = ""
    if complaint:
        raise fault(f"in {name}, {complaint}", request, response)
    if "dastatus" in merged:  # a spelling of the newer wiki
        merged.setdefault("da-status", merged["dastatus"])
    return merged


def refused(
    response: Response, request: Request, fields: dict[str, str], password: Secret
) -> WrongCredentials:
    """Return the error for a refusal, with the server's own text."""
    # `cbtxt` is the server's text for people, percent-encoded (MS-PASS 2.2.2). `told` cuts and
    # masks it: some servers put the sign-in name, or what was typed, into it.
    status = fields.get("da-status", "").lower()
    from urllib.parse import unquote  # only a refusal needs it

    words = unquote(fields.get("cbtxt", ""))
    is_last = status.endswith("noretry")
    error = WrongCredentials(
        "the login server refused the passport or the password",
        step=request.step,
        server=request.url.origin,
        code=status if _REFUSAL.fullmatch(status) else response.status,
        server_text=told(words, password, limit=1000) or None,
        # `noretry` means that the same password must not be sent again (MS-PASS 3.1.5.2). A client
        # that sends it again may cause the server to lock the account.
        hint="do not try again with the same password" if is_last else None,
        finding="MA-ACC-06" if is_last else None,
    )
    return about_length(error, password)


# MS-PASS 2.2.2 has `failed-noretry` in its grammar and `fail-noretry` in its text.
_REFUSAL = pattern(r"fail(?:ed)?(?:-noretry)?")


def unavailable(
    response: Response, request: Request, now: Callable[[], datetime]
) -> ServiceUnavailable:
    """Return the error for a status that means "unavailable", with the time of Retry-After."""
    return ServiceUnavailable(
        "the server is too busy" if response.status in (429, 503) else "the server has trouble",
        step=request.step,
        server=request.url.origin,
        code=response.status,
        retry_after=_retry_after(response, now),
    )


def _retry_after(response: Response, now: Callable[[], datetime]) -> float | None:
    """Return the seconds of Retry-After, a number or a date (RFC 9110, 10.2.3); None without it."""
    value = response.header("Retry-After") or ""
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    if not value or len(value) > _LONGEST_DATE:
        return None
    from email.utils import parsedate_to_datetime  # most sign-ins do not need it

    try:
        return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None  # a year that no calendar has, a zone of ten thousand hours, or no date at all


_LONGEST_DATE = 100


def follow(location: str | None, request: Request, response: Response, servers: Servers) -> Url:
    """Return the address that a redirect leads to, if the password may be sent there.

    Raises:
        RemoteProtocolError: the redirect has no valid address, or the address repeats the password:
            such an address would get into errors and logs.
        UntrustedRedirect: the host is not trusted. Nothing was sent there.
    """
    if not location:
        raise fault("a redirect without an address", request, response)
    if holds(location, *request.secrets):
        raise fault("a redirect to an address that repeats a secret", request, response)
    try:
        # RFC 9110, 10.2.2 allows a Location without a host; some hobby servers send `/login2.srf`.
        url = Url.parse(location, base=request.url)
    except BadAddress as problem:
        complaint = str(problem)
    else:
        return _trusted(url, request, servers)
    raise fault(f"a redirect to no address: {complaint}", request, response)


def _trusted(url: Url, request: Request, servers: Servers) -> Url:
    # The password is sent to the target of the redirect. `Servers` decides which hosts are trusted:
    # the same host, the hosts that the caller named, and for historic networks those of Microsoft.
    if servers.trusts(url, redirected_by=request.url):
        return url
    if url.scheme != "https":
        raise untrusted(f"redirected to {url.origin}, which is not encrypted", request, NOT_HTTPS)
    raise untrusted(f"redirected to {url.origin}, which this network does not vouch for", request)


NOT_HTTPS = "the password goes to https only: if there is an https address, name that one"


def untrusted(text: str, request: Request, hint: str | None = None) -> UntrustedRedirect:
    """Return the error for a host that must not get the password; nothing was sent there."""
    finding = "MA-WEB-07" if hint == NOT_HTTPS else None
    return UntrustedRedirect(
        text, step=request.step, server=request.url.origin, hint=hint, finding=finding
    )


def fault(
    text: str, request: Request, response: Response, finding: str | None = None
) -> RemoteProtocolError:
    """Return the error for an answer that is not valid."""
    hint = None
    if response.status in _NOTHING_THERE:
        text, hint, finding = _NOTHING, _PATH_HINT, "MA-WEB-09"
    elif response.status == 401:
        finding = "MA-WEB-08"  # the server that asks for a password here is no Passport server
    elif _is_page(response):
        text, hint, finding = f"{text}: the answer is a web page", _PAGE_HINT, "MA-WEB-02"
    return RemoteProtocolError(
        text,
        step=request.step,
        server=request.url.origin,
        code=response.status,
        hint=hint,
        finding=finding,
    )


_NOTHING_THERE = frozenset({404, 405, 410})
_NOTHING = "there is nothing at that address"
_PATH_HINT = "the host is there, but not that address: check its path with the network's own site"
_PAGE_HINT = (
    "a hotspot or a web site answers there: open a web page in a browser, or check the address"
)
_PAGE = pattern(rb"\s*(?:<!doctype html|<html)", re.IGNORECASE)


def _is_page(response: Response) -> bool:
    """Tell whether the answer is a web page, such as the sign-in page of a hotspot."""
    # Login servers send empty answers as text/html as well (ywiki, Passport 1.4), but those have
    # the Passport headers, so that this function is not called for them.
    kind = response.header("Content-Type") or ""
    return kind.strip().lower().startswith("text/html") or bool(_PAGE.match(response.body))


def too_many(request: Request) -> TooManyRedirects:
    """Return the error for more than `MAX_REDIRECTS` redirects."""
    return TooManyRedirects(
        f"more than {MAX_REDIRECTS} redirects", step=request.step, server=request.url.origin
    )


@contextmanager
def explained(url: Url) -> Iterator[None]:
    """Add the hint that Microsoft's servers are gone to errors about them."""
    try:
        yield
    except SignInError as error:
        gone = (ConnectionFailed, RemoteProtocolError, ServiceUnavailable, SignInTimeout)
        if is_historic(url.host) and isinstance(error, gone):
            error.hint, error.finding = GONE_HINT, "MA-NET-12"
        raise

"""Requests and responses over HTTPS, as values, and their description for a log."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import NamedTuple, TypeVar

from ..errors import Step
from ..patterns import pattern
from ..secrets import MASK, Secret, holds, printable
from ..urls import Url

__all__ = [
    "MAX_BODY",
    "MAX_HEADER",
    "Encoded",
    "Exchange",
    "Request",
    "Response",
    "describe_request",
    "describe_response",
]

# In bytes. The largest real answers are RST replies of 20 KB; nobody needs headers of 64 KB.
MAX_HEADER = 64 * 1024
MAX_BODY = 1024 * 1024

_T = TypeVar("_T")


class Request:
    """A request that a transport sends to `url`, unchanged and to no other address.

    The header and the body that contain a password are `Secret`s. A transport makes bytes of them
    in the same expression that writes them, and keeps no variable with them: an exception holds the
    variables of every function that it passes through, and error reporting tools record those.

    Args:
        method: `GET` or `POST`.
        url: the address; a transport never follows redirects by itself.
        headers: names and values, without Host and Content-Length.
        body: the body; the property `body` returns its bytes.
        step: the purpose of this request, for errors and logs.
        wants_body: False when only the headers of the answer are needed: the transport then ends
            the exchange after the headers, however long the body would be.
        secrets: texts inside the secret parts that must not appear in errors and logs, such as the
            password.
        max_body: the limit of the answer's body, in bytes; a longer body is refused.

    Attributes:
        is_checked: True once a transport has found that the headers can be sent.
        is_sent: True once the request was made into bytes.
        encoded: the bytes of the request, where it was sent more than once.
    """

    def __init__(
        self,
        method: str,
        url: Url,
        headers: tuple[tuple[str, str | Secret], ...] = (),
        body: bytes | Secret = b"",
        *,
        step: Step = Step.LOGIN,
        wants_body: bool = False,
        secrets: tuple[Secret, ...] = (),
        max_body: int = MAX_BODY,
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self._body = body
        self.step = step
        self.wants_body = wants_body
        self.secrets = secrets
        self.max_body = max_body
        self.is_checked = False
        self.is_sent = False
        self.encoded: Encoded | None = None

    @property
    def body(self) -> bytes:
        """The bytes of the body, with its secrets."""
        return self._body if isinstance(self._body, bytes) else self._body.reveal().encode()

    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as they are sent, Host first, with their secrets."""
        pairs: list[tuple[str, str | Secret]] = [("Host", self.url.authority), *self.headers]
        if self._body or self.method == "POST":
            pairs.append(("Content-Length", str(len(self.body))))
        return [(name.encode("ascii"), _encoded(value)) for name, value in pairs]

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url.origin}>"


class Encoded(NamedTuple):
    """The encoded form of a request without a body.

    Attributes:
        event: an h11 event for the state of the connection; it contains no secrets.
        data: the bytes of the request, as text in Latin-1.
    """

    event: object
    data: Secret


def _encoded(value: str | Secret) -> bytes:
    return (value.reveal() if isinstance(value, Secret) else value).encode(
        "utf-8", "surrogateescape"
    )


class Response(NamedTuple):
    """An answer: status, headers in their order and spelling, and the body if it was wanted."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def from_raw(
        cls, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b""
    ) -> Response:
        """Make a response from header bytes; bytes that are not UTF-8 are kept unchanged."""
        pairs = tuple(
            (name.decode("ascii", "replace"), value.decode("utf-8", "surrogateescape").strip(" \t"))
            for name, value in headers
        )
        return cls(status, pairs, body)

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in any letter case."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Return every header of that name, in any letter case."""
        return [value for found, value in self.headers if found.lower() == name.lower()]

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


Exchange = Generator[Request, Response, _T]
"""A conversation over HTTP as a generator: it yields requests and returns a result.

The code that runs the generator sends the response to each request into it; an error of the
transport is thrown in at the `yield`.
"""


# --- descriptions for a log ------------------------------------------------------------------

_SHOWN = ("PassportURLs", "Authentication-Info", "WWW-Authenticate", "Location", "Retry-After")
_PLAIN = pattern(r"[A-Za-z0-9 ,.:/_\[\]-]{0,300}")
_OPEN_FIELDS = frozenset(
    ["da-status", "tname", "srealm", "ts", "dalogin", "darealm", "configversion"]
)


def describe_request(request: Request) -> list[str]:
    """Return the lines of a request for a log, with masked secrets and without the body."""
    lines = [f"{request.method} {request.url.origin}{request.url.target.partition('?')[0]}"]
    for name, value in request.headers:
        if isinstance(value, Secret):
            lines.append(f"{name}: {printable(value.shown, 2000)}")
        elif name.lower() == "authorization":  # a request that was not built by msnpauth
            lines.append(f"{name}: {MASK}")
    return lines


def describe_response(response: Response, request: Request) -> list[str]:
    """Return the lines of an answer for a log: its Passport headers without tickets and free text.

    The whole value of a header that repeats a secret of the request is masked.
    """
    shown = {name.lower(): name for name in _SHOWN}
    lines = [f"HTTP {response.status}"]
    for name, value in response.headers:
        if name.lower() in shown:
            repeats = holds(value, *request.secrets)
            text = MASK if repeats else _mask_header(shown[name.lower()], value)
            lines.append(f"{printable(name)}: {text}")
    return lines


def _mask_header(name: str, value: str) -> str:
    if name == "Location":
        return _if_plain(value.partition("?")[0])
    if name == "Retry-After":
        return _if_plain(value)
    parts = []
    for part in re.split(r",(?=[A-Za-z-]+=|prompt)", printable(value, 2000)):
        key, equals, text = part.partition("=")
        if key.rsplit(" ", 1)[-1].lower() in _OPEN_FIELDS:
            parts.append(f"{key}={_if_plain(text.partition('?')[0])}")
        elif part.strip().lower() == "prompt":
            parts.append(part)
        else:
            parts.append(f"{_if_plain(key)}={MASK}" if equals else MASK)
    return ",".join(parts)


def _if_plain(text: str) -> str:
    """Return a text that looks like an address, a word or a date; mask any other text."""
    return text if _PLAIN.fullmatch(text) else MASK

"""Requests and responses over HTTPS, as values, and what a log may show of them."""

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

# The largest real answers are RST replies of 20 KB; headers of 64 KB are beyond anybody's need.
MAX_HEADER = 64 * 1024
MAX_BODY = 1024 * 1024

_T = TypeVar("_T")


class Request:
    """A request to be carried to `url`, exactly as it stands and nowhere else.

    The header and the body that carry a password are `Secret`s in here. A carrier makes bytes of
    them in the same expression that writes them, and keeps no variable with them: an exception
    takes the variables of every function along that it passes through, and tools record those.

    Args:
        method: `GET` or `POST`.
        url: where to; a carrier never follows redirects by itself.
        headers: names and values, without Host and Content-Length.
        body: the body; `body` gives its bytes.
        step: for errors and logs: what this request is for.
        wants_body: False when the headers of the answer are all that is asked for: the carrier
            then ends the exchange with them, however long the body would be.
        secrets: what is inside the secret parts and must not be told: the password.
        max_body: bytes; an answer with a longer body is refused.

    Attributes:
        is_checked: True once a carrier has found that its headers can be sent.
        is_sent: True once it was made into bytes.
        encoded: the bytes, where it was sent more than once.
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
        """The body's bytes, secrets and all."""
        return self._body if isinstance(self._body, bytes) else self._body.reveal().encode()

    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as they go out, Host first, secrets and all."""
        pairs: list[tuple[str, str | Secret]] = [("Host", self.url.authority), *self.headers]
        if self._body or self.method == "POST":
            pairs.append(("Content-Length", str(len(self.body))))
        return [(name.encode("ascii"), _encoded(value)) for name, value in pairs]

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url.origin}>"


class Encoded(NamedTuple):
    """A request without a body, as it was sent.

    Attributes:
        event: tells h11 that such a request goes out; it has none of the secrets.
        data: the bytes, as Latin-1.
    """

    event: object
    data: Secret


def _encoded(value: str | Secret) -> bytes:
    return (value.reveal() if isinstance(value, Secret) else value).encode(
        "utf-8", "surrogateescape"
    )


class Response(NamedTuple):
    """An answer: status, headers in their order and spelling, body if it was wanted."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def from_raw(
        cls, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b""
    ) -> Response:
        """Build it of header bytes; what is not UTF-8 is kept byte for byte."""
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
"""A conversation over HTTP as a generator: yields requests, is sent responses, returns a result.

Whoever runs it throws a carrier's error into it at the `yield`.
"""


# --- what a log may show ---------------------------------------------------------------------

_SHOWN = ("PassportURLs", "Authentication-Info", "WWW-Authenticate", "Location", "Retry-After")
_PLAIN = pattern(r"[A-Za-z0-9 ,.:/_\[\]-]{0,300}")
_OPEN_FIELDS = frozenset(
    ["da-status", "tname", "srealm", "ts", "dalogin", "darealm", "configversion"]
)


def describe_request(request: Request) -> list[str]:
    """Return the lines of a request for a log, its secrets masked, and without its body."""
    lines = [f"{request.method} {request.url.origin}{request.url.target.partition('?')[0]}"]
    for name, value in request.headers:
        if isinstance(value, Secret):
            lines.append(f"{name}: {printable(value.shown, 2000)}")
        elif name.lower() == "authorization":  # of a request that somebody else has built
            lines.append(f"{name}: {MASK}")
    return lines


def describe_response(response: Response, request: Request) -> list[str]:
    """Return the lines of an answer for a log: what Passport says, less tickets and free text.

    A header that repeats what the request kept secret is left out whole.
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
    """Return what looks like an address, a word or a date; anything else may be a secret."""
    return text if _PLAIN.fullmatch(text) else MASK

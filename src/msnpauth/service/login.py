"""The web roles, without I/O: nexus, login servers that send an account to its home, RST."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote_to_bytes

from ..core.servers import LOGIN_PATH, NEXUS_PATH, domain_of
from ..core.tickets.rst import Soap
from ..core.tickets.ticket import utc_now
from .accounts import Accounts
from .contacts import PATHS as CONTACTS_PATHS
from .contacts import contacts_reply
from .rst import rst_reply
from .tickets import TicketOffice

__all__ = ["WebAnswer", "WebRequest", "WebRole", "parse_authorization"]

_RST = {"/RST.srf": Soap.RST, "/RST2.srf": Soap.RST2}

_MAX_PASSPORT = 129  # bytes; hypothetic.org, names
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"(?:Passport1\.4[ \t]+)+", re.IGNORECASE)

_FAILED = "Passport1.4 da-status=failed,srealm=Passport.NET,ts=-3,prompt,cbtxt=" + quote(
    "The e-mail address or the password is wrong. Please try again.", safe=""
)


@dataclass(frozen=True, repr=False)
class WebRequest:
    """A request as a role sees it; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, repr=False)
class WebAnswer:
    """An answer. Header names go out spelled as here: old clients compare them byte for byte."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class WebRole:
    """Nexus, login and RST on one address.

    Args:
        accounts, tickets: who may sign in, and what he gets for it.
        login: `host[:port]` of the login server that the nexus names.
        homes: login servers, `host[:port]`, by the domains whose accounts live there;
            `hotmail.` stands for every domain that begins so.
        here: this login server's own `host[:port]`.
    """

    def __init__(
        self,
        accounts: Accounts,
        tickets: TicketOffice,
        *,
        login: str,
        homes: Mapping[str, str],
        here: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._accounts = accounts
        self._tickets = tickets
        self._login = login
        self._homes = homes
        self._here = here
        self._now = now
        self.maintenance = False

    def answer(self, request: WebRequest) -> WebAnswer:
        """Return the answer to a request."""
        if self.maintenance:
            return WebAnswer(503, (("Retry-After", "60"), _HTML))
        path = re.sub("/+", "/", request.target.partition("?")[0])
        if path == NEXUS_PATH:
            return self._nexus(request)
        if path == LOGIN_PATH:
            return self._sign_in(request)
        if path in _RST and request.method == "POST":
            soap = _RST[path]
            body = rst_reply(request.body, soap, self._accounts, self._tickets, self._now)
            return WebAnswer(200, (("Content-Type", "text/xml"),), body)
        if path in CONTACTS_PATHS and request.method == "POST":
            status, body = contacts_reply(request.body, self._accounts, self._tickets)
            return WebAnswer(status, (("Content-Type", "text/xml"),), body)
        return WebAnswer(404, (_HTML,))

    def _nexus(self, request: WebRequest) -> WebAnswer:
        # libpurple wants a bare host, and sends no headers; modern HTTP clients want a URL.
        modern = "host" in request.headers and "user-agent" in request.headers
        login = f"{'https://' if modern else ''}{self._login}{LOGIN_PATH}"
        urls = f"DARealm=Passport.Net,DALogin={login},ConfigVersion=15"
        return WebAnswer(200, (("PassportURLs", urls), _HTML))

    def _sign_in(self, request: WebRequest) -> WebAnswer:
        credentials = parse_authorization(request.headers.get("authorization", ""))
        if credentials is None:
            return WebAnswer(401, (("WWW-Authenticate", _FAILED), _HTML))
        passport, password = credentials
        home = self._home(passport)
        if home != self._here:
            location = f"https://{home}{LOGIN_PATH}?lc=1033"
            redirect = ("Authentication-Info", "Passport1.4 da-status=redir")
            return WebAnswer(302, (redirect, ("Location", location), _HTML))
        if self._accounts.check(passport, password) is None:
            return WebAnswer(401, (("WWW-Authenticate", _FAILED), _HTML))
        info = (
            "Passport1.4 da-status=success,tname=MSPAuth,tname=MSPProf,tname=MSPSec"
            f",from-PP='{self._tickets.issue(passport)[0]}',ru=http://messenger.msn.com"
        )
        return WebAnswer(200, (("Authentication-Info", info), _HTML))

    def _home(self, passport: str) -> str:
        """Return the login server of a passport, known or not: its domain alone decides."""
        domain = domain_of(passport)
        for suffix, home in self._homes.items():
            if domain == suffix or (suffix.endswith(".") and domain.startswith(suffix)):
                return home
        return self._login


_HTML = ("Content-Type", "text/html")


def parse_authorization(value: str) -> tuple[str, str] | None:
    """Return passport and password of an Authorization header, or None when it is none.

    Fields in any order and case, blanks after commas, unknown fields, `@` escaped or not; the
    first of a name counts, so that a challenge cannot override the password. `+` is a plus.
    """
    scheme = _SCHEME.match(value)
    if scheme is None:
        return None
    fields: dict[str, str] = {}
    for part in value[scheme.end() :].split(","):
        name, equals, text = part.strip(" \t").partition("=")
        if equals:
            fields.setdefault(name.lower(), text)
    passport, password = _text(fields.get("sign-in")), _text(fields.get("pwd"))
    if not passport or not password or len(passport.encode()) > _MAX_PASSPORT:
        return None
    return passport, password


def _text(escaped: str | None) -> str | None:
    if escaped is None or _BAD_ESCAPE.search(escaped):
        return None
    try:
        return unquote_to_bytes(escaped.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeDecodeError:
        return None

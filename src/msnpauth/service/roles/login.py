"""The login role, without I/O: the nexus, and login servers, which may redirect an account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from ...core.secrets import Secret
from ...core.servers import LOGIN_PATH, NEXUS_PATH, domain_of
from ...core.wire.dialects import Scheme
from ..tickets import TicketOffice
from .door import Door
from .forms import granted, moved, passport_urls, refused, was_moved
from .web import Answerer, WebAnswer, WebRequest

__all__ = ["LoginRole", "parse_authorization"]

_MAX_PASSPORT = 129  # bytes; hypothetic.org, names
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"(?:Passport1\.4[ \t]+)+", re.IGNORECASE)


class LoginRole:
    """The nexus and the login server of one address.

    Args:
        door: checks passwords.
        tickets: issues tickets.
        login: `host[:port]` of the login server that the nexus names; port 443 is omitted.
        homes: login servers, `host[:port]`, by the domains whose accounts use them; `hotmail.`
            means every domain that begins so.
        here: `host[:port]` of this login server itself.
    """

    def __init__(
        self,
        door: Door,
        tickets: TicketOffice,
        *,
        login: str,
        homes: Mapping[str, str],
        here: str,
    ) -> None:
        self._door = door
        self._tickets = tickets
        self._login = login
        self._homes = homes
        self._here = here

    def paths(self) -> dict[str, Answerer]:
        """Return the table of paths for a `WebSite`. Some clients use POST in place of GET."""
        return {
            f"{method} {path}": answer
            for path, answer in ((NEXUS_PATH, self._nexus), (LOGIN_PATH, self._sign_in))
            for method in ("GET", "POST")
        }

    async def _nexus(self, request: WebRequest) -> WebAnswer:
        return passport_urls(request, f"{self._login}{LOGIN_PATH}")

    async def _sign_in(self, request: WebRequest) -> WebAnswer:
        credentials = parse_authorization(request.headers.get("authorization", ""))
        if credentials is None:
            return refused()
        passport, password = credentials
        home = self._home(passport)
        if home != self._here and not was_moved(request):
            return moved(f"{home}{LOGIN_PATH}")
        proof = await self._door.check(passport, password, Scheme.TWN, request.address)
        if proof is None:
            return refused()
        return granted(self._tickets.issue(passport, stamp=proof.stamp)[0])

    def _home(self, passport: str) -> str:
        """Return the login server for the domain of a passport; the account need not exist."""
        domain = domain_of(passport)
        for suffix, home in self._homes.items():
            if domain == suffix or (suffix.endswith(".") and domain.startswith(suffix)):
                return home
        return self._login


def parse_authorization(value: str) -> tuple[str, Secret] | None:
    """Return passport and password of an Authorization header; None if the header is not valid.

    The fields may be in any order and letter case, with blanks after commas, with unknown fields,
    and with `@` escaped or not. If a field appears twice, the first one counts, so that a challenge
    cannot override the password. `+` means a plus and not a blank.
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
    return passport, Secret(password)


def _text(escaped: str | None) -> str | None:
    if escaped is None or _BAD_ESCAPE.search(escaped):
        return None
    try:
        return unquote_to_bytes(escaped.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeDecodeError:
        return None

"""The service's tickets: sealed and self-contained, so that any node with the keys can check them.

Account, site, expiry and, for SSO, the secret are inside, under a ring of keys: the first seals,
all open. A new key is put first, and the oldest taken away when the last ticket under it has ended.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ..core.credentials import as_secret
from ..core.errors import LocalProtocolError
from ..core.secrets import Secret
from ..core.tickets.proof import is_answer
from ..core.tickets.rst import MESSENGER, MESSENGER_CLEAR
from ..core.tickets.ticket import utc_now
from .stores.protocol import SharedState

__all__ = [
    "GRACE",
    "LOGIN",
    "LONGEST_LIFE",
    "Grant",
    "TicketOffice",
    "TicketVerifier",
    "fernet_of",
    "new_key",
    "use_up",
]

LOGIN = "login"
"""The site of a ticket that a login server granted by Passport 1.4."""

LOGIN_LIFETIME = timedelta(seconds=60)
"""A challenge asks for a sign-in within 40 seconds (`tw=40`); the rest is for slow lines."""
RST_LIFETIME = timedelta(hours=24)
"""What Microsoft's RST gave (an answer of 2011)."""
GRACE = timedelta(days=30)
"""How long after its end a ticket still opens lists and messages, while its account is online."""
LONGEST_LIFE = RST_LIFETIME + GRACE
"""After that nobody has any use for a ticket, and its key can go."""

_TICKET = re.compile(r"t=([A-Za-z0-9_-]+={0,2})&p=")


def new_key() -> str:
    """Return a key for a ring, as text."""
    return Fernet.generate_key().decode()


def fernet_of(key: Secret) -> Fernet | None:
    """Return what seals and opens by a key; None when the text is no key."""
    with suppress(ValueError):
        return Fernet(key.reveal().strip())
    return None


@dataclass(frozen=True)
class Grant:
    """What is inside a ticket.

    Attributes:
        passport: the account, in lower case.
        site: the address that it is for, or `LOGIN`.
        expires: when it ends.
        id: tells it from all others.
        secret: the SSO secret, in base64; None without one.
        stamp: names the password that it was got by; it ends when that password does.
    """

    passport: str
    site: str
    expires: datetime
    id: str
    secret: Secret | None = None
    stamp: str = ""


class TicketVerifier:
    """Checks the service's tickets, for somebody else's messenger server.

    It checks seal, account, site and expiry, by the keys alone. Only the service itself knows
    whether the password was changed since, and whether a ticket was used: `POST /verify` asks it.

    Args:
        keys: the ring, as `new_key` makes them, or the same as `Secret`s.
        now: the clock.

    Raises:
        LocalProtocolError: there is no key, or one is none.
    """

    def __init__(
        self, keys: Iterable[str | Secret], *, now: Callable[[], datetime] = utc_now
    ) -> None:
        keys = [as_secret(key) for key in keys]  # no error shows them
        self._ring = _ring(keys)
        self._now = now

    def replace_keys(self, keys: Iterable[str | Secret]) -> None:
        """Go on with another ring.

        Raises:
            LocalProtocolError: there is no key, or one is none; the old ring stays.
        """
        keys = [as_secret(key) for key in keys]
        self._ring = _ring(keys)

    def check(self, ticket: str, passport: str, *sites: str) -> Grant | None:
        """Return what is in a ticket that is ours, whole, in time, of the account and a site.

        It may have been used before: who wants it used once keeps `Grant.id` until it expires.
        """
        grant = self.open(ticket, *sites)
        return grant if grant is not None and grant.passport == passport.casefold() else None

    def open(self, ticket: str, *sites: str) -> Grant | None:
        """As `check`, of whatever account."""
        grant = self.read(ticket)
        if grant is None or grant.site not in sites or grant.expires <= self._now():
            return None
        return grant

    def read(self, ticket: str) -> Grant | None:
        """Return what is in a ticket that is ours and whole, also when it has ended."""
        match = _TICKET.fullmatch(ticket)
        if match is None or not _is_canonical(match[1]):
            return None
        try:
            content = json.loads(self._ring.decrypt(match[1]))
        except InvalidToken:
            return None
        expires = datetime.fromtimestamp(content["expires"], UTC)
        secret = Secret(content["secret"]) if content["secret"] else None
        return Grant(
            *(content["account"], content["site"], expires, content["id"]),
            secret=secret,
            stamp=content.get("stamp", ""),
        )

    def check_twn(self, ticket: str, passport: str) -> Grant | None:
        """Check the ticket of `USR n TWN S`."""
        return self.check(ticket, passport, LOGIN, MESSENGER)

    def check_sso(self, ticket: str, response: str, nonce: str, passport: str) -> Grant | None:
        """Check ticket and response of `USR n SSO S`; the nonce must have been sent just once."""
        grant = self.check(ticket, passport, MESSENGER_CLEAR)
        if grant is None or grant.secret is None or not is_answer(response, grant.secret, nonce):
            return None
        return grant


class TicketOffice(TicketVerifier):
    """Issues tickets, and checks them."""

    def __init__(
        self,
        keys: Iterable[str | Secret] | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        keys = [as_secret(key) for key in ([new_key()] if keys is None else keys)]
        super().__init__(keys, now=now)

    def issue(
        self, passport: str, site: str = LOGIN, *, secret: Secret | None = None, stamp: str = ""
    ) -> tuple[str, datetime]:
        """Return a ticket for an account whose password was right, and when it ends.

        Args:
            passport: the account.
            site: the address that it is for.
            secret: the SSO secret, in base64.
            stamp: of the `Proof` that the password was right.
        """
        expires = self._now() + (LOGIN_LIFETIME if site == LOGIN else RST_LIFETIME)
        content = {
            "account": passport.casefold(),
            "site": site,
            "expires": expires.timestamp(),
            "id": secrets.token_hex(8),
            "secret": secret.reveal() if secret else None,
            "stamp": stamp,
        }
        # Old clients want `t` and `p`, and no quote, comma or blank in either.
        return f"t={self._ring.encrypt(json.dumps(content).encode()).decode()}&p=", expires

    async def accept(self, ticket: str, passport: str, state: SharedState) -> Grant | None:
        """Check the ticket of `USR n TWN S`, and use it up if it is one of a login server.

        A login server's ticket answers one challenge, and so is good for one sign-in in the whole
        network. A ticket by RST is kept by clients, and shown again and again while it lasts.
        """
        grant = self.check_twn(ticket, passport)
        if grant is None:
            return None
        is_new = grant.site != LOGIN or await use_up(grant, state)
        return grant if is_new else None


async def use_up(grant: Grant, state: SharedState) -> bool:
    """Note that the ticket of a login server is used; False when it was used before.

    Raises:
        ServiceUnavailable: nobody can tell.
    """
    return await state.use_up(grant.id, grant.expires, made=grant.expires - LOGIN_LIFETIME)


def _ring(keys: list[str | Secret]) -> MultiFernet:
    ring = [found for key in keys if (found := fernet_of(as_secret(key))) is not None]
    if not ring or len(ring) < len(keys):
        raise LocalProtocolError(
            "that is no ring of keys", hint="make keys with msnpauth.service.new_key()"
        )
    return MultiFernet(ring)


def _is_canonical(sealed: str) -> bool:
    """Tell whether this is the one spelling of its bytes: base64 forgives a few."""
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(sealed)).decode() == sealed
    except ValueError:
        return False

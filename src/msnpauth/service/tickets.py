"""The tickets of the service. They are encrypted, and any node with the keys can check them.

A ticket contains account, site, expiry time and, for SSO, the secret. Tickets are encrypted by a
ring of keys: the first key encrypts, and all keys decrypt. A new key is put first, and the oldest
key is removed when the last ticket that it has encrypted cannot be used any more.
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
"""A challenge requests a sign-in within 40 seconds (`tw=40`); the rest is for slow connections."""
RST_LIFETIME = timedelta(hours=24)
"""The lifetime of tickets by Microsoft's RST (in an answer of 2011)."""
GRACE = timedelta(days=30)
"""How long after its expiry a ticket still gives access to lists and messages, while its account is
online.
"""
LONGEST_LIFE = RST_LIFETIME + GRACE
"""The time after which no ticket can be used any more, so that its key may be removed."""

_TICKET = re.compile(r"t=([A-Za-z0-9_-]+={0,2})&p=")


def new_key() -> str:
    """Return a new key for a ring, as text."""
    return Fernet.generate_key().decode()


def fernet_of(key: Secret) -> Fernet | None:
    """Return the cipher for a key; None when the text is not a valid key."""
    with suppress(ValueError):
        return Fernet(key.reveal().strip())
    return None


@dataclass(frozen=True)
class Grant:
    """The content of a ticket.

    Attributes:
        passport: the account, in lower case.
        site: the address for which the ticket was issued, or `LOGIN`.
        expires: when the ticket expires, in UTC.
        id: a random value that identifies the ticket.
        secret: the SSO secret, in base64; None for a ticket without one.
        stamp: identifies the password for which the ticket was issued; the ticket becomes invalid
            when that password is replaced.
    """

    passport: str
    site: str
    expires: datetime
    id: str
    secret: Secret | None = None
    stamp: str = ""


class TicketVerifier:
    """Checks the tickets of the service, for use in another messenger server.

    The verifier checks encryption, account, site and expiry time, and needs only the keys. Only the
    service itself knows whether the password was changed since, and whether a ticket was used: a
    request of `POST /verify` checks this too.

    Args:
        keys: the ring of keys by `new_key`, as str or `Secret`.
        now: returns the present time, in UTC.

    Raises:
        LocalProtocolError: there is no key, or one of the keys is not valid.
    """

    def __init__(
        self, keys: Iterable[str | Secret], *, now: Callable[[], datetime] = utc_now
    ) -> None:
        keys = [as_secret(key) for key in keys]  # so that no error report shows them
        self._ring = _ring(keys)
        self._now = now

    def replace_keys(self, keys: Iterable[str | Secret]) -> None:
        """Use another ring from now on.

        Raises:
            LocalProtocolError: there is no key, or one is not valid; the old ring stays in use.
        """
        keys = [as_secret(key) for key in keys]
        self._ring = _ring(keys)

    def check(self, ticket: str, passport: str, *sites: str) -> Grant | None:
        """Return the content of a ticket if it is valid for the account and one of the sites.

        The ticket may have been used before. A server that accepts each ticket only once has to
        remember `Grant.id` until the ticket expires.
        """
        grant = self.open(ticket, *sites)
        return grant if grant is not None and grant.passport == passport.casefold() else None

    def open(self, ticket: str, *sites: str) -> Grant | None:
        """As `check`, for a ticket of any account."""
        grant = self.read(ticket)
        if grant is None or grant.site not in sites or grant.expires <= self._now():
            return None
        return grant

    def read(self, ticket: str) -> Grant | None:
        """Return the content of a ticket of this service, even if the ticket has expired."""
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
        """Check the ticket and response of `USR n SSO S`. Each nonce must be used only once."""
        grant = self.check(ticket, passport, MESSENGER_CLEAR)
        if grant is None or grant.secret is None or not is_answer(response, grant.secret, nonce):
            return None
        return grant


class TicketOffice(TicketVerifier):
    """Issues and checks tickets. Its arguments are those of `TicketVerifier`.

    Without keys, a new key is made.
    """

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
        """Return a ticket for an account whose password was right, and its expiry time.

        Args:
            passport: the account.
            site: the address for which the ticket is issued.
            secret: the SSO secret, in base64.
            stamp: the stamp in the `Proof` that the password was right.
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
        # Old clients need both `t` and `p`, and no quote, comma or blank in either of them.
        return f"t={self._ring.encrypt(json.dumps(content).encode()).decode()}&p=", expires

    async def accept(self, ticket: str, passport: str, state: SharedState) -> Grant | None:
        """Check the ticket of `USR n TWN S`, and record its use if a login server issued it.

        A ticket from a login server answers one challenge, so that it is valid for one sign-in in
        the whole network. Clients keep a ticket by RST and use it many times until it expires.
        """
        grant = self.check_twn(ticket, passport)
        if grant is None:
            return None
        is_new = grant.site != LOGIN or await use_up(grant, state)
        return grant if is_new else None


async def use_up(grant: Grant, state: SharedState) -> bool:
    """Record that the ticket of a login server is used; False when it was used before.

    Raises:
        ServiceUnavailable: the store does not know whether the ticket was used.
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
    """Tell whether a text is the canonical base64 of its bytes; decoders accept other texts too."""
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(sealed)).decode() == sealed
    except ValueError:
        return False

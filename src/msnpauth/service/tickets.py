"""The service's tickets: sealed, bound to their account, short-lived."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken

from ..core.tickets import utc_now

__all__ = ["TicketOffice"]

LIFETIME = timedelta(seconds=60)
"""A challenge asks for a sign-in within 40 seconds (`tw=40`); the rest is for slow lines."""

_TICKET = re.compile(r"t=([A-Za-z0-9_-]+={0,2})&p=")


class TicketOffice:
    """Issues tickets and checks them. Account and expiry are inside, under a key it never shows.

    A Passport 1.4 ticket is good for one sign-in (`fs=1` in the challenge).
    """

    def __init__(
        self, *, lifetime: timedelta = LIFETIME, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._seal = Fernet(Fernet.generate_key())
        self._lifetime = lifetime
        self._now = now
        self._used: dict[str, float] = {}

    def issue(self, passport: str) -> str:
        """Return a ticket for an account whose password was right."""
        content = {
            "account": passport.casefold(),
            "expires": (self._now() + self._lifetime).timestamp(),
            "id": secrets.token_hex(8),
        }
        # Old clients want `t` and `p`, and no quote, comma or blank in either.
        return f"t={self._seal.encrypt(json.dumps(content).encode()).decode()}&p="

    def accept(self, ticket: str, passport: str) -> bool:
        """Tell whether the ticket is ours, whole, of this account, in time and not used before."""
        match = _TICKET.fullmatch(ticket)
        if match is None or not _is_canonical(match[1]):
            return False
        try:
            content = json.loads(self._seal.decrypt(match[1]))
        except InvalidToken:
            return False
        now = self._now().timestamp()
        self._used = {used: expires for used, expires in self._used.items() if expires > now}
        if content["account"] != passport.casefold() or content["expires"] <= now:
            return False
        if content["id"] in self._used:
            return False
        self._used[content["id"]] = content["expires"]
        return True


def _is_canonical(sealed: str) -> bool:
    """Tell whether this is the one spelling of its bytes: base64 forgives a few."""
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(sealed)).decode() == sealed
    except ValueError:
        return False

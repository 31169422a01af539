"""Tickets, which a login server grants, and their form as text for a cache."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ..secrets import Secret

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Ticket",
    "dump_ticket",
    "load_ticket",
    "utc_now",
]


def utc_now() -> datetime:
    """Return the present time. Every function that uses the time also accepts another clock."""
    from datetime import UTC, datetime  # not every sign-in needs the time

    return datetime.now(UTC)


class Ticket(NamedTuple):
    """A ticket that a login server grants: the word behind `USR n TWN S` or `USR n SSO S`.

    Attributes:
        value: the whole ticket as a `Secret`: `t=…&p=…`, or another form that the service uses.
        server: the origin of the URL of the login server that granted the ticket.
        expires: when the ticket expires; None where the service does not say it, such as under
            Passport 1.4.
        proof_key: the BinarySecret that came with the ticket (RST), in base64; None without one.
    """

    value: Secret
    server: str
    expires: datetime | None = None
    proof_key: Secret | None = None

    def reveal(self) -> str:
        """Return the ticket as text, exactly as it is sent in `USR n TWN S`."""
        return self.value.reveal()

    @property
    def t(self) -> Secret | None:
        """The authentication part, the cookie MSPAuth of web pages; None when there is none."""
        return self._part("t")

    @property
    def p(self) -> Secret | None:
        """The profile part, which may be empty; None when the ticket has none."""
        return self._part("p")

    def _part(self, name: str) -> Secret | None:
        for piece in self.value.reveal().split("&"):
            key, equals, value = piece.partition("=")
            if equals and key == name:
                return Secret(value)
        return None

    def summary(self) -> str:
        """Return a description of the ticket that may be shown: its form, never its content."""
        parts = "&".join(f"{name}=…" for name in ("t", "p") if self._part(name) is not None)
        shape = f" ({parts})" if parts else ""
        until = f", good until {self.expires:%Y-%m-%d %H:%M:%S %Z}" if self.expires else ""
        return f"{len(self.value)} characters{shape} from {self.server}{until}"


def dump_ticket(ticket: Ticket) -> Secret:
    """Return a ticket as text for a cache."""
    import json

    return Secret(
        json.dumps(
            {
                "value": ticket.value.reveal(),
                "server": ticket.server,
                "expires": ticket.expires.isoformat() if ticket.expires else None,
                "proof_key": ticket.proof_key.reveal() if ticket.proof_key else None,
            }
        )
    )


def load_ticket(text: Secret | None) -> Ticket | None:
    """Return the ticket in a text of `dump_ticket`; None when the text is not valid."""
    if not text:
        return None
    import json
    from datetime import datetime

    try:
        content = json.loads(text.reveal())
        key, expires = content["proof_key"], content["expires"]
        ticket = Ticket(
            Secret(_text(content["value"])),
            _text(content["server"]),
            datetime.fromisoformat(expires) if expires else None,
            Secret(_text(key)) if key else None,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    # A time without a zone cannot be compared, and a blank in a ticket would add a word to USR.
    has_zone = ticket.expires is None or ticket.expires.tzinfo is not None
    return ticket if has_zone and _is_one_word(ticket.value) else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _is_one_word(value: Secret) -> bool:
    return re.fullmatch(r"[^\x00-\x20\x7f\ud800-\udfff]+", value.reveal()) is not None

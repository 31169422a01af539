"""Tickets: what a login server grants, and the text that a cache keeps of it."""

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
    """Return the time; every function that needs it takes another clock in its place."""
    from datetime import UTC, datetime  # what knows no end asks for no time

    return datetime.now(UTC)


class Ticket(NamedTuple):
    """What a login server grants: the word behind `USR n TWN S` or `USR n SSO S`.

    Attributes:
        value: the whole ticket, `t=…&p=…` or whatever the service uses, as a `Secret`.
        server: URL of the login server that granted it.
        expires: when it ends, where the service says so; Passport 1.4 never does.
        proof_key: the BinarySecret that came with it (RST), in base64; None without one.
    """

    value: Secret
    server: str
    expires: datetime | None = None
    proof_key: Secret | None = None

    def reveal(self) -> str:
        """Return the ticket as text, exactly as `USR n TWN S` wants it."""
        return self.value.reveal()

    @property
    def t(self) -> Secret | None:
        """The authentication part, which web pages take as the cookie MSPAuth; None without one."""
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
        """Return what may be shown of the ticket: its shape, never its content."""
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
    """Return the ticket that was dumped; None when the text is something else."""
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
    # A time without its zone cannot be compared, and a blank in a ticket would forge a word.
    has_zone = ticket.expires is None or ticket.expires.tzinfo is not None
    return ticket if has_zone and _is_one_word(ticket.value) else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _is_one_word(value: Secret) -> bool:
    return re.fullmatch(r"[^\x00-\x20\x7f\ud800-\udfff]+", value.reveal()) is not None

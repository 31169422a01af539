"""What one connection of the service tells another, which may be in another process."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime

from ..stores.protocol import LeftMessage, Presence

__all__ = ["LeftFor", "Listed", "News", "PutOut", "Rung", "Seen", "decode", "encode"]


@dataclass(frozen=True)
class PutOut:
    """The session has to end: `OTH`, `SSD`, `RCT 5` …, or "" for no reason."""

    reason: str


@dataclass(frozen=True)
class Seen:
    """Somebody's presence; None says that they are not there."""

    passport: str
    presence: Presence | None


@dataclass(frozen=True)
class Listed:
    """Somebody has put the account on the forward list, or has taken it off."""

    passport: str
    name: str
    is_on: bool


@dataclass(frozen=True)
class Rung:
    """Somebody calls the account into a chat at a switchboard."""

    session: str
    address: str
    key: str
    passport: str
    name: str


@dataclass(frozen=True)
class LeftFor:
    """Somebody has left a message for the account."""

    message: LeftMessage


News = PutOut | Seen | Listed | Rung | LeftFor

_KINDS: dict[str, type[News]] = {
    kind.__name__: kind for kind in (PutOut, Seen, Listed, Rung, LeftFor)
}


def encode(connection: int, news: News) -> str:
    """Return news for a connection as one line of text."""
    fields = dataclasses.asdict(news)
    return json.dumps([connection, type(news).__name__, fields], default=datetime.isoformat)


def decode(word: str) -> tuple[int, News]:
    """Return the connection, and the news for it."""
    connection, kind, fields = json.loads(word)
    if kind == "Seen" and fields["presence"] is not None:
        fields["presence"] = Presence(**fields["presence"])
    if kind == "LeftFor":
        sent_at = datetime.fromisoformat(fields["message"]["sent_at"])
        fields["message"] = LeftMessage(**fields["message"] | {"sent_at": sent_at})
    return connection, _KINDS[kind](**fields)

"""The messages between connections of the service, which may be in different processes."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime

from ..stores.protocol import LeftMessage, Presence

__all__ = ["LeftFor", "Listed", "News", "PutOut", "Rung", "Seen", "decode", "encode"]


@dataclass(frozen=True)
class PutOut:
    """Ends the session of the receiver. The reason is `OTH`, `SSD`, `RCT 5` …, or "" for none."""

    reason: str


@dataclass(frozen=True)
class Seen:
    """Reports the presence of an account; None means offline."""

    passport: str
    presence: Presence | None


@dataclass(frozen=True)
class Listed:
    """Reports that a person has put the receiver on the forward list, or has taken it off."""

    passport: str
    name: str
    is_on: bool


@dataclass(frozen=True)
class Rung:
    """Calls the receiver into a chat at a switchboard."""

    session: str
    address: str
    key: str
    passport: str
    name: str


@dataclass(frozen=True)
class LeftFor:
    """Reports that a person has left a message for the receiver."""

    message: LeftMessage


News = PutOut | Seen | Listed | Rung | LeftFor

_KINDS: dict[str, type[News]] = {
    kind.__name__: kind for kind in (PutOut, Seen, Listed, Rung, LeftFor)
}


def encode(connection: int, news: News) -> str:
    """Return the text of a message for a connection, as one line of JSON."""
    fields = dataclasses.asdict(news)
    return json.dumps([connection, type(news).__name__, fields], default=datetime.isoformat)


def decode(word: str) -> tuple[int, News]:
    """Return the number of the connection and the message for it, from a text by `encode`."""
    connection, kind, fields = json.loads(word)
    if kind == "Seen" and fields["presence"] is not None:
        fields["presence"] = Presence(**fields["presence"])
    if kind == "LeftFor":
        sent_at = datetime.fromisoformat(fields["message"]["sent_at"])
        fields["message"] = LeftMessage(**fields["message"] | {"sent_at": sent_at})
    return connection, _KINDS[kind](**fields)

"""Formats a command of the server for `--stay`: words and payload, secrets masked."""

from __future__ import annotations

import base64
import re

from ..core.secrets import MASK
from ..core.wire.commands import Command, Role

__all__ = ["SECRET_FIELDS", "as_fields", "masked_payload"]

SECRET_FIELDS = frozenset({"mspauth", "mspprof", "mspsec", "sid"})
"""Fields of the profile that prove an identity: MSPAuth is the first half of the ticket."""

_MASK = MASK.encode()

# `MSPAuth: 5abc…`, with the lines that continue it (RFC 822: they begin with a blank). A field
# whose name ends in `ticket` or `token` is treated as a secret, too.
_FIELD = re.compile(
    rb"(?<![A-Za-z0-9])(MSPAuth|MSPProf|MSPSec|sid|[A-Za-z-]{0,40}(?:ticket|token))([ \t]*:)"
    rb"[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*",
    re.IGNORECASE,
)
# <TicketToken>…</TicketToken>, ticket="…", token=…
_ELEMENT = re.compile(rb"(ticket|token)([^<>\n]{0,60}>|=[\"']?)[^<\"'&\s]+", re.IGNORECASE)
# A ticket itself, anywhere in the payload: t=…&p=…. A text without `&p=` is matched, too, and left
# unchanged: a search that fails at the end and starts again one byte later would be quadratic.
_TICKET = re.compile(rb"\bt=[^&\s\"'<]*(&(?:amp;)?p=[^&\s\"'<]*)?")


def as_fields(command: Command) -> dict[str, object]:
    """Return a command as values for JSON.

    `line` is the text that is shown without `--json`; `args` are the words after the transaction
    id, unchanged (percent-encoded); `payload` is text, and `payload_encoding` is `utf-8`, or
    `base64` when the bytes are not UTF-8 text. Both are None for a command without a payload.
    """
    payload, encoding = _payload(command.payload)
    return {
        "verb": command.verb,
        "trid": command.trid,
        "args": command.masked_args(Role.SERVER),
        "payload": payload,
        "payload_encoding": encoding,
        "line": command.describe(Role.SERVER),
    }


def masked_payload(payload: bytes) -> bytes:
    """Return the payload with its secrets masked."""
    payload = _FIELD.sub(rb"\1\2 " + _MASK, payload)
    payload = _ELEMENT.sub(rb"\1\2" + _MASK, payload)
    return _TICKET.sub(lambda found: _MASK if found[1] else found[0], payload)


def _payload(payload: bytes | None) -> tuple[str | None, str | None]:
    if payload is None:
        return None, None
    shown = masked_payload(payload)
    try:
        return shown.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(shown).decode("ascii"), "base64"

"""The payload of PUT, DEL, NFY and SDG in MSNP21: three blocks of headers, and a body.

    Routing: 1.0                                  the sender and the recipient
    To: 1:friend@example.com
    From: 1:me@example.com;epid={guid}

    Reliability: 1.0                              whether an answer is wanted

    Messaging: 2.0                                its kind: Messaging, Publication, Notification
    Message-Type: Text
    Content-Type: Text/plain; charset=UTF-8
    Content-Length: 5

    Hello

Client and server both use this module. Presence is an XML document, and a text of a conversation is
sent by SDG without a switchboard (msnp-sharp, MultiMimeMessage.cs, NSMessageHandler.MSNP21.cs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .commands import is_number
from .messages import NUDGE, parse_message, typing_payload

__all__ = ["Routed", "as_datagram", "as_message", "parse_routed", "routed_payload"]

_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Routed:
    """A parsed payload.

    Attributes:
        sender: the passport of the sender.
        to: the passport of the recipient.
        guid: the GUID of the sender's machine, in braces; "" when it is missing.
        headers: the headers of the last block, by lower-case name.
        body: the bytes behind the headers.
    """

    sender: str
    to: str
    guid: str
    headers: Mapping[str, str]
    body: bytes


def parse_routed(payload: bytes) -> Routed | None:
    """Parse a payload; return None when the sender or the recipient is missing."""
    blocks: list[dict[str, str]] = []
    rest = payload
    for _ in range(3):
        end = _EMPTY_LINE.search(rest)
        head, rest = (rest[: end.start()], rest[end.end() :]) if end else (rest, b"")
        blocks.append(_headers(head))
    routing, _, content = blocks
    sender, guid = _account(routing.get("from", ""))
    to, _ = _account(routing.get("to", ""))
    return Routed(sender, to, guid, content, rest) if sender and to else None


def _headers(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _account(word: str) -> tuple[str, str]:
    """Return passport and GUID of `1:friend@example.com;epid={guid}`."""
    account, *rest = word.split(";")
    parts = [part.strip() for part in rest]
    network, colon, passport = account.partition(":")
    guid = next((part[5:] for part in parts if part.lower().startswith("epid=")), "")
    return (passport if colon and is_number(network) else account), guid


def routed_payload(
    to: str,
    sender: str,
    guid: str,
    content: Headers,
    body: bytes,
    *,
    routing: Headers = (),
    reliability: Headers = (),
) -> bytes:
    """Return a payload.

    Args:
        to: the passport of the recipient.
        sender: the passport of the sender.
        guid: the GUID of the sender's machine, in braces; "" to leave it out.
        content: the headers of the last block; the first of them is its name and version.
        body: the bytes behind the headers; Content-Length is added for them.
        routing: further headers of the first block.
        reliability: further headers of the second block.
    """
    epid = f";epid={guid.lower()}" if guid else ""
    length = ("Content-Length", str(len(body)))
    blocks = (
        (("Routing", "1.0"), ("To", f"1:{to}"), ("From", f"1:{sender}{epid}"), *routing),
        (("Reliability", "1.0"), *reliability),
        (*content, length),
    )
    head = "".join(
        "".join(f"{name}: {value}\r\n" for name, value in block) + "\r\n" for block in blocks
    )
    return head.encode("utf-8", "replace") + body


# --- a conversation ------------------------------------------------------------------------------


def as_datagram(payload: bytes) -> tuple[Headers, bytes] | None:
    """Return headers and body of the SDG for the payload of a switchboard's MSG.

    The result is None for a payload that msnpauth does not send by SDG.
    """
    said = parse_message(payload)
    plain = ("Content-Type", "Text/plain; charset=UTF-8")
    if said.kind == "text/plain":
        looks = said.headers.get("x-mms-im-format")
        shown = [("X-MMS-IM-Format", looks)] if looks else []
        return (("Messaging", "2.0"), ("Message-Type", "Text"), plain, *shown), said.content
    if said.is_typing:
        return (("Messaging", "2.0"), ("Message-Type", "Control/Typing"), plain), b""
    if said.is_nudge:
        return (("Messaging", "2.0"), ("Message-Type", "Nudge"), plain), b"\r\n"
    return None


def as_message(routed: Routed) -> bytes | None:
    """Return the payload of a switchboard's MSG for an SDG; None for other kinds of content."""
    kind = routed.headers.get("message-type", "").lower()
    if kind == "text":
        looks = routed.headers.get("x-mms-im-format")
        shown = f"X-MMS-IM-Format: {looks}\r\n" if looks else ""
        head = f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n{shown}\r\n"
        return head.encode("utf-8", "replace") + routed.body
    # Escargot writes `Control`, and names the kind of control message in a header of its own.
    subtype = routed.headers.get("message-subtype", "").lower()
    if kind == "control/typing" or (kind == "control" and subtype == "typing"):
        return typing_payload(routed.sender)
    return NUDGE if kind == "nudge" else None

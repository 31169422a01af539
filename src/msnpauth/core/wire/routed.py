"""What PUT, DEL, NFY and SDG carry from MSNP21 on: three blocks of headers, and a body.

    Routing: 1.0                                  who it is from, and who it is for
    To: 1:friend@example.com
    From: 1:me@example.com;epid={guid}

    Reliability: 1.0                              whether an answer is wanted

    Messaging: 2.0                                what it is: Messaging, Publication, Notification
    Message-Type: Text
    Content-Type: Text/plain; charset=UTF-8
    Content-Length: 5

    Hello

Both ends read and write it. Presence is an XML document, and a text of a conversation is an SDG: no
switchboard has a part in it (msnp-sharp, MultiMimeMessage.cs, NSMessageHandler.MSNP21.cs).
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
    """A payload that was read.

    Attributes:
        sender: the passport of who it is from.
        to: the passport of who it is for.
        guid: the sender's machine, in braces; "" when it is not told.
        headers: the last block's, by lower-case name.
        body: what stands behind the headers.
    """

    sender: str
    to: str
    guid: str
    headers: Mapping[str, str]
    body: bytes


def parse_routed(payload: bytes) -> Routed | None:
    """Read a payload; None when it is not from anybody to anybody."""
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
    """Return passport and machine of `1:friend@example.com;epid={guid}`."""
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
        to: the passport of who it is for.
        sender: the passport of who it is from.
        guid: the sender's machine, in braces; "" to leave it out.
        content: the last block's headers; the first is its name and version.
        body: what stands behind the headers; its length is told.
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
    """Return headers and body of the SDG for what a switchboard's MSG carries.

    None for what neither end of this package says by SDG.
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
    """Return what a switchboard's MSG carries for the content of an SDG; None as `as_datagram`."""
    kind = routed.headers.get("message-type", "").lower()
    if kind == "text":
        looks = routed.headers.get("x-mms-im-format")
        shown = f"X-MMS-IM-Format: {looks}\r\n" if looks else ""
        head = f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n{shown}\r\n"
        return head.encode("utf-8", "replace") + routed.body
    # Escargot writes `Control` and names the rest in a header of its own.
    subtype = routed.headers.get("message-subtype", "").lower()
    if kind == "control/typing" or (kind == "control" and subtype == "typing"):
        return typing_payload(routed.sender)
    return NUDGE if kind == "nudge" else None

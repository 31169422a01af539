"""Offline messages (OIM), as generators of requests.

The notification server only announces that there are messages. The RSI service has them: each
message is fetched by its id, and deleted once it was read (libpurple oim.c; Escargot):

    S: MSG Hotmail Hotmail 267
       Content-Type: text/x-msmsgsinitialmdatanotification; charset=UTF-8

       Mail-Data: <MD><E>…</E><Q>…</Q><M>…<E>friend@example.com</E><I>id</I>…</M></MD>
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ..errors import SignInError
from ..secrets import Secret
from ..servers import Servers
from ..tickets.exchange import Exchange
from ..tickets.ticket import utc_now
from ..tickets.xml import BadXml, find_all, parse, text_of
from ..urls import Url
from ..wire.messages import parse_message
from .soap import envelope, post

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["Left", "Notice", "delete_left", "fetch_left", "notice_in", "read_mail"]

RSI = "http://www.hotmail.msn.com/ws/2004/09/oim/rsi"
"""The XML namespace of the service, and the beginning of each SOAPAction."""

_NOTICES = frozenset({"text/x-msmsgsinitialmdatanotification", "text/x-msmsgsoimnotification"})
_MAIL_DATA = re.compile(rb"(?i)(?:^|\n)Mail-Data:[ \t]*([^\r\n]*)")
_TOO_MANY = b"too-large"
# How many messages are read from one notice or list. Escargot's notices name 25 at most.
_MOST = 1000
_MOST_FAILURES = 3


@dataclass(frozen=True)
class Notice:
    """The notification server's announcement of offline messages.

    Attributes:
        ids: the ids of the messages; None when there are too many, and only the service has the
            list.
    """

    ids: tuple[str, ...] | None


@dataclass(frozen=True)
class Left:
    """An offline message.

    Attributes:
        id: the id of the message at the service.
        sender: the passport of the sender.
        name: the sender's display name, or "".
        text: the text of the message.
        sent_at: when the message was written; without a readable date, when it was fetched.
    """

    id: str
    sender: str
    name: str
    text: str
    sent_at: datetime


def notice_in(payload: bytes) -> Notice | None:
    """Return the announcement of offline messages in a MSG of the server; None without one."""
    body = parse_message(payload)
    found = _MAIL_DATA.search(body.content) if body.kind in _NOTICES else None
    if found is None:
        return None
    if found[1].strip() == _TOO_MANY:
        return Notice(None)
    try:
        return Notice(_ids_in(found[1]))
    except BadXml:
        return None


def _ids_in(xml: bytes) -> tuple[str, ...]:
    """Return the ids of the messages in an `MD` element.

    Raises:
        BadXml: the text is not XML.
    """
    # `E` and `Q` elements are about the account's e-mail; only an `M` is an offline message.
    ids = (text_of(message, "I") or "" for message in find_all(parse(xml), "M"))
    return tuple(dict.fromkeys(name for name in ids if name))[:_MOST]


def fetch_left(
    servers: Servers, ticket: Secret, ids: tuple[str, ...] | None
) -> Exchange[list[Left]]:
    """Return the messages with these ids, the oldest first; all messages when `ids` is None.

    A message that the service does not return is left out: it will be announced again.

    Raises:
        SignInError: no message could be fetched; this is the error of the first one.
    """
    if ids is None:
        root = yield from _ask(servers, ticket, "GetMetadata", "")
        found = (text_of(message, "I") or "" for message in find_all(root, "M"))
        ids = tuple(dict.fromkeys(name for name in found if name))[:_MOST]
    left: list[Left] = []
    failures: list[SignInError] = []
    for name in ids:
        content = f"<messageId>{escape(name)}</messageId><alsoMarkAsRead>false</alsoMarkAsRead>"
        try:
            root = yield from _ask(servers, ticket, "GetMessage", content)
        except SignInError as error:
            failures.append(error)
            if len(failures) == _MOST_FAILURES:
                break  # the service has trouble, and the other requests would fail the same way
        else:
            left.append(read_mail(name, text_of(root, "GetMessageResult") or ""))
    if failures and not left:
        raise failures[0]
    return sorted(left, key=lambda message: message.sent_at)


def delete_left(servers: Servers, ticket: Secret, ids: Iterable[str]) -> Exchange[None]:
    """Delete messages at the service, after they were read."""
    names = "".join(f"<messageId>{escape(name)}</messageId>" for name in ids)
    yield from _ask(servers, ticket, "DeleteMessages", f"<messageIds>{names}</messageIds>")


def _ask(servers: Servers, ticket: Secret, operation: str, content: str) -> Exchange[Element]:
    host = servers.oim
    assert host is not None  # the caller has checked this
    # The ticket is cut into the two cookies that the web pages of Hotmail had (libpurple, papyon).
    t, p = _cookies(ticket)
    header = (
        f'<PassportCookie xmlns="{RSI}"><t>{escape(t.reveal())}</t><p>{escape(p.reveal())}</p>'
        "</PassportCookie>"
    )
    body = Secret(envelope(header, f'<{operation} xmlns="{RSI}">{content}</{operation}>'))
    url = Url.parse(f"{host.origin}/rsi/rsi.asmx")
    return (yield from post(servers, url, f"{RSI}/{operation}", body, secrets=(ticket,)))


def _cookies(ticket: Secret) -> tuple[Secret, Secret]:
    """Return `t` and `p` of `t=…&p=…`. A ticket without `t=` becomes `t` as a whole (Escargot)."""
    first, _, rest = ticket.reveal().partition("&p=")
    return Secret(first.removeprefix("t=")), Secret(rest)


# --- a stored message ----------------------------------------------------------------------------


def read_mail(name: str, text: str) -> Left:
    """Read a stored message, which is an e-mail with its text in base64.

    Any content results in a message and never in an error, because senders may store any content.

    Args:
        name: the id of the message at the service.
        text: the e-mail with its headers.
    """
    import email.utils  # only few sessions need this, and the import takes a while

    # The mail is parsed as bytes: the library does not decode a text with letters beyond ASCII.
    message = email.message_from_bytes(text.encode("utf-8", "surrogateescape"))
    shown, sender = email.utils.parseaddr(_header(message, "From"))
    return Left(name, sender, _decoded(shown), _text(message), _sent_at(_header(message, "Date")))


def _header(message: Message, name: str) -> str:
    """Return a header's text; bytes beyond ASCII are read as UTF-8."""
    values = (value for found, value in message.raw_items() if found.lower() == name.lower())
    raw = str(next(values, "")).encode("utf-8", "surrogateescape")
    return " ".join(raw.decode("utf-8", "replace").split())


def _decoded(words: str) -> str:
    """Return a header's text with encoded words such as `=?utf-8?B?Wm/Dqw==?=` decoded."""
    import email.errors
    import email.header

    try:
        return str(email.header.make_header(email.header.decode_header(words))).strip()
    except (email.errors.MessageError, LookupError, ValueError):
        return words


def _text(message: Message) -> str:
    """Return the plain text of a mail, which may be one part of several."""
    plain = (part for part in message.walk() if part.get_content_type() == "text/plain")
    part = next(plain, message)
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(str(part.get_content_charset("utf-8")), "replace")
    except (LookupError, ValueError):  # a charset that Python does not know
        return content.decode("utf-8", "replace")


def _sent_at(date: str) -> datetime:
    """Return the time in a Date header such as `15 Nov 2008 14:24:27 -0800`; else the time now."""
    import email.utils

    try:
        found = email.utils.parsedate_to_datetime(date)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return utc_now()

"""Messages that are left for people who are offline (OIM), without I/O.

A client leaves a message by `Store` at the OIM service, or by UUM in MSNP18 and later. The client
of the receiver gets a notice by MSG after its first CHG, and fetches the message from the RSI
service (libpurple oim.c; Escargot front/msn/http/other.py).
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from xml.etree.ElementTree import Element

from ...core.people.offline import read_mail
from ...core.servers import CONTACTS_SITE, OIM_SITE
from ...core.tickets.xml import BadXml, escape_xml, find, find_all, local_name, parse, text_of
from ...core.wire.commands import Command
from ...core.wire.dialects import Dialect
from ..stores.protocol import LeftMessage, Principal
from .news import LeftFor
from .office import Office
from .people import People
from .web import Answerer, WebAnswer, WebRequest

__all__ = ["LeftMessagesRole", "announced", "leave"]

# The sites of the tickets for the two services: those that libpurple requests, and the profile's.
_TO_READ = (OIM_SITE, CONTACTS_SITE)
_TO_SEND = ("messengersecure.live.com", *_TO_READ)

_RSI = "http://www.hotmail.msn.com/ws/2004/09/oim/rsi"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_MOST_NAMED = 25
"""The largest number of messages in a notice. For more messages the notice contains `too-large`,
and the client requests the list.
"""
_MOST_TEXT = 8 * 1024
"""The largest size of a text in bytes. Clients split long messages into several texts."""

_Reply = Callable[[Office, Element], Awaitable[tuple[int, bytes]]]


async def leave(office: Office, sender: Principal, to: str, text: str) -> bool:
    """Leave a message for an account; return whether the account accepts the message."""
    account = await office.accounts.find(to)
    if account is None or not text or len(text.encode("utf-8", "replace")) > _MOST_TEXT:
        return False
    theirs = await People(office).lists(account.passport)
    if not theirs.shows_to(sender.passport):
        return False
    number = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    name = sender.display_name or sender.passport
    # Bytes that are not UTF-8 cannot be stored, and are replaced.
    kept = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    message = LeftMessage(number, sender.passport, name, kept, office.now())
    if not await office.left.leave(account.passport, message):
        return False
    await office.tell_all([account.passport], LeftFor(message))
    return True


def announced(dialect: Dialect, messages: list[LeftMessage], *, initial: bool) -> list[Command]:
    """Return the MSG that announces messages, or nothing if the version does not have that MSG."""
    if not dialect.left_messages or not messages:
        return []
    kind = "initialmdata" if initial else "oim"
    data = _mail_data(messages) if len(messages) <= _MOST_NAMED else "too-large"
    payload = (
        f"MIME-Version: 1.0\r\nContent-Type: text/x-msmsgs{kind}notification; charset=UTF-8\r\n"
        f"\r\nMail-Data: {data}\r\n"
    )
    return [Command("MSG", None, ("Hotmail", "Hotmail"), payload.encode("utf-8", "replace"))]


def _mail_data(messages: list[LeftMessage]) -> str:
    # T 11 and S 6 mark a message of Messenger in the mailbox of the account (MSNPiki, OIM).
    listed = "".join(
        f"<M><T>11</T><S>6</S><RT>{left.sent_at:%Y-%m-%dT%H:%M:%S.000Z}</RT><RS>0</RS>"
        f"<SZ>{len(_as_mail(left))}</SZ><E>{escape_xml(left.sender)}</E><I>{left.id}</I>"
        f"<F>00000000-0000-0000-0000-000000000009</F><N>{_encoded(left.name)}</N></M>"
        for left in messages
    )
    own = "<E><I>0</I><IU>0</IU><O>0</O><OU>0</OU></E><Q><QTM>409600</QTM><QNM>204800</QNM></Q>"
    return f"<MD>{own}{listed}</MD>"


def _as_mail(left: LeftMessage) -> str:
    """Return a message in the form of the RSI service: a mail, whose text is in base64."""
    # libpurple requires exactly this form of the date, and reads the sender after the first blank.
    lines = (
        f"From: {_encoded(left.name)} <{left.sender}>",
        "Subject: ",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Transfer-Encoding: base64",
        "X-OIM-Message-Type: OfflineMessage",
        f"X-OIM-Run-Id: {{{left.id}}}",
        "X-OIM-Sequence-Num: 1",
        f"Date: {left.sent_at:%d %b %Y %H:%M:%S} +0000",
        "",
        _base64(left.text),
    )
    return "\r\n".join(lines)


def _encoded(name: str) -> str:
    return f"=?utf-8?B?{_base64(name)}?="


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


# --- the two services ----------------------------------------------------------------------------


class LeftMessagesRole:
    """The RSI service and the OIM service of one address.

    Args:
        office: has the accounts and the messages, and checks tickets.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def paths(self) -> dict[str, Answerer]:
        """Return the table of paths for a `WebSite`."""
        return {
            "POST /rsi/rsi.asmx": partial(self._answer, reply=_rsi_reply),
            "POST /OimWS/oim.asmx": partial(self._answer, reply=_oim_reply),
        }

    async def _answer(self, request: WebRequest, reply: _Reply) -> WebAnswer:
        try:
            root = parse(request.body)
        except BadXml:
            status, body = _fault("soap:Client", "Schema validation error")
        else:
            status, body = await reply(self._office, root)
        return WebAnswer(status, (("Content-Type", "text/xml"),), body)


async def _rsi_reply(office: Office, root: Element) -> tuple[int, bytes]:
    """Answer GetMetadata, GetMessage or DeleteMessages, which read and delete messages."""
    t, p = text_of(root, "t") or "", text_of(root, "p") or ""
    grant = await office.grant_while_online(f"t={t}&p={p}", *_TO_READ)
    body = find(root, "Body")
    if grant is None or body is None or not len(body):
        return _fault("soap:Client", "Schema validation error")
    operation = local_name(body[0])
    ids = [(found.text or "").strip() for found in find_all(body, "messageId")]
    messages = {left.id: left for left in await office.left.left(grant.passport)}
    match operation:
        case "GetMetadata":
            content = _mail_data(list(messages.values()))
        case "GetMessage" if ids and ids[0] in messages:
            content = (
                f"<GetMessageResult>{escape_xml(_as_mail(messages[ids[0]]))}</GetMessageResult>"
            )
        case "DeleteMessages":
            await office.left.remove(grant.passport, ids)
            content = ""
        case _:
            return _fault("soap:Client", "Schema validation error")
    answer = f'<{operation}Response xmlns="{_RSI}">{content}</{operation}Response>'
    return 200, _envelope(answer)


async def _oim_reply(office: Office, root: Element) -> tuple[int, bytes]:
    """Answer Store or Store2, by which a client leaves a message."""
    ticket, sender, to = (find(root, name) for name in ("Ticket", "From", "To"))
    if ticket is None or sender is None or to is None:
        return _fault("q0:InvalidContent", "a header is missing")
    grant = await office.grant_while_online(ticket.get("passport", ""), *_TO_SEND)
    account = await office.accounts.find(grant.passport) if grant else None
    # A client that has no lock key yet sends an empty one, and receives a challenge from which it
    # makes the key. The key only identifies the program, so that any key is accepted (Escargot).
    if account is None or not ticket.get("lockkey"):
        challenge = "<LockKeyChallenge>1850937852</LockKeyChallenge>" if account else ""
        return _fault("q0:AuthenticationFailed", "who are you?", challenge)
    content = read_mail("", text_of(root, "Content") or "").text
    same = sender.get("memberName", "").casefold() == account.passport.casefold()
    if not same or not await leave(office, account, to.get("memberName", ""), content):
        return _fault("q0:SystemUnavailable", "it cannot be left for this account")
    number = text_of(root, "MessageNumber") or "1"
    number = number if number.isascii() and number.isdecimal() else "1"
    header = (
        '<SequenceAcknowledgment xmlns="http://schemas.xmlsoap.org/ws/2003/03/rm">'
        '<Identifier xmlns="http://schemas.xmlsoap.org/ws/2002/07/utility">'
        f'http://messenger.msn.com</Identifier><AcknowledgmentRange Upper="{number}"'
        f' Lower="{number}"/></SequenceAcknowledgment>'
    )
    answer = "<StoreResponse><PointsConsumed>0</PointsConsumed></StoreResponse>"
    return 200, _envelope(answer, header)


def _fault(code: str, text: str, detail: str = "") -> tuple[int, bytes]:
    # The prefix must be `q0`, because libpurple compares the text `q0:AuthenticationFailed`.
    content = (
        f'<faultcode xmlns:q0="http://messenger.msn.com/ws/2004/09/oim/">{code}</faultcode>'
        f"<faultstring>{text}</faultstring><detail>{detail}</detail>"
    )
    return 500, _envelope(f"<soap:Fault>{content}</soap:Fault>")


def _envelope(body: str, header: str = "") -> bytes:
    head = f"<soap:Header>{header}</soap:Header>" if header else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{_SOAP}">{head}'
        f"<soap:Body>{body}</soap:Body></soap:Envelope>"
    ).encode()

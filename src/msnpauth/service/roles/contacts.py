"""The contacts host, without I/O: enough of ABService and SharingService for clients to come up.

FindMembership, ABFindAll and ABFindContactsPaged tell the account's list; any other operation gets
an empty answer, as clients do not wait for more (libpurple contact.c; msnp-sharp).
"""

from __future__ import annotations

import uuid
from html import escape

from ...core.tickets.xml import BadXml, find, local_name, parse, text_of
from ..stores.protocol import AccountStore
from ..tickets import TicketVerifier
from .web import Answerer, WebAnswer, WebRequest

__all__ = ["PATHS", "ContactsRole", "contacts_reply"]

PATHS = frozenset({"/abservice/abservice.asmx", "/abservice/SharingService.asmx"})

_SITE = "contacts.msn.com"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_AB = "http://www.msn.com/webservices/AddressBook"
_CHANGED = "2026-01-01T00:00:00.0000000-08:00"


class ContactsRole:
    """The contacts host of one address.

    Args:
        accounts: whose lists they are.
        tickets: checks who asks.
    """

    def __init__(self, accounts: AccountStore, tickets: TicketVerifier) -> None:
        self._accounts = accounts
        self._tickets = tickets

    def paths(self) -> dict[str, Answerer]:
        """Return who answers what, for a `WebSite`."""
        return {f"POST {path}": self._answer for path in PATHS}

    async def _answer(self, request: WebRequest) -> WebAnswer:
        status, body = await contacts_reply(request.body, self._accounts, self._tickets)
        return WebAnswer(status, (("Content-Type", "text/xml"),), body)


async def contacts_reply(
    body: bytes, accounts: AccountStore, tickets: TicketVerifier
) -> tuple[int, bytes]:
    """Return HTTP status and envelope for a request to either service."""
    try:
        root = parse(body)
    except BadXml:
        return 500, _fault("soap:Client", "Invalid Request")
    grant = tickets.open(text_of(root, "TicketToken") or "", _SITE)
    account = await accounts.find(grant.passport) if grant else None
    if account is None:
        return 500, _fault("soap:Client", "Authentication Failure")
    soap_body = find(root, "Body")
    operation = "" if soap_body is None or not len(soap_body) else local_name(soap_body[0])
    match operation:
        case "FindMembership":
            content = _memberships(account.contacts)
        case "ABFindAll" | "ABFindContactsPaged":
            content = _address_book(operation, account.passport, account.contacts)
        case _:
            return 200, _envelope("<soap:Body/>")
    answer = f'<{operation}Response xmlns="{_AB}"><{operation}Result>{content}</{operation}Result>'
    return 200, _envelope(f"<soap:Body>{answer}</{operation}Response></soap:Body>")


def _memberships(contacts: tuple[str, ...]) -> str:
    members = "".join(
        '<Member xsi:type="PassportMember" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<MembershipId>{number}</MembershipId><Type>Passport</Type><State>Accepted</State>"
        f"<Deleted>false</Deleted><LastChanged>{_CHANGED}</LastChanged>"
        f"<PassportName>{escape(contact)}</PassportName></Member>"
        for number, contact in enumerate(contacts, 1)
    )
    roles = "".join(
        f"<Membership><MemberRole>{role}</MemberRole><Members>{filled}</Members></Membership>"
        for role, filled in (("Allow", members), ("Block", ""), ("Reverse", ""), ("Pending", ""))
    )
    return (
        f"<Services><Service><Memberships>{roles}</Memberships><Info><Handle><Id>1</Id>"
        "<Type>Messenger</Type><ForeignId/></Handle><InverseRequired>false</InverseRequired>"
        f"<IsBot>false</IsBot></Info><Changes/><LastChange>{_CHANGED}</LastChange>"
        "<Deleted>false</Deleted></Service></Services>"
    )


def _address_book(operation: str, owner: str, contacts: tuple[str, ...]) -> str:
    entries = _contact(owner, "Me") + "".join(_contact(c, "Regular") for c in contacts)
    if operation == "ABFindAll":
        return f"<groups/><contacts>{entries}</contacts>{_book(owner, 'ab')}"
    return f"<Groups/><Contacts>{entries}</Contacts>{_book(owner, 'Ab')}"


def _book(owner: str, name: str) -> str:
    return (
        f"<{name}><abId>00000000-0000-0000-0000-000000000000</abId><abInfo><ownerPuid>0</ownerPuid>"
        f"<OwnerCID>0</OwnerCID><ownerEmail>{escape(owner)}</ownerEmail><fDefault>true</fDefault>"
        f"</abInfo><lastChange>{_CHANGED}</lastChange><createDate>{_CHANGED}</createDate></{name}>"
    )


def _contact(passport: str, kind: str) -> str:
    guid = uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{passport}")
    name = escape(passport)
    return (
        f"<Contact><contactId>{guid}</contactId><contactInfo><contactType>{kind}</contactType>"
        f"<quickName>{name}</quickName><passportName>{name}</passportName>"
        f"<IsPassportNameHidden>false</IsPassportNameHidden><displayName>{name}</displayName>"
        "<puid>0</puid><CID>0</CID><isMessengerUser>true</isMessengerUser></contactInfo>"
        f"<fDeleted>false</fDeleted><lastChange>{_CHANGED}</lastChange></Contact>"
    )


def _fault(code: str, text: str) -> bytes:
    content = f"<faultcode>{code}</faultcode><faultstring>{text}</faultstring>"
    return _envelope(f"<soap:Body><soap:Fault>{content}</soap:Fault></soap:Body>")


def _envelope(content: str) -> bytes:
    head = '<?xml version="1.0" encoding="utf-8"?>'
    return f'{head}<soap:Envelope xmlns:soap="{_SOAP}">{content}</soap:Envelope>'.encode()

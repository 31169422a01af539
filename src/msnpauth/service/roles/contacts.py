"""The contacts host, without I/O: ABService and SharingService (libpurple contact.c; msnp-sharp).

FindMembership, ABFindAll and ABFindContactsPaged read the list, and the operations in `_CHANGES`
change the list. Any other operation gets an empty answer, because clients need no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from xml.etree.ElementTree import Element

from ...core.people.contact import Entry, ListName
from ...core.servers import CONTACTS_SITE
from ...core.tickets.xml import BadXml, escape_xml, find, find_all, local_name, parse, text_of
from ..stores.listing import (
    contact_id,
    is_group_name,
    put_into_group,
    remove_group,
    rename_group,
)
from ..stores.protocol import Lists, Principal
from .office import Office
from .people import People
from .web import Answerer, WebAnswer, WebRequest

__all__ = ["PATHS", "ContactsRole", "contacts_reply"]

PATHS = frozenset({"/abservice/abservice.asmx", "/abservice/SharingService.asmx"})

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_AB = "http://www.msn.com/webservices/AddressBook"
_READS = frozenset({"FindMembership", "ABFindAll", "ABFindContactsPaged"})
_CHANGED = "2026-01-01T00:00:00.0000000-08:00"
_ROLES = {
    "Allow": ListName.ALLOW,
    "Block": ListName.BLOCK,
    "Reverse": ListName.REVERSE,
    "Pending": ListName.PENDING,
}


class ContactsRole:
    """The contacts host of one address.

    Args:
        office: has the accounts and their lists, and checks tickets.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def paths(self) -> dict[str, Answerer]:
        """Return the table of paths for a `WebSite`."""
        return {f"POST {path}": self._answer for path in PATHS}

    async def _answer(self, request: WebRequest) -> WebAnswer:
        status, body = await contacts_reply(
            request.body,
            self._office,
            cookie=request.headers.get("cookie", ""),
            action=request.headers.get("soapaction", ""),
        )
        return WebAnswer(status, (("Content-Type", "text/xml"),), body)


async def contacts_reply(
    body: bytes, office: Office, *, cookie: str = "", action: str = ""
) -> tuple[int, bytes]:
    """Return the HTTP status and the envelope that answer a request to either service.

    Args:
        body: the envelope of the request.
        office: has the accounts and their lists, and checks tickets.
        cookie: the Cookie header of the request, in which clients of MSNP13 send their ticket.
        action: the SOAPAction of the request, which ends in the name of the operation.
    """
    try:
        root = parse(body)
    except BadXml:
        return 500, _fault("soap:Client", "Invalid Request")
    ticket = text_of(root, "TicketToken") or _cookie(cookie)
    grant = await office.grant_while_online(ticket, CONTACTS_SITE)
    account = await office.accounts.find(grant.passport) if grant else None
    if account is None:
        # bitlbee 3.2 fetches new tickets only when it receives this code.
        return 500, _refusal("", "PassportAuthFail", "Authentication Failure")
    soap_body = find(root, "Body")
    if soap_body is None or not len(soap_body):
        return 200, _envelope("<soap:Body/>")
    asked = soap_body[0]
    operation = local_name(asked)
    meant = action.strip('"').rpartition("/")[2]
    if meant in _READS and operation in _READS:
        operation = meant  # libmsn sends the body of another operation (`forms`)
    people = People(office)
    lists = await people.lists(account.passport)
    match operation:
        case "FindMembership":
            content = _memberships(lists)
        case "ABFindAll" | "ABFindContactsPaged":
            content = _address_book(operation, account, lists)
        case _ if operation in _CHANGES:
            outcome = await _CHANGES[operation](people, office, account, asked)
            if outcome.startswith("!"):
                return 500, _refusal(operation, outcome[1:])
            content = f"<guid>{outcome}</guid>" if outcome else ""
        case _:
            return 200, _envelope("<soap:Body/>")
    answer = f'<{operation}Response xmlns="{_AB}"><{operation}Result>{content}</{operation}Result>'
    return 200, _envelope(f"<soap:Body>{answer}</{operation}Response></soap:Body>")


def _cookie(header: str) -> str:
    """Return the ticket in `MSPAuth=t=…&p=…`, which is the profile's value (libpurple 2007)."""
    parts = (part.strip().partition("=") for part in header.split(";"))
    return next((value for name, _, value in parts if name == "MSPAuth"), "")


# --- reading -------------------------------------------------------------------------------------


def _memberships(lists: Lists) -> str:
    roles = "".join(
        f"<Membership><MemberRole>{role}</MemberRole><Members>"
        f"{''.join(_members(role, _on_list(lists, name)))}</Members></Membership>"
        for role, name in _ROLES.items()
    )
    return (
        f"<Services><Service><Memberships>{roles}</Memberships><Info><Handle><Id>1</Id>"
        "<Type>Messenger</Type><ForeignId/></Handle><InverseRequired>false</InverseRequired>"
        f"<IsBot>false</IsBot></Info><Changes/><LastChange>{_CHANGED}</LastChange>"
        "<Deleted>false</Deleted></Service></Services>"
    )


def _on_list(lists: Lists, name: ListName) -> list[Entry]:
    found = [entry for entry in lists.book.entries.values() if entry.is_on(name)]
    if name is ListName.REVERSE:  # not those who still wait for an answer
        found = [entry for entry in found if not entry.is_on(ListName.PENDING)]
    return found


def _members(role: str, entries: Iterable[Entry]) -> Iterable[str]:
    for entry in entries:
        yield (
            '<Member xsi:type="PassportMember"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f"<MembershipId>{role}/{entry.id}</MembershipId><Type>Passport</Type>"
            f"<State>Accepted</State><Deleted>false</Deleted><LastChanged>{_CHANGED}</LastChanged>"
            f"<PassportName>{escape_xml(entry.passport)}</PassportName></Member>"
        )


def _address_book(operation: str, account: Principal, lists: Lists) -> str:
    owner = account.passport
    listed = [entry for entry in lists.book.entries.values() if entry.is_on(ListName.FORWARD)]
    me = Entry(owner, account.display_name, id=contact_id(owner))
    people = _contact(me, "Me") + "".join(_contact(entry, "Regular") for entry in listed)
    groups = "".join(_group(guid, name) for guid, name in lists.book.groups.items())
    if operation == "ABFindAll":
        return f"<groups>{groups}</groups><contacts>{people}</contacts>{_book(owner, 'ab')}"
    return f"<Groups>{groups}</Groups><Contacts>{people}</Contacts>{_book(owner, 'Ab')}"


def _book(owner: str, name: str) -> str:
    return (
        f"<{name}><abId>00000000-0000-0000-0000-000000000000</abId><abInfo><ownerPuid>0</ownerPuid>"
        f"<OwnerCID>0</OwnerCID><ownerEmail>{escape_xml(owner)}</ownerEmail><fDefault>true</fDefault>"
        f"</abInfo><lastChange>{_CHANGED}</lastChange><createDate>{_CHANGED}</createDate></{name}>"
    )


def _group(guid: str, name: str) -> str:
    return (
        f"<Group><groupId>{guid}</groupId><groupInfo>"
        "<groupType>c8529ce2-6ead-434d-881f-341e17db3ff8</groupType>"
        f"<name>{escape_xml(name)}</name><IsNotMobileVisible>false</IsNotMobileVisible>"
        "<IsPrivate>false</IsPrivate><IsFavorite>false</IsFavorite></groupInfo>"
        f"<fDeleted>false</fDeleted><lastChange>{_CHANGED}</lastChange></Group>"
    )


def _contact(entry: Entry, kind: str) -> str:
    passport, name = escape_xml(entry.passport), escape_xml(entry.name or entry.passport)
    guids = "".join(f"<guid>{group_id}</guid>" for group_id in entry.group_ids)
    groups = f"<groupIds>{guids}</groupIds>" if guids else ""
    return (
        f"<Contact><contactId>{entry.id}</contactId><contactInfo><contactType>{kind}</contactType>"
        f"<quickName>{name}</quickName><passportName>{passport}</passportName>"
        f"<IsPassportNameHidden>false</IsPassportNameHidden><displayName>{name}</displayName>"
        f"<puid>0</puid>{groups}<CID>0</CID><isMobileIMEnabled>false</isMobileIMEnabled>"
        "<isMessengerUser>true</isMessengerUser></contactInfo>"
        f"<fDeleted>false</fDeleted><lastChange>{_CHANGED}</lastChange></Contact>"
    )


# --- changing ------------------------------------------------------------------------------------

_Change = Callable[[People, Office, Principal, Element], Awaitable[str]]
"""Makes a change; returns the new id, "" if there is none, or `!` and the code of a refusal."""

_CODES = {
    201: "!BadRequest",
    205: "!InvalidPassportUser",
    210: "!QuotaLimitReached",
    223: "!QuotaLimitReached",
    228: "!GroupAlreadyExists",
}


async def _add_contact(people: People, _office: Office, account: Principal, asked: Element) -> str:
    passport = text_of(asked, "passportName") or ""
    if "@" not in passport:
        return "!BadEmailArgument"
    code = await people.put(account, passport, ListName.FORWARD)
    if code == 215:
        return "!ContactAlreadyExists"
    return _CODES.get(code or 0, contact_id(passport))


async def _delete_contact(
    people: People, _office: Office, account: Principal, asked: Element
) -> str:
    entry = await _entry(people, account, asked)
    if entry is None:
        return "!ContactDoesNotExist"
    await people.take_off(account, entry.passport, ListName.FORWARD)
    return ""


async def _change_member(
    people: People, _office: Office, account: Principal, asked: Element
) -> str:
    is_new = local_name(asked) == "AddMember"
    for membership in find_all(asked, "Membership"):
        list_name = _ROLES.get(text_of(membership, "MemberRole") or "")
        for member in find_all(membership, "Member"):
            passport = text_of(member, "PassportName") or await _member(people, account, member)
            if list_name is None or not passport:
                return "!BadRequest"
            change = people.put if is_new else people.take_off
            code = await change(account, passport, list_name)
            if code is not None:
                missing = "!MemberAlreadyExists" if is_new else "!MemberDoesNotExist"
                return _CODES.get(code, missing)
    return ""


async def _member(people: People, account: Principal, member: Element) -> str:
    """Return the passport that a MembershipId such as `Allow/guid` means; "" if unknown."""
    guid = (text_of(member, "MembershipId") or "").rpartition("/")[2]
    lists = await people.lists(account.passport)
    entries = lists.book.entries.values()
    return next((entry.passport for entry in entries if entry.id == guid), "")


async def _add_group(people: People, _office: Office, account: Principal, asked: Element) -> str:
    name = text_of(asked, "name") or ""
    if not is_group_name(name):
        return "!GroupNameInvalid"
    made = await people.add_group(account, name)
    return made if isinstance(made, str) else _CODES[made]


async def _delete_group(people: People, office: Office, account: Principal, asked: Element) -> str:
    group_id = await _group_id(people, account, text_of(asked, "guid"))
    if group_id is None:
        return "!GroupDoesNotExist"
    await office.lists.change(account.passport, lambda mine: remove_group(mine, group_id))
    return ""


async def _update_group(people: People, office: Office, account: Principal, asked: Element) -> str:
    group_id = await _group_id(people, account, text_of(asked, "groupId"))
    name = text_of(asked, "name") or ""
    if not is_group_name(name):
        return "!GroupNameInvalid"
    if group_id is None:
        return "!GroupDoesNotExist"
    await office.lists.change(account.passport, lambda mine: rename_group(mine, group_id, name))
    return ""


async def _change_group(people: People, office: Office, account: Principal, asked: Element) -> str:
    group_id = await _group_id(people, account, text_of(asked, "guid"))
    found = await _entry(people, account, asked)
    if group_id is None or found is None:
        return "!ContactDoesNotExist" if group_id else "!GroupDoesNotExist"
    passport, is_in = found.passport, local_name(asked) == "ABGroupContactAdd"

    def change(mine: Lists) -> None:
        entry = mine.book.find(passport)
        if entry is not None:
            put_into_group(mine, entry, group_id, is_in=is_in)

    await office.lists.change(account.passport, change)
    return found.id


async def _entry(people: People, account: Principal, asked: Element) -> Entry | None:
    wanted = (text_of(asked, "contactId") or "").lower()
    lists = await people.lists(account.passport)
    return next((entry for entry in lists.book.entries.values() if entry.id == wanted), None)


async def _group_id(people: People, account: Principal, guid: str | None) -> str | None:
    lists = await people.lists(account.passport)
    wanted = (guid or "").lower()
    return wanted if wanted in lists.book.groups else None


_CHANGES: dict[str, _Change] = {
    "ABContactAdd": _add_contact,
    "ABContactDelete": _delete_contact,
    "AddMember": _change_member,
    "DeleteMember": _change_member,
    "ABGroupAdd": _add_group,
    "ABGroupDelete": _delete_group,
    "ABGroupUpdate": _update_group,
    "ABGroupContactAdd": _change_group,
    "ABGroupContactDelete": _change_group,
}


def _refusal(operation: str, code: str, text: str = "") -> bytes:
    """Return the SOAP fault for an operation that is known but refused."""
    content = (
        f"<faultcode>soap:Client</faultcode><faultstring>{text or code}</faultstring>"
        f"<faultactor>{_AB}/{operation}</faultactor>"
        f'<detail><errorcode xmlns="{_AB}">{code}</errorcode></detail>'
    )
    return _envelope(f"<soap:Body><soap:Fault>{content}</soap:Fault></soap:Body>")


def _fault(code: str, text: str) -> bytes:
    content = f"<faultcode>{code}</faultcode><faultstring>{text}</faultstring>"
    return _envelope(f"<soap:Body><soap:Fault>{content}</soap:Fault></soap:Body>")


def _envelope(content: str) -> bytes:
    head = '<?xml version="1.0" encoding="utf-8"?>'
    return f'{head}<soap:Envelope xmlns:soap="{_SOAP}">{content}</soap:Envelope>'.encode()

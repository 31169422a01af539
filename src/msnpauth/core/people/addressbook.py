"""The contact list of MSNP13 and on: read and changed by SOAP (libpurple contact.c; msnp-sharp)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from ..errors import CommandRefused
from ..secrets import Secret
from ..servers import Servers
from ..tickets.exchange import Exchange
from ..tickets.xml import children, escape_xml, find, local_name, text_of
from .contact import Book, ListName
from .soap import call

__all__ = [
    "add_contact",
    "add_group",
    "add_member",
    "delete_contact",
    "delete_group",
    "delete_member",
    "fetch_book",
    "put_into_group",
    "rename_group",
    "take_out_of_group",
]

_WHOLE_BOOK = "<abId>00000000-0000-0000-0000-000000000000</abId>"
_NEVER = "0001-01-01T00:00:00.0000000-08:00"
_PAGE = 5000
# Every client writes this type for the groups of Messenger (libpurple contact.h).
_GROUP_TYPE = "C8529CE2-6EAD-434d-881F-341E17DB3FF8"

_ROLES = {
    "Allow": ListName.ALLOW,
    "Block": ListName.BLOCK,
    "Reverse": ListName.REVERSE,
    "Pending": ListName.PENDING,
}
_ROLE_NAMES = {name: role for role, name in _ROLES.items()}


def fetch_book(servers: Servers, ticket: Secret, *, paged: bool) -> Exchange[Book]:
    """Return the whole list: memberships first, then the address book.

    Args:
        servers: the servers of the network.
        ticket: the ticket for the contacts host.
        paged: whether to call ABFindContactsPaged, as clients of MSNP16 and on do, or ABFindAll.
    """
    book = Book()
    types = "".join(f"<ServiceType>{name}</ServiceType>" for name in ("Messenger", "Invitation"))
    asked = f"<serviceFilter><Types>{types}</Types></serviceFilter>"
    _read_memberships((yield from call(servers, ticket, "FindMembership", asked)), book)
    for may_be_new in (True, False):
        try:
            _read_contacts((yield from _fetch_contacts(servers, ticket, paged)), book)
        except CommandRefused as error:
            # An account that nobody has used yet has no address book: the client creates it.
            if not may_be_new or error.code != "ABDoesNotExist":
                raise
        else:
            break
        yield from _make_book(servers, ticket)
    return book


def _fetch_contacts(servers: Servers, ticket: Secret, paged: bool) -> Exchange[Element]:
    if not paged:
        asked = (
            f"{_WHOLE_BOOK}<abView>Full</abView><deltasOnly>false</deltasOnly>"
            f"<lastChange>{_NEVER}</lastChange>"
        )
        return (yield from call(servers, ticket, "ABFindAll", asked))
    asked = (
        "<abView>MessengerClient8</abView><extendedContent>AB AllGroups</extendedContent>"
        f"<filterOptions><DeltasOnly>false</DeltasOnly><LastChanged>{_NEVER}</LastChanged>"
        "<ContactFilter><IncludeHiddenContacts>true</IncludeHiddenContacts></ContactFilter>"
        f"</filterOptions><pageContext><PageSize>{_PAGE}</PageSize>"
        "<Direction>Forward</Direction></pageContext>"
    )
    return (yield from call(servers, ticket, "ABFindContactsPaged", asked))


def _make_book(servers: Servers, ticket: Secret) -> Exchange[None]:
    content = (
        "<abInfo><name/><ownerPuid>0</ownerPuid><ownerEmail/><fDefault>true</fDefault></abInfo>"
    )
    yield from call(servers, ticket, "ABAdd", content)


def _read_memberships(answer: Element, book: Book) -> None:
    for membership in answer.iter():
        if local_name(membership) != "Membership":
            continue
        list_name = _ROLES.get(text_of(membership, "MemberRole") or "")
        members = find(membership, "Members")
        if list_name is None or members is None:
            continue
        for member in children(members, "Member"):
            fields = _fields(member)
            # Members without these fields are telephones and circles.
            passport = fields.get("PassportName") or fields.get("Email")
            if passport and fields.get("Deleted") != "true":
                book.entry(passport).put(list_name, is_on=True)


def _read_contacts(answer: Element, book: Book) -> None:
    for element in answer.iter():
        match local_name(element):
            case "Group":
                _read_group(element, book)
            case "Contact":
                _read_contact(element, book)
            case _:
                pass


def _read_group(element: Element, book: Book) -> None:
    fields = _fields(element)
    info = find(element, "groupInfo")
    name = "" if info is None else _fields(info).get("name", "")
    if fields.get("groupId") and fields.get("fDeleted") != "true":
        book.groups[fields["groupId"].lower()] = name


def _read_contact(element: Element, book: Book) -> None:
    fields = _fields(element)
    info = find(element, "contactInfo")
    about = {} if info is None else _fields(info)
    passport = about.get("passportName", "")
    if about.get("contactType") == "Me":
        book.own_name = about.get("displayName", "")
        return
    # A circle is a group chat of later versions.
    is_circle = about.get("contactType") == "Circle"
    if info is None or not passport or is_circle or fields.get("fDeleted") == "true":
        return
    entry = book.entry(passport)
    entry.put(ListName.FORWARD, is_on=True)
    entry.name = about.get("displayName") or about.get("quickName", "")
    entry.id = fields.get("contactId", "").lower()
    groups = next(children(info, "groupIds"), None)
    if groups is not None:
        entry.group_ids = tuple((guid.text or "").strip().lower() for guid in groups)


def _fields(element: Element) -> dict[str, str]:
    """Return the texts of an element's children by their local names."""
    return {local_name(child): (child.text or "").strip() for child in element}


# --- changes -------------------------------------------------------------------------------------


def add_contact(servers: Servers, ticket: Secret, passport: str) -> Exchange[str]:
    """Put a person on the forward list; return the contact id that the address book assigns."""
    content = (
        f"{_WHOLE_BOOK}<contacts><Contact><contactInfo><contactType>LivePending</contactType>"
        f"<passportName>{escape_xml(passport)}</passportName><isMessengerUser>true</isMessengerUser>"
        "</contactInfo></Contact></contacts>"
        "<options><EnableAllowListManagement>true</EnableAllowListManagement></options>"
    )
    answer = yield from call(servers, ticket, "ABContactAdd", content, scenario="ContactSave")
    return (text_of(answer, "guid") or "").lower()


def delete_contact(servers: Servers, ticket: Secret, contact_id: str) -> Exchange[None]:
    """Take a person off the forward list."""
    content = f"{_WHOLE_BOOK}<contacts>{_contact(contact_id)}</contacts>"
    yield from call(servers, ticket, "ABContactDelete", content, scenario="Timer")


def add_member(
    servers: Servers, ticket: Secret, list_name: ListName, passport: str
) -> Exchange[None]:
    """Put a person on the allow, block or reverse list."""
    content = _membership(list_name, passport)
    yield from call(servers, ticket, "AddMember", content, scenario="BlockUnblock")


def delete_member(
    servers: Servers, ticket: Secret, list_name: ListName, passport: str
) -> Exchange[None]:
    """Take a person off the allow, block or pending list."""
    content = _membership(list_name, passport)
    yield from call(servers, ticket, "DeleteMember", content, scenario="BlockUnblock")


def add_group(servers: Servers, ticket: Secret, name: str) -> Exchange[str]:
    """Make a group; return its id."""
    content = (
        f"{_WHOLE_BOOK}<groupAddOptions><fRenameOnMsgrConflict>false</fRenameOnMsgrConflict>"
        f"</groupAddOptions><groupInfo><GroupInfo><name>{escape_xml(name)}</name>"
        f"<groupType>{_GROUP_TYPE}</groupType><fMessenger>false</fMessenger><annotations>"
        "<Annotation><Name>MSN.IM.Display</Name><Value>1</Value></Annotation></annotations>"
        "</GroupInfo></groupInfo>"
    )
    answer = yield from call(servers, ticket, "ABGroupAdd", content, scenario="GroupSave")
    return (text_of(answer, "guid") or "").lower()


def delete_group(servers: Servers, ticket: Secret, group_id: str) -> Exchange[None]:
    """Delete a group; its members stay on the list."""
    content = f"{_WHOLE_BOOK}{_filter(group_id)}"
    yield from call(servers, ticket, "ABGroupDelete", content, scenario="Timer")


def rename_group(servers: Servers, ticket: Secret, group_id: str, name: str) -> Exchange[None]:
    """Give a group another name."""
    content = (
        f"{_WHOLE_BOOK}<groups><Group><groupId>{escape_xml(group_id)}</groupId><groupInfo>"
        f"<name>{escape_xml(name)}</name></groupInfo>"
        "<propertiesChanged>GroupName </propertiesChanged></Group></groups>"
    )
    yield from call(servers, ticket, "ABGroupUpdate", content, scenario="GroupSave")


def put_into_group(
    servers: Servers, ticket: Secret, group_id: str, contact_id: str
) -> Exchange[None]:
    """Put a contact of the forward list into a group."""
    content = f"{_WHOLE_BOOK}{_filter(group_id)}<contacts>{_contact(contact_id)}</contacts>"
    yield from call(servers, ticket, "ABGroupContactAdd", content, scenario="GroupSave")


def take_out_of_group(
    servers: Servers, ticket: Secret, group_id: str, contact_id: str
) -> Exchange[None]:
    """Take a contact out of a group."""
    content = f"{_WHOLE_BOOK}<contacts>{_contact(contact_id)}</contacts>{_filter(group_id)}"
    yield from call(servers, ticket, "ABGroupContactDelete", content, scenario="GroupSave")


def _contact(contact_id: str) -> str:
    return f"<Contact><contactId>{escape_xml(contact_id)}</contactId></Contact>"


def _filter(group_id: str) -> str:
    return f"<groupFilter><groupIds><guid>{escape_xml(group_id)}</guid></groupIds></groupFilter>"


def _membership(list_name: ListName, passport: str) -> str:
    return (
        "<serviceHandle><Id>0</Id><Type>Messenger</Type><ForeignId></ForeignId></serviceHandle>"
        f"<memberships><Membership><MemberRole>{_ROLE_NAMES[list_name]}</MemberRole><Members>"
        '<Member xsi:type="PassportMember"><Type>Passport</Type><State>Accepted</State>'
        f"<PassportName>{escape_xml(passport)}</PassportName></Member></Members></Membership>"
        "</memberships>"
    )

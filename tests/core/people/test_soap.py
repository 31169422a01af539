from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from msnpauth import (
    CommandRefused,
    RemoteProtocolError,
    Secret,
    Servers,
    ServiceUnavailable,
    SignInError,
    TooManyRedirects,
    UntrustedRedirect,
)
from msnpauth.core.people import addressbook
from msnpauth.core.people.contact import Book, ListName
from msnpauth.core.people.soap import AB, call
from msnpauth.core.tickets.exchange import Exchange, Request, Response
from msnpauth.core.tickets.xml import find, find_all, parse, text_of

SERVERS = Servers("ns.example", contacts="https://contacts.example:8443")
TICKET = Secret("t=abc&p=")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def envelope(content: str) -> bytes:
    return f'<s:Envelope xmlns:s="urn:s"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def fault(code: str = "", text: str = "Words") -> bytes:
    detail = f'<detail><errorcode xmlns="{AB}">{code}</errorcode></detail>' if code else ""
    return envelope(
        f"<s:Fault><faultcode>s:Client</faultcode><faultstring>{text}</faultstring>{detail}"
        "</s:Fault>"
    )


def run(exchange: Exchange[Any], *answers: Response) -> tuple[Any, list[Request]]:
    """Return what an exchange returns when it is answered like that, and what it asks."""
    asked, left = [next(exchange)], list(answers)
    while left:
        try:
            asked.append(exchange.send(left.pop(0)))
        except StopIteration as end:
            assert not left
            return end.value, asked
    raise AssertionError("the exchange wants more answers")


def test_a_call() -> None:
    found, (request,) = run(
        call(SERVERS, TICKET, "ABFindAll", "<abId/>"), Response(200, (), envelope("<x>y</x>"))
    )
    assert text_of(found, "x") == "y"
    assert str(request.url) == "https://contacts.example:8443/abservice/abservice.asmx"
    assert request.method == "POST"
    assert dict(request.headers)["SOAPAction"] == f'"{AB}/ABFindAll"'
    root = parse(request.body)
    assert text_of(root, "TicketToken") == "t=abc&p="
    asked = find(root, "ABFindAll")
    assert asked is not None
    assert find(asked, "abId") is not None
    assert "abc" not in repr(request)
    assert "abc" not in str(vars(request))


@pytest.mark.parametrize("operation", ["FindMembership", "AddMember", "DeleteMember"])
def test_memberships_have_a_service_of_their_own(operation: str) -> None:
    request = next(call(SERVERS, TICKET, operation, ""))
    assert request.url.target == "/abservice/SharingService.asmx"


@pytest.mark.parametrize(
    ("response", "kind", "text"),
    [
        (
            Response(500, (), fault("ContactAlreadyExists", "Already there")),
            CommandRefused,
            "contacts at https://contacts.example:8443: ABAdd was refused (ContactAlreadyExists):"
            " “Already there”",
        ),
        (
            Response(500, (), fault()),
            RemoteProtocolError,
            "contacts at https://contacts.example:8443: the server did not take ABAdd"
            " (500): “Words”; check that the address is the right one for this role",
        ),
        (
            Response(503, (), fault("", "t=abc&amp;p=")),
            ServiceUnavailable,
            "contacts at https://contacts.example:8443: the server has trouble; try again later",
        ),
        (
            Response(500, (), fault("", "token t=abc&amp;p= is bad")),
            RemoteProtocolError,
            "contacts at https://contacts.example:8443: the server did not take ABAdd"
            " (500); check that the address is the right one for this role",
        ),
        (
            Response(503, (("Retry-After", "7"),), b"<html>"),
            ServiceUnavailable,
            "contacts at https://contacts.example:8443: the server is too busy (503); try again in"
            " 7 seconds",
        ),
        (
            Response(403, (), b"Forbidden"),
            RemoteProtocolError,
            "contacts at https://contacts.example:8443: that is no XML (403); check that the"
            " address is the right one for this role",
        ),
        (
            Response(404),
            RemoteProtocolError,
            "contacts at https://contacts.example:8443: there is nothing at that address (404); the"
            " host is there, but not that address: check its path with the network's own site",
        ),
        (
            Response(302, (("Location", "https://evil.example/"),)),
            UntrustedRedirect,
            "contacts at https://contacts.example:8443: redirected to https://evil.example, which"
            " this network does not vouch for; a hotspot does that: open a web page in a browser; if"
            " that host is the network's, name it in Servers(trusted_hosts=…)",
        ),
    ],
)
def test_how_a_call_fails(response: Response, kind: type[SignInError], text: str) -> None:
    with pytest.raises(kind) as caught:
        run(call(SERVERS, TICKET, "ABAdd", ""), response)
    assert str(caught.value) == text


def test_redirects_within_the_host_are_followed() -> None:
    away = Response(302, (("Location", "/other"),))
    _, asked = run(call(SERVERS, TICKET, "ABAdd", ""), away, Response(200, (), envelope("")))
    assert [request.url.target for request in asked] == ["/abservice/abservice.asmx", "/other"]
    with pytest.raises(TooManyRedirects):
        run(call(SERVERS, TICKET, "ABAdd", ""), *[away] * 6)


# --- the address book ----------------------------------------------------------------------------

MEMBERS = envelope(
    "<Services><Service><Memberships>"
    "<Membership><MemberRole>Allow</MemberRole><Members>"
    "<Member><PassportName>A@b</PassportName><Deleted>false</Deleted></Member>"
    "<Member><PassportName>gone@b</PassportName><Deleted>true</Deleted></Member>"
    "<Member><Email>mail@b</Email></Member><Member><PhoneNumber>1</PhoneNumber></Member>"
    "</Members></Membership>"
    "<Membership><MemberRole>Block</MemberRole></Membership>"
    "<Membership><MemberRole>Pending</MemberRole><Members>"
    "<Member><PassportName>new@b</PassportName></Member></Members></Membership>"
    "<Membership><MemberRole>Admin</MemberRole><Members>"
    "<Member><PassportName>x@b</PassportName></Member></Members></Membership>"
    "</Memberships></Service></Services>"
)
PEOPLE = envelope(
    "<r><groups><Group><groupId>0A</groupId><groupInfo><name>Fri &amp; ends</name></groupInfo>"
    "</Group><Group><groupId>0B</groupId><groupInfo><name>Old</name></groupInfo>"
    "<fDeleted>true</fDeleted></Group></groups><contacts>"
    "<Contact><contactId>ID</contactId><contactInfo><contactType>Regular</contactType>"
    "<passportName>a@b</passportName><quickName>Q</quickName><displayName>Ann</displayName>"
    "<groupIds><guid>0A</guid><guid>0b</guid></groupIds></contactInfo></Contact>"
    "<Contact><contactId>2</contactId><contactInfo><contactType>Live</contactType>"
    "<passportName>c@b</passportName><quickName>Q</quickName></contactInfo></Contact>"
    "<Contact><contactInfo><contactType>Me</contactType><passportName>me@b</passportName>"
    "</contactInfo></Contact>"
    "<Contact><contactInfo><contactType>Circle</contactType><passportName>o@b</passportName>"
    "</contactInfo></Contact>"
    "<Contact><contactInfo><passportName>d@b</passportName></contactInfo>"
    "<fDeleted>true</fDeleted></Contact>"
    "<Contact><contactInfo><contactType>Regular</contactType></contactInfo></Contact><Contact/>"
    "</contacts></r>"
)


@pytest.mark.parametrize(
    ("paged", "operation"), [(False, "ABFindAll"), (True, "ABFindContactsPaged")]
)
def test_a_whole_list(paged: bool, operation: str) -> None:
    book, asked = run(
        addressbook.fetch_book(SERVERS, TICKET, paged=paged),
        Response(200, (), MEMBERS),
        Response(200, (), PEOPLE),
    )
    assert isinstance(book, Book)
    assert find(parse(asked[1].body), operation) is not None
    assert [(e.passport, e.name, e.bits, e.group_ids, e.id) for e in book.entries.values()] == [
        ("A@b", "Ann", 3, ("0a", "0b"), "id"),
        ("mail@b", "", 2, (), ""),
        ("new@b", "", 16, (), ""),
        ("c@b", "Q", 1, (), "2"),
    ]
    assert book.groups == {"0a": "Fri & ends"}
    assert book.contact(book.entry("a@b")).groups == ("Fri & ends",)


def test_an_empty_body_is_an_empty_list() -> None:
    empty = Response(200, (), envelope(""))
    book, _ = run(addressbook.fetch_book(SERVERS, TICKET, paged=True), empty, empty)
    assert (book.entries, book.groups) == ({}, {})


def test_an_account_without_a_book_gets_one() -> None:
    missing = Response(500, (), fault("ABDoesNotExist"))
    empty = Response(200, (), envelope(""))
    _, asked = run(
        addressbook.fetch_book(SERVERS, TICKET, paged=False), empty, missing, empty, empty
    )
    operations = [dict(request.headers)["SOAPAction"] for request in asked]
    assert [str(name).rpartition("/")[2] for name in operations] == [
        'FindMembership"',
        'ABFindAll"',
        'ABAdd"',
        'ABFindAll"',
    ]
    with pytest.raises(CommandRefused, match="ABDoesNotExist"):
        run(addressbook.fetch_book(SERVERS, TICKET, paged=False), empty, missing, empty, missing)
    with pytest.raises(CommandRefused, match="Other"):
        run(
            addressbook.fetch_book(SERVERS, TICKET, paged=False),
            empty,
            Response(500, (), fault("Other")),
        )


GUID = Response(200, (), envelope("<guid>AB</guid>"))
CHANGES: dict[str, tuple[Exchange[Any], str, dict[str, str], object]] = {
    "add": (
        addressbook.add_contact(SERVERS, TICKET, "a&b@c"),
        "ABContactAdd",
        {"passportName": "a&b@c", "contactType": "LivePending"},
        "ab",
    ),
    "delete": (
        addressbook.delete_contact(SERVERS, TICKET, "ID"),
        "ABContactDelete",
        {"contactId": "ID"},
        None,
    ),
    "allow": (
        addressbook.add_member(SERVERS, TICKET, ListName.ALLOW, "a@b"),
        "AddMember",
        {"MemberRole": "Allow", "PassportName": "a@b"},
        None,
    ),
    "no longer pending": (
        addressbook.delete_member(SERVERS, TICKET, ListName.PENDING, "a@b"),
        "DeleteMember",
        {"MemberRole": "Pending", "PassportName": "a@b"},
        None,
    ),
    "group": (
        addressbook.add_group(SERVERS, TICKET, "A & \x01\ufffeB"),
        "ABGroupAdd",
        {"name": "A & B"},
        "ab",
    ),
    "no group": (
        addressbook.delete_group(SERVERS, TICKET, "G"),
        "ABGroupDelete",
        {"guid": "G"},
        None,
    ),
    "rename": (
        addressbook.rename_group(SERVERS, TICKET, "G", "N"),
        "ABGroupUpdate",
        {"groupId": "G", "name": "N", "propertiesChanged": "GroupName"},
        None,
    ),
    "into": (
        addressbook.put_into_group(SERVERS, TICKET, "G", "ID"),
        "ABGroupContactAdd",
        {"guid": "G", "contactId": "ID"},
        None,
    ),
    "out of": (
        addressbook.take_out_of_group(SERVERS, TICKET, "G", "ID"),
        "ABGroupContactDelete",
        {"guid": "G", "contactId": "ID"},
        None,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes(name: str) -> None:
    exchange, operation, fields, result = CHANGES[name]
    found, (request,) = run(exchange, GUID)
    asked = next(find_all(parse(request.body), operation))
    assert {field: text_of(asked, field) for field in fields} == fields
    assert found == result

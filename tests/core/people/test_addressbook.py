"""What the contacts host is asked, word for word, and what is made of its answers."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

import pytest

from msnpauth import CommandRefused, Secret, Servers
from msnpauth.core.people import addressbook
from msnpauth.core.people.contact import Book, ListName
from msnpauth.core.people.soap import AB
from msnpauth.core.tickets.exchange import Exchange, Request, Response
from msnpauth.core.tickets.xml import find, find_all, local_name, parse, text_of

SERVERS = Servers("ns.example", contacts="https://contacts.example")
TICKET = Secret("t=abc&p=")
NOBODY = "<r/>"


def answer(content: str, status: int = 200) -> Response:
    return Response(status, (), f'<e:E xmlns:e="urn:e"><e:Body>{content}</e:Body></e:E>'.encode())


def refusal(word: str) -> Response:
    detail = f'<detail><errorcode xmlns="{AB}">{word}</errorcode></detail>'
    return answer(f"<e:Fault><faultstring>No</faultstring>{detail}</e:Fault>", 500)


def run(exchange: Exchange[Any], *answers: Response) -> tuple[Any, list[Request]]:
    """Return what comes of an exchange, and what was asked."""
    asked = [next(exchange)]
    for at, one in enumerate(answers):
        try:
            asked.append(exchange.send(one))
        except StopIteration as end:
            assert at == len(answers) - 1, "there is one answer too many"
            return end.value, asked
    raise AssertionError("the exchange wants more answers")


def read(members: str = NOBODY, people: str = NOBODY, *, paged: bool = False) -> Book:
    book, _ = run(
        addressbook.fetch_book(SERVERS, TICKET, paged=paged), answer(members), answer(people)
    )
    assert isinstance(book, Book)
    return book


def asked_by(request: Request) -> tuple[str, Element]:
    """Return the operation's name, and its element."""
    body = find(parse(request.body), "Body")
    assert body is not None
    (operation,) = body
    return local_name(operation), operation


def membership(role: str, *members: str) -> str:
    inside = "".join(f"<Member>{member}</Member>" for member in members)
    return f"<Membership><MemberRole>{role}</MemberRole><Members>{inside}</Members></Membership>"


def person(passport: str, *, about: str = "", beside: str = "", kind: str = "Regular") -> str:
    return (
        f"<Contact>{beside}<contactInfo><contactType>{kind}</contactType>"
        f"<passportName>{passport}</passportName>{about}</contactInfo></Contact>"
    )


# --- what is asked -------------------------------------------------------------------------------


def test_memberships_are_asked_for_messenger_alone() -> None:
    """A host has those of other services as well: a blog's readers see nobody's presence."""
    name, asked = asked_by(next(addressbook.fetch_book(SERVERS, TICKET, paged=False)))
    assert name == "FindMembership"
    assert [kind.text for kind in find_all(asked, "ServiceType")] == ["Messenger", "Invitation"]


@pytest.mark.parametrize(
    ("paged", "name", "fields"),
    [
        (
            False,
            "ABFindAll",
            {
                "abId": "00000000-0000-0000-0000-000000000000",
                "abView": "Full",
                "deltasOnly": "false",
            },
        ),
        (
            True,
            "ABFindContactsPaged",
            {
                "abView": "MessengerClient8",
                "extendedContent": "AB AllGroups",
                "DeltasOnly": "false",
                "Direction": "Forward",
            },
        ),
    ],
)
def test_the_whole_book_is_asked_for(paged: bool, name: str, fields: dict[str, str]) -> None:
    exchange = addressbook.fetch_book(SERVERS, TICKET, paged=paged)
    next(exchange)
    found, asked = asked_by(exchange.send(answer(NOBODY)))
    assert (found, {field: text_of(asked, field) for field in fields}) == (name, fields)


@pytest.mark.parametrize("paged", [False, True])
def test_a_book_is_made_once(paged: bool) -> None:
    """`fDefault` says that it is the account's own."""
    _, asked = run(
        addressbook.fetch_book(SERVERS, TICKET, paged=paged),
        answer(NOBODY),
        refusal("ABDoesNotExist"),
        answer("<guid>x</guid>"),
        answer(NOBODY),
    )
    name, made = asked_by(asked[2])
    assert (name, text_of(made, "fDefault")) == ("ABAdd", "true")
    assert asked_by(asked[3])[0] == asked_by(asked[1])[0]


@pytest.mark.parametrize("refused", [0, 2])
def test_what_is_refused_on_the_way_to_the_book(refused: int) -> None:
    answers = [answer(NOBODY), refusal("ABDoesNotExist"), answer(NOBODY)][:refused]
    with pytest.raises(CommandRefused) as caught:
        run(
            addressbook.fetch_book(SERVERS, TICKET, paged=False),
            *answers,
            refusal("ABDoesNotExist" if refused == 0 else "QuotaLimitReached"),
        )
    assert caught.value.code == ("ABDoesNotExist" if refused == 0 else "QuotaLimitReached")


HOSTILE = 'a&b<c>"d"</name>@e.example'


@pytest.mark.parametrize(
    ("exchange", "field"),
    [
        (addressbook.add_contact(SERVERS, TICKET, HOSTILE), "passportName"),
        (addressbook.delete_contact(SERVERS, TICKET, HOSTILE), "contactId"),
        (addressbook.add_member(SERVERS, TICKET, ListName.BLOCK, HOSTILE), "PassportName"),
        (addressbook.delete_member(SERVERS, TICKET, ListName.BLOCK, HOSTILE), "PassportName"),
        (addressbook.add_group(SERVERS, TICKET, HOSTILE), "name"),
        (addressbook.delete_group(SERVERS, TICKET, HOSTILE), "guid"),
        (addressbook.rename_group(SERVERS, TICKET, HOSTILE, "x"), "groupId"),
        (addressbook.rename_group(SERVERS, TICKET, "x", HOSTILE), "name"),
        (addressbook.put_into_group(SERVERS, TICKET, HOSTILE, "x"), "guid"),
        (addressbook.put_into_group(SERVERS, TICKET, "x", HOSTILE), "contactId"),
        (addressbook.take_out_of_group(SERVERS, TICKET, HOSTILE, "x"), "guid"),
        (addressbook.take_out_of_group(SERVERS, TICKET, "x", HOSTILE), "contactId"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_words_of_people_are_text_and_no_markup(exchange: Exchange[Any], field: str) -> None:
    _, asked = asked_by(next(exchange))
    assert text_of(asked, field) == HOSTILE


@pytest.mark.parametrize(
    ("list_name", "role"),
    [
        (ListName.ALLOW, "Allow"),
        (ListName.BLOCK, "Block"),
        (ListName.REVERSE, "Reverse"),
        (ListName.PENDING, "Pending"),
    ],
)
def test_each_list_has_a_role(list_name: ListName, role: str) -> None:
    for change in (addressbook.add_member, addressbook.delete_member):
        _, asked = asked_by(next(change(SERVERS, TICKET, list_name, "a@b")))
        assert text_of(asked, "MemberRole") == role


@pytest.mark.parametrize(
    ("exchange", "scenario"),
    [
        (addressbook.fetch_book(SERVERS, TICKET, paged=False), "Initial"),
        (addressbook.add_contact(SERVERS, TICKET, "a@b"), "ContactSave"),
        (addressbook.add_member(SERVERS, TICKET, ListName.ALLOW, "a@b"), "BlockUnblock"),
        (addressbook.add_group(SERVERS, TICKET, "x"), "GroupSave"),
        (addressbook.delete_group(SERVERS, TICKET, "x"), "Timer"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_why_it_is_asked(exchange: Exchange[Any], scenario: str) -> None:
    """A server may do more for one reason than for another (libpurple contact.h)."""
    assert text_of(parse(next(exchange).body), "PartnerScenario") == scenario


# --- what is made of the answers -----------------------------------------------------------------


def test_somebody_may_be_on_several_lists() -> None:
    book = read(
        "<r>"
        + membership("Allow", "<PassportName>A@b</PassportName>")
        + membership("Reverse", "<PassportName>a@B</PassportName>")
        + membership("Block", "<PassportName> c@b </PassportName>")
        + "</r>",
        "<r>" + person("a@b") + "</r>",
    )
    lists = {one.passport: one.lists for one in map(book.contact, book.entries.values())}
    assert lists == {
        "A@b": {ListName.ALLOW, ListName.REVERSE, ListName.FORWARD},
        "c@b": {ListName.BLOCK},
    }


@pytest.mark.parametrize(
    "members",
    [
        membership("Allow"),
        membership("Allow", ""),
        membership("Allow", "<PhoneNumber>+49 30 1</PhoneNumber>"),
        membership("Allow", "<PassportName/>"),
        membership("Allow", "<PassportName>a@b</PassportName><Deleted>true</Deleted>"),
        membership("ProfileExpression", "<PassportName>a@b</PassportName>"),
        membership("allow", "<PassportName>a@b</PassportName>"),
        "<Membership><Members><Member><PassportName>a@b</PassportName></Member></Members></Membership>",
        "<Membership><MemberRole>Allow</MemberRole></Membership>",
        "<Membership/>",
    ],
)
def test_members_that_are_none(members: str) -> None:
    assert read(f"<r>{members}</r>").entries == {}


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ("<displayName>Ann</displayName><quickName>Q</quickName>", "Ann"),
        ("<displayName/><quickName>Q</quickName>", "Q"),
        ("<displayName>Ann &amp; Bob</displayName>", "Ann & Bob"),
        ("", ""),
    ],
)
def test_the_name_of_a_contact(about: str, name: str) -> None:
    (entry,) = read(people=f"<r>{person('a@b', about=about)}</r>").entries.values()
    assert entry.name == name


def test_ids_are_compared_in_lower_case() -> None:
    """The notification server and the address book do not spell them alike."""
    book = read(
        people="<r><Group><groupId>0A1B</groupId><groupInfo><name>Friends</name></groupInfo>"
        "</Group>"
        + person(
            "a@b",
            beside="<contactId>C0DE</contactId>",
            about="<groupIds><guid>0a1B</guid><guid> FFFF </guid></groupIds>",
        )
        + "</r>"
    )
    entry = book.entry("a@b")
    assert (entry.id, entry.group_ids, book.groups) == (
        "c0de",
        ("0a1b", "ffff"),
        {"0a1b": "Friends"},
    )
    assert book.contact(entry).groups == ("Friends",), "a group that is gone is no group"


@pytest.mark.parametrize(
    "people",
    [
        person("o@b", kind="Circle"),
        person("d@b", beside="<fDeleted>true</fDeleted>"),
        person(""),
        "<Contact><contactId>1</contactId></Contact>",
        "<Contact/>",
        "<Group/>",
        "<Group><groupInfo><name>x</name></groupInfo></Group>",
        "<Group><groupId>1</groupId><fDeleted>true</fDeleted></Group>",
    ],
)
def test_contacts_and_groups_that_are_none(people: str) -> None:
    book = read(people=f"<r>{people}</r>")
    assert (book.entries, book.groups) == ({}, {})


def test_the_accounts_own_entry_tells_its_name_and_is_no_contact() -> None:
    book = read(
        people="<r>" + person("me@b", kind="Me", about="<displayName>Zöe ♥</displayName>") + "</r>"
    )
    assert (book.own_name, book.entries) == ("Zöe ♥", {})


def test_elements_may_have_any_prefix() -> None:
    space = 'xmlns:q="http://www.msn.com/webservices/AddressBook"'
    book = read(
        f"<q:r {space}><q:Membership><q:MemberRole>Allow</q:MemberRole><q:Members><q:Member>"
        "<q:PassportName>a@b</q:PassportName></q:Member></q:Members></q:Membership></q:r>",
        f"<q:r {space}><q:Contact><q:contactInfo><q:passportName>a@b</q:passportName>"
        "</q:contactInfo></q:Contact></q:r>",
        paged=True,
    )
    assert book.contact(book.entry("a@b")).lists == {ListName.ALLOW, ListName.FORWARD}


@pytest.mark.parametrize(
    ("content", "expected"),
    [("<guid>AB-CD</guid>", "ab-cd"), ("<guid/>", ""), ("", "")],
)
def test_the_id_of_what_is_new(content: str, expected: str) -> None:
    for exchange in (
        addressbook.add_contact(SERVERS, TICKET, "a@b"),
        addressbook.add_group(SERVERS, TICKET, "x"),
    ):
        found, _ = run(exchange, answer(content))
        assert found == expected

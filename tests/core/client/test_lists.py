"""Changes of the list, as each version says them, and what is kept of them here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from msnpauth import CommandRefused, Contact, ListName, LocalProtocolError, Secret, Servers
from msnpauth.core.client.lists import Lists
from msnpauth.core.client.session_actions import Consult
from msnpauth.core.client.waiting import Outcome, Work
from msnpauth.core.people.contact import Book, Entry
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.tickets.xml import find, parse, text_of
from talk import Talk

ANN, FRIENDS = "1c3b0eb4-0001-4d75-8b9a-000000000001", "1c3b0eb4-0002-4d75-8b9a-000000000002"
FORWARD, ALLOW, BLOCK, REVERSE, PENDING = ListName

Change = Callable[[Lists], Work[None]]

LISTS: dict[int, tuple[str, ...]] = {
    3: (
        "SYN 5 7",
        "LST 5 FL 7 1 1 ann@b Ann",
        "LST 5 AL 7 1 1 ann@b Ann",
        "LST 5 BL 7 0 0",
        "LST 5 RL 7 0 0",
    ),
    7: (
        "SYN 5 7",
        "LSG 5 7 1 1 4 Friends 0",
        "LST 5 FL 7 1 1 ann@b Ann 0",
        "LST 5 AL 7 1 1 ann@b Ann",
        "LST 5 BL 7 0 0",
        "LST 5 RL 7 0 0",
    ),
    9: ("SYN 5 7 1 1", "LSG 4 Friends 0", "LST ann@b Ann 3 0"),
    10: (
        "SYN 5 1 1 1 1",
        f"LSG Friends {FRIENDS.upper()}",
        f"LST N=ann@b F=Ann C={ANN.upper()} 3",
    ),
    12: ("SYN 5 1 1 1 1", f"LSG Friends {FRIENDS}", f"LST N=ann@b F=Ann C={ANN} 3 1"),
}


def done(work: Outcome[Any]) -> Any:
    """Return what has come of it; it has to be there."""
    assert work.is_there
    return work.result()


class Kept:
    """A session that has read its list: Ann, whom it shows and allows, and the group Friends."""

    def __init__(self, dialect: int, *more: Entry) -> None:
        self.talk = Talk(dialect)
        work = self.talk.engine.begin(lambda it: it.presence.contacts())
        if dialect in LISTS:
            self.talk.hear(*LISTS[dialect])
        else:
            self.talk.wait(3.0)
            groups = {FRIENDS: "Friends"}
            people = {one.passport: one for one in (Entry("ann@b", "Ann", 3, id=ANN), *more)}
            self.consulted(Book(people, groups))
        done(work)
        self.talk.said()

    def begin(self, change: Change) -> Work[None]:
        return self.talk.engine.begin(lambda it: change(it.lists))

    def asked(self) -> Request | None:
        """Return what the contacts host is asked, if it is asked anything."""
        self._consult = next((a for a in self.talk.actions() if isinstance(a, Consult)), None)
        if self._consult is None:
            return None
        servers = Servers("ns.example", contacts="https://contacts.example")
        return next(self._consult.make(servers, Secret("t=1&p=")))

    def consulted(self, result: Any) -> None:
        if getattr(self, "_consult", None) is None:
            self.asked()
        consult, self._consult = self._consult, None
        assert consult is not None
        self.talk.engine.consulted(consult.number, result, self.talk.now)

    def contact(self, passport: str = "ann@b") -> Contact | None:
        people = done(self.talk.engine.begin(lambda it: it.presence.contacts()))
        return next((one for one in people if one.passport == passport), None)

    def lists_of(self, passport: str) -> set[ListName]:
        found = self.contact(passport)
        return set() if found is None else set(found.lists)


def bob(lists: Lists) -> Work[None]:
    return lists.add("bob@b", None)


# --- what is said --------------------------------------------------------------------------------

SAID: dict[str, tuple[Change, dict[int, list[str]]]] = {
    "somebody new": (
        bob,
        {
            3: ["ADD 6 FL bob@b bob@b", "ADD 7 AL bob@b bob@b"],
            7: ["ADD 6 FL bob@b bob@b 0", "ADD 7 AL bob@b bob@b"],
            9: ["ADD 6 FL bob@b bob@b 0", "ADD 7 AL bob@b bob@b"],
            10: ["ADC 6 FL N=bob@b F=bob@b", "ADC 7 AL N=bob@b"],
            12: ["ADC 6 FL N=bob@b F=bob@b", "ADC 7 AL N=bob@b"],
        },
    ),
    "somebody no longer shown": (
        lambda lists: lists.remove("Ann@b"),
        {
            3: ["REM 6 FL ann@b"],
            7: ["REM 6 FL ann@b"],
            9: ["REM 6 FL ann@b"],
            10: [f"REM 6 FL {ANN}"],
            12: [f"REM 6 FL {ANN}"],
        },
    ),
    "somebody blocked": (
        lambda lists: lists.block("ann@b"),
        {
            3: ["REM 6 AL ann@b", "ADD 7 BL ann@b ann@b"],
            9: ["REM 6 AL ann@b", "ADD 7 BL ann@b ann@b"],
            10: ["REM 6 AL ann@b", "ADC 7 BL N=ann@b"],
            12: ["REM 6 AL ann@b", "ADC 7 BL N=ann@b"],
        },
    ),
    "a group": (
        lambda lists: lists.add_group("Work & play"),
        {
            7: ["ADG 6 Work%20%26%20play 0"],
            9: ["ADG 6 Work%20%26%20play 0"],
            12: ["ADG 6 Work%20%26%20play"],
        },
    ),
    "a group with another name": (
        lambda lists: lists.rename_group("Friends", "Wörk"),
        {
            7: ["REG 6 4 W%C3%B6rk 0"],
            9: ["REG 6 4 W%C3%B6rk 0"],
            12: [f"REG 6 {FRIENDS} W%C3%B6rk"],
        },
    ),
    "no group": (
        lambda lists: lists.remove_group("Friends"),
        {7: ["RMG 6 4"], 9: ["RMG 6 4"], 12: [f"RMG 6 {FRIENDS}"]},
    ),
    "into a group": (
        lambda lists: lists.put_into_group("ann@b", "Friends"),
        {
            7: ["ADD 6 FL ann@b Ann 4"],
            9: ["ADD 6 FL ann@b Ann 4"],
            12: [f"ADC 6 FL C={ANN} {FRIENDS}"],
        },
    ),
}


@pytest.mark.parametrize(
    ("change", "dialect"), [(name, dialect) for name, (_, by) in SAID.items() for dialect in by]
)
def test_what_is_said(change: str, dialect: int) -> None:
    kept = Kept(dialect)
    do, expected = SAID[change]
    work = kept.begin(do)
    said = []
    while lines := kept.talk.said():
        said += lines
        for line in lines:
            kept.talk.hear(line)  # a server repeats what it has done
    assert said == expected[dialect]
    done(work)


@pytest.mark.parametrize("dialect", [7, 9, 12])
def test_out_of_a_group(dialect: int) -> None:
    kept = Kept(dialect)
    into = kept.begin(lambda lists: lists.put_into_group("ann@b", "Friends"))
    kept.talk.hear(*kept.talk.said())
    done(into)
    found = kept.contact()
    assert found is not None
    assert found.groups == ("Friends",)
    work = kept.begin(lambda lists: lists.take_out_of_group("ann@b", "Friends"))
    (line,) = kept.talk.said()
    assert line == (f"REM 7 FL {ANN} {FRIENDS}" if dialect == 12 else "REM 7 FL ann@b 4")
    kept.talk.hear(line)
    done(work)
    found = kept.contact()
    assert found is not None
    assert (found.groups, FORWARD in found.lists) == ((), True)
    again = kept.begin(lambda lists: lists.take_out_of_group("ann@b", "Friends"))
    assert (again.is_there, kept.talk.said()) == (True, [])


def test_a_contact_that_is_new_is_changed_by_the_id_that_the_server_has_given() -> None:
    kept = Kept(12)
    kept.begin(lambda lists: lists.add("bob@b", "Friends"))
    guid = "ABCDEF00-0003-4D75-8B9A-000000000003"
    kept.talk.hear(f"ADC 6 FL N=bob@b F=bob@b C={guid}", "ADC 7 AL N=bob@b")
    assert kept.talk.said()[-1] == f"ADC 8 FL C={guid.lower()} {FRIENDS}"
    kept.talk.hear("ADC 8 FL")
    found = kept.contact("bob@b")
    assert found == Contact("bob@b", "bob@b", ("Friends",), frozenset({FORWARD, ALLOW}))


@pytest.mark.parametrize(
    ("dialect", "reply", "word"),
    [
        (7, "ADG 6 8 Work 12 0", "12"),
        (9, "ADG 6 8 Work 12 0", "12"),
        (12, f"ADG 6 Work {FRIENDS[:-1].upper()}9", f"{FRIENDS[:-1]}9"),
    ],
)
def test_a_group_is_changed_by_the_id_that_the_server_has_given(
    dialect: int, reply: str, word: str
) -> None:
    kept = Kept(dialect)
    kept.begin(lambda lists: lists.add_group("Work"))
    kept.talk.hear(reply)
    kept.talk.said()
    kept.begin(lambda lists: lists.remove_group("Work"))
    assert kept.talk.said() == [f"RMG 7 {word}"]
    kept.talk.hear(f"RMG 7 {word}")
    with pytest.raises(LocalProtocolError, match=r"there is no group 'Work'; add_group\(\) makes"):
        kept.begin(lambda lists: lists.remove_group("Work")).result()


def test_who_was_in_a_group_that_is_gone_stays() -> None:
    kept = Kept(9)
    for change in (
        lambda lists: lists.put_into_group("ann@b", "Friends"),
        lambda lists: lists.remove_group("Friends"),
    ):
        work = kept.begin(change)
        kept.talk.hear(*kept.talk.said())
        done(work)
    assert kept.contact() == Contact("ann@b", "Ann", (), frozenset({FORWARD, ALLOW}))


def test_a_number_that_another_group_had_before() -> None:
    """Nobody is in a new group, whoever was in the one that had its number."""
    kept = Kept(9)
    for change, reply in (
        (lambda lists: lists.put_into_group("ann@b", "Friends"), "ADD 6 FL 8 ann@b Ann 4"),
        (lambda lists: lists.remove_group("Friends"), "RMG 7 9 4"),
        (lambda lists: lists.add_group("Work"), "ADG 8 10 Work 4 0"),
    ):
        work = kept.begin(change)
        kept.talk.hear(reply)
        done(work)
    found = kept.contact()
    assert found is not None
    assert found.groups == ()


def test_who_is_blocked_and_added_stays_blocked() -> None:
    kept = Kept(9)
    blocked = kept.begin(lambda lists: lists.block("bob@b"))
    kept.talk.hear(*kept.talk.said())
    done(blocked)
    work = kept.begin(bob)
    assert kept.talk.said() == ["ADD 7 FL bob@b bob@b 0"]
    kept.talk.hear("ADD 7 FL 9 bob@b bob@b 0")
    done(work)
    assert kept.lists_of("bob@b") == {FORWARD, BLOCK}


# --- codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [215, 216, 219])
def test_what_is_so_already_is_as_it_should_be(code: int) -> None:
    kept = Kept(9)
    work = kept.begin(lambda lists: lists.block("ann@b"))
    kept.talk.hear(f"{code} 6", f"{code} 7")
    done(work)
    assert kept.lists_of("ann@b") == {FORWARD, BLOCK}


@pytest.mark.parametrize("code", [201, 205, 208, 210, 403])
def test_what_is_refused_is_not_kept(code: int) -> None:
    kept = Kept(9)
    work = kept.begin(lambda lists: lists.block("ann@b"))
    kept.talk.hear("REM 6 AL 8 ann@b", f"{code} 7")
    with pytest.raises(CommandRefused) as caught:
        work.result()
    assert caught.value.code == code
    assert kept.lists_of("ann@b") == {FORWARD}, "the first of the two was done"


def test_a_group_that_is_refused_is_none() -> None:
    kept = Kept(12)
    work = kept.begin(lambda lists: lists.add_group("Work"))
    kept.talk.hear("223 6")
    with pytest.raises(CommandRefused, match="there are as many groups as there may be"):
        work.result()
    with pytest.raises(LocalProtocolError, match="there is no group 'Work'"):
        kept.begin(lambda lists: lists.remove_group("Work")).result()


# --- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda lists: lists.add("nobody", None),
        lambda lists: lists.remove("a b@c"),
        lambda lists: lists.allow(""),
        lambda lists: lists.block("@b"),
        lambda lists: lists.put_into_group("nobody", "Friends"),
        lambda lists: lists.take_out_of_group("nobody", "Friends"),
        lambda lists: lists.add_group(""),
        lambda lists: lists.add_group("x" * 62),
        lambda lists: lists.add_group("ö" * 11),  # 66 bytes, once they are encoded
        lambda lists: lists.rename_group("Friends", ""),
        lambda lists: lists.add_group(5),
    ],
)
def test_what_cannot_be_is_told_at_once(change: Change) -> None:
    kept = Kept(9)
    with pytest.raises(LocalProtocolError):
        kept.begin(change)
    assert kept.talk.said() == []


def test_the_longest_name_of_a_group() -> None:
    """NINA's servers take 61 bytes, counted as they travel."""
    kept = Kept(9)
    kept.begin(lambda lists: lists.add_group("x" * 61))
    kept.begin(lambda lists: lists.add_group("ö" * 10 + "x"))
    assert kept.talk.said() == [f"ADG 6 {'x' * 61} 0", f"ADG 7 {'%C3%B6' * 10}x 0"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda lists: lists.remove("bob@b"), "bob@b is not on the contact list"),
        (lambda lists: lists.put_into_group("bob@b", "Friends"), "bob@b is not on the contact"),
        (lambda lists: lists.put_into_group("ann@b", "friends"), "there is no group 'friends'"),
        (lambda lists: lists.rename_group("Work", "Play"), "there is no group 'Work'"),
        (lambda lists: lists.add("bob@b", "Work"), "there is no group 'Work'"),
    ],
)
def test_what_the_list_does_not_have(change: Change, text: str) -> None:
    kept = Kept(9)
    with pytest.raises(LocalProtocolError, match=text):
        kept.begin(change).result()
    assert kept.talk.said() == [], "nobody is put on half of the lists"


@pytest.mark.parametrize(
    "change",
    [
        lambda lists: lists.add_group("Work"),
        lambda lists: lists.rename_group("Friends", "Work"),
        lambda lists: lists.remove_group("Friends"),
        lambda lists: lists.put_into_group("ann@b", "Friends"),
        lambda lists: lists.take_out_of_group("ann@b", "Friends"),
        lambda lists: lists.add("bob@b", "Friends"),
    ],
)
def test_there_were_no_groups_before_msnp7(change: Change) -> None:
    kept = Kept(3)
    with pytest.raises(LocalProtocolError, match="MSNP3 has no groups; MSNP7 and later versions"):
        kept.begin(change).result()
    assert kept.talk.said() == []


# --- by SOAP -------------------------------------------------------------------------------------


def operation(request: Request | None) -> tuple[str, Any]:
    assert request is not None
    name = str(dict(request.headers)["SOAPAction"]).rpartition("/")[2].strip('"')
    return name, find(parse(request.body), name)


@pytest.mark.parametrize(
    ("change", "name", "fields", "payload"),
    [
        (
            lambda lists: lists.remove("ann@b"),
            "ABContactDelete",
            {"contactId": ANN},
            ("RML 5", b'<ml><d n="b"><c n="ann" l="1" t="1"/></d></ml>'),
        ),
        (
            lambda lists: lists.rename_group("Friends", "A & B"),
            "ABGroupUpdate",
            {"groupId": FRIENDS, "name": "A & B"},
            None,
        ),
        (
            lambda lists: lists.remove_group("Friends"),
            "ABGroupDelete",
            {"guid": FRIENDS},
            None,
        ),
        (
            lambda lists: lists.put_into_group("ann@b", "Friends"),
            "ABGroupContactAdd",
            {"guid": FRIENDS, "contactId": ANN},
            None,
        ),
    ],
)
def test_one_call_of_the_contacts_host(
    change: Change, name: str, fields: dict[str, str], payload: tuple[str, bytes] | None
) -> None:
    """The notification server is told of lists, and not of groups."""
    kept = Kept(15)
    work = kept.begin(change)
    found, asked = operation(kept.asked())
    assert (found, {field: text_of(asked, field) for field in fields}) == (name, fields)
    kept.consulted(None)
    if payload is not None:
        (command,) = kept.talk.engine.take_output(1, kept.talk.now)
        assert (f"{command.verb} {command.trid}", command.payload) == payload
        kept.talk.hear(f"{command.verb} {command.trid} OK")
    done(work)
    assert kept.talk.said() == []


def test_somebody_new_by_soap() -> None:
    """The contacts host is told first, and then the server that shows them who is there."""
    kept = Kept(15)
    work = kept.begin(bob)
    steps: list[str] = []
    bits: list[bytes] = []
    for _ in range(2):
        steps.append(operation(kept.asked())[0])
        kept.consulted("ABCD" if len(steps) == 1 else None)
        (command,) = kept.talk.engine.take_output(1, kept.talk.now)
        steps.append(command.verb)
        bits.append(command.payload or b"")
        kept.talk.hear(f"ADL {command.trid} OK")
    assert steps == ["ABContactAdd", "ADL", "AddMember", "ADL"]
    assert [b'l="1"' in payload for payload in bits] == [True, False]
    assert [b'l="2"' in payload for payload in bits] == [False, True]
    done(work)
    kept.begin(lambda lists: lists.remove("bob@b"))
    _, asked = operation(kept.asked())
    assert text_of(asked, "contactId") == "ABCD"


def test_who_is_pending_is_no_business_of_the_notification_server() -> None:
    kept = Kept(15, Entry("new@b", bits=PENDING.bit))
    work = kept.begin(lambda lists: lists.allow("new@b"))
    calls = []
    while not work.is_there:
        name, asked = operation(kept.asked())
        calls.append((name, text_of(asked, "MemberRole")))
        kept.consulted(None)
        for command in kept.talk.engine.take_output(1, kept.talk.now):
            assert b'l="2"' in (command.payload or b""), "it refuses the other lists by 241"
            kept.talk.hear(f"{command.verb} {command.trid} OK")
    assert calls == [("AddMember", "Allow"), ("DeleteMember", "Pending"), ("AddMember", "Reverse")]
    done(work)
    assert kept.lists_of("new@b") == {ALLOW, REVERSE}


@pytest.mark.parametrize(
    ("word", "is_fine"),
    [
        ("MemberAlreadyExists", True),
        ("MemberDoesNotExist", True),
        ("ContactAlreadyExists", True),
        ("BadEmailArgument", False),
        ("QuotaLimitReached", False),
    ],
)
def test_words_of_the_contacts_host(word: str, is_fine: bool) -> None:
    kept = Kept(15)
    work = kept.begin(lambda lists: lists.block("bob@b"))
    kept.asked()
    kept.consulted(CommandRefused("AddMember was refused", code=word))
    if is_fine:
        kept.talk.hear("ADL 5 OK")
        done(work)
        assert kept.lists_of("bob@b") == {BLOCK}
        return
    with pytest.raises(CommandRefused) as caught:
        work.result()
    assert (caught.value.code, kept.lists_of("bob@b"), kept.talk.said()) == (word, set(), [])

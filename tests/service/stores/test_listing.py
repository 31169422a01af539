"""Changes of a list: what each does to people and groups, and that the serial tells of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msnpauth.core.people.contact import ListName
from msnpauth.service.stores.listing import (
    contact_id,
    group_number,
    is_group_name,
    new_group,
    put_into_group,
    put_on,
    remove_group,
    rename_group,
    shortened,
    take_off,
)
from msnpauth.service.stores.protocol import Lists

BOB = "Bob@example.com"
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def test_a_person_has_one_id_everywhere_and_for_ever() -> None:
    assert GUID.fullmatch(contact_id(BOB))
    assert contact_id(BOB) == contact_id(BOB.upper())
    assert contact_id(BOB) != contact_id("carol@example.com")


# --- groups --------------------------------------------------------------------------------------


def test_groups_are_numbered_from_one() -> None:
    lists = Lists()
    made = [new_group(lists, name) for name in ("one", "two", "three")]
    assert [group_number(group) for group in made] == ["1", "2", "3"]
    assert all(GUID.fullmatch(group) for group in made)
    assert list(lists.book.groups.values()) == ["one", "two", "three"]
    assert lists.serial == 4


def test_no_group_that_is_there_gets_its_number_twice() -> None:
    lists = Lists()
    first, second, third = (new_group(lists, name) for name in "abc")
    remove_group(lists, second)
    fourth = new_group(lists, "d")
    assert group_number(fourth) == "4"
    assert list(lists.book.groups) == [first, third, fourth]


def test_the_number_of_a_group_is_decimal() -> None:
    lists = Lists()
    made = [new_group(lists, str(number)) for number in range(17)]
    assert [group_number(group) for group in made[8:]] == [str(number) for number in range(9, 18)]
    # An address book of somebody else's may have any GUID there.
    assert group_number("c8529ce2-6ead-434d-881f-341e17db3ff8") == str(0x341E17DB3FF8)


def test_a_group_gets_another_name_at_its_place() -> None:
    lists = Lists()
    first, second = new_group(lists, "one"), new_group(lists, "two")
    rename_group(lists, first, "uno")
    assert list(lists.book.groups.items()) == [(first, "uno"), (second, "two")]
    assert lists.serial == 4


def test_a_person_is_in_a_group_once() -> None:
    lists = Lists()
    groups = [new_group(lists, "one"), new_group(lists, "two")]
    bob = put_on(lists, BOB, ListName.FORWARD)
    for group in (*groups, *groups):
        put_into_group(lists, bob, group, is_in=True)
    assert sorted(bob.group_ids) == groups
    put_into_group(lists, bob, groups[0], is_in=False)
    put_into_group(lists, bob, groups[0], is_in=False)
    assert bob.group_ids == (groups[1],)


def test_people_of_a_group_that_is_gone_stay_on_the_list_and_in_their_other_groups() -> None:
    lists = Lists()
    one, two = new_group(lists, "one"), new_group(lists, "two")
    bob, carol = (put_on(lists, who, ListName.FORWARD) for who in (BOB, "carol@example.com"))
    bob.group_ids, carol.group_ids = (one, two), (one,)
    serial = lists.serial
    remove_group(lists, one)
    assert [bob.group_ids, carol.group_ids] == [(two,), ()]
    assert bob.is_on(ListName.FORWARD)
    assert carol.is_on(ListName.FORWARD)
    assert list(lists.book.groups) == [two]
    assert lists.serial == serial + 1


# --- people --------------------------------------------------------------------------------------


def test_who_is_put_on_a_list_is_known_from_then_on() -> None:
    lists = Lists()
    bob = put_on(lists, BOB, ListName.FORWARD, "Bob B")
    assert (bob.passport, bob.name, bob.id) == (BOB, "Bob B", contact_id(BOB))
    assert lists.book.find("BOB@EXAMPLE.COM") is bob
    assert put_on(lists, "bob@EXAMPLE.com", ListName.ALLOW, "Other") is bob
    assert (bob.passport, bob.name) == (BOB, "Bob B"), "as it was known first"
    assert bob.bits == 3
    assert lists.serial == 3


def test_a_name_that_was_missing_is_filled_in_and_nothing_else_is_changed() -> None:
    lists = Lists()
    bob = put_on(lists, BOB, ListName.REVERSE)
    assert put_on(lists, BOB, ListName.REVERSE, "Bob B") is bob
    assert bob.name == "Bob B"
    assert lists.serial == 2, "who is on the list already is no change of it"


@pytest.mark.parametrize("list_name", ListName)
def test_who_is_taken_off_the_last_list_is_forgotten(list_name: ListName) -> None:
    lists = Lists()
    put_on(lists, BOB, list_name)
    take_off(lists, "BOB@example.com", list_name)
    assert lists.book.entries == {}
    assert lists.serial == 3


def test_who_is_on_another_list_stays_without_groups() -> None:
    lists = Lists()
    bob = put_on(lists, BOB, ListName.FORWARD)
    put_on(lists, BOB, ListName.ALLOW)
    put_into_group(lists, bob, new_group(lists, "one"), is_in=True)
    groups = bob.group_ids
    take_off(lists, BOB, ListName.BLOCK)
    take_off(lists, "nobody@example.com", ListName.ALLOW)
    assert bob.group_ids == groups
    serial = lists.serial
    take_off(lists, BOB, ListName.FORWARD)
    assert bob.bits == ListName.ALLOW.bit
    assert bob.group_ids == ()
    assert lists.serial == serial + 1


def test_who_is_taken_off_the_allow_list_stays_in_the_groups() -> None:
    lists = Lists()
    bob = put_on(lists, BOB, ListName.FORWARD)
    put_on(lists, BOB, ListName.ALLOW)
    put_into_group(lists, bob, new_group(lists, "one"), is_in=True)
    take_off(lists, BOB, ListName.ALLOW)
    assert len(bob.group_ids) == 1


PEOPLE = st.sampled_from(["a@b", "A@B", "c@d"])
STEPS = st.tuples(
    st.sampled_from(["put", "take", "group", "remove"]), PEOPLE, st.sampled_from(ListName)
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=30))
def test_whatever_is_done_the_list_holds_together(
    steps: list[tuple[str, str, ListName]],
) -> None:
    """Everybody is on some list, groups of people are there, and no change keeps the serial."""
    lists = Lists()
    for what, passport, list_name in steps:
        before = (lists.serial, repr(lists.book))
        match what:
            case "put":
                put_on(lists, passport, list_name)
            case "take":
                take_off(lists, passport, list_name)
            case "group":
                group = new_group(lists, passport)
                entry = lists.book.find(passport)
                if entry is not None and entry.is_on(ListName.FORWARD):
                    put_into_group(lists, entry, group, is_in=True)
            case _ if lists.book.groups:
                remove_group(lists, next(iter(lists.book.groups)))
        assert (lists.serial > before[0]) is (repr(lists.book) != before[1])
        for key, entry in lists.book.entries.items():
            assert key == entry.passport.casefold()
            assert entry.bits
            assert set(entry.group_ids) <= set(lists.book.groups)
        assert len({group_number(group) for group in lists.book.groups}) == len(lists.book.groups)


def test_a_group_that_another_session_has_deleted() -> None:
    lists = Lists()
    group = new_group(lists, "one")
    remove_group(lists, group)
    serial = lists.serial
    remove_group(lists, group)
    rename_group(lists, group, "two")
    assert (lists.book.groups, lists.serial) == ({}, serial)


def test_whether_somebody_was_taken_off() -> None:
    lists = Lists()
    put_on(lists, "a@b", ListName.FORWARD)
    assert [take_off(lists, "a@b", ListName.FORWARD) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("", False),
        ("g", True),
        ("g" * 61, True),
        ("g" * 62, False),
        ("ä" * 10, True),
        ("ä" * 11, False),
    ],
)
def test_what_may_be_the_name_of_a_group(name: str, is_one: bool) -> None:
    assert is_group_name(name) is is_one


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("", ""),
        ("n" * 387, "n" * 387),
        ("n" * 388, "n" * 387),
        ("ä" * 65, "ä" * 64),
        ("\ud800" * 50, "\ud800" * 43),
    ],
    ids=["empty", "as long as can be", "one more", "three bytes for each", "no text"],
)
def test_a_name_that_is_too_long(name: str, short: str) -> None:
    assert shortened(name) == short

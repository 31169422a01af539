"""Changes of one account's lists, in the way that every store makes them."""

from __future__ import annotations

import uuid

from ...core.people.contact import Entry, ListName
from .protocol import Lists

__all__ = [
    "contact_id",
    "group_number",
    "new_group",
    "put_into_group",
    "put_on",
    "remove_group",
    "rename_group",
    "take_off",
]

_GROUP = "00000000-0000-0000-0001-{:012x}"


def contact_id(passport: str) -> str:
    """Return the id by which MSNP10 and later, and the address book, identify a person."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{passport.casefold()}"))


def group_number(group_id: str) -> str:
    """Return the number by which MSNP7 to MSNP9 identify a group."""
    return str(int(group_id[-12:], 16))


def new_group(lists: Lists, name: str) -> str:
    """Make a group and return its id. Number 0 is for the people who are in no group."""
    taken = [int(group_number(group_id)) for group_id in lists.book.groups]
    group_id = _GROUP.format(max(taken, default=0) + 1)
    lists.book.groups[group_id] = name
    lists.serial += 1
    return group_id


def put_on(lists: Lists, passport: str, list_name: ListName, name: str = "") -> Entry:
    """Put a person on a list and return that person's entry."""
    entry = lists.book.entry(passport)
    entry.name = entry.name or name
    entry.id = contact_id(passport)
    if not entry.is_on(list_name):
        entry.put(list_name, is_on=True)
        lists.serial += 1
    return entry


def take_off(lists: Lists, passport: str, list_name: ListName) -> None:
    """Take a person off a list. A person who is on no list any more is forgotten."""
    entry = lists.book.find(passport)
    if entry is None or not entry.is_on(list_name):
        return
    entry.put(list_name, is_on=False)
    lists.serial += 1
    if list_name is ListName.FORWARD:
        entry.group_ids = ()
    if not entry.bits:
        del lists.book.entries[passport.casefold()]


def put_into_group(lists: Lists, entry: Entry, group_id: str, *, is_in: bool) -> None:
    """Put a person into a group, or take the person out of the group."""
    others = tuple(found for found in entry.group_ids if found != group_id)
    entry.group_ids = (*others, group_id) if is_in else others
    lists.serial += 1


def remove_group(lists: Lists, group_id: str) -> None:
    """Delete a group. The people who were in it stay on the list."""
    del lists.book.groups[group_id]
    for entry in lists.book.entries.values():
        entry.group_ids = tuple(found for found in entry.group_ids if found != group_id)
    lists.serial += 1


def rename_group(lists: Lists, group_id: str, name: str) -> None:
    """Give a group another name."""
    lists.book.groups[group_id] = name
    lists.serial += 1

"""Changes of one account's lists, in the way that every store makes them."""

from __future__ import annotations

import uuid

from ...core.people.contact import Entry, ListName
from ...core.quoting import quoted
from ...core.wire.commands import escape
from .protocol import Lists

__all__ = [
    "LONGEST_GROUP_NAME",
    "LONGEST_NAME",
    "MOST_GROUPS",
    "contact_id",
    "group_number",
    "is_group_name",
    "new_group",
    "put_into_group",
    "put_on",
    "remove_group",
    "rename_group",
    "shortened",
    "take_off",
]

LONGEST_NAME = 387
"""The largest length of a name in bytes, percent-encoded (hypothetic.org, names)."""
MOST_GROUPS = 30
"""The largest number of groups of an account (NINA wiki, ADG)."""
LONGEST_GROUP_NAME = 61
"""The largest length of a group's name in bytes, percent-encoded (NINA wiki, ADG)."""

_GROUP = "00000000-0000-0000-0001-{:012x}"


def contact_id(passport: str) -> str:
    """Return the id by which MSNP10 and later, and the address book, identify a person."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{passport.casefold()}"))


def group_number(group_id: str) -> str:
    """Return the number by which MSNP7 to MSNP9 identify a group."""
    return str(int(group_id[-12:], 16))


def is_group_name(name: str) -> bool:
    """Return whether a group may have a name."""
    return 0 < len(escape(name)) <= LONGEST_GROUP_NAME


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


def take_off(lists: Lists, passport: str, list_name: ListName) -> bool:
    """Take a person off a list; return False if the person is not on it.

    A person who is on no list any more is forgotten.
    """
    entry = lists.book.find(passport)
    if entry is None or not entry.is_on(list_name):
        return False
    entry.put(list_name, is_on=False)
    lists.serial += 1
    if list_name is ListName.FORWARD:
        entry.group_ids = ()
    if not entry.bits:
        del lists.book.entries[passport.casefold()]
    return True


def put_into_group(lists: Lists, entry: Entry, group_id: str, *, is_in: bool) -> None:
    """Put a person into a group, or take the person out of the group."""
    others = tuple(found for found in entry.group_ids if found != group_id)
    entry.group_ids = (*others, group_id) if is_in else others
    lists.serial += 1


def remove_group(lists: Lists, group_id: str) -> None:
    """Delete a group, if it is still there. The people who were in it stay on the list."""
    if lists.book.groups.pop(group_id, None) is None:
        return  # another session of the account has deleted it
    for entry in lists.book.entries.values():
        entry.group_ids = tuple(found for found in entry.group_ids if found != group_id)
    lists.serial += 1


def rename_group(lists: Lists, group_id: str, name: str) -> None:
    """Give a group another name, if it is still there."""
    if group_id in lists.book.groups:
        lists.book.groups[group_id] = name
        lists.serial += 1


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """Return a name without the characters at its end that are too many.

    Every contact is sent the name. A line that is too long would end the sessions of all of them.
    """
    name = name[:most]
    while len(quoted(name, "surrogatepass")) > most:
        name = name[:-1]
    return name

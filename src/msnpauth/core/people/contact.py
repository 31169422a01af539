"""A contact list as data: people, the groups they are in, and the lists they are on."""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass, field
from typing import NamedTuple

from ..wire.status import Status

__all__ = ["Book", "Contact", "Entry", "ListName"]


class ListName(enum.StrEnum):
    """The lists that a person may be on (draft-movva 7.6; MSNPiki, contact list)."""

    FORWARD = "forward"
    """The contacts that the account's owner has chosen, and that a client shows."""
    ALLOW = "allow"
    """The people who may see the account, and write to it."""
    BLOCK = "block"
    """The people who see the account as offline, and cannot write to it."""
    REVERSE = "reverse"
    """The people who have the account on their forward list."""
    PENDING = "pending"
    """The people who have added the account, and have no answer yet (MSNP10 and on)."""

    @property
    def code(self) -> str:
        """The two letters that name the list in ADD, ADC and LST."""
        return _CODES[self][0]

    @property
    def bit(self) -> int:
        """The bit that means the list in the numbers of LST and ADL."""
        return _CODES[self][1]


_CODES = {
    ListName.FORWARD: ("FL", 1),
    ListName.ALLOW: ("AL", 2),
    ListName.BLOCK: ("BL", 4),
    ListName.REVERSE: ("RL", 8),
    ListName.PENDING: ("PL", 16),
}


class Contact(NamedTuple):
    """A person on the account's lists, with the present status.

    Attributes:
        passport: the passport of the person.
        name: the display name; the passport when no name is known.
        groups: the names of the groups that the person is in.
        lists: the lists that the person is on.
        status: the person's present status.
        personal_message: the text that the person shows beside the name; MSNP11 and on.
    """

    passport: str
    name: str
    groups: tuple[str, ...] = ()
    lists: frozenset[ListName] = frozenset()
    status: Status = Status.OFFLINE
    personal_message: str = ""


@dataclass(slots=True)
class Entry:
    """A person in a `Book`: the mutable data from which a `Contact` is made.

    Attributes:
        bits: the lists that the person is on, by their bits.
        group_ids: the ids of the groups that the person is in.
        id: the contact id, which changes of the forward list need from MSNP10 on; else empty.
    """

    passport: str
    name: str = ""
    bits: int = 0
    group_ids: tuple[str, ...] = ()
    id: str = ""
    status: Status = Status.OFFLINE
    personal_message: str = ""

    def is_on(self, list_name: ListName) -> bool:
        """Tell whether the person is on that list."""
        return bool(self.bits & list_name.bit)

    def put(self, list_name: ListName, is_on: bool) -> None:
        """Put the person on a list, or take the person off that list."""
        self.bits = self.bits | list_name.bit if is_on else self.bits & ~list_name.bit


@dataclass
class Book:
    """A whole contact list.

    Attributes:
        entries: the people, by case-folded passport.
        groups: the names of groups, by id.
        own_name: the account's own display name, where the list has it; "" otherwise.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    own_name: str = ""

    def entry(self, passport: str) -> Entry:
        """Return the entry of a passport; add a new entry when there is none."""
        key = passport.casefold()
        found = self.entries.get(key)
        if found is None:
            found = self.entries[key] = Entry(passport)
        return found

    def find(self, passport: str) -> Entry | None:
        """Return the entry of a passport in any letter case, or None."""
        return self.entries.get(passport.casefold())

    def contact(self, entry: Entry) -> Contact:
        """Return an entry as a `Contact`, with the names of groups and lists."""
        groups, ids = self.groups, entry.group_ids
        return Contact(
            entry.passport,
            entry.name or entry.passport,
            tuple([groups[group] for group in ids if group in groups]) if ids else (),
            _lists_of(entry.bits),
            entry.status,
            entry.personal_message,
        )


@functools.cache
def _lists_of(bits: int) -> frozenset[ListName]:
    """Return the lists that these bits mean. Cached: only a few combinations occur in a list."""
    return frozenset(name for name in ListName if bits & name.bit)

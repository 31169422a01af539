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
    """The people that the account's owner has chosen: what a client shows."""
    ALLOW = "allow"
    """They may see the account, and write to it."""
    BLOCK = "block"
    """They see the account as offline, and cannot write to it."""
    REVERSE = "reverse"
    """They have the account on their forward list."""
    PENDING = "pending"
    """They have added the account, and nobody has answered yet (MSNP10 and on)."""

    @property
    def code(self) -> str:
        """The two letters of ADD, ADC and LST."""
        return _CODES[self][0]

    @property
    def bit(self) -> int:
        """The list's bit in the numbers of LST and ADL."""
        return _CODES[self][1]


_CODES = {
    ListName.FORWARD: ("FL", 1),
    ListName.ALLOW: ("AL", 2),
    ListName.BLOCK: ("BL", 4),
    ListName.REVERSE: ("RL", 8),
    ListName.PENDING: ("PL", 16),
}


class Contact(NamedTuple):
    """A person on the account's lists, as of now.

    Attributes:
        passport: the person's account.
        name: the display name; the passport when none is known.
        groups: the names of the groups that the person is in.
        lists: the lists that the person is on.
        status: whether the person is there.
        personal_message: what the person says of themselves; MSNP11 and on.
    """

    passport: str
    name: str
    groups: tuple[str, ...] = ()
    lists: frozenset[ListName] = frozenset()
    status: Status = Status.OFFLINE
    personal_message: str = ""


@dataclass(slots=True)
class Entry:
    """A person while the list is being kept: what a `Contact` is made of, and may change.

    Attributes:
        bits: the lists, by their bits.
        group_ids: the groups, by their ids.
        id: what MSNP10 and on call the person in changes of the forward list; empty before.
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
        """Put the person on a list, or take them off."""
        self.bits = self.bits | list_name.bit if is_on else self.bits & ~list_name.bit


@dataclass
class Book:
    """A whole list.

    Attributes:
        entries: by passport in folded letter case.
        groups: the names of groups by id.
        own_name: the account's own display name, where the list has it; "" otherwise.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    own_name: str = ""

    def entry(self, passport: str) -> Entry:
        """Return the entry of a passport; a new one when there is none."""
        key = passport.casefold()
        found = self.entries.get(key)
        if found is None:
            found = self.entries[key] = Entry(passport)
        return found

    def find(self, passport: str) -> Entry | None:
        """Return the entry of a passport, in any letter case."""
        return self.entries.get(passport.casefold())

    def contact(self, entry: Entry) -> Contact:
        """Return an entry as people see it."""
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
    """Return the lists of some bits; a list of 3,000 people has a handful of combinations."""
    return frozenset(name for name in ListName if bits & name.bit)

"""A contact list of 3,000 people: what reading it costs beside the parsing of its bytes.

    python bench/contacts.py [--contacts 3000] [--rounds 15]

By lines (SYN of MSNP12, and the presence of everybody), beside the reader of lines alone; and by
SOAP (MSNP13 and on), beside the parsing of the XML alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable

from common import interleaved, machine, ratio, table
from msnpauth.core.client.roster import Roster
from msnpauth.core.people.addressbook import _read_contacts, _read_memberships
from msnpauth.core.people.contact import Book, ListName
from msnpauth.core.people.lines import Listing
from msnpauth.core.tickets.xml import parse
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.core.wire.lines import LineReader
from msnpauth.service.roles.contacts import _address_book, _memberships
from msnpauth.service.roles.lists import synchronized
from msnpauth.service.stores.listing import new_group, put_on
from msnpauth.service.stores.protocol import Lists, Principal

GOAL = 2.0


def lists_of(count: int) -> Lists:
    lists = Lists()
    groups = [new_group(lists, f"Group {number}") for number in range(20)]
    for number in range(count):
        for name in (ListName.FORWARD, ListName.ALLOW, ListName.REVERSE):
            entry = put_on(lists, f"person{number}@example.com", name, f"Person {number}")
        entry.group_ids = (groups[number % 20],)
    return lists


def commands(data: bytes) -> list[Command]:
    reader, found = LineReader(Role.SERVER), []
    reader.feed(data)
    while isinstance(command := reader.next_command(), Command):
        found.append(command)
    return found


def by_lines(data: bytes) -> int:
    """Read the list and the presence as a session does; return how many people there are."""
    listing, roster = Listing(DIALECTS[12].lists), Roster()
    for command in commands(data):
        if command.verb == "ILN":
            roster.take(command)
            continue
        listing.take(command)
        if listing.is_complete:
            roster.load(listing.book)
    return len(roster.contacts())


def by_soap(members: bytes, people: bytes) -> int:
    """Read the answers of the contacts host; return how many people there are."""
    book, roster = Book(), Roster()
    _read_memberships(parse(members), book)
    _read_contacts(parse(people), book)
    roster.load(book)
    return len(roster.contacts())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    lists = lists_of(options.contacts)
    syn = synchronized(DIALECTS[12], 5, ("0", "0"), lists, "Alice") or []
    seen = [
        Command("ILN", 6, ("NLN", entry.passport, "Name", "268435456"))
        for entry in lists.book.entries.values()
    ]
    data = b"".join(command.encode() for command in [*syn, *seen])
    members = f"<r>{_memberships(lists)}</r>".encode()
    people = f"<r>{_address_book('ABFindAll', Principal('me@example.com'), lists)}</r>".encode()
    assert by_lines(data) == by_soap(members, people) == options.contacts
    cases: dict[str, tuple[Callable[[], object], Callable[[], object], int]] = {
        "by lines, and presence": (lambda: by_lines(data), lambda: commands(data), len(data)),
        "by SOAP": (
            lambda: by_soap(members, people),
            lambda: (parse(members), parse(people)),
            len(members) + len(people),
        ),
    }
    rows, worst = [], 0.0
    for name, (ours, parsing, size) in cases.items():
        found = interleaved({"ours": ours, "parsing": parsing}, rounds=options.rounds, calls=1)
        share = ratio(found["ours"], found["parsing"])
        worst = max(worst, share)
        times = (f"{1000 * statistics.median(found[each]):.0f}" for each in ("ours", "parsing"))
        rows.append((name, f"{size / 1024:.0f}", *times, f"{share:.2f}"))
    print(f"{machine()}\n")
    heads = (
        f"{options.contacts} contacts",
        "KiB",
        "ms",
        "ms, parsing alone",
        f"ratio ({GOAL:.0f})",
    )
    print(table(heads, rows))
    return 0 if worst <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())

"""The contact list while a session lives: kept current by every line that tells something of it."""

from __future__ import annotations

from collections.abc import Iterator

from ..people.contact import Book, Contact, Entry, ListName
from ..people.lines import changes_in, message_of, seen_in
from ..wire.commands import Command
from ..wire.status import Status
from .events import ContactChanged, ContactOnline, ContactRequest

__all__ = ["Roster"]

PeopleEvent = ContactOnline | ContactChanged | ContactRequest

_WATCHED = frozenset({"NLN", "ILN", "FLN", "UBX", "ADD", "ADC", "ADL", "REM", "RML"})


class Roster:
    """Who is on the account's lists, and who of them is there."""

    def __init__(self) -> None:
        self.book = Book()

    def contacts(self) -> list[Contact]:
        """Return everybody on any list, as of now."""
        return [self.book.contact(entry) for entry in self.book.entries.values()]

    def load(self, book: Book) -> list[PeopleEvent]:
        """Take a list that was read anew; presence that is known already stays."""
        before, self.book = self.book, book
        for key, entry in book.entries.items():
            known = before.entries.get(key)
            if known is not None:
                entry.status, entry.personal_message = known.status, known.personal_message
                # The list has the name of the day when the contact was added.
                entry.name = known.name if known.status is not Status.OFFLINE else entry.name
        return [
            ContactRequest(entry.passport, entry.name)
            for entry in book.entries.values()
            if _is_request(entry)
        ]

    def everybody_left(self) -> None:
        """The connection was lost: nobody is known to be there."""
        for entry in self.book.entries.values():
            entry.status = Status.OFFLINE

    def take(self, command: Command) -> Iterator[PeopleEvent]:
        """Take a command of the notification server; yield what it says about people."""
        if command.verb not in _WATCHED:
            return
        seen = seen_in(command)
        if seen is not None:
            yield from self._seen(seen.passport, seen.status, seen.name)
            return
        said = message_of(command)
        if said is not None:
            yield from self._said(*said)
            return
        for change in changes_in(command):
            entry = self.book.entry(change.passport)
            entry.name = change.name or entry.name
            entry.put(change.list_name, is_on=change.is_on)
            if change.is_on and _is_request(entry):
                yield ContactRequest(entry.passport, entry.name)

    def _seen(self, passport: str, status: Status, name: str) -> Iterator[PeopleEvent]:
        entry = self.book.find(passport)
        if entry is None:
            return  # the account's own other places, from MSNP16 on
        before = self.book.contact(entry)
        entry.status = status
        entry.name = name or entry.name
        if before.status is Status.OFFLINE and status is not Status.OFFLINE:
            yield ContactOnline(self.book.contact(entry))
        elif (after := self.book.contact(entry)) != before:
            yield ContactChanged(after, before)

    def _said(self, passport: str, message: str) -> Iterator[PeopleEvent]:
        entry = self.book.find(passport)
        if entry is None or entry.personal_message == message:
            return
        before = self.book.contact(entry)
        entry.personal_message = message
        # Servers send UBX before and behind NLN: while somebody is offline it is no news.
        if entry.status is not Status.OFFLINE:
            yield ContactChanged(self.book.contact(entry), before)


def _is_request(entry: Entry) -> bool:
    """Tell whether somebody has added the account, and waits to be allowed or blocked."""
    answered = entry.is_on(ListName.ALLOW) or entry.is_on(ListName.BLOCK)
    asks = entry.is_on(ListName.PENDING) or entry.is_on(ListName.REVERSE)
    return asks and not answered

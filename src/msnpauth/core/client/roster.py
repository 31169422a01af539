"""The contact list of a living session, which the server's lines about people keep up to date."""

from __future__ import annotations

from collections.abc import Sequence

from ..people.contact import Book, Contact, Entry, ListName
from ..people.lines import Seen, changes_in, message_of, notified, seen_in
from ..wire.commands import Command
from ..wire.status import Status
from .events import ContactChanged, ContactOnline, ContactRequest

__all__ = ["Roster"]

PeopleEvent = ContactOnline | ContactChanged | ContactRequest

_ASKS = ListName.PENDING.bit | ListName.REVERSE.bit
_ANSWERED = ListName.ALLOW.bit | ListName.BLOCK.bit
_WATCHED = frozenset({"NLN", "ILN", "FLN", "NFY", "UBX", "ADD", "ADC", "ADL", "REM", "RML"})


class Roster:
    """The people on the account's lists, with their present status."""

    def __init__(self) -> None:
        self.book = Book()

    def contacts(self) -> list[Contact]:
        """Return everybody on any list, with their present status."""
        return [self.book.contact(entry) for entry in self.book.entries.values()]

    def name_of(self, passport: str) -> str:
        """Return the display name of a person; the passport when no name is known."""
        entry = self.book.find(passport)
        return passport if entry is None else entry.name or passport

    def load(self, book: Book) -> list[PeopleEvent]:
        """Use a list that was read anew, and keep the status that is already known."""
        before, self.book = self.book, book
        for key, known in before.entries.items():
            entry = book.entries.get(key)
            if entry is not None:
                entry.status, entry.personal_message = known.status, known.personal_message
                # The list has the name that the contact had when it was added.
                entry.name = known.name if known.status is not Status.OFFLINE else entry.name
        return [
            ContactRequest(entry.passport, entry.name)
            for entry in book.entries.values()
            if _is_request(entry)
        ]

    def everybody_left(self) -> None:
        """Set everybody offline, because the connection was lost."""
        for entry in self.book.entries.values():
            entry.status = Status.OFFLINE

    def take(self, command: Command) -> Sequence[PeopleEvent]:
        """Take a command of the notification server; return the events that it causes."""
        verb = command.verb
        if verb not in _WATCHED:
            return ()
        if verb == "NFY":
            return self._notified(command)
        seen = seen_in(command)
        if seen is not None:
            return self._seen(seen)
        said = message_of(command)
        if said is not None:
            return self._said(*said)
        asked: list[PeopleEvent] = []
        for change in changes_in(command):
            entry = self.book.entry(change.passport)
            entry.name = change.name or entry.name
            entry.put(change.list_name, is_on=change.is_on)
            if change.is_on and _is_request(entry):
                asked.append(ContactRequest(entry.passport, entry.name))
        return asked

    def _notified(self, command: Command) -> Sequence[PeopleEvent]:
        """Take NFY, which has status, name and message of a person at once (MSNP21)."""
        news = notified(command)
        entry = None if news is None else self.book.find(news.passport)
        if news is None or entry is None:
            return ()
        events: list[PeopleEvent] = []
        if news.message is not None:
            events += self._said(news.passport, news.message)
        status = entry.status if news.status is None else news.status
        return [*events, *self._seen(Seen(news.passport, status, news.name or ""))]

    def _seen(self, seen: Seen) -> Sequence[PeopleEvent]:
        entry = self.book.find(seen.passport)
        if entry is None:
            return ()  # the account's own other places, from MSNP16 on
        status, name = seen.status, seen.name or entry.name
        if entry.status is Status.OFFLINE:
            entry.status, entry.name = status, name
            if status is Status.OFFLINE:
                return ()
            return (ContactOnline(self.book.contact(entry)),)
        if status is entry.status and name == entry.name:
            return ()
        before = self.book.contact(entry)
        entry.status, entry.name = status, name
        return (ContactChanged(self.book.contact(entry), before),)

    def _said(self, passport: str, message: str) -> Sequence[PeopleEvent]:
        entry = self.book.find(passport)
        if entry is None or entry.personal_message == message:
            return ()
        before = self.book.contact(entry)
        entry.personal_message = message
        # Servers send UBX before or after NLN: for an offline contact it is no event.
        if entry.status is Status.OFFLINE:
            return ()
        return (ContactChanged(self.book.contact(entry), before),)


def _is_request(entry: Entry) -> bool:
    """Tell whether a person has added the account, and is neither allowed nor blocked yet."""
    return bool(entry.bits & _ASKS) and not entry.bits & _ANSWERED

"""Changes of the contact list: contacts, allowed and blocked people, and groups.

The same change is sent in three ways (hypothetic.org; MSNPiki; libpurple contact.c):

    MSNP2 to 9     ADD n FL mail name [group]       REM n FL mail     ADG n name 0
    MSNP10 to 12   ADC n FL N=mail F=name           REM n FL guid     ADG n name
    MSNP13 and on  a call of the contacts host, and ADL or RML for the lists that it changes
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..credentials import check_passport
from ..errors import CommandRefused, LocalProtocolError
from ..people import addressbook as book
from ..people.announced import announcement
from ..people.contact import Entry, ListName
from ..wire.commands import Command, escape, passport_word
from ..wire.dialects import ListsForm
from .desk import Desk
from .presence import Presence
from .roster import Roster
from .waiting import Steps, Work

__all__ = ["Lists"]

_MAX_GROUP = 61
"""Bytes of a group's name once it is percent-encoded (NINA's wiki, ADG)."""

_ALREADY = frozenset({215, 216, 219})
"""Codes for a person who is already on the list, or not on it: there is nothing to change."""

_AS_WANTED = frozenset({"ContactAlreadyExists", "MemberAlreadyExists", "MemberDoesNotExist"})
"""The error codes of the contacts host with the same meaning."""


class Lists:
    """Changes the contact list. Each method raises `LocalProtocolError` for invalid arguments."""

    def __init__(self, desk: Desk, roster: Roster, presence: Presence) -> None:
        self._desk = desk
        self._roster = roster
        self._presence = presence

    def add(self, passport: str, group: str | None) -> Work[None]:
        """Put a person on the forward and the allow list, and into a group if one is named."""
        return Work(self._add(check_passport(passport), group))

    def remove(self, passport: str) -> Work[None]:
        """Take a person off the forward list."""
        return Work(self._remove(check_passport(passport)))

    def allow(self, passport: str) -> Work[None]:
        """Let a person see the account and write to it; this also answers a `ContactRequest`."""
        return Work(self._judge(check_passport(passport), ListName.ALLOW, ListName.BLOCK))

    def block(self, passport: str) -> Work[None]:
        """Block a person, for whom the account then always appears offline."""
        return Work(self._judge(check_passport(passport), ListName.BLOCK, ListName.ALLOW))

    def add_group(self, name: str) -> Work[None]:
        """Make a group."""
        return Work(self._add_group(self._group_word(name)))

    def remove_group(self, name: str) -> Work[None]:
        """Delete a group; its members stay on the contact list."""
        return Work(self._remove_group(name))

    def rename_group(self, name: str, new_name: str) -> Work[None]:
        """Give a group another name."""
        return Work(self._rename_group(name, self._group_word(new_name)))

    def put_into_group(self, passport: str, name: str) -> Work[None]:
        """Put a contact of the forward list into a group."""
        return Work(self._group(check_passport(passport), name, is_in=True))

    def take_out_of_group(self, passport: str, name: str) -> Work[None]:
        """Take a contact out of a group."""
        return Work(self._group(check_passport(passport), name, is_in=False))

    # --- people ----------------------------------------------------------------------------------

    def _add(self, passport: str, group: str | None) -> Steps[None]:
        yield from self._presence.loaded()
        if group is not None:
            self._group_id(group)
        entry = self._roster.book.find(passport) or Entry(passport)
        if not entry.is_on(ListName.FORWARD):
            yield from self._add_forward(entry)
        if not entry.is_on(ListName.ALLOW) and not entry.is_on(ListName.BLOCK):
            yield from self._put(entry, ListName.ALLOW)
        if group is not None:
            yield from self._group(passport, group, is_in=True)

    def _add_forward(self, entry: Entry) -> Steps[None]:
        word = passport_word(entry.passport)
        if self._by_soap:
            passport = entry.passport
            found = yield from self._call(
                lambda servers, ticket: book.add_contact(servers, ticket, passport)
            )
            entry.id = found or entry.id
            yield from self._announce("ADL", entry, ListName.FORWARD)
        elif self._by_field:
            reply = yield from self._change("ADC", "FL", f"N={word}", f"F={word}")
            ids = [arg[2:] for arg in reply.args if arg[:2] == "C="] if reply else []
            entry.id = ids[0].lower() if ids else entry.id
        else:
            groups = ["0"] if self._has_groups else []
            yield from self._change("ADD", "FL", word, word, *groups)
        self._roster.book.entry(entry.passport).id = entry.id
        self._note(entry, ListName.FORWARD, is_on=True)

    def _remove(self, passport: str) -> Steps[None]:
        yield from self._presence.loaded()
        entry = self._entry(passport)
        if self._by_soap:
            contact_id = entry.id
            yield from self._call(
                lambda servers, ticket: book.delete_contact(servers, ticket, contact_id)
            )
            yield from self._announce("RML", entry, ListName.FORWARD)
        else:
            word = entry.id if self._by_field else passport_word(entry.passport)
            yield from self._change("REM", "FL", word)
        self._note(entry, ListName.FORWARD, is_on=False)
        entry.group_ids = ()

    def _judge(self, passport: str, wanted: ListName, other: ListName) -> Steps[None]:
        yield from self._presence.loaded()
        entry = self._roster.book.find(passport) or Entry(passport)
        if entry.is_on(other):
            yield from self._take_off(entry, other)
        if not entry.is_on(wanted):
            yield from self._put(entry, wanted)
        if entry.is_on(ListName.PENDING):
            # Pending people move to the reverse list, which has everybody who added the account.
            yield from self._take_off(entry, ListName.PENDING)
            if self._desk.connection.dialect.moves_pending:
                yield from self._put(entry, ListName.REVERSE)

    def _put(self, entry: Entry, list_name: ListName) -> Steps[None]:
        word = passport_word(entry.passport)
        if self._by_soap:
            passport = entry.passport
            yield from self._call(
                lambda servers, ticket: book.add_member(servers, ticket, list_name, passport)
            )
            yield from self._announce("ADL", entry, list_name)
        elif self._by_field:
            yield from self._change("ADC", list_name.code, f"N={word}")
        else:
            yield from self._change("ADD", list_name.code, word, word)
        self._note(entry, list_name, is_on=True)

    def _take_off(self, entry: Entry, list_name: ListName) -> Steps[None]:
        if self._by_soap:
            passport = entry.passport
            yield from self._call(
                lambda servers, ticket: book.delete_member(servers, ticket, list_name, passport)
            )
            yield from self._announce("RML", entry, list_name)
        else:
            yield from self._change("REM", list_name.code, passport_word(entry.passport))
        self._note(entry, list_name, is_on=False)

    def _announce(self, verb: str, entry: Entry, list_name: ListName) -> Steps[None]:
        """Send the notification server a change that was made at the contacts host.

        The server keeps the reverse and the pending list itself: it answers 241 to them (MSNPiki).
        """
        if list_name.bit > ListName.BLOCK.bit:
            return
        routed = self._desk.connection.dialect.routed
        payload = announcement(entry.passport, list_name.bit, by_service=routed)
        reply = self._desk.ask(verb, payload=payload)
        yield reply
        reply.result()

    # --- groups ----------------------------------------------------------------------------------

    def _add_group(self, name: str) -> Steps[None]:
        yield from self._presence.loaded()
        if self._by_soap:
            group_id = yield from self._call(
                lambda servers, ticket: book.add_group(servers, ticket, name)
            )
        else:
            rest = [] if self._by_field else ["0"]
            reply = yield from self._change("ADG", escape(name), *rest)
            # S: ADG 5 name guid [0] | ADG 5 12 name 4 0
            words = reply.args if reply else ()
            group_id = next(iter(words[1:2] if self._by_field else words[2:3]), "").lower()
        if group_id:
            self._roster.book.groups[group_id] = name

    def _remove_group(self, name: str) -> Steps[None]:
        yield from self._presence.loaded()
        group_id = self._group_id(name)
        if self._by_soap:
            yield from self._call(
                lambda servers, ticket: book.delete_group(servers, ticket, group_id)
            )
        else:
            yield from self._change("RMG", group_id)
        self._roster.book.groups.pop(group_id, None)
        for entry in self._roster.book.entries.values():
            entry.group_ids = tuple(found for found in entry.group_ids if found != group_id)

    def _rename_group(self, name: str, new_name: str) -> Steps[None]:
        yield from self._presence.loaded()
        group_id = self._group_id(name)
        if self._by_soap:
            yield from self._call(
                lambda servers, ticket: book.rename_group(servers, ticket, group_id, new_name)
            )
        else:
            rest = [] if self._by_field else ["0"]
            yield from self._change("REG", group_id, escape(new_name), *rest)
        self._roster.book.groups[group_id] = new_name

    def _group(self, passport: str, name: str, *, is_in: bool) -> Steps[None]:
        yield from self._presence.loaded()
        group_id, entry = self._group_id(name), self._entry(passport)
        if (group_id in entry.group_ids) is is_in:
            return
        if self._by_soap:
            change = book.put_into_group if is_in else book.take_out_of_group
            contact_id = entry.id
            yield from self._call(
                lambda servers, ticket: change(servers, ticket, group_id, contact_id)
            )
        elif self._by_field:
            who = f"C={entry.id}" if is_in else entry.id
            yield from self._change("ADC" if is_in else "REM", "FL", who, group_id)
        else:
            word = passport_word(entry.passport)
            names = [escape(entry.name or entry.passport)] if is_in else []
            yield from self._change("ADD" if is_in else "REM", "FL", word, *names, group_id)
        others = tuple(found for found in entry.group_ids if found != group_id)
        entry.group_ids = (*others, group_id) if is_in else others

    # --- inside ----------------------------------------------------------------------------------

    @property
    def _by_soap(self) -> bool:
        return self._desk.connection.dialect.lists is ListsForm.BY_SOAP

    @property
    def _by_field(self) -> bool:
        forms = (ListsForm.BY_FIELD, ListsForm.BY_FIELD_WITH_NETWORK)
        return self._desk.connection.dialect.lists in forms

    @property
    def _has_groups(self) -> bool:
        return self._desk.connection.dialect.lists is not ListsForm.BY_LIST

    def _change(self, verb: str, *words: str) -> Steps[Command | None]:
        """Request a change; return the reply, or None when there was nothing to change."""
        reply = self._desk.ask(verb, *words)
        yield reply
        try:
            return reply.result()
        except CommandRefused as error:
            if error.code not in _ALREADY:
                raise
            return None

    def _call(self, make: Callable[..., Any]) -> Steps[Any]:
        """Call the contacts host; return its answer, or None when there was nothing to change."""
        outcome = self._desk.consult(make)
        yield outcome
        try:
            return outcome.result()
        except CommandRefused as error:
            if error.code not in _AS_WANTED:
                raise
            return None

    def _note(self, entry: Entry, list_name: ListName, *, is_on: bool) -> None:
        """Note a change that the server has made in the roster and in `entry`."""
        kept = self._roster.book.entry(entry.passport)
        kept.put(list_name, is_on=is_on)
        entry.bits = kept.bits

    def _entry(self, passport: str) -> Entry:
        entry = self._roster.book.find(passport)
        if entry is None or not entry.is_on(ListName.FORWARD):
            raise LocalProtocolError(
                f"{passport} is not on the contact list", hint="add_contact() puts them there"
            )
        return entry

    def _group_id(self, name: str) -> str:
        self._check_has_groups()
        for group_id, found in self._roster.book.groups.items():
            if found == name:
                return group_id
        raise LocalProtocolError(f"there is no group {name!r}", hint="add_group() makes one")

    def _group_word(self, name: str) -> str:
        self._check_has_groups()
        if not isinstance(name, str) or not name or len(escape(name)) > _MAX_GROUP:
            raise LocalProtocolError(
                "that is no name of a group",
                hint=f"it takes 1 to {_MAX_GROUP} bytes once it is percent-encoded",
            )
        return name

    def _check_has_groups(self) -> None:
        if not self._has_groups:
            dialect = self._desk.connection.dialect.name
            raise LocalProtocolError(
                f"{dialect} has no groups", hint="MSNP7 and later versions have them"
            )

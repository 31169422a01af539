"""Reads the notification server's lines about people: the list behind SYN, changes, and presence.

The forms differ by MSNP version; `Dialect.lists` names them (hypothetic.org; MSNPiki; ywiki syn).
No function here raises: a line that cannot be read is ignored.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from ..tickets.xml import BadXml, children, parse, text_of
from ..wire.commands import Command, is_number, unescape
from ..wire.dialects import ListsForm
from ..wire.routed import parse_routed
from ..wire.status import Status, status_of_code
from .announced import bits_of
from .contact import Book, ListName
from .publication import parse_published

__all__ = [
    "Change",
    "Listing",
    "Notified",
    "Seen",
    "changes_in",
    "message_of",
    "notified",
    "seen_in",
]

_NUMBER = re.compile(r"[0-9]{1,9}")
_CAPABILITIES = re.compile(r"[0-9]{1,10}(?::[0-9]{1,10})?")
_LISTS = {name.code: name for name in ListName}
_NO_GROUP = ("Other Contacts", "~")
_BY_LIST = (ListsForm.BY_LIST, ListsForm.BY_LIST_WITH_GROUPS)


class Listing:
    """Reads the answer to SYN into a `Book`, line by line, up to its last line.

    Args:
        form: the form in which the dialect sends the list.
    """

    def __init__(self, form: ListsForm) -> None:
        self.book = Book()
        self.is_complete = False
        self._form = form
        self._is_counted = form not in _BY_LIST
        """Whether SYN says how many lines follow."""
        if form in _BY_LIST:
            self._read_person = self._lst_by_list
        elif form is ListsForm.BY_CONTACT:
            self._read_person = self._lst_by_contact
        else:
            self._read_person = self._lst_by_field
        self._left: int | None = None
        """How many lines are still to come; None before SYN itself has come."""

    def take(self, command: Command) -> None:
        """Take a command of the server; a command that belongs to no list is ignored."""
        reader = None if self.is_complete else _LINES.get(command.verb)
        if reader is None:
            return
        reader(self, command.args)
        if self._left is not None and self._left <= 0:
            self.is_complete = True

    def _syn(self, args: tuple[str, ...]) -> None:
        # S: SYN 5 1 | SYN 5 1 contacts groups | SYN 5 time time contacts groups
        if not self._is_counted:
            self._left = 1  # each line of the four lists has its own number and their total
        else:
            counts = [int(word) for word in args[-2:] if _NUMBER.fullmatch(word)]
            # An empty list is announced by `0 0`, and no line follows: phpListGrab waited for ever.
            self._left = sum(counts) if len(counts) == 2 and len(args) > 2 else 0

    def _lsg(self, args: tuple[str, ...]) -> None:
        match self._form, args:
            case ListsForm.BY_LIST_WITH_GROUPS, (_, _, _, number, name, *_):
                self._group(number, unescape(name))
            case ListsForm.BY_CONTACT, (number, name, *_):
                self._group(number, unescape(name))
            case ((ListsForm.BY_FIELD | ListsForm.BY_FIELD_WITH_NETWORK), (name, guid, *_)):
                self.book.groups[guid.lower()] = unescape(name)
        if self._left is not None and self._is_counted:
            self._left -= 1

    def _group(self, number: str, name: str) -> None:
        # In MSNP7 to 9 everybody is in a group. Group 0 has the contacts that are in no other
        # group, so that it counts as a group only if the owner has given it a name.
        if number != "0" or name not in _NO_GROUP:
            self.book.groups[number] = name

    def _lst(self, args: tuple[str, ...]) -> None:
        self._read_person(args)
        if self._left is not None and self._is_counted:
            self._left -= 1

    def _lst_by_list(self, args: tuple[str, ...]) -> None:
        # S: LST 5 FL 1 2 3 mail name [groups] | LST 5 RL 1 0 0
        if len(args) < 4:
            return
        code, _, place, total, *person = args
        if code == "RL" and total in (place, "0"):
            self._left = 0  # the reverse list is the last of the four (draft-movva 7.6)
        list_name = _LISTS.get(code)
        if list_name is None or not person:
            return
        entry = self.book.entry(unescape(person[0]))
        entry.put(list_name, is_on=True)
        entry.name = unescape(person[1]) if len(person) > 1 else entry.name
        if len(person) > 2:
            entry.group_ids = tuple(person[2].split(","))

    def _lst_by_contact(self, args: tuple[str, ...]) -> None:
        # S: LST mail name 3 0,4
        if not args:
            return
        entry = self.book.entry(unescape(args[0]))
        entry.name = unescape(args[1]) if len(args) > 1 else ""
        entry.bits = _bits(args[2]) if len(args) > 2 else 0
        entry.group_ids = tuple(args[3].split(",")) if len(args) > 3 else ()

    def _lst_by_field(self, args: tuple[str, ...]) -> None:
        # S: LST N=mail F=name C=guid 3 [network] groupguid,groupguid
        passport, name, contact_id, rest = None, "", "", []
        for word in args:
            field = word[:2]
            if field == "N=":
                passport = unescape(word[2:])
            elif field == "F=":
                name = unescape(word[2:])
            elif field == "C=":
                contact_id = word[2:].lower()
            elif field[1:] != "=":
                rest.append(word)
        if passport is None:
            return
        entry = self.book.entry(passport)
        entry.name, entry.id = name, contact_id
        entry.bits = _bits(rest[0]) if rest else 0
        at = 2 if self._form is ListsForm.BY_FIELD_WITH_NETWORK else 1
        entry.group_ids = _group_ids(rest[at]) if len(rest) > at else ()


_LINES: dict[str, Callable[[Listing, tuple[str, ...]], None]] = {
    "SYN": Listing._syn,
    "LSG": Listing._lsg,
    "LST": Listing._lst,
}


# Cached, because a list of 3,000 people has only a few different combinations of lists, and a few
# dozen of groups.
@functools.lru_cache(maxsize=256)
def _bits(word: str) -> int:
    return int(word) & 31 if _NUMBER.fullmatch(word) else 0


@functools.lru_cache(maxsize=256)
def _group_ids(word: str) -> tuple[str, ...]:
    return tuple(word.lower().split(","))


# --- changes during the session ------------------------------------------------------------------


class Change(NamedTuple):
    """A person was put on a list, or taken off it. `name` is "" when the line has no name."""

    list_name: ListName
    passport: str
    name: str
    is_on: bool


def changes_in(command: Command) -> list[Change]:
    """Return the changes of lists in a command that is not the reply to a request.

    `ADD 0 RL …`, `ADC 0 RL …` and `ADL 0` mean that a person has added the account; REM and RML
    mean that a person has removed it. The replies to our own changes have a transaction id.
    """
    if command.trid:
        return []
    match command.verb:
        case "ADD" | "REM" | "ADC":
            return _changes_of_line(command)
        case "ADL" | "RML":
            return _changes_of_list(command.payload or b"", is_on=command.verb == "ADL")
        case _:
            return []


def _changes_of_line(command: Command) -> list[Change]:
    # S: ADD 0 RL 12 mail name | REM 0 RL 12 mail | ADC 0 RL N=mail F=name | REM 0 RL mail
    list_name = _LISTS.get(command.args[0]) if command.args else None
    words = list(command.args[1:])
    if command.verb != "ADC" and words and _NUMBER.fullmatch(words[0]):
        del words[0]  # the serial number of the list
    fields = [word.partition("=")[2] if word[1:2] == "=" else word for word in words]
    if list_name is None or not fields:
        return []
    name = unescape(fields[1]) if len(fields) > 1 and command.verb != "REM" else ""
    return [Change(list_name, unescape(fields[0]), name, command.verb != "REM")]


def _changes_of_list(payload: bytes, *, is_on: bool) -> list[Change]:
    # S: <ml><d n="example.com"><c n="user" l="8" t="1" f="name"/></d></ml>
    try:
        root = parse(payload)
    except BadXml:
        return []
    found = []
    for domain in children(root, "d"):
        for person in children(domain, "c"):
            passport = f"{person.get('n', '')}@{domain.get('n', '')}"
            bits = _bits(bits_of(person))
            name = unquote(person.get("f", ""))
            found += [Change(part, passport, name, is_on) for part in ListName if bits & part.bit]
    return found


# --- presence ------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A person's status, as NLN, ILN or FLN reports it. `name` is "" when the line has no name."""

    passport: str
    status: Status
    name: str


def seen_in(command: Command) -> Seen | None:
    """Return the status in NLN, ILN or FLN; None for other or invalid commands."""
    words = command.args
    if command.verb == "FLN":
        # S: FLN mail | FLN mail 1 0 | FLN 1:mail 0:0
        return Seen(_account(words[0]), Status.OFFLINE, "") if words else None
    if command.verb not in ("NLN", "ILN") or len(words) < 2:
        return None
    # S: NLN NLN mail [network] name [capabilities [object]] | NLN NLN 1:mail name capabilities
    status = status_of_code(words[0])
    at = 2
    if len(words) > 4 and _NUMBER.fullmatch(words[2]) and _CAPABILITIES.fullmatch(words[4]):
        # MSNP14 has the network there, and some servers send it in MSNP13, too. A display name may
        # be a number as well; then the word behind it is the capabilities, and not a name.
        at = 3
    if status is None:
        return None
    return Seen(_account(words[1]), status, unescape(words[at]) if len(words) > at else "")


def message_of(command: Command) -> tuple[str, str] | None:
    """Return passport and personal message of a UBX; None for other or invalid commands."""
    # S: UBX mail [network] 80 <Data><PSM>text</PSM><CurrentMedia></CurrentMedia></Data>
    if command.verb != "UBX" or not command.args:
        return None
    passport = _account(command.args[0])
    if not command.payload:
        return passport, ""
    try:
        return passport, text_of(parse(command.payload), "PSM") or ""
    except BadXml:
        return None


class Notified(NamedTuple):
    """The data about a person in NFY; a field that NFY leaves out is None."""

    passport: str
    status: Status | None
    name: str | None
    message: str | None


def notified(command: Command) -> Notified | None:
    """Return the data about a person in NFY (MSNP21); None for other or invalid commands."""
    # S: NFY PUT 412 | NFY DEL 210, with an XML document behind three blocks of headers
    routed = parse_routed(command.payload or b"")
    said = None if routed is None else parse_published(routed.body)
    if command.verb != "NFY" or not command.args or routed is None or said is None:
        return None
    if command.args[0] == "DEL":
        # NFY DEL names what is no longer there. When the service IM is gone, the person is offline;
        # `sep` elements alone mean that one of several places is offline.
        gone = Status.OFFLINE if said.names_im else None
        return Notified(routed.sender, gone, None, None)
    status = None if said.status is None else status_of_code(said.status)
    return Notified(routed.sender, status, said.name, said.message)


def _account(word: str) -> str:
    """Return the passport of `mail`, `1:mail` (MSNP18) or `mail;{guid}`."""
    if ":" in word:
        network, _, rest = word.partition(":")
        word = rest if is_number(network) else word
    if ";" in word:
        word = word.partition(";")[0]
    return unescape(word)

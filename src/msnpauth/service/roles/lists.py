"""The contact list in the form of each version, which old clients need to complete a sign-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ...core.people.contact import Entry, ListName
from ...core.wire.commands import Command, escape, passport_word
from ...core.wire.dialects import Dialect, ListsForm
from ..stores.listing import group_number
from ..stores.protocol import Lists

__all__ = ["setting", "synchronized"]

_NO_GROUP = "Other%20Contacts"
"""The name of group 0. In MSNP7 to MSNP9 every person is in a group, and people who are in no group
are in group 0.
"""

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_OLD = 15
"""The bits of the lists that MSNP2 to MSNP9 have; the pending list was added later."""


def synchronized(
    dialect: Dialect, trid: int | None, args: tuple[str, ...], lists: Lists, own_name: str
) -> list[Command] | None:
    """Return the answer to SYN; None for a version without SYN.

    Args:
        dialect: the version.
        trid: the transaction id of SYN.
        args: the arguments of SYN: the version of the lists that the client has.
        lists: the lists of the account.
        own_name: the display name of the account.
    """
    people = list(lists.book.entries.values())
    groups = lists.book.groups
    match dialect.lists:
        case ListsForm.BY_SOAP:
            return None
        case ListsForm.BY_LIST | ListsForm.BY_LIST_WITH_GROUPS:
            # C: SYN 5 0  S: SYN 5 1, and nothing else if the client has the present lists
            serial = str(lists.serial)
            first = Command("SYN", trid, (serial,))
            grouped = dialect.lists is ListsForm.BY_LIST_WITH_GROUPS
            rest = _by_list(trid, lists, grouped=grouped)
            is_current = args[:1] == (serial,)
        case ListsForm.BY_CONTACT:
            # C: SYN 5 0  S: SYN 5 1 contacts groups
            serial = str(lists.serial)
            first = Command("SYN", trid, (serial, str(len(people)), str(len(groups) + 1)))
            rest = [Command("LSG", None, ("0", _NO_GROUP, "0"))]
            rest += [
                Command("LSG", None, (group_number(group_id), escape(name), "0"))
                for group_id, name in groups.items()
            ]
            rest += [_by_contact(entry) for entry in people]
            rest = [*_settings(lists), *rest]
            is_current = args[:1] == (serial,)
        case ListsForm.BY_FIELD | ListsForm.BY_FIELD_WITH_NETWORK:
            # C: SYN 5 0 0  S: SYN 5 time time contacts groups
            stamp = _stamp(lists)
            counts = (str(len(people)), str(len(groups)))
            first = Command("SYN", trid, (stamp, stamp, *counts))
            network = ["1"] if dialect.lists is ListsForm.BY_FIELD_WITH_NETWORK else []
            rest = [Command("LSG", None, (escape(name), guid)) for guid, name in groups.items()]
            rest += [_by_field(entry, network) for entry in people]
            # The account's own name: USR OK does not contain it in these versions, and msn-pecan
            # crashes without it (`forms`).
            mine = Command("PRP", None, ("MFN", escape(own_name)))
            rest = [*_settings(lists), mine, *rest]
            is_current = args[:2] == (stamp, stamp)
    return [first] if is_current else [first, *rest]


def setting(dialect: Dialect, command: Command) -> Command:
    """Return the answer to BLP, GTC, PRP or REA: its words, after a serial in old versions."""
    serial = () if _without_serial(dialect) else ("1",)
    return Command(command.verb, command.trid, (*serial, *command.args))


def _without_serial(dialect: Dialect) -> bool:
    return dialect.lists in (
        ListsForm.BY_FIELD,
        ListsForm.BY_FIELD_WITH_NETWORK,
        ListsForm.BY_SOAP,
    )


def _stamp(lists: Lists) -> str:
    """Return a time that changes with each change of the lists, for MSNP10 and later."""
    moment = _BEGINNING + timedelta(seconds=lists.serial - 1)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.0000000-00:00"


def _settings(lists: Lists) -> list[Command]:
    return [Command("GTC", None, ("A",)), Command("BLP", None, (_privacy(lists),))]


def _privacy(lists: Lists) -> str:
    return "AL" if lists.allows_others else "BL"


def _by_list(trid: int | None, lists: Lists, *, grouped: bool) -> list[Command]:
    serial = str(lists.serial)
    commands = [
        Command("GTC", trid, (serial, "A")),
        Command("BLP", trid, (serial, _privacy(lists))),
    ]
    if grouped:
        groups = [("0", _NO_GROUP)]
        groups += [(group_number(at), escape(name)) for at, name in lists.book.groups.items()]
        total = str(len(groups))
        commands += [
            Command("LSG", trid, (serial, str(place), total, number, name, "0"))
            for place, (number, name) in enumerate(groups, 1)
        ]
    for list_name in (ListName.FORWARD, ListName.ALLOW, ListName.BLOCK, ListName.REVERSE):
        filled = [entry for entry in lists.book.entries.values() if entry.is_on(list_name)]
        total, code = str(len(filled)), list_name.code
        for place, entry in enumerate(filled, 1):
            words = [code, serial, str(place), total, passport_word(entry.passport), _name(entry)]
            if grouped and list_name is ListName.FORWARD:
                words.append(_numbers(entry))
            commands.append(Command("LST", trid, tuple(words)))
        if not filled:
            commands.append(Command("LST", trid, (code, serial, "0", "0")))
    return commands


def _by_contact(entry: Entry) -> Command:
    # S: LST mail name lists groups
    words = (passport_word(entry.passport), _name(entry), str(entry.bits & _OLD), _numbers(entry))
    return Command("LST", None, words)


def _by_field(entry: Entry, network: list[str]) -> Command:
    # S: LST N=mail F=name C=guid lists [network] groups; only the forward list has the guid
    bits = entry.bits
    if entry.is_on(ListName.PENDING):
        bits &= ~ListName.REVERSE.bit  # not on the reverse list before an answer
    guid = [f"C={entry.id}"] if entry.is_on(ListName.FORWARD) else []
    groups = [",".join(entry.group_ids)] if entry.group_ids else []
    name = [f"F={_name(entry)}"]
    words = [f"N={passport_word(entry.passport)}", *name, *guid, str(bits), *network, *groups]
    return Command("LST", None, tuple(words))


def _name(entry: Entry) -> str:
    return escape(entry.name or entry.passport)


def _numbers(entry: Entry) -> str:
    return ",".join(group_number(group_id) for group_id in entry.group_ids) or "0"

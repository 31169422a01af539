"""The contact list as each version tells it: what old clients wait for before they are up.

Every contact is on the forward and the allow list, in the one group there is.
"""

from __future__ import annotations

import uuid

from ...core.wire.commands import Command, escape
from ...core.wire.dialects import Dialect, ListsForm

__all__ = ["setting", "synchronized"]

_SERIAL = 1
_STAMP = "2026-01-01T00:00:00.0000000-00:00"
_GROUP = "Other%20Contacts"
_LISTS = "3"  # forward 1, allow 2


def synchronized(
    dialect: Dialect, trid: int | None, args: tuple[str, ...], contacts: tuple[str, ...]
) -> list[Command] | None:
    """Return the answer to SYN; None where the version has none any more."""
    match dialect.lists:
        case ListsForm.BY_SOAP:
            return None
        case ListsForm.BY_LIST | ListsForm.BY_LIST_WITH_GROUPS:
            # C: SYN 5 0  S: SYN 5 1, and nothing else where the client's is the present one
            first = Command("SYN", trid, (str(_SERIAL),))
            grouped = dialect.lists is ListsForm.BY_LIST_WITH_GROUPS
            rest = _by_list(trid, contacts, grouped=grouped)
            current = args[:1] == (str(_SERIAL),)
        case ListsForm.BY_CONTACT:
            # C: SYN 5 0  S: SYN 5 1 contacts groups
            first = Command("SYN", trid, (str(_SERIAL), str(len(contacts)), "1"))
            rest = [Command("LSG", None, ("0", _GROUP, "0"))]
            rest += [Command("LST", None, (c, escape(c), _LISTS, "0")) for c in contacts]
            rest = [*_settings(), *rest]
            current = args[:1] == (str(_SERIAL),)
        case _:
            # C: SYN 5 0 0  S: SYN 5 stamp stamp contacts groups
            first = Command("SYN", trid, (_STAMP, _STAMP, str(len(contacts)), "0"))
            network = ["1"] if dialect.lists is ListsForm.BY_FIELD_WITH_NETWORK else []
            rest = [*_settings(), *(_by_field(contact, network) for contact in contacts)]
            current = args[:2] == (_STAMP, _STAMP)
    return [first] if current else [first, *rest]


def setting(dialect: Dialect, command: Command) -> Command:
    """Return the answer to BLP, GTC, PRP or REA: its words, behind a serial in old versions."""
    serial = () if _without_serial(dialect) else (str(_SERIAL),)
    return Command(command.verb, command.trid, (*serial, *command.args))


def _without_serial(dialect: Dialect) -> bool:
    return dialect.lists in (
        ListsForm.BY_FIELD,
        ListsForm.BY_FIELD_WITH_NETWORK,
        ListsForm.BY_SOAP,
    )


def _settings() -> list[Command]:
    return [Command("GTC", None, ("A",)), Command("BLP", None, ("AL",))]


def _by_list(trid: int | None, contacts: tuple[str, ...], *, grouped: bool) -> list[Command]:
    serial, total = str(_SERIAL), str(len(contacts))
    commands = [Command("GTC", trid, (serial, "A")), Command("BLP", trid, (serial, "AL"))]
    if grouped:
        commands.append(Command("LSG", trid, (serial, "1", "1", "0", _GROUP, "0")))
    for name in ("FL", "AL", "BL", "RL"):
        filled = contacts if name in ("FL", "AL") else ()
        group = ("0",) if grouped and name == "FL" else ()
        commands += [
            Command("LST", trid, (name, serial, str(at), total, contact, escape(contact), *group))
            for at, contact in enumerate(filled, 1)
        ] or [Command("LST", trid, (name, serial, "0", "0"))]
    return commands


def _by_field(contact: str, network: list[str]) -> Command:
    guid = uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{contact}")
    words = (f"N={contact}", f"F={escape(contact)}", f"C={guid}", _LISTS, *network)
    return Command("LST", None, words)

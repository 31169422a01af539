"""The commands for the contact list on the notification connection.

Every handler begins with the line that it answers. The same changes by SOAP are in `contacts`.
"""

from __future__ import annotations

from ...core.people.announced import bits_of
from ...core.people.contact import Entry, ListName
from ...core.tickets.xml import BadXml, children, parse
from ...core.wire.commands import Command, escape, passport_word, unescape
from ...core.wire.dialects import ListsForm
from ..stores.listing import (
    group_number,
    is_group_name,
    put_into_group,
    remove_group,
    rename_group,
)
from ..stores.protocol import Lists
from . import seen
from .connected import Connected, Handler
from .lists import setting, synchronized
from .news import Seen

__all__ = ["LIST_COMMANDS"]

_LISTS = {name.code: name for name in ListName}
_BY_FIELD = (ListsForm.BY_FIELD, ListsForm.BY_FIELD_WITH_NETWORK)


async def _on_syn(client: Connected, command: Command) -> None:
    # C: SYN 5 0 | SYN 5 0 0
    account = client.signed_in
    name = account.display_name or account.passport
    lists = await client.lists()
    answer = synchronized(client.spoken, command.trid, command.args, lists, name)
    if answer is None:
        client.say("502", command.trid)
    else:
        client.out += answer
        client.synchronized = True


async def _on_blp(client: Connected, command: Command) -> None:
    # C: BLP 6 AL  S: BLP 6 [serial] AL
    word = command.args[0] if command.args else ""
    if word not in ("AL", "BL"):
        client.say("201", command.trid)
        return

    def change(lists: Lists) -> None:
        lists.allows_others = word == "AL"

    await client.office.lists.change(client.signed_in.passport, change)
    client.out.append(setting(client.spoken, command))


async def _on_add(client: Connected, command: Command) -> None:
    # C: ADD 6 FL mail name [group]  S: ADD 6 FL serial mail name [group]
    list_name = _LISTS.get(command.args[0]) if len(command.args) > 2 else None
    if list_name is None or client.spoken.lists in _BY_FIELD:
        client.say("201", command.trid)
        return
    code, account, name, *rest = command.args
    lists = await client.lists()
    group_id = _group_by_number(lists, rest[0]) if rest else None
    if rest and rest[0] != "0" and group_id is None:
        client.say("224", command.trid)
        return
    passport = unescape(account)
    known = lists.book.find(passport)
    # A person who is on the list already is put into one more group.
    is_copy = bool(group_id) and known is not None and known.is_on(list_name)
    if not is_copy and not await _put(client, command, passport, list_name, unescape(name)):
        return
    if group_id:
        await _group(client, passport, group_id, is_in=True)
    serial = str((await client.lists()).serial)
    client.say("ADD", command.trid, code, serial, account, name, *rest)
    await _show(client, command, passport, list_name)


async def _on_adc(client: Connected, command: Command) -> None:
    # C: ADC 6 FL N=mail F=name | ADC 6 FL C=guid groupguid | ADC 6 AL N=mail
    list_name = _LISTS.get(command.args[0]) if len(command.args) > 1 else None
    if list_name is None or client.spoken.lists not in _BY_FIELD:
        client.say("201", command.trid)
        return
    fields = {word[0]: word[2:] for word in command.args[1:] if word[1:2] == "="}
    if "C" in fields:
        await _into_group(client, command, fields["C"])
        return
    passport = unescape(fields.get("N", ""))
    if "@" not in passport:
        client.say("208", command.trid)
        return
    name = unescape(fields.get("F", ""))
    if not await _put(client, command, passport, list_name, name):
        return
    words = [command.args[0], f"N={passport_word(passport)}"]
    if list_name is ListName.FORWARD:
        entry = (await client.lists()).book.find(passport)
        assert entry is not None  # it was just put there
        words += [f"F={escape(entry.name or passport)}", f"C={entry.id}"]
    client.say("ADC", command.trid, *words)
    await _show(client, command, passport, list_name)


async def _into_group(client: Connected, command: Command, contact_id: str) -> None:
    lists = await client.lists()
    entry, group_id = _by_id(lists, contact_id), command.args[-1].lower()
    if entry is None or group_id not in lists.book.groups:
        client.say("224" if entry else "208", command.trid)
        return
    await _group(client, entry.passport, group_id, is_in=True)
    client.say("ADC", command.trid, *command.args)


async def _on_rem(client: Connected, command: Command) -> None:
    # C: REM 6 FL mail [group] | REM 6 FL guid [groupguid] | REM 6 AL mail
    list_name = _LISTS.get(command.args[0]) if len(command.args) > 1 else None
    if list_name is None or list_name is ListName.REVERSE:
        client.say("201", command.trid)
        return
    lists, who = await client.lists(), command.args[1]
    by_field = client.spoken.lists in _BY_FIELD
    by_id = by_field and list_name is ListName.FORWARD
    entry = _by_id(lists, who) if by_id else lists.book.find(unescape(who))
    if entry is None:
        client.say("216", command.trid)
        return
    # Gaim removes a person who is in no group in this way: REM 6 FL mail 0 (its msn.c).
    is_in_none = command.args[2:3] == ("0",) and not by_field and not entry.group_ids
    if len(command.args) > 2 and not is_in_none:
        word = command.args[2]
        group_id = word.lower() if by_field else _group_by_number(lists, word)
        if group_id not in lists.book.groups:
            client.say("224", command.trid)
            return
        await _group(client, entry.passport, group_id or "", is_in=False)
    else:
        code = await client.people.take_off(client.signed_in, entry.passport, list_name)
        if code is not None:
            client.say(str(code), command.trid)
            return
    serial = [] if by_field else [str((await client.lists()).serial)]
    client.say("REM", command.trid, command.args[0], *serial, *command.args[1:])


async def _on_adg(client: Connected, command: Command) -> None:
    # C: ADG 6 name 0 | ADG 6 name  S: ADG 6 serial name number 0 | ADG 6 name guid
    name = unescape(command.args[0]) if command.args else ""
    if not is_group_name(name):
        client.say("229", command.trid)
        return
    group_id = await client.people.add_group(client.signed_in, name)
    if isinstance(group_id, int):
        client.say(str(group_id), command.trid)
        return
    if client.spoken.lists in _BY_FIELD:
        client.say("ADG", command.trid, escape(name), group_id)
    else:
        number, serial = group_number(group_id), str((await client.lists()).serial)
        client.say("ADG", command.trid, serial, escape(name), number, "0")


async def _on_rmg(client: Connected, command: Command) -> None:
    # C: RMG 6 number | RMG 6 guid  S: RMG 6 serial number | RMG 6 1 guid
    word = command.args[0] if command.args else ""
    if word == "0":
        client.say("230", command.trid)  # everybody who is in no group is in group 0
        return
    group_id = await _group_of(client, word)
    if group_id is None:
        client.say("224", command.trid)
        return
    await client.office.lists.change(
        client.signed_in.passport, lambda mine: remove_group(mine, group_id)
    )
    client.say("RMG", command.trid, await _serial(client), word)


async def _on_reg(client: Connected, command: Command) -> None:
    # C: REG 6 number name 0 | REG 6 guid name  S: REG 6 serial number name 0 | REG 6 1 guid name 0
    word = command.args[0] if len(command.args) > 1 else ""
    group_id = await _group_of(client, word)
    if group_id is None:
        client.say("224", command.trid)
        return
    name = unescape(command.args[1])
    if not is_group_name(name):
        client.say("229", command.trid)
        return
    await client.office.lists.change(
        client.signed_in.passport, lambda mine: rename_group(mine, group_id, name)
    )
    client.say("REG", command.trid, await _serial(client), word, escape(name), "0")


async def _on_adl(client: Connected, command: Command) -> None:
    # C: ADL 6 55, RML 7 55  S: ADL 6 OK
    try:
        root = parse(command.payload or b"")
    except BadXml:
        client.say("240", command.trid)
        return
    # The first ADL, with l="1", repeats the list of the contacts host, and changes nothing.
    if root.get("l") != "1":
        for domain in children(root, "d"):
            for person in children(domain, "c"):
                passport = f"{person.get('n', '')}@{domain.get('n', '')}"
                # The first entry of MSNP21 is the account itself.
                if passport.casefold() != client.signed_in.passport.casefold():
                    await _announced(client, command, passport, bits_of(person))
    client.synchronized = True
    client.say(command.verb, command.trid, "OK")


async def _announced(client: Connected, command: Command, passport: str, bits: str) -> None:
    """Make a change that the client sends to the contacts host too, before or after this one."""
    for list_name in ListName:
        # & 7: ADL and RML change the forward, allow and block lists, but no other list.
        if not bits.isascii() or not bits.isdecimal() or not int(bits[:4]) & list_name.bit & 7:
            continue
        if command.verb == "ADL":
            await client.people.put(client.signed_in, passport, list_name)
            await _show(client, command, passport, list_name)
        else:
            await client.people.take_off(client.signed_in, passport, list_name)


# --- helpers -------------------------------------------------------------------------------------


async def _put(
    client: Connected, command: Command, passport: str, list_name: ListName, name: str
) -> bool:
    """Put a person on a list; if this is refused, send the error code and return False."""
    code = await client.people.put(client.signed_in, passport, list_name, name)
    if code is not None:
        # In MSNP10 and later an account that does not exist has another code (Escargot).
        code = 208 if code == 205 and client.spoken.lists in _BY_FIELD else code
        client.say(str(code), command.trid)
    return code is None


async def _show(client: Connected, command: Command, passport: str, list_name: ListName) -> None:
    """Send the presence of a person who was just put on the forward list and is online."""
    entry = (await client.lists()).book.find(passport)
    if list_name is not ListName.FORWARD or entry is None or not client.synchronized:
        return
    found = await client.people.seen_of(client.signed_in, entry)
    if found is not None:
        news = Seen(entry.passport, found)
        viewer = client.signed_in.passport
        client.out += seen.presence(client.spoken, news, viewer, command.trid)


async def _group(client: Connected, passport: str, group_id: str, *, is_in: bool) -> None:
    def change(lists: Lists) -> None:
        entry = lists.book.find(passport)
        if entry is not None:
            put_into_group(lists, entry, group_id, is_in=is_in)

    await client.office.lists.change(client.signed_in.passport, change)


async def _group_of(client: Connected, word: str) -> str | None:
    """Return the id of the group that a client identifies by its id or by its number."""
    lists = await client.lists()
    if client.spoken.lists in _BY_FIELD:
        return word.lower() if word.lower() in lists.book.groups else None
    return _group_by_number(lists, word)


def _group_by_number(lists: Lists, word: str) -> str | None:
    return next((at for at in lists.book.groups if group_number(at) == word), None)


def _by_id(lists: Lists, contact_id: str) -> Entry | None:
    wanted = contact_id.lower()
    return next((entry for entry in lists.book.entries.values() if entry.id == wanted), None)


async def _serial(client: Connected) -> str:
    return "1" if client.spoken.lists in _BY_FIELD else str((await client.lists()).serial)


LIST_COMMANDS: dict[str, Handler] = {
    "SYN": _on_syn,
    "BLP": _on_blp,
    "ADD": _on_add,
    "ADC": _on_adc,
    "REM": _on_rem,
    "ADG": _on_adg,
    "RMG": _on_rmg,
    "REG": _on_reg,
    "ADL": _on_adl,
    "RML": _on_adl,
}

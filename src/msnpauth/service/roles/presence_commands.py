"""The commands by which a client changes its own status, name and message.

Every handler begins with the line that it answers.
"""

from __future__ import annotations

from dataclasses import replace

from ...core.people.publication import parse_published
from ...core.tickets.xml import escape_xml
from ...core.wire.commands import Command, unescape
from ...core.wire.dialects import QueryRule
from ...core.wire.routed import parse_routed
from ..stores.listing import LONGEST_NAME, shortened
from ..stores.protocol import Lists, Presence
from . import seen
from .connected import Connected, Handler
from .left_messages import announced
from .lists import setting
from .news import Seen

__all__ = ["PRESENCE_COMMANDS"]

_STATES = frozenset({"NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN", "HDN"})


async def _on_chg(client: Connected, command: Command) -> None:
    # C: CHG 5 NLN 0 [object]  S: CHG 5 NLN 0, ILN 5 NLN friend Friend 0
    if not command.args or command.args[0] not in _STATES:
        client.say("201", command.trid)
        return
    account, before = client.signed_in, client.presence
    capabilities, picture = (*command.args[1:], "", "")[:2]
    client.presence = Presence(
        command.args[0],
        account.display_name or account.passport if before is None else before.name,
        capabilities or "0",
        picture,
        client.message,
    )
    client.say("CHG", command.trid, *command.args)
    await _seen_now(client, command.trid, is_first=before is None)
    if not client.query and client.spoken.query is not QueryRule.NONE:
        client.ask()


async def _seen_now(client: Connected, trid: int | None, *, is_first: bool) -> None:
    """Report the presence of the account to others.

    The first time, also send the client the presence of its contacts and the notice of the messages
    that were left for it.
    """
    account = client.signed_in
    if is_first and client.synchronized:
        for passport, presence in await client.people.seen_by(account):
            news = Seen(passport, presence)
            client.out += seen.presence(client.spoken, news, account.passport, trid)
    if is_first:
        messages = await client.office.left.left(account.passport)
        client.out += announced(client.spoken, messages, initial=True)
    await client.show()


async def _on_setting(client: Connected, command: Command) -> None:
    # C: GTC 7 A | PRP 8 MFN name | REA 9 mail name | SBP 10 guid MFN name
    own = client.signed_in.passport
    match command:
        case Command("PRP", args=("MFN", word)):
            renamed = own
        case Command("REA", args=(who, word)):
            renamed = unescape(who)
        case _:
            renamed = word = ""
    if len(word) > LONGEST_NAME:
        client.say("209", command.trid)
        return
    if renamed.casefold() == own.casefold():
        await _rename(client, unescape(word))
    elif renamed:
        await _rename_other(client, renamed, unescape(word))
    client.out.append(setting(client.spoken, command))


async def _rename_other(client: Connected, passport: str, name: str) -> None:
    """Keep the name that the account has given to a person on its list; nobody else sees it."""

    def change(mine: Lists) -> None:
        entry = mine.book.find(passport)
        if entry is not None:
            entry.name = name
            mine.serial += 1

    await client.office.lists.change(client.signed_in.passport, change)


async def _rename(client: Connected, name: str) -> None:
    """Keep the display name of the account, and show the name to others."""
    await _kept_name(client, name)
    if client.presence is not None:
        client.presence = replace(client.presence, name=name)
        await client.show()


async def _on_uux(client: Connected, command: Command) -> None:
    # C: UUX 8 53  S: UUX 8 0, because libpurple reads a length there
    client.message = (command.payload or b"").decode("utf-8", "replace")
    client.say("UUX", command.trid, payload=b"")
    if client.presence is not None:
        client.presence = replace(client.presence, message=client.message)
        await client.show()


async def _on_put(client: Connected, command: Command) -> None:
    # C: PUT 8 412, DEL 10 120  S: PUT 8 OK 0
    if not client.spoken.publishes:
        client.say("502", command.trid)
        return
    client.out.append(Command(command.verb, command.trid, ("OK",), b""))
    routed = parse_routed(command.payload or b"")
    # A PUT that creates or describes a group of people is answered, but has no other effect.
    if command.verb == "PUT" and routed is not None and routed.headers.get("uri") == "/user":
        await _publish(client, routed.body)


async def _publish(client: Connected, document: bytes) -> None:
    """Apply the document in which a client of MSNP21 sends status, name and message together."""
    said, before = parse_published(document), client.presence
    if said is None or (said.status is None and before is None):
        return
    shown = before or Presence("NLN", client.signed_in.display_name or client.signed_in.passport)
    if said.message is not None:
        text = escape_xml(said.message)
        client.message = f"<Data><PSM>{text}</PSM><CurrentMedia></CurrentMedia></Data>"
    name = shortened(said.name or "")
    if name:
        await _kept_name(client, name)
    client.presence = replace(
        shown,
        status=said.status if said.status in _STATES else shown.status,
        name=name or shown.name,
        capabilities=said.capabilities or shown.capabilities,
        message=client.message,
    )
    await _seen_now(client, None, is_first=before is None)


async def _kept_name(client: Connected, name: str) -> None:
    account = client.signed_in
    # Old clients send names in Latin-1. Bytes that are not UTF-8 cannot be stored, and are
    # replaced.
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if name == account.display_name:
        return  # clients send their name at each sign-in
    await client.office.accounts.rename(account.passport, name)
    client.account = replace(account, display_name=name)


PRESENCE_COMMANDS: dict[str, Handler] = {
    "CHG": _on_chg,
    "GTC": _on_setting,
    "PRP": _on_setting,
    "REA": _on_setting,
    "SBP": _on_setting,
    "UUX": _on_uux,
    "PUT": _on_put,
    "DEL": _on_put,
}

"""The commands of the notification connection for chats and messages: XFR SB, RNG, UUM and SDG.

Every handler begins with the line that it answers.
"""

from __future__ import annotations

from ...core.wire.commands import Command, unescape
from ...core.wire.messages import parse_message
from ...core.wire.routed import as_message, parse_routed
from . import seen
from .chats import Chats
from .connected import Connected, Handler
from .datagrams import Datagrams
from .left_messages import leave
from .news import Rung
from .people import INVISIBLE

__all__ = ["MESSAGE_COMMANDS", "leave_chats", "ring"]


async def _on_xfr(client: Connected, command: Command) -> None:
    # C: XFR 15 SB  S: XFR 15 SB host:port CKI key [U messenger.msn.com [1]]
    if command.args[:1] != ("SB",):
        client.say("201", command.trid)
        return
    chats = _chats(client, command)
    if chats is None:
        return
    if not chats.may_begin(client.signed_in):
        client.say("800", command.trid)
        return
    key = chats.invite(client.signed_in, client.guid, client.spoken, None)
    tail = client.spoken.chat_tail.split()
    client.say("XFR", command.trid, "SB", str(chats.here), "CKI", key, *tail)


def _chats(client: Connected, command: Command) -> Chats | None:
    """Return the chats, if the client may begin a chat; otherwise send an error code."""
    if client.chats is None:
        client.say("601", command.trid)
    elif client.presence is None or (
        client.presence.status == INVISIBLE and not client.spoken.chats_invisible
    ):
        client.say("913", command.trid)
    else:
        return client.chats
    return None


async def _on_uum(client: Connected, command: Command) -> None:
    # C: UUM 9 mail 1 1 96: a text (type 1) for a person who is offline  S: UUM 9 OK
    if not client.spoken.leaves:
        client.say("502", command.trid)
        return
    body = parse_message(command.payload or b"")
    to, _, kind = (*command.args, "", "", "")[:3]
    is_text = kind == "1" and body.kind == "text/plain"
    if is_text and not await leave(client.office, client.signed_in, unescape(to), body.text):
        client.say("217", command.trid)
    else:
        client.say("UUM", command.trid, "OK")


async def _on_sdg(client: Connected, command: Command) -> None:
    # C: SDG 9 300  S: SDG 9 OK 0
    if not client.spoken.publishes:
        client.say("502", command.trid)
        return
    routed = parse_routed(command.payload or b"")
    payload = None if routed is None else as_message(routed)
    if routed is not None and payload is not None:
        chats = _chats(client, command)
        if chats is None:
            return
        code = await _datagrams(client, chats).send(routed.to, payload)
        if code is not None:
            client.say(str(code), command.trid)
            return
    client.out.append(Command("SDG", command.trid, ("OK",), b""))


def ring(client: Connected, call: Rung) -> None:
    """Handle a call into a chat: notify the client, or in MSNP21 enter the chat at once."""
    if client.spoken.routed and client.chats is not None:
        _datagrams(client, client.chats).join(call)
    else:
        client.out.append(seen.called(client.spoken, call))


def _datagrams(client: Connected, chats: Chats) -> Datagrams:
    """Return the chats whose messages use this connection; made when they are first needed."""
    if client.datagrams is None:
        client.datagrams = Datagrams(client, chats)
    return client.datagrams


def leave_chats(client: Connected) -> None:
    """Leave the chats whose messages used the connection, because the connection is closed."""
    if client.datagrams is not None:
        client.datagrams.leave_all()


MESSAGE_COMMANDS: dict[str, Handler] = {
    "XFR": _on_xfr,
    "UUM": _on_uum,
    "SDG": _on_sdg,
}

"""Serves a notification role over TCP, on asyncio's streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ...core.errors import RemoteProtocolError
from ...core.wire.commands import Role
from ...core.wire.lines import LineReader, NeedData
from ..roles.notification import NotificationRole
from .faults import tell_fault

__all__ = ["serve_msnp"]

_SIGN_IN_SECONDS = 60.0
_IDLE_SECONDS = 180.0  # a client pings at least once a minute
_WRITE_SECONDS = 30.0
_CHUNK = 16 * 1024

# Commands that may wait to be written. One packet holds hundreds of SYNs, and each of them asks for
# a whole contact list: without a bound a client makes the service hold all those lists at once.
_MOST_WAITING = 200

RoleMaker = Callable[[Callable[[], None]], NotificationRole]


async def serve_msnp(
    make_role: RoleMaker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry one connection until either side has enough."""

    def flush() -> None:
        commands, role.out = role.out, []
        if commands:
            writer.write(b"".join(command.encode() for command in commands))
        if role.closing:
            writer.close()

    role = make_role(flush)
    lines = LineReader(Role.CLIENT)
    try:
        while not role.closing:
            patience = _SIGN_IN_SECONDS if role.account is None else _IDLE_SECONDS
            async with asyncio.timeout(patience):
                data = await reader.read(_CHUNK)
            if not data:
                break
            lines.feed(data)
            readable = True
            while readable and not role.closing and lines.has_command:
                readable = await _hand_in(lines, role)
                flush()
                async with asyncio.timeout(_WRITE_SECONDS):
                    await writer.drain()
            if not readable:
                break
    except (OSError, TimeoutError):
        pass  # gone, or silent for too long
    except Exception as fault:  # noqa: BLE001 - the net of last resort: one client, not the service
        tell_fault(fault)
    finally:
        await role.gone()
        with suppress(OSError):
            writer.close()


async def _hand_in(lines: LineReader, role: NotificationRole) -> bool:
    """Give the role whole commands, up to a bound; tell whether the stream can still be read."""
    while len(role.out) < _MOST_WAITING and not role.closing:
        command = lines.next_command()
        if isinstance(command, NeedData):
            break
        if isinstance(command, RemoteProtocolError):
            return False
        await role.receive(command)
    return True

"""Serves a notification role over TCP, on asyncio's streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ..core.commands import Role
from ..core.errors import RemoteProtocolError
from ..core.lines import LineReader, NeedData
from .notification import NotificationRole

__all__ = ["serve_msnp"]

_SIGN_IN_SECONDS = 60.0
_IDLE_SECONDS = 180.0  # a client pings at least once a minute
_WRITE_SECONDS = 30.0
_CHUNK = 16 * 1024

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
            if not _hand_in(lines, role):
                break
            flush()
            async with asyncio.timeout(_WRITE_SECONDS):
                await writer.drain()
    except (OSError, TimeoutError):
        pass  # gone, or silent for too long
    finally:
        role.gone()
        with suppress(OSError):
            writer.close()


def _hand_in(lines: LineReader, role: NotificationRole) -> bool:
    """Give the role every whole command; tell whether the stream can still be read."""
    while True:
        command = lines.next_command()
        if isinstance(command, NeedData):
            return True
        if isinstance(command, RemoteProtocolError):
            return False
        role.receive(command)

"""Serves a role of MSNP, notification or switchboard, over TCP on asyncio's streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ...core.errors import RemoteProtocolError
from ...core.wire.commands import Command
from ...core.wire.commands import Role as End
from ...core.wire.lines import LineReader, NeedData
from .faults import tell_fault

__all__ = ["serve_msnp"]

_WRITE_SECONDS = 30.0
_CHUNK = 16 * 1024

# Commands that may wait to be written. One packet holds hundreds of SYNs, and each of them asks for
# a whole contact list: without a bound a client makes the service hold all those lists at once.
_MOST_WAITING = 200


class Role(Protocol):
    """What is carried here.

    Attributes:
        out: commands to write.
        closing: nothing more is said, and the connection is to be closed.
        sign_in_seconds: how long a client may take to prove who it is.
        idle_seconds: how long a client may be silent after that.
    """

    out: list[Command]
    closing: bool
    sign_in_seconds: float
    idle_seconds: float

    @property
    def is_signed_in(self) -> bool:
        """True once the client has proved who it is."""

    async def receive(self, command: Command) -> None:
        """Take a command of the client."""

    def timed_out(self) -> None:
        """The client was silent for too long."""

    async def gone(self) -> None:
        """The connection is closed."""


RoleMaker = Callable[[Callable[[], None]], Role]


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
    lines = LineReader(End.CLIENT)
    try:
        while not role.closing and (data := await _read(reader, role)):
            lines.feed(data)
            readable = True
            while readable and not role.closing and lines.has_command:
                readable = await _hand_in(lines, role)
                flush()
                async with asyncio.timeout(_WRITE_SECONDS):
                    await writer.drain()
            if not readable:
                break
    except TimeoutError:
        role.timed_out()
    except OSError:
        pass  # gone
    except Exception as fault:  # noqa: BLE001 - the net of last resort: one client, not the service
        tell_fault(fault)
    finally:
        await role.gone()
        with suppress(OSError):
            writer.close()


async def _read(reader: asyncio.StreamReader, role: Role) -> bytes:
    """Return what has come, b"" at the end.

    Raises:
        TimeoutError: the client was silent for too long.
    """
    patience = role.idle_seconds if role.is_signed_in else role.sign_in_seconds
    async with asyncio.timeout(patience):
        return await reader.read(_CHUNK)


async def _hand_in(lines: LineReader, role: Role) -> bool:
    """Give the role whole commands, up to a bound; tell whether the stream can still be read."""
    while len(role.out) < _MOST_WAITING and not role.closing:
        command = lines.next_command()
        if isinstance(command, NeedData):
            break
        if isinstance(command, RemoteProtocolError):
            return False
        await role.receive(command)
    return True

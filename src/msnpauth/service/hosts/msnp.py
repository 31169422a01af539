"""Serves a role of MSNP, notification or switchboard, over TCP on asyncio's streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ...core.errors import RemoteProtocolError, ServiceUnavailable
from ...core.wire.commands import Command
from ...core.wire.commands import Role as End
from ...core.wire.lines import MAX_PAYLOAD, LineReader, NeedData
from .faults import tell_fault
from .gate import Visit

__all__ = ["serve_msnp"]

_WRITE_SECONDS = 30.0
_CHUNK = 16 * 1024

# Commands that may wait to be written. One packet holds hundreds of SYNs, and each of them asks for
# a whole contact list: without a bound a client makes the service hold all those lists at once.
_MOST_WAITING = 200

_MOST_UNPROVED = 16 * 1024
"""The longest payload before anybody has signed in, in bytes."""
_MOST_UNREAD = 4 * 1024 * 1024
"""Bytes that wait for a client that does not read. A list of 3,000 people has half a MiB."""


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


RoleMaker = Callable[[Callable[[], None], str], Role]
"""Makes a role of what wakes the writer, and of the network that the client comes from."""


async def serve_msnp(
    make_role: RoleMaker,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    visit: Visit,
) -> None:
    """Carry one connection until either side has enough."""

    def flush() -> None:
        _flush(role, writer)

    role = make_role(flush, visit.address)
    lines = LineReader(End.CLIENT, max_payload=_MOST_UNPROVED)
    # For all of the sign-in, and not for each read: who sends a byte now and then is no client.
    until = asyncio.get_running_loop().time() + role.sign_in_seconds
    try:
        readable = True
        while readable and not role.closing and (data := await _read(reader, role, until)):
            lines.feed(data)
            while readable and not role.closing and lines.has_command:
                readable = await _hand_in(lines, role)
                _trust(role, lines, visit)
                flush()
                async with asyncio.timeout(_WRITE_SECONDS):
                    await writer.drain()
    except TimeoutError:
        role.timed_out()
    except OSError:
        pass  # gone
    except Exception as fault:  # noqa: BLE001 - the net of last resort: one client, not the service
        tell_fault(fault)
    finally:
        # A store may not be there to note it.
        with suppress(ServiceUnavailable):
            await role.gone()
        with suppress(OSError):
            writer.close()


def _flush(role: Role, writer: asyncio.StreamWriter) -> None:
    commands, role.out = role.out, []
    if commands:
        writer.write(b"".join(command.encode() for command in commands))
        # What others do is told to everybody, and some read nothing.
        if writer.transport.get_write_buffer_size() > _MOST_UNREAD:
            writer.transport.abort()
    if role.closing:
        writer.close()


def _trust(role: Role, lines: LineReader, visit: Visit) -> None:
    """Let who has signed in say more at once, and keep their place."""
    if role.is_signed_in and lines.max_payload != MAX_PAYLOAD:
        lines.max_payload = MAX_PAYLOAD
        visit.proved()


async def _read(reader: asyncio.StreamReader, role: Role, until: float) -> bytes:
    """Return what has come, b"" at the end.

    Raises:
        TimeoutError: the client was silent for too long.
    """
    if role.is_signed_in:
        until = asyncio.get_running_loop().time() + role.idle_seconds
    async with asyncio.timeout_at(until):
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

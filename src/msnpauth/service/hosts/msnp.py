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

# The largest number of commands that may wait to be written. One packet may contain hundreds of
# SYNs, and each SYN requests a whole contact list: without a limit a client could make the service
# hold all those lists in memory at once.
_MOST_WAITING = 200

_MOST_UNPROVED = 16 * 1024
"""The longest payload that a client may send before it has signed in, in bytes."""
_MOST_UNREAD = 4 * 1024 * 1024
"""The largest number of bytes that wait for a client that does not read. A contact list of 3,000
people has half a MiB.
"""


class Role(Protocol):
    """The role of the service on one connection, which this module serves.

    Attributes:
        out: the commands to send.
        closing: the role sends nothing more, and the connection must be closed.
        sign_in_seconds: the time in which a client has to sign in, in seconds.
        idle_seconds: how long a client may be silent after the sign-in, in seconds.
    """

    out: list[Command]
    closing: bool
    sign_in_seconds: float
    idle_seconds: float

    @property
    def is_signed_in(self) -> bool:
        """Whether the client has signed in."""

    async def receive(self, command: Command) -> None:
        """Handle a command of the client."""

    def timed_out(self) -> None:
        """Handle that the client was silent for too long."""

    async def gone(self) -> None:
        """Handle that the connection is closed."""


RoleMaker = Callable[[Callable[[], None], str], Role]
"""Makes a role. The arguments are the function that writes the commands in `Role.out`, and the
network that the client comes from.
"""


async def serve_msnp(
    make_role: RoleMaker,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    visit: Visit,
) -> None:
    """Serve one connection until one side closes it."""

    def flush() -> None:
        _flush(role, writer)

    role = make_role(flush, visit.address)
    lines = LineReader(End.CLIENT, max_payload=_MOST_UNPROVED)
    # The time limit is for the whole sign-in and not for each read, so that a peer that sends one
    # byte now and then cannot keep the connection.
    until = asyncio.get_running_loop().time() + role.sign_in_seconds
    try:
        readable = True
        while readable and not role.closing and (data := await _read(reader, role, until)):
            lines.feed(data)
            while readable and not role.closing and lines.has_command:
                readable = await _hand_in(lines, role, visit)
                flush()
                async with asyncio.timeout(_WRITE_SECONDS):
                    await writer.drain()
    except TimeoutError:
        role.timed_out()
    except OSError:
        pass  # the client is gone
    except Exception as fault:  # noqa: BLE001 - an error must end this connection only
        tell_fault(fault)
    finally:
        # The store may not be available to record this.
        with suppress(ServiceUnavailable):
            await role.gone()
        with suppress(OSError):
            writer.close()


def _flush(role: Role, writer: asyncio.StreamWriter) -> None:
    commands, role.out = role.out, []
    if commands:
        writer.write(b"".join(command.encode() for command in commands))
        # A client receives the changes of all its contacts, and some clients never read them.
        if writer.transport.get_write_buffer_size() > _MOST_UNREAD:
            writer.transport.abort()
    if role.closing:
        writer.close()


def _trust(role: Role, lines: LineReader, visit: Visit) -> None:
    """Allow a client that has signed in longer payloads, and protect its place at the gate."""
    if role.is_signed_in and lines.max_payload != MAX_PAYLOAD:
        lines.max_payload = MAX_PAYLOAD
        visit.proved()


async def _read(reader: asyncio.StreamReader, role: Role, until: float) -> bytes:
    """Return the data that has arrived; b"" at the end of the connection.

    Raises:
        TimeoutError: the client was silent for too long.
    """
    if role.is_signed_in:
        until = asyncio.get_running_loop().time() + role.idle_seconds
    async with asyncio.timeout_at(until):
        return await reader.read(_CHUNK)


async def _hand_in(lines: LineReader, role: Role, visit: Visit) -> bool:
    """Pass complete commands to the role, up to a limit; return False after a protocol error."""
    while len(role.out) < _MOST_WAITING and not role.closing:
        command = lines.next_command()
        if isinstance(command, NeedData):
            break
        if isinstance(command, RemoteProtocolError):
            return False
        await role.receive(command)
        # A client may send the next command in the same packet as the last one of its sign-in.
        _trust(role, lines, visit)
    return True

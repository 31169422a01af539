"""Faults that a test simulates: a command that is refused, answered late, or never answered."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from ...core.wire.commands import Command

__all__ = ["Faults"]


class _Answers(Protocol):
    out: list[Command]
    closing: bool


@dataclass(frozen=True)
class _Fault:
    code: int | None
    seconds: float
    drops: bool


class Faults:
    """The faults for the next commands of each verb: each command gets one fault, in order."""

    def __init__(self) -> None:
        self._ordered: dict[str, deque[_Fault]] = {}

    def refuse(self, verb: str, code: int, times: int = 1) -> None:
        """Answer the next commands of this verb by an error code."""
        self._order(verb, _Fault(code, 0.0, drops=False), times)

    def delay(self, verb: str, seconds: float, times: int = 1) -> None:
        """Delay the answers to the next commands of this verb by so many seconds."""
        self._order(verb, _Fault(None, seconds, drops=False), times)

    def drop(self, verb: str, times: int = 1) -> None:
        """Close the connection at the next commands of this verb."""
        self._order(verb, _Fault(None, 0.0, drops=True), times)

    def _order(self, verb: str, fault: _Fault, times: int) -> None:
        self._ordered.setdefault(verb.upper(), deque()).extend([fault] * times)

    async def strike(self, role: _Answers, command: Command) -> bool:
        """Apply the next fault to a command; return whether the command needs no other answer."""
        ordered = self._ordered.get(command.verb)
        if not ordered:
            return False
        fault = ordered.popleft()
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        if fault.drops:
            role.closing = True
        elif fault.code is not None:
            role.out.append(Command(str(fault.code), command.trid))
        return fault.drops or fault.code is not None

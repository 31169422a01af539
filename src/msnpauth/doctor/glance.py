"""A short look at a network: whether its servers answer, with one small question to each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from ..core.errors import SignInError
from ..core.servers import Servers
from ..core.wire.commands import Command
from ..core.wire.dialects import DIALECTS
from . import encryption, reach, web
from .finding import Finding, State
from .patient import Patient
from .versions import Line

__all__ = ["Glance", "glance"]


class Glance(NamedTuple):
    """What was seen of a network.

    Attributes:
        answers: the roles whose servers answered.
        version: the best MSNP version of the server, as `MSNP18`; "" where it told none.
        problems: what failed.
    """

    answers: tuple[str, ...]
    version: str
    problems: tuple[Finding, ...]


def glance(
    servers: Servers, *, ca_file: str | os.PathLike[str] | None = None, timeout: float = 20.0
) -> Glance:
    """Contact each server of a network once, politely: look-up, connection, one question.

    Args:
        servers: the network.
        ca_file: certificates to trust, in PEM, instead of the system's.
        timeout: seconds for all of it.
    """
    patient = Patient(servers, None, None, ca_file=ca_file, timeout=timeout)
    findings: list[Finding] = []
    for step in (reach.look_ups, reach.connections, web.nexus, encryption.encryption):
        findings += _done(patient, step(patient))
    failed = tuple(finding for finding in findings if finding.state is State.FAILED)
    answers = [role for role, url in patient.web().items() if patient.can_reach(url)]
    version = ""
    if patient.notification is not None and str(patient.notification) not in patient.unreachable:
        version = _version(patient)
        answers.insert(0, "notification")
    return Glance(tuple(answers), version, failed)


def _done(patient: Patient, step: Iterator[Finding]) -> Iterator[Finding]:
    if not patient.is_over:
        yield from step


def _version(patient: Patient) -> str:
    """Offer every version at once, as some clients do; return the one that the server takes."""
    assert patient.notification is not None  # glance saw to it
    names = [DIALECTS[number].name for number in sorted(DIALECTS, reverse=True)]
    try:
        with Line(patient.notification, patient.patience()) as line:
            line.send(Command("VER", 1, (*names, "CVR0")))
            reply = line.next()
    except SignInError:
        return ""
    return next((name for name in names if name in reply.args), "")

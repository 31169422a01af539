"""A short check whether the servers of a network answer, with one small request to each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from ..core.errors import SignInError
from ..core.servers import Servers
from ..core.wire.commands import Command
from ..core.wire.dialects import DIALECTS
from . import reach, web
from .finding import Finding, State, failed, found
from .patient import Patient
from .versions import Line

__all__ = ["Glance", "glance"]


class Glance(NamedTuple):
    """The result of a short check of a network.

    Attributes:
        answers: the roles whose servers answered correctly.
        version: the best MSNP version of the server, such as `MSNP18`; "" where it named none.
        problems: the findings of the checks that failed.
    """

    answers: tuple[str, ...]
    version: str
    problems: tuple[Finding, ...]


def glance(
    servers: Servers, *, ca_file: str | os.PathLike[str] | None = None, timeout: float = 20.0
) -> Glance:
    """Send each server of a network one request that needs no account.

    Args:
        servers: the addresses of the network's servers.
        ca_file: certificates to trust, in PEM, instead of the system's.
        timeout: seconds for the whole check.
    """
    patient = Patient(servers, None, None, ca_file=ca_file, timeout=timeout)
    findings = [*reach.look_ups(patient), *reach.connections(patient)]
    answers, version = [], ""
    if patient.notification is not None and str(patient.notification) not in patient.unreachable:
        version, problem = _version(patient)
        findings += [problem] if problem else []
        answers += ["notification"] if version else []
    for step in (web.nexus, web.login_server, web.rst_services, web.contacts_host):
        findings += _done(patient, step(patient))
    answers += [role for role in patient.web() if patient.facts.get(role)]
    problems = tuple(finding for finding in findings if finding.state is State.FAILED)
    return Glance(tuple(answers), version, problems)


def _done(patient: Patient, step: Iterator[Finding]) -> Iterator[Finding]:
    if patient.is_over:
        yield found("MA-DOC-30", "the rest", State.FAILED, "the time was up")
    else:
        yield from step


def _version(patient: Patient) -> tuple[str, Finding | None]:
    """Offer every version at once, as some clients do; return the version that the server names."""
    assert patient.notification is not None  # glance has checked it
    names = [DIALECTS[number].name for number in sorted(DIALECTS, reverse=True)]
    title = f"notification server {patient.notification}"
    try:
        with Line(patient.notification, patient.patience()) as line:
            line.send(Command("VER", 1, (*names, "CVR0")))
            reply = line.next()
    except SignInError as error:
        return "", failed(title, error)
    version = next((name for name in names if name in reply.args), "")
    if version:
        return version, None
    seen = f"it answers VER by `{reply.describe()}`"
    return "", found("MA-MSN-02", title, State.FAILED, seen)

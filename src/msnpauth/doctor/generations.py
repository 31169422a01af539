"""Judges by the findings which generations of clients will sign on.

The needs of each generation come from MSNPiki and from the clients' own sources. The versions are
those that each client names in VER.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..core.wire.dialects import DIALECTS, Scheme
from .finding import Finding, State, found
from .legacy import OLD_SYSTEMS
from .patient import Patient

__all__ = ["GENERATIONS", "Generation", "badge", "judged"]

_XP, _VISTA = OLD_SYSTEMS[0].name, OLD_SYSTEMS[1].name

_MISSING = {
    "tls": "the certificate or the TLS of a server is rejected",
    "without_sni": "a handshake that names no server gets another certificate",
    "nexus": "the nexus does not answer",
    "header spelling": "PassportURLs is spelled otherwise",
    "bare DALogin": "DALogin has a scheme or a port in it, or no comma behind",
    "DALogin as URL": "DALogin is no URL, or not alone",
    "bare nexus": "the nexus wants an HTTP version",
    "nexus form": "the nexus answer is not as they read it",
    "login": "the login server does not refuse in words of Passport",
    "login form": "the login answer is not as they read it",
    "ticket form": "the header with the ticket is not as they read it",
    "ticket profile": "the ticket has no &p=",
    "rst": "the RST service does not answer",
    "rst2": "the RST2 service does not answer",
    "rst form": "the RST answer is not as they read it",
    "double slash": "//RST.srf is not known",
    "contacts": "the contacts host does not answer",
    "contacts double slash": "//abservice/… is not known",
    "absolute target": "a target with scheme and host is not known",
}


class Generation(NamedTuple):
    """Clients that have the same needs.

    Attributes:
        name: the names of the clients.
        dialects: the MSNP versions that they offer; the server needs one of them.
        needs: the names of the facts that have to be true.
        system: the oldest system that the clients run on, whose TLS they use; "" for their own TLS.
    """

    name: str
    dialects: tuple[int, ...]
    needs: tuple[str, ...] = ()
    system: str = ""


_LOGIN = ("nexus", "header spelling", "login")
_PURPLE_07 = ("nexus", "header spelling", "bare DALogin", "bare nexus", "nexus form", "login form")

GENERATIONS = (
    Generation("MSN Messenger 1 to 4", (2, 3, 4, 5, 6, 7)),
    Generation("MSN Messenger 5 and 6", (8, 9, 10), _LOGIN, _XP),
    Generation("MSN Messenger 7", (11, 12), _LOGIN, _XP),
    Generation("Windows Live Messenger 8", (13, 14, 15), ("rst", "contacts"), _XP),
    Generation("Windows Live Messenger 2009", (18,), ("rst", "contacts"), _XP),
    Generation("Windows Live Messenger 2011 and 2012", (21,), ("rst2", "contacts"), _VISTA),
    Generation(
        "Pidgin of today (libpurple, MSNP18)",
        (18,),
        ("rst", "double slash", "rst form", "contacts", "contacts double slash"),
    ),
    Generation("Pidgin of 2007 (MSNP9)", (9, 8), _PURPLE_07),
    Generation("msn-pecan (MSNP12)", (12,), (*_PURPLE_07, "ticket profile")),
    Generation("msnpjs (MSNP8)", (8,), ("nexus", "login")),
    Generation("msnlib (MSNP8)", (8,), ("nexus", "login", "absolute target")),
    Generation(
        "msnp11-sdk: meowsn, PolyMSNP and others (MSNP11)", (11,), ("DALogin as URL", "ticket form")
    ),
)


def judged(patient: Patient) -> Iterator[Finding]:
    """Judge each generation."""
    for generation in GENERATIONS:
        yield _judged(patient, generation)


def _judged(patient: Patient, generation: Generation) -> Finding:
    title = generation.name
    had = [number for number in generation.dialects if number in patient.versions]
    if not patient.versions:
        return found("MA-DOC-28", title, State.NOT_TRIED, "no version of the server is known")
    if not had:
        wanted = ", ".join(f"MSNP{number}" for number in generation.dialects)
        seen = f"does not sign on: the server has none of {wanted}"
        return found("MA-DOC-26", title, State.FAILED, seen)._replace(clients=title)
    by_md5 = all(DIALECTS[number].scheme is Scheme.MD5 for number in had)
    if by_md5 and patient.facts.get("sign-in MD5") is False:
        seen = "does not sign on: the server refuses MD5 for this account"
        return found("MA-DOC-26", title, State.WARNING, seen)._replace(clients=title)
    needs = [*generation.needs, *(["tls"] if generation.needs and not generation.system else [])]
    needs += ["without_sni"] if generation.system == _XP else []
    missing = [name for name in needs if patient.facts.get(name) is False]
    if missing:
        seen = f"does not sign on: {'; '.join(_MISSING[name] for name in missing)}"
        return found("MA-DOC-26", title, State.FAILED, seen)._replace(clients=title)
    return _by_old_tls(patient, generation, f"signs on by MSNP{max(had)}")


def _by_old_tls(patient: Patient, generation: Generation, seen: str) -> Finding:
    """Return the verdict, with the TLS of the client's own system taken into account."""
    title = generation.name
    unknown = [name for name in generation.needs if name not in patient.facts]
    if unknown:
        seen = f"{seen}, as far as it was tried (not: {', '.join(unknown)})"
    takes = patient.facts.get(f"old TLS: {generation.system}") if generation.system else True
    if takes is None:
        seen += f", if {generation.system} get on with the server's TLS, which was not tried"
    elif not takes:
        seen += f", where something does the TLS of today for {generation.system}"
    state = State.PASSED if takes and not unknown else State.WARNING
    advice = "" if takes else None
    return found("MA-DOC-26", title, state, seen, advice)._replace(clients=title)


def badge(findings: Iterable[Finding]) -> str | None:
    """Return the verdicts in one line; None when no generation was judged."""
    verdicts = [finding for finding in findings if finding.code == "MA-DOC-26"]
    if not verdicts:
        return None
    on = [v for v in verdicts if v.state is not State.FAILED]
    sure = [v for v in verdicts if v.state is State.PASSED]
    off = [v.step for v in verdicts if v.state is State.FAILED]
    line = f"MSNP: {len(on)} of {len(verdicts)} generations of clients sign on"
    if len(sure) < len(on):
        line += f", {len(on) - len(sure)} of them under conditions"
    return f"{line}; not {', '.join(off)}" if off else line

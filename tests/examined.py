"""What the doctor's tests share: patients, and servers that are well or ill."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.doctor.finding import Finding, State
from msnpauth.doctor.patient import Patient
from wire import PASSPORT, PASSWORD, Peer, Script

__all__ = ["patient", "says", "speaks", "state_of"]


def patient(ca_file: Any = None, *, account: bool = False, **where: Any) -> Patient:
    """Return a patient with these addresses, and perhaps with the account of `wire`."""
    made = Patient(
        Servers(**where),
        PASSPORT if account else None,
        Secret(PASSWORD) if account else None,
        ca_file=ca_file,
        timeout=20,
    )
    made.versions = [8]
    return made


def says(findings: Iterable[Finding]) -> list[str]:
    """Return findings in a line each."""
    return [f"{f.state} {f.code} {f.step}: {f.seen}" for f in findings]


def state_of(findings: Iterable[Finding], step: str) -> State:
    """Return the state of one step."""
    return next(finding.state for finding in findings if finding.step == step)


_CHALLENGES = {"MD5": "salt", "TWN": "lc=1,id=2", "SSO": "MBI_KEY_OLD bm9uY2Vub25jZQ=="}


def speaks(*dialects: int, pipeline: bool = True) -> Script:
    """Return a notification server that agrees to these versions, and asks on."""

    def script(peer: Peer) -> None:
        while True:
            line = peer.line()
            if not pipeline:
                peer.heard = b""  # what came behind the first command was never read
            peer.send(_answered(line.split(" "), dialects))

    return script


def _answered(words: list[str], dialects: tuple[int, ...]) -> str:
    named = [dialect for dialect in dialects if f"MSNP{dialect}" in words]
    match words:
        case ["VER", trid, *_]:
            return f"VER {trid} {f'MSNP{max(named)}' if named else 0}\r\n"
        case ["CVR", trid, *_]:
            return f"CVR {trid} 1 1 1 http://x http://x\r\n"
        case ["INF", trid, *_]:
            return f"INF {trid} MD5\r\n"
        case ["USR", trid, scheme, *_]:
            return f"USR {trid} {scheme} S {_CHALLENGES[scheme]}\r\n"
    return ""

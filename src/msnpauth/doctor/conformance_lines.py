"""Checks how the notification server reacts to the lines of real clients, and to broken lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from ..core.errors import SessionEnded, SignInError, WrongCredentials
from ..core.wire.commands import is_number
from ..core.wire.dialects import DIALECTS, Scheme
from ..observe import Ended, Event, Observer, Received
from ..sync.session import Session
from ..sync.start import sign_in
from .finding import Finding, State, failed, found
from .patient import NOBODY, PAUSE, Patient, Witness
from .raw import Reply, ask

__all__ = ["lines_of_clients"]

_PATIENCE = 3.0
"""Seconds within which a session shows whether it is still alive."""

_CVR = "CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 8.5.1302 BC01 {nobody}\r\n"


class _Check(NamedTuple):
    """Lines to send, and the check of their answer.

    Attributes:
        title: a description of the lines.
        needs: a version that the server must have, or 0 for the best version that it has.
        lines: the lines, with `{n}` for the version and `{nobody}` for the account.
        judge: returns what is wrong with the answer; "" for nothing.
        clients: the clients that send such lines.
        pieces: the number of bytes at the beginning that are sent one by one.
    """

    title: str
    needs: int
    lines: str
    judge: Callable[[Reply], str]
    clients: str = "home-made clients"
    pieces: int = 0


def _answered(reply: Reply) -> str:
    """Complain about anything but an answer to VER."""
    if reply.data.startswith(b"VER 1 MSNP"):
        return ""
    if reply.is_silence:
        return "no answer came"
    return "the connection was closed" if reply.is_closed else "the answer is none to VER"


def _refused(reply: Reply) -> str:
    """Complain about silence and about USR OK: the server has to send a code, or to close."""
    last = reply.data.rstrip().rpartition(b"\n")[2]
    if b"USR" in last and b" OK " in last:
        return "it is signed in"
    if reply.is_closed or last[:3].isdigit() or last.startswith(b"OUT"):
        return ""
    return "no answer came, and the connection stays open: the client waits for ever"


def _alive(_: Reply) -> str:
    """Complain about nothing: the next connection shows whether the server still works."""
    return ""


_USR = "USR 3 TWN I {nobody}\r\n"
_CHECKS = (
    _Check("lines without CR", 0, "VER 1 MSNP{n} CVR0\n", _answered),
    _Check("a blank before the line end", 0, "VER 1 MSNP{n} CVR0 \r\n", _answered,
           "a client in JavaScript"),
    _Check("one byte at a time", 0, "VER 1 MSNP{n} CVR0\r\n", _answered,
           "any client, on a bad day", pieces=20),
    _Check("a CVR of too few words", 8, "VER 1 MSNP8 CVR0\r\nCVR 2 0x0409 winnt\r\n", _refused),
    _Check("MD5 where the version has tickets", 8,
           "VER 1 MSNP8 CVR0\r\n" + _CVR + "USR 3 MD5 I {nobody}\r\n", _refused,
           "very old clients"),
    _Check("a ticket where nobody began to sign in", 8,
           "VER 1 MSNP8 CVR0\r\n" + _CVR + "USR 3 TWN S t=1&p=2\r\n", _refused),
    _Check("an empty ticket", 8,
           "VER 1 MSNP8 CVR0\r\n" + _CVR + _USR + "USR 4 TWN S \r\n", _refused,
           "the PHP class when its login failed"),
    _Check("a forged ticket", 8,
           "VER 1 MSNP8 CVR0\r\n" + _CVR + _USR + "USR 4 TWN S t=forged&p=forged\r\n", _refused,
           "nobody honest"),
    _Check("SSO without an answer to the nonce", 15,
           "VER 1 MSNP15 CVR0\r\n" + _CVR + "USR 3 SSO I {nobody}\r\nUSR 4 SSO S t=1&p=2\r\n",
           _refused),
    _Check("MSNP18 without the machine's GUID", 18,
           "VER 1 MSNP18 CVR0\r\n" + _CVR
           + "USR 3 SSO I {nobody}\r\nUSR 4 SSO S t=1&p=2 AAAA\r\n", _refused),
    _Check("a line of 64 KB", 0, "VER 1 " + "MSNP99 " * 9362 + "\r\n", _alive, "nobody honest"),
    _Check("a payload of a length that is no number", 0,
           "VER 1 MSNP{n} CVR0\r\nMSG 2 N -5\r\n", _alive, "nobody honest"),
    _Check("a payload without end", 0,
           "VER 1 MSNP{n} CVR0\r\nMSG 2 N 99999999999999\r\nx", _alive, "nobody honest"),
    _Check("HTTP at the notification port", 0, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", _alive,
           "web browsers, scanners"),
)  # fmt: skip


def lines_of_clients(patient: Patient) -> Iterator[Finding]:
    """Send the lines of each check on a connection of its own; at the end, check the server."""
    if patient.talking_to is None or not patient.versions:
        yield found("MA-DOC-28", "lines of clients", State.NOT_TRIED, "no version is known")
        return
    for check in _CHECKS:
        if not patient.is_over and check.needs in (0, *patient.versions):
            yield _checked(patient, check)
            time.sleep(PAUSE)
    yield _lives_on(patient)
    yield from _with_account(patient)


def _checked(patient: Patient, check: _Check) -> Finding:
    assert patient.talking_to is not None  # lines_of_clients has checked it
    best = max(patient.versions)
    data = check.lines.replace("{n}", str(best)).replace("{nobody}", NOBODY).encode()
    try:
        reply = ask(patient.talking_to, data, patient.patience(), pieces=check.pieces)
    except SignInError as error:
        return failed(check.title, error)
    wrong = check.judge(reply)
    state = State.WARNING if wrong else State.PASSED
    seen = wrong or _said(reply)
    return found("MA-DOC-25", check.title, state, seen)._replace(clients=check.clients)


def _said(reply: Reply) -> str:
    last = reply.data.rstrip().rpartition(b"\n")[2].decode("utf-8", "replace").strip()
    if is_number(last[:3]) or last.startswith(("OUT", "VER")):
        return f"the server says `{last[:40]}`" + (" and closes" if reply.is_closed else "")
    return "the server closes" if reply.is_closed else "the server waits for more"


def _lives_on(patient: Patient) -> Finding:
    assert patient.talking_to is not None  # lines_of_clients has checked it
    title = "the server after all of this"
    line = f"VER 1 MSNP{max(patient.versions)} CVR0\r\n".encode()
    try:
        reply = ask(patient.talking_to, line, patient.patience())
    except SignInError as error:
        return failed(title, error)
    wrong = _answered(reply)
    state = State.FAILED if wrong else State.PASSED
    return found("MA-DOC-25", title, state, wrong or "it answers as before")


# --- with the account ----------------------------------------------------------------------------


def _with_account(patient: Patient) -> Iterator[Finding]:
    """Check what ends an account's first session, and whether letter case matters."""
    allowed = patient.servers.schemes_allowed()
    had = [DIALECTS[number] for number in patient.versions]
    # With a GUID an account may be in several places at once.
    usable = [d.number for d in had if d.usual and not d.guid and d.scheme in allowed]
    if not patient.account_is_good or not usable:
        return
    try:
        witness = Witness()
        with _session(patient, max(usable), observer=witness) as first:
            yield _forger(patient, first, witness)
            yield _second(patient, first, max(usable))
        time.sleep(PAUSE)
        yield _other_case(patient, max(usable))
    except SignInError as error:
        yield failed("sessions of the account", error)


def _session(
    patient: Patient,
    dialect: int,
    passport: str | None = None,
    *,
    observer: Observer | None = None,
) -> Session:
    assert patient.passport is not None  # account_is_good implies it
    assert patient.password is not None
    return sign_in(
        passport or patient.passport,
        patient.password,
        patient.servers,
        dialects=[dialect],
        ca_file=patient.ca_file,
        timeout=patient.patience().remaining(),
        receive=False,
        observer=observer,
    )


def _forger(patient: Patient, first: Session, witness: Witness) -> Finding:
    """Send a forged ticket for the account that is signed in: its session must not end."""
    assert patient.talking_to is not None  # lines_of_clients has checked it
    title = "a forged ticket for an account that is there"
    scheme = DIALECTS[first.dialect].scheme
    lines = f"VER 1 MSNP{first.dialect} CVR0\r\n{_CVR}USR 3 {scheme} I {{nobody}}\r\n"
    lines += "USR 4 TWN S t=1&p=2\r\n" if scheme is Scheme.TWN else "USR 4 SSO S t=1&p=2 AAAA\r\n"
    data = lines.replace("{nobody}", first.passport).encode()
    ask(patient.talking_to, data, patient.patience())
    with suppress(SignInError):
        first.send("PNG")
    if witness.wait_for(lambda event: _says(event, "QNG"), _PATIENCE) and first.ended is None:
        return found("MA-DOC-27", title, State.PASSED, "the account's session lives on")
    seen = "whoever names the account ends its session, without its password"
    return found("MA-DOC-27", title, State.FAILED, seen)


def _says(event: Event, verb: str) -> bool:
    return isinstance(event, Received | Ended) and getattr(event, "text", verb).startswith(verb)


def _second(patient: Patient, first: Session, dialect: int) -> Finding:
    """Sign in once more: the first session has to receive OUT OTH."""
    title = "a second sign-in"
    with _session(patient, dialect):
        until = time.monotonic() + _PATIENCE
        while first.ended is None and time.monotonic() < until:
            time.sleep(PAUSE)
    ended = first.ended
    if isinstance(ended, SessionEnded) and ended.reason == "OTH":
        return found("MA-DOC-27", title, State.PASSED, "the first session was told OUT OTH")
    seen = "the first session lives on" if ended is None else f"the first session: {ended.text}"
    return found("MA-DOC-27", title, State.WARNING, seen)


def _other_case(patient: Patient, dialect: int) -> Finding:
    title = "the account in other letter case"
    assert patient.passport is not None  # account_is_good implies it
    try:
        with _session(patient, dialect, patient.passport.swapcase()):
            pass
    except WrongCredentials as error:
        seen = f"the account is refused when its letters are of another case ({error.code})"
        return found("MA-DOC-25", title, State.WARNING, seen)
    return found("MA-DOC-25", title, State.PASSED, "it signs in")

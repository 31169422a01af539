"""Sign-ins by each scheme, and the session after the first that succeeds.

Without an account the sign-ins are tried with an account that does not exist. The server has to
refuse it, and the conversation up to the refusal is useful to see.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..core.errors import (
    AccountBlocked,
    CommandRefused,
    MessageNotDelivered,
    NotOnline,
    SignInError,
    Step,
    TooManyChats,
    WrongCredentials,
)
from ..core.secrets import Secret
from ..core.tickets.ticket import utc_now
from ..core.wire.dialects import DIALECTS, Scheme
from ..observe import Event, Received, Requested
from ..sync.start import sign_in
from .finding import Finding, State, failed, found
from .patient import NOBODY, PAUSE, Patient, Witness

if TYPE_CHECKING:
    from ..sync.session import Session

__all__ = ["sign_ins"]

_PATIENCE = 15.0
_CHAT_PATIENCE = 8.0
_PONG_PATIENCE = 5.0
_CHALLENGE_PATIENCE = 2.0
"""Seconds to wait for a CHL: servers that send one do so at the beginning of a session."""


def sign_ins(patient: Patient) -> Iterator[Finding]:
    """Sign in by each scheme that the server and the known addresses allow, one after another."""
    has_worked = False
    for scheme in reversed(Scheme):
        title = f"sign-in by {scheme}"
        numbers = _numbers(patient, scheme)
        reason = _reason_against(patient, scheme, numbers)
        if reason or patient.is_over:
            code = "MA-DOC-28" if reason else "MA-DOC-30"
            yield found(code, title, State.NOT_TRIED, reason or "the time is up")
            continue
        for finding in _signed_in(patient, scheme, numbers, examine=not has_worked):
            has_worked = has_worked or finding.code == "MA-DOC-16"
            yield _milder(finding, scheme) if has_worked else finding
        time.sleep(PAUSE)


def _numbers(patient: Patient, scheme: Scheme) -> list[int]:
    """Return the dialects to offer: the usual ones, or all where the server has no usual one."""
    had = [number for number in patient.versions if DIALECTS[number].scheme is scheme]
    return [number for number in had if DIALECTS[number].usual] or had


def _reason_against(patient: Patient, scheme: Scheme, numbers: list[int]) -> str:
    """Return why a scheme is not tried; "" when it is tried."""
    if patient.notification is None:
        return "no notification server is named"
    if not patient.versions:
        return "the server's versions are not known"
    if not numbers:
        return f"the server has no version that signs in by {scheme}"
    allowed = patient.servers.schemes_allowed()
    others = {DIALECTS[number].scheme for number in patient.versions} - {Scheme.MD5}
    if scheme is Scheme.MD5 and scheme not in allowed and others:
        return "MD5 goes over an open connection, and the network has better schemes"
    if scheme is not Scheme.MD5 and scheme not in allowed:
        return "no login server that it needs is known"
    return patient.kept_back if patient.passport is not None else ""


def _milder(finding: Finding, scheme: Scheme) -> Finding:
    """Return a finding with the state that it has after another scheme has succeeded."""
    # At Escargot an account can use MD5 only if its owner has enabled it.
    if finding.code.startswith("MA-ACC") and scheme is Scheme.MD5:
        advice = "the password is right by another scheme: MD5 may have to be switched on"
        return finding._replace(state=State.WARNING, advice=advice)
    return finding


def _signed_in(
    patient: Patient, scheme: Scheme, numbers: list[int], *, examine: bool
) -> Iterator[Finding]:
    title = f"sign-in by {scheme}"
    witness = Witness()
    known = patient.passport is not None
    try:
        session = sign_in(
            patient.passport or NOBODY,
            patient.password or Secret(secrets.token_hex(8)),
            patient.servers,
            scheme=scheme,
            dialects=numbers,
            ca_file=patient.ca_file,
            transport=patient.transport,
            timeout=round(max(0.1, min(_PATIENCE, patient.deadline.remaining())), 1),
            observer=witness,
            receive=False,
        )
    except SignInError as error:
        patient.witness = patient.witness or witness
        patient.facts[f"sign-in {scheme}"] = not known and isinstance(error, WrongCredentials)
        if known:
            patient.kept_back = _why_no_more(error, witness)
        if not known and isinstance(error, WrongCredentials):
            seen = f"an account that nobody has is refused: {error.text} ({error.code})"
            yield found("MA-DOC-16", title, State.PASSED, seen)
        else:
            yield failed(title, error)
        return
    patient.facts[f"sign-in {scheme}"] = True
    patient.account_is_good = known
    took = time.monotonic() - witness.began
    with session:
        if examine:
            patient.witness = witness
        seen = f"signed in by MSNP{session.dialect} at {session.server} in {1000 * took:.0f} ms"
        if known:
            yield found("MA-DOC-16", title, State.PASSED, seen)
        else:
            advice = "the server checks no passwords: do not give it one that matters"
            yield found("MA-DOC-16", title, State.FAILED, f"anybody is {seen}", advice)
        if examine and known:
            yield from _of_session(patient, session, witness)


def _why_no_more(error: SignInError, witness: Witness) -> str:
    """Return why the password is not sent again; "" when it was never sent, or was right."""
    if isinstance(error, WrongCredentials | AccountBlocked):
        return "the account was refused already"
    was_sent = any(
        isinstance(event, Requested) and event.step is Step.LOGIN for event in witness.events
    )
    if was_sent and error.step is Step.LOGIN:
        # A granted ticket shows that the password is right, so a later failure has another cause.
        # Without a ticket, the next attempt could be the one that locks the account.
        return "the password was sent, and nobody said whether it is right: it is not sent again"
    return ""


# --- the session ---------------------------------------------------------------------------------


def _of_session(patient: Patient, session: Session, witness: Witness) -> Iterator[Finding]:
    yield _life(session)
    contacts = _contacts(session, _left(patient, _PATIENCE))
    yield contacts
    for title, look in (
        ("keep-alive", _keep_alive),
        ("chat with oneself", _chat),
        ("challenge of the server", _challenge),
    ):
        if session.ended is not None and look is not _challenge:
            yield found("MA-DOC-28", title, State.NOT_TRIED, "the session is over")
        elif patient.is_over:
            yield found("MA-DOC-30", title, State.NOT_TRIED, "the time is up")
        elif look is _chat and contacts.state is State.FAILED:
            yield found("MA-DOC-28", title, State.NOT_TRIED, "the account could not go online")
        else:
            yield look(session, witness, _left(patient, _CHAT_PATIENCE))


def _left(patient: Patient, most: float) -> float:
    return max(0.1, min(most, patient.deadline.remaining()))


def _life(session: Session) -> Finding:
    title, ticket = "life of the ticket", session.ticket
    if ticket is None:
        return found("MA-DOC-28", title, State.NOT_TRIED, "MD5 has no ticket")
    if ticket.expires is None:
        seen = "the login server does not say how long the ticket lives"
        return found("MA-DOC-17", title, State.PASSED, seen)
    left = (ticket.expires - utc_now()).total_seconds()
    state = State.PASSED if left >= 60 else State.WARNING
    hours = f"{left / 3600:.1f} hours" if left >= 7200 else f"{left:.0f} seconds"
    return found("MA-DOC-17", title, state, f"the ticket lives for {hours}")


def _contacts(session: Session, patience: float) -> Finding:
    title = "contact list"
    try:
        session.go_online("invisible", timeout=patience)
        count = len(session.contacts(timeout=patience))
    except SignInError as error:
        return failed(title, error)
    return found("MA-DOC-20", title, State.PASSED, f"{count} contacts; online, invisibly")


def _says(*beginnings: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Received) and event.text.startswith(beginnings)


def _keep_alive(session: Session, witness: Witness, patience: float) -> Finding:
    title = "keep-alive"
    try:
        session.send("PNG")
    except SignInError as error:
        return failed(title, error)
    patience = min(patience, _PONG_PATIENCE)
    if witness.wait_for(_says("QNG"), patience):
        return found("MA-DOC-19", title, State.PASSED, "PNG is answered by QNG")
    seen = f"PNG was not answered within {patience:.1f} seconds"
    return found("MA-DOC-19", title, State.WARNING, seen)


def _chat(session: Session, _: Witness, patience: float) -> Finding:
    title, text = "chat with oneself", "msnpauth doctor writes to itself"
    try:
        if not DIALECTS[session.dialect].chats_invisible:
            session.set_status("busy", timeout=patience)
        session.send_message(session.passport, text, timeout=patience)
    except (CommandRefused, MessageNotDelivered) as error:
        if isinstance(error, TooManyChats):
            seen = "the server takes no more new chats for a while"
            return found("MA-DOC-28", title, State.NOT_TRIED, seen)
        if error.step is not Step.CHAT or isinstance(error, NotOnline):
            return failed(title, error)
        # The switchboard was reached, and only that is tested here.
        why = error.code or "NAK"
        seen = f"the server carries no line to oneself ({why}); its chats can be reached"
        return found("MA-DOC-21", title, State.PASSED, seen)
    except SignInError as error:
        return failed(title, error)
    return found("MA-DOC-21", title, State.PASSED, "a line was written, and arrived")


def _challenge(session: Session, witness: Witness, patience: float) -> Finding:
    title = "challenge of the server"
    if not witness.wait_for(_says("CHL"), min(patience, _CHALLENGE_PATIENCE)):
        seen = "no CHL came while the account was signed in"
        return found("MA-DOC-28", title, State.NOT_TRIED, seen)
    answered = witness.wait_for(_says("QRY", "540"), min(patience, _PONG_PATIENCE))
    if answered and session.ended is None:
        return found("MA-DOC-18", title, State.PASSED, "CHL was answered, and the answer taken")
    if session.ended is not None:
        return failed(title, session.ended)
    return found("MA-DOC-18", title, State.WARNING, "the answer to CHL was not answered")

"""Checks the notification server: each MSNP version, XFR to other servers, and pipelining."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from ..core.client.conversation import Challenged, Conversation, Refused, Transferred
from ..core.codes import error_for_code
from ..core.errors import ConnectionFailed, SignInError, Step
from ..core.urls import Address
from ..core.wire.commands import Command, Role
from ..core.wire.dialects import DIALECTS, Dialect, Scheme
from ..core.wire.lines import LineReader, NeedData
from ..net.deadline import Deadline
from ..net.names import network_error
from ..net.sockets import connect_tcp
from .finding import Finding, State, failed, found
from .patient import NOBODY, PAUSE, Patient
from .raw import ask, unchecked

__all__ = ["Line", "negotiated", "opening"]

_MOST_MOVES = 5


def negotiated(patient: Patient) -> Iterator[Finding]:
    """Offer each version by itself, each on a connection of its own."""
    address = patient.notification
    if address is None:
        yield found("MA-DOC-03", _TITLE, State.NOT_TRIED, "no notification server is named")
        return
    refused: list[str] = []
    silent: list[str] = []
    left = _in_their_order()
    until = patient.deadline.remaining() * (1 - _SHARE)
    first_error: SignInError | None = None
    while left and patient.deadline.remaining() > until:
        dialect = left.pop(0)
        try:
            reply = _asked(address, dialect, Deadline(min(_PATIENCE, patient.patience().timeout)))
        except SignInError as error:
            first_error = first_error or error
            silent.append(dialect.name)
            # A server that closes, or is silent, at one version may accept another one.
            if not patient.versions and not refused and len(silent) == _MOST_FAILURES:
                yield _no_server(address, first_error, patient)
                return
            continue
        if reply.code is not None and not patient.versions:
            yield failed(_TITLE, error_for_code(reply.code, server=str(address)))
            return
        if dialect.name in reply.args:
            patient.versions.append(dialect.number)
        else:
            refused.append(dialect.name)
        time.sleep(PAUSE)
    patient.versions.sort()
    yield from _told(patient, refused, silent, [dialect.name for dialect in left])


_TITLE = "MSNP versions"
_PATIENCE = 5.0
_MOST_FAILURES = 3
_SHARE = 0.35
"""The part of the examination's time that a slow server may take for its versions."""


def _in_their_order() -> list[Dialect]:
    """Return the dialects to offer: first one of each period, then the rest, the newest first."""
    first = [DIALECTS[number] for number in (18, 8, 15, 12, 7)]
    rest = [DIALECTS[n] for n in sorted(DIALECTS, reverse=True) if DIALECTS[n] not in first]
    return [*first, *rest]


def _told(
    patient: Patient, refused: list[str], silent: list[str], left: list[str]
) -> Iterator[Finding]:
    if not patient.versions:
        seen = "the server agrees to none of MSNP2 to MSNP21"
        advice = "another service answers there: check host and port with the network's own site"
        yield found("MA-MSN-02", _TITLE, State.FAILED, seen, advice)
        return
    seen = _ranges(patient.versions)
    slow = "not asked, as the server is slow:"
    for names, words in ((refused, "not"), (silent, "no answer to"), (left, slow)):
        if names:
            seen += f"; {words} {', '.join(sorted(names, key=_number))}"
    yield found("MA-DOC-03", _TITLE, State.PASSED, seen)
    if {DIALECTS[number].scheme for number in patient.versions} == {Scheme.MD5}:
        seen = "the server knows only versions that sign in by MD5"
        yield found("MA-DOC-04", "schemes", State.WARNING, seen)


def _number(name: str) -> int:
    return int(name.removeprefix("MSNP"))


def _no_server(address: Address, error: SignInError, patient: Patient) -> Finding:
    """Return the finding of a server that does not answer: it may expect a TLS handshake."""
    if error.finding not in ("MA-NET-08", "MA-NET-11"):
        return failed(_TITLE, error)  # the error already names the cause
    try:
        reply = ask(address, b"", patient.patience(), tls=unchecked())
    except SignInError as problem:
        speaks_tls = problem.finding in ("MA-NET-08", "MA-TLS-16")
    else:
        speaks_tls = not reply.is_closed or bool(reply.data)
    if speaks_tls:
        seen = "the server speaks TLS on that port, and not MSNP"
        advice = "the notification server has another address or port: check them"
        return found("MA-MSN-01", _TITLE, State.FAILED, seen, advice)
    return failed(_TITLE, error)


def _ranges(numbers: list[int]) -> str:
    """Return 8, 9, 10, 12 as `MSNP8 to 10, 12`."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    texts = [str(g[0]) if len(g) == 1 else f"{g[0]} to {g[-1]}" for g in groups]
    return f"MSNP{', '.join(texts)}"


def _asked(address: Address, dialect: Dialect, deadline: Deadline) -> Command:
    """Return the reply to VER.

    Raises:
        SignInError: there is no reply.
    """
    with Line(address, deadline) as line:
        line.send(Command("VER", 1, (dialect.name, "CVR0")))
        reply = line.next()
        with suppress(SignInError):
            line.send(Command("OUT"))
        return reply


class Line:
    """A connection to a notification server, for a few commands."""

    def __init__(self, address: Address, deadline: Deadline) -> None:
        self._server = str(address)
        self._deadline = deadline
        self._sock = connect_tcp(address, deadline, Step.NOTIFICATION)
        self.reader = LineReader(Role.SERVER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def send(self, *commands: Command) -> None:
        """Write commands in one packet."""
        try:
            self._sock.sendall(b"".join(command.encode() for command in commands))
        except OSError as problem:
            error = network_error(problem, Step.NOTIFICATION, self._server)
        else:
            return
        raise error

    def read(self) -> bytes:
        """Return received bytes; b"" at the end.

        Raises:
            SignInError: no bytes came in time, or the connection broke.
        """
        try:
            self._sock.settimeout(self._deadline.check(Step.NOTIFICATION, self._server))
            return self._sock.recv(65536)
        except TimeoutError:
            error: SignInError = self._deadline.passed(Step.NOTIFICATION, self._server)
        except OSError as problem:
            error = network_error(problem, Step.NOTIFICATION, self._server)
        raise error

    def next(self) -> Command:
        """Return the next command.

        Raises:
            SignInError: there is no command, or it is malformed.
        """
        while True:
            command = self.reader.next_command()
            if isinstance(command, Command):
                return command
            if not isinstance(command, NeedData):
                command.step, command.server = Step.NOTIFICATION, self._server
                raise command
            data = self.read()
            if not data:
                raise self.reader.ended() or ConnectionFailed(
                    "the server closed the connection",
                    step=Step.NOTIFICATION,
                    server=self._server,
                    finding="MA-NET-08",
                )
            self.reader.feed(data)


def opening(patient: Patient) -> Iterator[Finding]:
    """Follow XFRs to the server that sends a challenge, and check three commands in one packet."""
    address = patient.notification
    if address is None or not patient.versions:
        yield found("MA-DOC-05", "way to a server", State.NOT_TRIED, "no version is known")
        return
    usable = [n for n in patient.versions if DIALECTS[n].scheme is not Scheme.MD5]
    dialect = DIALECTS[max(usable or patient.versions)]
    passport = patient.passport or NOBODY
    way = [str(address)]
    pipeline = True
    while len(way) <= _MOST_MOVES:
        try:
            event = _opened(address, dialect, passport, patient.patience(), pipeline=pipeline)
        except SignInError as error:
            if pipeline:
                pipeline = False
                continue
            yield _lost_way(way, error)
            return
        if isinstance(event, Transferred) and event.address is not None:
            address = event.address
            way.append(str(address))
            time.sleep(PAUSE)
            continue
        break
    else:
        seen = f"sent on from server to server: {', '.join(way)}"
        yield found("MA-WEB-05", "way to a server", State.FAILED, seen)
        return
    patient.last_server = address
    verdict = _way(way, event, known=patient.passport is not None)
    yield verdict
    if verdict.state is not State.PASSED:
        return
    if pipeline:
        seen = "three commands in one packet are answered"
        yield found("MA-DOC-06", "pipelining", State.PASSED, seen)
    else:
        seen = "the server answers only one command of each packet"
        yield found("MA-DOC-06", "pipelining", State.WARNING, seen)


def _lost_way(way: list[str], error: SignInError) -> Finding:
    finding = failed("way to a server", error)
    if len(way) > 1:
        return finding._replace(seen=f"sent on by XFR, {' to '.join(way)}; {finding.seen}")
    return finding


def _way(way: list[str], event: object, *, known: bool) -> Finding:
    hops = f"XFR from {' to '.join(way)}" if len(way) > 1 else f"{way[0]} takes sign-ins itself"
    match event:
        case Challenged():
            return found("MA-DOC-05", "way to a server", State.PASSED, f"{hops}; it asks on")
        case Refused(error) if not known:
            seen = f"{hops}; it has nothing to ask of an unknown account: {error.text}"
            return found("MA-DOC-05", "way to a server", State.PASSED, seen)
        case Refused(error):
            return failed("way to a server", error)
        case _:
            return found("MA-DOC-05", "way to a server", State.WARNING, f"{hops}; no answer")


def _opened(
    address: Address, dialect: Dialect, passport: str, deadline: Deadline, *, pipeline: bool
) -> object:
    """Return the event that ends the opening of a sign-in; no password is involved.

    Raises:
        SignInError: the connection failed, or the server does not accept three commands at once.
    """
    talk = Conversation(passport, (dialect,), server=str(address), pipeline=pipeline)
    talk.open()
    with Line(address, deadline) as line:
        while True:
            commands, talk.to_send = talk.to_send, []
            if commands:
                line.send(*commands)
            data = line.read()
            for event in talk.receive(data):
                if isinstance(event, Refused) and isinstance(event.error, ConnectionFailed):
                    raise event.error
                with suppress(SignInError):
                    line.send(Command("OUT"))
                return event

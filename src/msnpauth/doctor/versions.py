"""What the notification server speaks: each MSNP version, the way on, and pipelining."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from ..core.client.conversation import Challenged, Conversation, Refused, Transferred
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

__all__ = ["Line", "negotiated", "opening"]

_MOST_MOVES = 5


def negotiated(patient: Patient) -> Iterator[Finding]:
    """Offer each version by itself, each on a connection of its own."""
    address = patient.notification
    if address is None:
        yield found(
            "MA-DOC-03", "MSNP versions", State.NOT_TRIED, "no notification server is named"
        )
        return
    refused: list[str] = []
    for number, dialect in sorted(DIALECTS.items()):
        if patient.is_over:
            break
        try:
            reply = _asked(address, dialect, patient.patience())
        except SignInError as error:
            if not patient.versions and not refused:
                yield failed("MSNP versions", error)
                return
            refused.append(dialect.name)
            continue
        if dialect.name in reply.args:
            patient.versions.append(number)
        else:
            refused.append(dialect.name)
        time.sleep(PAUSE)
    if not patient.versions:
        seen = "the server agrees to none of MSNP2 to MSNP21"
        yield found("MA-MSN-02", "MSNP versions", State.FAILED, seen)
        return
    seen = f"{_ranges(patient.versions)}"
    if refused:
        seen += f"; not {', '.join(refused)}"
    yield found("MA-DOC-03", "MSNP versions", State.PASSED, seen)
    schemes = {DIALECTS[number].scheme for number in patient.versions}
    if schemes == {Scheme.MD5}:
        seen = "the server knows only versions that sign in by MD5: use scheme='MD5'"
        yield found("MA-DOC-04", "schemes", State.WARNING, seen)


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
        SignInError: there is none.
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
        """Return what comes; b"" at the end.

        Raises:
            SignInError: nothing comes in time, or the connection broke.
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
            SignInError: there is none.
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
    """Go the way to a challenge: XFR, and whether three commands in one packet are taken."""
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
            yield failed("way to a server", error)
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
    yield _way(way, event, known=patient.passport is not None)
    if pipeline:
        seen = "three commands in one packet are answered"
        yield found("MA-DOC-06", "pipelining", State.PASSED, seen)
    else:
        seen = "the server answers only one command of each packet"
        yield found("MA-DOC-06", "pipelining", State.WARNING, seen)


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
    """Return the event that the opening of a sign-in comes to; no password is involved.

    Raises:
        SignInError: the connection failed, or the server does not take three commands at once.
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

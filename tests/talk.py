"""An engine with the other ends of its connections: what is said, which actions, which events."""

from __future__ import annotations

from typing import Any

from msnpauth import SignInError, Status
from msnpauth.core.client.actions import SignedIn
from msnpauth.core.client.conversation import Accepted
from msnpauth.core.client.engine import Engine
from msnpauth.core.client.session_actions import Open, Tell
from msnpauth.core.urls import Address
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.core.wire.lines import LineReader

GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"


def signed_in(dialect: int, trid: int = 5) -> SignedIn:
    command = Command("USR", trid - 1, ("OK", "me@b", "1", "0"))
    accepted = Accepted(
        "me@b", "Me", DIALECTS[dialect], verified=True, restricted=False, command=command
    )
    guid = GUID if DIALECTS[dialect].guid else ""
    reader = LineReader(Role.SERVER)
    return SignedIn(accepted, None, {}, Address("ns", 1863), trid, (), reader, guid)


class Talk:
    """An engine, and the other ends of its connections."""

    def __init__(self, dialect: int = 12, **settings: Any) -> None:
        settings.setdefault("uniform", lambda low, _high: low)
        self.now = 100.0
        self.dialect = dialect
        self.engine = Engine(signed_in(dialect), now=self.now, **settings)
        self._kept: list[Command] = []

    def said(self, number: int = 1) -> list[str]:
        """Return what is said on a connection."""
        kept, self._kept = self._kept if number == 1 else [], []
        commands = [*kept, *self.engine.take_output(number, self.now)]
        return [" ".join((c.verb, *([str(c.trid)] if c.trid else []), *c.args)) for c in commands]

    def payloads(self, number: int = 1) -> list[bytes | None]:
        return [command.payload for command in self.engine.take_output(number, self.now)]

    def hear(self, *lines: str, number: int = 1) -> None:
        data = "".join(f"{line}\r\n" for line in lines).encode()
        self.engine.receive_data(number, data, self.now)

    def actions(self) -> list[Any]:
        return [action for action in self.engine.take_actions() if not isinstance(action, Tell)]

    def events(self, *, to_the_end: bool = False) -> list[Any]:
        found = []
        try:
            while (event := self.engine.take_event()) is not None:
                found.append(event)
        except SignInError:
            assert to_the_end
        return found

    def wait(self, seconds: float) -> None:
        """Let time pass, moment by moment."""
        end = self.now + seconds
        while (at := self.engine.wake_at) is not None and at <= end:
            self.now = at
            self.engine.tick(at)
            for command in self.engine.take_output(1, self.now):
                if command.verb == "PNG":
                    self.hear("QNG 50")
                else:
                    self._kept.append(command)
        self.now = end

    def online(self) -> None:
        """Go online, with an empty list."""
        work = self.engine.begin(lambda it: it.presence.go_online(Status.ONLINE, None, None))
        trid = self.engine.connection.next_trid - 1
        self.hear(f"SYN {trid} 1 1 0 0")
        self.hear(f"CHG {trid + 1} NLN 0")
        work.result()
        self.said()

    def opening(self, *people: str, patience: float = 30.0) -> Any:
        return self.engine.begin(lambda it: it.chats.open(people, patience))

    def board(self, work: Any, *people: str) -> int:
        """Let a chat be opened; return the number of its connection."""
        (line,) = self.said()
        trid = line.split()[1]
        self.hear(f"XFR {trid} SB 10.0.0.1:1864 CKI KEY")
        (opened,) = self.actions()
        assert isinstance(opened, Open)
        assert self.engine.opened(opened.number, self.now)
        self.said(opened.number)
        self.hear("USR 1 OK me@b Me", number=opened.number)
        self.said(opened.number)
        for one in people:
            self.hear(f"JOI {one} X", number=opened.number)
        return opened.number

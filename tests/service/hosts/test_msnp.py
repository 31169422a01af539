"""One connection of MSNP, whole, byte by byte and with more behind: what a role gets of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest

from feeding import pieces, ways
from msnpauth import ServiceUnavailable
from msnpauth.core.wire.commands import Command
from msnpauth.core.wire.lines import MAX_PAYLOAD
from msnpauth.service.hosts.gate import Gate, Visit
from msnpauth.service.hosts.msnp import serve_msnp

UNPROVED = 16 * 1024
"""The longest payload before somebody has signed in."""


class Writer:
    """The writing half of a connection, and its transport."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = 0
        self.aborted = False
        self.unread = 0
        self.blocked: asyncio.Event | None = None
        self.transport = self

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed += 1

    def abort(self) -> None:
        self.aborted = True

    def get_write_buffer_size(self) -> int:
        return self.unread

    async def drain(self) -> None:
        if self.blocked is not None:
            await self.blocked.wait()


class Role:
    """Takes every command; USR signs in, OUT ends, and each PNG is answered."""

    sign_in_seconds = 60.0
    idle_seconds = 180.0

    def __init__(self, wake: Callable[[], None], address: str) -> None:
        self.wake = wake
        self.address = address
        self.out: list[Command] = []
        self.closing = False
        self.got: list[Command] = []
        self.signed_in = False
        self.ends: list[str] = []

    @property
    def is_signed_in(self) -> bool:
        return self.signed_in

    async def receive(self, command: Command) -> None:
        self.got.append(command)
        match command.verb:
            case "USR":
                self.signed_in = True
            case "OUT":
                self.closing = True
            case "PNG":
                self.out.append(Command("QNG"))

    def timed_out(self) -> None:
        self.ends.append("timed out")

    async def gone(self) -> None:
        self.ends.append("gone")


class Line:
    """A connection that a role is at, without sockets."""

    def __init__(self, make: Callable[[Callable[[], None], str], Role] = Role) -> None:
        self.reader = asyncio.StreamReader()
        self.writer = Writer()
        self.gate = Gate()
        visit = self.gate.enter("192.0.2.7", lambda: None)
        assert visit is not None
        self.visit: Visit = visit
        self.role: Role
        self._make = make

    def _made(self, wake: Callable[[], None], address: str) -> Role:
        self.role = self._make(wake, address)
        return self.role

    async def serve(self) -> None:
        writer = cast("asyncio.StreamWriter", self.writer)
        await serve_msnp(self._made, self.reader, writer, self.visit)

    @property
    def got(self) -> list[str]:
        return [command.verb for command in self.role.got]


async def settled() -> None:
    """Let everything go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


def conversed(parts: Iterable[bytes], make: Any = Role) -> Line:
    """Say these parts, one after another, and then close."""

    async def main() -> Line:
        line = Line(make)
        serving = asyncio.create_task(line.serve())
        for part in parts:
            line.reader.feed_data(part)
            await settled()
        line.reader.feed_eof()
        await serving
        return line

    return asyncio.run(main())


SAID = b"VER 1 MSNP12 CVR0\r\nUUX 2 5\r\nh\r\n\xc3\xa4PNG\r\nCHG 3 NLN 0\n"
MEANT = [
    Command("VER", 1, ("MSNP12", "CVR0")),
    Command("UUX", 2, (), b"h\r\n\xc3\xa4"),
    Command("PNG"),
    Command("CHG", 3, ("NLN", "0")),
]


@ways
def test_a_role_gets_whole_commands_in_their_order(way: str) -> None:
    line = conversed(pieces(SAID, way, b"CHG 4 NLN"))
    assert line.role.got == MEANT
    assert line.role.address == "192.0.2.7"
    assert b"".join(line.writer.writes) == b"QNG\r\n"
    assert line.role.ends == ["gone"]
    assert line.writer.closed


@pytest.mark.parametrize(
    "rest",
    [
        b"nonsense\r\n",
        b"220 mail.example ESMTP\r\n",
        b"UUX 4 x\r\n",
        b"UUX 4 -1\r\n",
        b"CHG 4 \x00\r\n",
        b"x" * (UNPROVED + 1),
        b"UUX 4 %d\r\n" % (UNPROVED + 1),
    ],
    ids=lambda rest: repr(rest[:20]),
)
@pytest.mark.parametrize("behind", [b"", b"PNG\r\nPNG\r\n"])
def test_what_cannot_be_read_ends_the_connection(rest: bytes, behind: bytes) -> None:
    """What was said before is answered, and what comes behind is not."""
    line = conversed([SAID + rest + behind])
    assert line.role.got == MEANT
    assert b"".join(line.writer.writes) == b"QNG\r\n"
    assert line.role.ends == ["gone"]
    assert line.writer.closed


def test_nothing_is_taken_behind_the_last_word() -> None:
    line = conversed([b"PNG\r\nOUT\r\nPNG\r\n", b"PNG\r\n"])
    assert line.got == ["PNG", "OUT"]
    assert line.writer.writes == [b"QNG\r\n"]
    assert line.role.ends == ["gone"]


def test_a_client_that_comes_and_says_nothing() -> None:
    line = conversed([])
    assert (line.role.got, line.role.ends, line.writer.writes) == ([], ["gone"], [])


def test_who_has_signed_in_may_say_more_at_once_and_keeps_the_place() -> None:
    async def main() -> None:
        line = Line()
        serving = asyncio.create_task(line.serve())
        line.reader.feed_data(b"UUX 1 %d\r\n" % UNPROVED + bytes(UNPROVED))
        await settled()
        assert line.got == ["UUX"]
        assert line.gate.unproved == 1
        line.reader.feed_data(b"USR 2 x\r\n")
        await settled()
        assert line.gate.unproved == 0
        line.reader.feed_data(b"UUX 3 %d\r\n" % MAX_PAYLOAD + bytes(MAX_PAYLOAD))
        line.reader.feed_data(b"UUX 4 %d\r\n" % (MAX_PAYLOAD + 1))
        await serving
        assert line.got == ["UUX", "USR", "UUX"]

    asyncio.run(main())


def test_what_others_do_is_written_at_once() -> None:
    async def main() -> None:
        line = Line()
        serving = asyncio.create_task(line.serve())
        await settled()
        line.role.out.append(Command("NLN", None, ("NLN", "b@c", "B", "0")))
        line.role.wake()
        assert line.writer.writes == [b"NLN NLN b@c B 0\r\n"]
        line.role.wake()
        assert len(line.writer.writes) == 1, "there is nothing more to say"
        line.role.out.append(Command("OUT", None, ("OTH",)))
        line.role.closing = True
        line.role.wake()
        assert line.writer.writes[1:] == [b"OUT OTH\r\n"]
        assert line.writer.closed
        line.reader.feed_eof()
        await serving
        assert line.role.ends == ["gone"]

    asyncio.run(main())


@pytest.mark.parametrize(("unread", "is_ended"), [(4 << 20, False), ((4 << 20) + 1, True)])
def test_who_reads_nothing_is_ended_before_it_costs_much(unread: int, is_ended: bool) -> None:
    async def main() -> None:
        line = Line()
        serving = asyncio.create_task(line.serve())
        await settled()
        line.writer.unread = unread
        line.role.out.append(Command("QNG"))
        line.role.wake()
        assert line.writer.aborted is is_ended
        line.reader.feed_eof()
        await serving

    asyncio.run(main())


def test_answers_are_written_before_too_many_wait() -> None:
    """One packet has hundreds of commands, each of which may ask for much."""
    line = conversed([b"PNG\r\n" * 1000])
    assert len(line.got) == 1000
    assert b"".join(line.writer.writes) == b"QNG\r\n" * 1000
    assert max(write.count(b"QNG") for write in line.writer.writes) <= 200


def test_a_packet_with_much_in_it_waits_for_who_does_not_read() -> None:
    async def main() -> None:
        line = Line()
        line.writer.blocked = asyncio.Event()
        serving = asyncio.create_task(line.serve())
        line.reader.feed_data(b"PNG\r\n" * 1000)
        line.reader.feed_eof()
        await settled()
        assert len(line.got) == 200
        line.writer.blocked.set()
        await serving
        assert len(line.got) == 1000

    asyncio.run(main())


# --- time ----------------------------------------------------------------------------------------


class Clock:
    """The time of an event loop, which goes on when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)

    async def goes_on(self, seconds: float) -> None:
        self.now += seconds
        await settled()


def test_who_drips_has_no_more_time_to_sign_in_than_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        clock, line = Clock(monkeypatch), Line()
        serving = asyncio.create_task(line.serve())
        await settled()
        for _ in range(5):
            line.reader.feed_data(b"PNG\r\n")
            await clock.goes_on(11.9)
        assert len(line.got) == 5
        assert not serving.done()
        await clock.goes_on(0.5)
        assert serving.done()
        assert line.role.ends == ["timed out", "gone"]
        assert line.writer.closed

    asyncio.run(main())


def test_who_has_signed_in_may_be_silent_for_a_while_after_each_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        clock, line = Clock(monkeypatch), Line()
        serving = asyncio.create_task(line.serve())
        line.reader.feed_data(b"USR 1 x\r\n")
        for _ in range(3):
            await clock.goes_on(179)
            line.reader.feed_data(b"PNG\r\n")
            await settled()
        assert not serving.done()
        await clock.goes_on(181)
        assert serving.done()
        assert line.role.ends == ["timed out", "gone"]

    asyncio.run(main())


def test_who_takes_no_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        clock, line = Clock(monkeypatch), Line()
        line.writer.blocked = asyncio.Event()
        serving = asyncio.create_task(line.serve())
        line.reader.feed_data(b"USR 1 x\r\nPNG\r\n")
        await settled()
        await clock.goes_on(29)
        assert not serving.done()
        await clock.goes_on(2)
        assert serving.done()
        assert line.role.ends == ["timed out", "gone"]

    asyncio.run(main())


# --- faults --------------------------------------------------------------------------------------


def test_a_connection_that_breaks_is_gone_and_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Line:
        line = Line()
        line.reader.set_exception(ConnectionResetError(104, "Connection reset by peer"))
        await line.serve()
        return line

    line = asyncio.run(main())
    assert line.role.ends == ["gone"]
    assert line.writer.closed
    assert caplog.records == []


class Faulty(Role):
    async def receive(self, command: Command) -> None:
        raise ZeroDivisionError("t=secret")


def test_a_fault_of_a_role_ends_its_own_connection(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "msnpauth.service"):
        line = conversed([b"USR 4 TWN S t=secret\r\n"], Faulty)
    assert line.role.ends == ["gone"]
    assert line.writer.closed
    assert "ZeroDivisionError at test_msnp.py line" in caplog.text
    assert "secret" not in caplog.text


class Unnoted(Role):
    async def gone(self) -> None:
        await super().gone()
        raise ServiceUnavailable("the database is busy")


def test_an_end_that_no_store_can_note_is_an_end_all_the_same() -> None:
    line = conversed([b"PNG\r\n"], Unnoted)
    assert line.role.ends == ["gone"]
    assert line.writer.closed


def test_who_is_ended_to_make_room_is_gone() -> None:
    async def main() -> None:
        line = Line()
        serving = asyncio.create_task(line.serve())
        await settled()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert line.role.ends == ["gone"]
        assert line.writer.closed

    asyncio.run(main())


def test_a_long_payload_behind_the_sign_in_in_the_same_packet() -> None:
    """A client that has signed in may send long payloads, however its bytes are cut."""
    payload = bytes(20_000)
    assert conversed([b"USR 1 x\r\nUUX 2 20000\r\n" + payload]).got == ["USR", "UUX"]

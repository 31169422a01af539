from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feeding import pieces, ways
from msnpauth.core.errors import RemoteProtocolError
from msnpauth.core.wire.commands import Command, Role
from msnpauth.core.wire.lines import NEED_DATA, LineReader, NeedData


def read(reader: LineReader) -> list[Command]:
    commands = []
    while isinstance(command := reader.next_command(), Command):
        commands.append(command)
    return commands


CASES = [
    (b"VER 1 MSNP12\r\n", [Command("VER", 1, ("MSNP12",))]),
    (b"VER 1 MSNP12\n", [Command("VER", 1, ("MSNP12",))]),
    (b"VER 1 MSNP12 \r\n", [Command("VER", 1, ("MSNP12",))]),
    (b"VER  1  MSNP12\r\n", [Command("VER", 1, ("MSNP12",))]),
    (b"\r\n\nQNG 60\r\n", [Command("QNG", None, ("60",))]),
    (b"MSG a b 5\r\nhello", [Command("MSG", None, ("a", "b"), b"hello")]),
    (b"UBX a@b 0\r\n", [Command("UBX", None, ("a@b",), b"")]),
    (
        b"GCF 0 7\r\n<P/>\r\n\nUSR 6 TWN S x\r\n",
        [Command("GCF", 0, (), b"<P/>\r\n\n"), Command("USR", 6, ("TWN", "S", "x"))],
    ),
    (
        "USR 3 OK é@x Zoë\r\n".encode(),
        [Command("USR", 3, ("OK", "é@x", "Zoë"))],
    ),
    (b"911 4\r\nOUT\r\n", [Command("911", 4), Command("OUT")]),
]


@ways
@pytest.mark.parametrize(("data", "commands"), CASES)
def test_commands(data: bytes, commands: list[Command], way: str) -> None:
    reader = LineReader(Role.SERVER)
    found: list[Command] = []
    for piece in pieces(data, way, b"NLN NL"):
        reader.feed(piece)
        found += read(reader)
    assert found == commands
    assert reader.next_command() is NEED_DATA
    assert reader.unread == (b"NLN NL" if way == "trailing" else b"")


def test_unread_holds_a_command_whose_payload_is_missing() -> None:
    reader = LineReader(Role.SERVER)
    reader.feed(b"QNG 50\r\nMSG a b 5\r\nhel")
    assert len(read(reader)) == 1
    again = LineReader(Role.SERVER)
    again.feed(reader.unread + b"lo")
    assert read(again) == [Command("MSG", None, ("a", "b"), b"hello")]


FAULTS = [
    (b"HTTP/1.1 400 Bad Request\r\n", "the server speaks HTTP on that port, and not MSNP"),
    (b"<!DOCTYPE html>\r\n", "the server speaks HTTP on that port"),
    (b"\x16\x03\x01\r\n", "the server speaks TLS on that port"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "the server speaks SSH on that port"),
    (b"220 mail.example ESMTP Postfix\r\n", "the server speaks SMTP or FTP on that port"),
    (b"220-welcome\r\n", "the server speaks SMTP or FTP on that port"),
    (b"+OK ready\r\n", "the server speaks POP3 or IMAP on that port"),
    (b"hello\r\n", "that is no MSNP: 'hello'"),
    (b"ver 1\r\n", "no MSNP"),
    (b"MSG a b c\r\n", "without the length"),
    (b"MSG a b 9999999\r\n", "9999999 bytes"),
    (b"MSG a b -1\r\n", "without the length"),
    (b"NLN " + b"x" * 20000, "more than 16384"),
    (b"NLN " + b"x" * 20000 + b"\r\n", "more than 16384"),
]


@ways
@pytest.mark.parametrize(("data", "says"), FAULTS)
def test_faults_are_values(data: bytes, says: str, way: str) -> None:
    reader = LineReader(Role.SERVER)
    outcome: object = NEED_DATA
    for piece in pieces(data, way, b"QNG 50\r\n"):
        reader.feed(piece)
        outcome = reader.next_command()
    assert isinstance(outcome, RemoteProtocolError)
    assert says in outcome.text
    assert reader.next_command() is outcome


@ways
def test_the_tab_in_the_cvr_of_msnlib_is_a_blank(way: str) -> None:
    reader = LineReader(Role.CLIENT)
    found: list[object] = []
    for piece in pieces(b"CVR 5 MSMSGS\ta@b.example\r\n", way, b"PNG\r\n"):
        reader.feed(piece)
        found += read(reader)
    assert found[0] == Command("CVR", 5, ("MSMSGS", "a@b.example"))


@pytest.mark.parametrize(
    ("sender", "line"),
    [
        (Role.SERVER, b"CVR 5 a\tb\r\n"),
        (Role.CLIENT, b"USR 5 TWN I a\tb\r\n"),
        (Role.CLIENT, b"CVR 5 a\x00b\r\n"),
    ],
)
def test_no_other_control_character(sender: Role, line: bytes) -> None:
    reader = LineReader(sender)
    reader.feed(line)
    outcome = reader.next_command()
    assert isinstance(outcome, RemoteProtocolError)
    assert "control character" in outcome.text


def test_a_fault_does_not_quote_a_ticket() -> None:
    reader = LineReader(Role.SERVER)
    reader.feed(b"t=53*1hAu8ADuD3TEwdXoOMi08sD\r\n")
    assert "1hAu8A" not in str(reader.next_command())


def test_limits_are_parameters() -> None:
    reader = LineReader(Role.SERVER, max_line=10, max_payload=3)
    reader.feed(b"MSG a 3\r\nabc")
    assert isinstance(reader.next_command(), Command)
    reader.feed(b"MSG a 4\r\n")
    assert isinstance(reader.next_command(), RemoteProtocolError)


def test_observe_is_shown_every_command() -> None:
    seen: list[Command] = []
    reader = LineReader(Role.SERVER, observe=seen.append)
    reader.feed(b"QNG 50\r\nMSG a b 1\r\nx")
    assert read(reader) == seen


def test_need_data_has_a_name() -> None:
    assert repr(NEED_DATA) == "NEED_DATA"


@given(st.lists(st.binary(max_size=60)), st.sampled_from(Role))
def test_any_bytes_are_commands_or_a_fault(chunks: list[bytes], sender: Role) -> None:
    """Reading never raises, and how the bytes are cut makes no difference."""
    cut, whole = LineReader(sender), LineReader(sender)
    whole.feed(b"".join(chunks))
    found: list[Command] = []
    for chunk in chunks:
        cut.feed(chunk)
        found += read(cut)
    assert found == read(whole)
    for reader in (cut, whole):
        assert isinstance(reader.next_command(), NeedData | RemoteProtocolError)


words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9)


@example([Command("MSG", None, ("00", "x"), b"")])
@given(
    st.lists(
        st.builds(
            lambda trid, args, payload: (
                Command("MSG", None, (*args, "x"), payload)
                if payload is not None
                else Command("CHG", trid, args)
            ),
            st.integers(0, 99999),
            st.lists(words, max_size=4).map(tuple),
            st.none() | st.binary(max_size=40),
        )
    )
)
def test_what_is_encoded_is_read_back(commands: list[Command]) -> None:
    reader = LineReader(Role.SERVER)
    reader.feed(b"".join(command.encode() for command in commands))
    found = read(reader)
    assert [command.encode() for command in found] == [command.encode() for command in commands]

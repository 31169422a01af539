from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.errors import LocalProtocolError
from msnpauth.core.wire.commands import (
    Command,
    Role,
    command_from_words,
    escape,
    payload_length,
    split_words,
    unescape,
)


@pytest.mark.parametrize(
    ("command", "data"),
    [
        (Command("PNG"), b"PNG\r\n"),
        (Command("VER", 1, ("MSNP12", "CVR0")), b"VER 1 MSNP12 CVR0\r\n"),
        (Command("QRY", 9, ("id",), b"x" * 32), b"QRY 9 id 32\r\n" + b"x" * 32),
        (Command("UUX", 3, (), b""), b"UUX 3 0\r\n"),
        (Command("911", 4), b"911 4\r\n"),
        (Command("USR", 3, ("TWN", "I", "é@x")), "USR 3 TWN I é@x\r\n".encode()),
        (Command("USR", 3, ("\udcff",)), b"USR 3 \xff\r\n"),
    ],
)
def test_encode(command: Command, data: bytes) -> None:
    assert command.encode() == data


@pytest.mark.parametrize("word", ["", "a b", "a\r\nOUT", "a\n", "\0", "\t", "\x7f"])
def test_a_word_cannot_forge_a_command(word: str) -> None:
    with pytest.raises(LocalProtocolError, match="escape"):
        Command("CHG", 1, (word,)).encode()


@pytest.mark.parametrize("verb", ["", "chg", "CHGX", "C G", "12", "PNG\r\n"])
def test_a_verb_is_a_verb(verb: str) -> None:
    with pytest.raises(LocalProtocolError, match="not an MSNP verb"):
        Command(verb, 1).encode()


@pytest.mark.parametrize(
    ("line", "trid", "args"),
    [
        ("VER 1 MSNP12", 1, ("MSNP12",)),
        ("CHL 0 15570131571988941333", 0, ("15570131571988941333",)),
        ("QNG 60", None, ("60",)),
        ("RNG 11752013 1.2.3.4:1863", None, ("11752013", "1.2.3.4:1863")),
        ("NLN NLN a@b A", None, ("NLN", "a@b", "A")),
        ("LST 5 FL 7 1 1 a@b A", 5, ("FL", "7", "1", "1", "a@b", "A")),
        ("LSG 0 Other%20Contacts 0", None, ("0", "Other%20Contacts", "0")),
        ("LSG 5 7 1 1 0 Other%20Contacts 0", 5, ("7", "1", "1", "0", "Other%20Contacts", "0")),
        ("BPR 12182 a@b PHH 1", None, ("12182", "a@b", "PHH", "1")),
        ("OUT RCT 6", None, ("RCT", "6")),
        ("911 4", 4, ()),
        ("USR x OK", None, ("x", "OK")),
    ],
)
def test_transaction_id(line: str, trid: int | None, args: tuple[str, ...]) -> None:
    command = command_from_words(line.split(), None)
    assert (command.trid, command.args) == (trid, args)
    assert command.encode() == line.encode() + b"\r\n"


@pytest.mark.parametrize(
    ("line", "sender", "length"),
    [
        ("MSG Hotmail Hotmail 245", Role.SERVER, 245),
        ("MSG 5 N 12", Role.CLIENT, 12),
        ("GCF 0 1187", Role.SERVER, 1187),
        ("GCF 5 Shields.xml", Role.CLIENT, None),
        ("GCF 5 Shields.xml 10", Role.SERVER, 10),
        ("NOT 10", Role.SERVER, 10),
        ("UBX a@b 1 0", Role.SERVER, 0),
        ("ADL 7 OK", Role.SERVER, None),
        ("ADL 0 55", Role.SERVER, 55),
        ("ADL 7", Role.SERVER, None),
        ("UUX 7", Role.SERVER, None),
        ("UUX 7 0", Role.SERVER, 0),
        ("241 7", Role.SERVER, None),
        ("241 7 45", Role.SERVER, 45),
        ("911 7 45", Role.SERVER, None),
        ("QRY 9", Role.SERVER, None),
        ("QRY 9 id 32", Role.CLIENT, 32),
        ("CHG 9 NLN 0", Role.CLIENT, None),
    ],
)
def test_payload_length(line: str, sender: Role, length: int | None) -> None:
    assert payload_length(line.split(), sender) == length


@pytest.mark.parametrize(
    ("line", "sender"),
    [("MSG a b c", Role.SERVER), ("QRY 9 id", Role.CLIENT), ("MSG 1 U -5", Role.CLIENT)],
)
def test_payload_length_that_is_none(line: str, sender: Role) -> None:
    with pytest.raises(ValueError, match="no payload length"):
        payload_length(line.split(), sender)


@pytest.mark.parametrize(
    ("command", "sender", "shown"),
    [
        (Command("USR", 7, ("TWN", "S", "t=secret")), Role.CLIENT, "USR 7 TWN S ***"),
        (Command("USR", 7, ("TWN", "S", "lc=1033")), Role.SERVER, "USR 7 TWN S lc=1033"),
        (Command("USR", 7, ("TWN", "S", "lc=1033")), None, "USR 7 TWN S ***"),
        (Command("USR", 7, ("SSO", "S", "t=a", "blob", "{g}")), None, "USR 7 SSO S *** *** ***"),
        (Command("USR", 7, ("TWN", "I", "a@b")), None, "USR 7 TWN I a@b"),
        (Command("USR", 7, ("OK", "a@b", "A", "1")), None, "USR 7 OK a@b A 1"),
        (Command("USR", 1, ("a@b", "1.2.3")), None, "USR 1 a@b ***"),
        (Command("ANS", 1, ("a@b", "1.2.3", "77")), None, "ANS 1 a@b *** ***"),
        (Command("XFR", 1, ("SB", "h:1", "CKI", "1.2.3")), None, "XFR 1 SB h:1 CKI ***"),
        (Command("MSG", None, ("a", "b"), b"secret"), None, "MSG a b 6 <6 bytes>"),
        (Command("USR", 1, ()), None, "USR 1"),
        (Command("NOT", None, ("a\x1b[1m",)), None, "NOT a [1m"),
    ],
)
def test_describe_masks(command: Command, sender: Role | None, shown: str) -> None:
    assert command.describe(sender) == shown
    if sender is None:
        assert repr(command) == str(command) == f"<Command {shown}>"


def test_code() -> None:
    assert Command("911", 4).code == 911
    assert Command("USR", 4).code is None


def test_the_length_of_a_payload_is_no_word() -> None:
    words = ["UBX", "a@b", "2"]
    assert command_from_words(words, b"hi") == Command("UBX", None, ("a@b",), b"hi")


def test_words_are_kept_byte_for_byte() -> None:
    line = b"USR 3 TWN S ru=http%3A%2F%2F,rn=C6D!I5Ic*\xff\xc3\xa9"
    assert command_from_words(split_words(line), None).encode() == line + b"\r\n"


@given(st.text())
def test_escape_and_unescape(text: str) -> None:
    word = escape(text.encode("utf-8", "replace").decode())
    assert not word or Command("CHG", 1, (word,)).encode()
    assert unescape(word) == text.encode("utf-8", "replace").decode()


def test_unescape_of_what_is_not_utf_8() -> None:
    assert unescape("na\udcefve") == "na\ufffdve"
    assert unescape("na%EFve") == "na\ufffdve"


def test_unescape_leaves_what_is_no_escape() -> None:
    assert unescape("PROD01065C%ZFN6F") == "PROD01065C%ZFN6F"

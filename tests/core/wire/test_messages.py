from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth import LocalProtocolError, Looks
from msnpauth.core.wire.messages import (
    MAX_PAYLOAD,
    MAX_TEXT,
    NUDGE,
    PLAIN,
    parse_message,
    split_text,
    text_payload,
    typing_payload,
)


def test_a_text_with_its_looks() -> None:
    looks = Looks(font="MS Sans Serif", colour="#80c0FF", italic=True, right_to_left=True)
    payload = text_payload("Grüße", looks)
    assert payload == (
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
        b"X-MMS-IM-Format: FN=MS%20Sans%20Serif; EF=I; CO=ffc080; CS=0; PF=0; RL=1\r\n\r\n"
        b"Gr\xc3\xbc\xc3\x9fe"
    )
    body = parse_message(payload)
    assert (body.kind, body.text, body.looks) == (
        "text/plain",
        "Grüße",
        Looks("MS Sans Serif", "#80c0ff", italic=True, right_to_left=True),
    )
    assert (body.is_nudge, body.is_typing, body.piece) == (False, False, None)


@pytest.mark.parametrize(
    ("value", "looks"),
    [
        ("", PLAIN),
        ("FN=Arial; EF=BIUS; CO=ff", Looks("Arial", "#ff0000", True, True, True, True)),
        ("fn=Arial;ef=b;co=0;rl=0", Looks("Arial", bold=True)),
        ("FN=; CO=zz; EF=?", PLAIN),
        ("CO=1234567", PLAIN),
        (f"FN={'x' * 101}", PLAIN),
        ("FN=%zz%", Looks("%zz%")),
    ],
)
def test_looks_are_read_as_far_as_they_go(value: str, looks: Looks) -> None:
    assert Looks.decode(value) == looks


@given(st.text(max_size=30), st.integers(0, 0xFFFFFF), st.tuples(*[st.booleans()] * 5))
def test_looks_are_read_back(font: str, colour: int, effects: tuple[bool, ...]) -> None:
    try:
        looks = Looks(font, f"#{colour:06x}", *effects)
    except LocalProtocolError:
        return  # a font's name of many bytes
    again = Looks.decode(looks.encode())
    assert again.colour == looks.colour
    assert (again.bold, again.italic, again.underline) == effects[:3]
    if font.strip() == font and ";" not in font:
        assert again.font == font


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "", None, 5])
def test_what_is_no_colour(colour: str) -> None:
    with pytest.raises(LocalProtocolError, match="is no colour; as in colour='#cc0000'"):
        Looks(colour=colour)


@pytest.mark.parametrize("font", ["x" * 101, "ü" * 17, None])
def test_what_is_no_font(font: str) -> None:
    with pytest.raises(LocalProtocolError, match="that is no name of a font"):
        Looks(font=font)


def test_typing_and_nudge() -> None:
    assert parse_message(NUDGE).is_nudge
    assert not parse_message(NUDGE.replace(b"ID: 1", b"ID: 2")).is_nudge
    typing = parse_message(typing_payload("a@b"))
    assert typing.is_typing
    assert typing.headers["typinguser"] == "a@b"
    assert not parse_message(b"Content-Type: text/x-msmsgscontrol\r\n\r\n").is_typing


@pytest.mark.parametrize(
    ("headers", "piece"),
    [
        ("Message-ID: {x}\r\nChunks: 3", ("{x}", 0, 3)),
        ("Message-ID: {x}\r\nChunk: 2", ("{x}", 2, 0)),
        ("Message-ID: {x}\r\nChunks: 1", None),
        ("Message-ID: {x}\r\nChunks: 1024", None),
        ("Message-ID: {x}\r\nChunk: 0", None),
        ("Message-ID: {x}\r\nChunk: ²", None),
        ("Message-ID:\r\nChunks: 3", None),
        ("Chunks: 3", None),
    ],
)
def test_pieces_of_a_text(headers: str, piece: tuple[str, int, int] | None) -> None:
    payload = f"Content-Type: text/plain\r\n{headers}\r\n\r\nabc"
    assert parse_message(payload.encode()).piece == piece


@pytest.mark.parametrize(
    ("payload", "kind", "text"),
    [
        (b"", "", ""),
        (b"\r\n\r\n", "", ""),
        (b"no headers at all", "", ""),
        (b"content-TYPE:text/Plain\n\na\r\n\r\nb", "text/plain", "a\r\n\r\nb"),
        (b"Content-Type: a\r\nContent-Type: b\r\n\r\n\xff", "a", "\ufffd"),
    ],
)
def test_whatever_comes_is_read(payload: bytes, kind: str, text: str) -> None:
    body = parse_message(payload)
    assert (body.kind, body.text) == (kind, text)


@given(st.binary(max_size=300))
def test_no_payload_raises(payload: bytes) -> None:
    body = parse_message(payload)
    assert isinstance(body.text, str)
    assert isinstance(body.looks, Looks)
    assert body.piece is None or len(body.piece) == 3


@given(st.text(min_size=1, max_size=200), st.integers(8, 60))
def test_no_text_is_lost_and_no_piece_too_long(text: str, limit: int) -> None:
    try:
        pieces = split_text(text, limit)
    except LocalProtocolError:
        assert any("\ud800" <= letter <= "\udfff" for letter in text)
        return
    assert "".join(pieces) == text
    assert all(0 < len(piece.encode()) <= limit for piece in pieces)


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        ("abc", 3, ["abc"]),
        ("abcd", 3, ["abc", "d"]),
        ("one two three", 9, ["one two ", "three"]),
        ("o two-three", 9, ["o two-thr", "ee"]),  # the blank is in the first half
        ("äö", 3, ["ä", "ö"]),
        ("xe\u0301x", 3, ["x", "e\u0301", "x"]),
        ("ab👍🏽", 8, ["ab", "👍🏽"]),
        ("x👩‍👩‍👧", 18, ["x", "👩‍👩‍👧"]),
        ("abcd🇩🇪", 11, ["abcd", "🇩🇪"]),
        ("a" + "\u0301" * 4, 5, ["a\u0301\u0301", "\u0301\u0301"]),
    ],
)
def test_where_a_text_is_parted(text: str, limit: int, pieces: list[str]) -> None:
    assert split_text(text, limit) == pieces


def test_a_message_never_has_more_bytes_than_a_server_takes() -> None:
    looks = Looks("x" * 100, "#ffffff", True, True, True, True, True)
    (text,) = split_text("x" * MAX_TEXT)
    assert len(text_payload(text, looks)) <= MAX_PAYLOAD
    assert unicodedata.normalize("NFC", text) == text


@pytest.mark.parametrize("text", ["", None, 5, "a\ud800"])
def test_what_is_no_text(text: str) -> None:
    with pytest.raises(LocalProtocolError, match="text"):
        split_text(text)

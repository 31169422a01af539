"""What may be shown of a pasted text: secrets by their length, and everything on one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.decoding.said import Decoded, Field, masked, on_one_line, shown

HOSTILE = "a\r\nb\x1b[2J\x00c\x9b31m\u2028d"
SAFE = "a b [2J c 31m d"


@pytest.mark.parametrize(
    ("secret", "expected"),
    [("", "(empty)"), ("x", "*** (1 characters)"), ("t=1&p=2", "*** (7 characters)")],
)
def test_of_a_secret_its_length_alone_is_told(secret: str, expected: str) -> None:
    assert masked(secret) == expected


@given(st.text(min_size=8))
def test_nothing_of_a_secret_is_told(secret: str) -> None:
    assert masked(secret) == masked("x" * len(secret))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "(empty)"),
        ("  \t ", "(empty)"),
        ("Grüße", "Grüße"),
        (HOSTILE, SAFE),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_a_text_is_shown_on_one_line_and_not_without_end(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_all_that_is_said_is_safe_on_a_terminal() -> None:
    """Names of fields are pasted text as well, and a problem may quote some."""
    said = Decoded(
        HOSTILE, HOSTILE, (Field(HOSTILE, HOSTILE, HOSTILE), Field("n", "v")), (HOSTILE,)
    )
    assert on_one_line(said) == Decoded(
        SAFE, SAFE, (Field(SAFE, SAFE, SAFE), Field("n", "v", "")), (SAFE,)
    )


def test_what_is_said_is_not_cut() -> None:
    """The sentences of findings are longer than what a peer's word may be."""
    long = "word " * 500 + "end"
    said = Decoded(long, "", (Field("do", long),), (long,))
    assert on_one_line(said) == said


def test_a_field_that_is_empty_stays_empty() -> None:
    said = Decoded("", "", (Field("", ""),))
    assert on_one_line(said) == said

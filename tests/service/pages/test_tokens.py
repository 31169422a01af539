"""The words in cookies, and the tokens in forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth import Secret
from msnpauth.service.pages.tokens import is_word, make_token, read_token
from msnpauth.service.stores.sql.page_sessions import new_word

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORD = Secret("w" * 43)


def test_a_token_is_for_one_word() -> None:
    token = make_token(WORD, NOW)
    assert read_token(WORD, token, NOW) is not None
    assert read_token(Secret("v" * 43), token, NOW) is None
    assert WORD.reveal() not in token


def test_each_form_has_a_name_of_its_own() -> None:
    names = {read.name for _ in range(20) if (read := read_token(WORD, make_token(WORD, NOW), NOW))}
    assert len(names) == 20


def test_it_is_good_for_twelve_hours() -> None:
    token = make_token(WORD, NOW)
    read = read_token(WORD, token, NOW + timedelta(hours=12, seconds=-1))
    assert read is not None
    assert (read.made, read.until) == (NOW, NOW + timedelta(hours=12))
    assert read_token(WORD, token, NOW + timedelta(hours=12)) is None


@pytest.mark.parametrize("at", range(0, 92, 7))
def test_no_letter_of_it_may_be_another(at: int) -> None:
    token = make_token(WORD, NOW)
    other = "0" if token[at] != "0" else "1"
    assert read_token(WORD, token[:at] + other + token[at + 1 :], NOW) is None


def test_a_time_of_ones_own() -> None:
    name, made, sealed = make_token(WORD, NOW - timedelta(hours=13)).split(".")
    assert read_token(WORD, f"{name}.{int(made) + 7_200_000}.{sealed}", NOW) is None


@given(st.text())
def test_any_text(text: str) -> None:
    assert read_token(WORD, text, NOW) is None


def test_words() -> None:
    assert is_word(new_word().reveal())
    for other in ("", "w" * 42, "w" * 44, "w" * 42 + "\n", "w" * 42 + "é", "w" * 42 + ";"):
        assert not is_word(other)

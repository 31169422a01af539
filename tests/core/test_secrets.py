from __future__ import annotations

import base64
import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.secrets import MASK, Secret, holds, printable, told


def test_a_secret_is_not_shown() -> None:
    secret = Secret("hunter2")
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret):  # noqa: UP031
        assert "hunter2" not in shown
        assert MASK in shown
    assert secret.reveal() == "hunter2"


def test_a_secret_is_not_pickled_or_copied_in_the_open() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"))
    with pytest.raises(TypeError):
        copy.deepcopy(Secret("hunter2"))


def test_comparison() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("\udc80") == Secret("\udc80")


def test_size_and_truth() -> None:
    assert len(Secret("abc")) == 3
    assert Secret("a")
    assert not Secret("")


@pytest.mark.parametrize(
    "text",
    ["x p@ss <w", "p%40ss%20%3Cw", "P%40SS%20%3cw", "p%40ss+%3Cw", "p@ss &lt;w!", "P@SS <W"],
)
def test_a_secret_is_found_in_every_form(text: str) -> None:
    secret = Secret("p@ss <w")
    assert holds(text, Secret("another"), secret)
    assert told(f"before {text} behind", secret) == ""


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("behind", ["", "z", "zz"])
def test_a_secret_is_found_in_base64(before: str, behind: str) -> None:
    encoded = base64.b64encode(f"{before}correct horse{behind}".encode()).decode()
    assert holds(f"Basic {encoded}", Secret("correct horse"))


def test_what_does_not_hold_a_secret_is_told() -> None:
    assert told("the password\r\nis wrong", Secret("hunter2")) == "the password is wrong"
    assert told("x" * 50, Secret("hunter2"), limit=10) == "xxxxxxxxx…"
    assert not holds("a word of it: hunter", Secret("hunter2"))
    assert not holds("everything has an a", Secret("a"), Secret("ev"), Secret(""))


@given(st.text(), st.text(min_size=3))
def test_no_word_that_holds_a_secret_is_told(text: str, word: str) -> None:
    assert told(f"{text}{word}{text}", Secret(word)) == ""


def test_what_may_be_told_in_its_place() -> None:
    assert Secret("pwd=x").shown == "***"
    assert Secret("pwd=x", shown="pwd=***").shown == "pwd=***"


def test_printable_is_one_safe_line() -> None:
    assert printable("a\r\nb\x1b[31m\u2028c\x9bd\udc80") == "a b [31m c d"
    assert printable("x" * 400) == "x" * 299 + "…"
    assert printable("  a ") == "a"

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.secrets import MASK, Secret, conceal, printable


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


def test_conceal_masks_every_spelling() -> None:
    secret = Secret("p@ss w")
    assert conceal("x p@ss w y p%40ss%20w z P%40SS%20W", secret) == "x *** y *** z ***"
    assert conceal("ab", Secret("a")) == "ab"
    assert conceal("nothing", secret) == "nothing"


@given(st.text(), st.text(min_size=3))
def test_conceal_leaves_no_secret(text: str, word: str) -> None:
    if word not in MASK:
        assert word not in conceal(f"{text}{word}{text}", Secret(word)).replace(MASK, "\0")


def test_printable_is_one_safe_line() -> None:
    assert printable("a\r\nb\x1b[31m\u2028c\x9bd\udc80") == "a b [31m c d"
    assert printable("x" * 400) == "x" * 299 + "…"
    assert printable("  a ") == "a"

"""Keyword arguments that do not exist are refused as Python refuses them."""

from __future__ import annotations

import pytest

from msnpauth.core.client.options import SignInOptions, check_names


def test_what_is_known_may_be_left_out() -> None:
    known = SignInOptions.__optional_keys__
    check_names({}, known, "SignIn")
    check_names({"scheme": None, "guid": None, "pipeline": True}, known, "SignIn")


def test_every_option_may_be_left_out() -> None:
    assert not SignInOptions.__required_keys__
    assert SignInOptions.__optional_keys__ == {
        "scheme", "dialects", "tickets", "guid", "pipeline", "speculate",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["dialect", "Scheme", ""])
def test_what_is_not_known_is_named(name: str) -> None:
    def as_python_says_it(*, scheme: str | None = None) -> None: ...

    with pytest.raises(TypeError) as ours:
        check_names({"scheme": None, name: 1}, frozenset({"scheme"}), "sign_in")
    with pytest.raises(TypeError) as pythons:
        as_python_says_it(scheme=None, **{name: 1})
    words = str(pythons.value).rpartition("as_python_says_it")[2]
    assert str(ours.value) == f"sign_in{words}"

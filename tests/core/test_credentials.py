"""What can be no passport, no password and no challenge."""

from __future__ import annotations

from typing import Any

import pytest

from feeding import VECTORS
from leaks import assert_no_secret
from msnpauth.core.credentials import as_secret, check_challenge, check_passport, check_password
from msnpauth.core.errors import LocalProtocolError
from msnpauth.core.secrets import Secret


@pytest.mark.parametrize("vector", VECTORS["passport14_challenges"])
def test_challenge_is_kept(vector: dict[str, str]) -> None:
    word = vector["value"]
    for text in (word, f"USR 6 TWN S {word}", f"USR 6 TWN S {word}\r\n", f"USR 6 TWN S {word}\n"):
        assert check_challenge(text) == word


@pytest.mark.parametrize(
    "text",
    ["", "S", "TWN", "lc=1 id=2", "lc=1\r\n", "lc=1\0", "\tlc=1", "USR 6 TWN S ", "USR 6 TWN S a b",
     "USR 6 TWN I a@b", "USR 6 SSO S MBI_KEY_OLD x", "USR x TWN S lc=1", "USR 6 TWN S lc=1\r\n\r\n",
     "lc=1\x7f", None, b"lc=1"],
)  # fmt: skip
def test_what_is_no_challenge(text: Any) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        check_challenge(text)
    assert "lc=1033,id=507" in str(caught.value)
    assert "USR n TWN S <challenge>" in str(caught.value)


@pytest.mark.parametrize("text", ["", "alice", "@b", "a@", "a @b", "a@b\r\n", "a\0@b", None])
def test_what_is_no_passport(text: Any) -> None:
    with pytest.raises(LocalProtocolError, match="alice@example.com"):
        check_passport(text)


@pytest.mark.parametrize("text", ["", "a\ud800secret", None, 5])
def test_what_is_no_password(text: Any) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        check_password(as_secret(text))
    assert_no_secret(caught.value, "a\ud800secret")


def test_right_arguments_are_returned() -> None:
    assert check_passport("Alice@example.com") == "Alice@example.com"
    secret = Secret("x")
    assert check_password(secret) is as_secret(secret) is secret
    assert as_secret("x") == secret

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.proof import answer, derive_key, is_answer


@pytest.mark.parametrize("vector", VECTORS["sso_response"])
def test_published(vector: dict[str, Any]) -> None:
    secret, nonce = Secret(vector["binary_secret"]), vector["nonce"]
    key = base64.b64decode(vector["binary_secret"])
    assert derive_key(key, b"WS-SecureConversationSESSION KEY HASH").hex() == vector["key2_hex"]
    assert (
        derive_key(key, b"WS-SecureConversationSESSION KEY ENCRYPTION").hex() == vector["key3_hex"]
    )
    assert answer(secret, nonce, bytes.fromhex(vector["iv_hex"])) == vector["response"]
    assert is_answer(vector["response"], secret, nonce)


REJECTS = VECTORS["sso_response_rejects"]


@pytest.mark.parametrize("case", REJECTS["cases"], ids=lambda case: case["name"])
def test_rejects(case: dict[str, str]) -> None:
    secret = Secret(REJECTS["binary_secret"])
    assert is_answer(REJECTS["good_response"], secret, REJECTS["nonce"])
    assert not is_answer(case["response"], secret, REJECTS["nonce"])


@given(st.binary(min_size=1, max_size=40), st.text(st.characters(codec="utf-8"), max_size=100))
def test_any_nonce_of_any_length(key: bytes, nonce: str) -> None:
    secret = Secret(base64.b64encode(key).decode())
    response = answer(secret, nonce)
    assert is_answer(response, secret, nonce)
    assert not is_answer(response, secret, nonce + "x")
    assert answer(secret, nonce) != response


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_any_text_may_be_asked_about(response: str) -> None:
    assert not is_answer(response, Secret("AAAA"), "nonce")


@pytest.mark.parametrize("key", ["?", "AAA", "é", "A A="])
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(ValueError, match="not base64"):
        answer(Secret(key), "nonce")

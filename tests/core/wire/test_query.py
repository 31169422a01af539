from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth.core.wire.dialects import QueryRule
from msnpauth.core.wire.query import PRODUCTS, answer


@pytest.mark.parametrize("vector", VECTORS["qry_msnp6_to_10"])
def test_msnp6(vector: dict[str, Any]) -> None:
    found = answer(QueryRule.MD5, vector["challenge"], vector["product_id"], vector["product_key"])
    assert found == vector["response"].encode()
    assert PRODUCTS[vector["product_id"]] == vector["product_key"]


@pytest.mark.parametrize(
    "vector", [*VECTORS["qry_msnp11_plus"], VECTORS["qry_msnp11_worked_example"]]
)
def test_msnp11(vector: dict[str, Any]) -> None:
    found = answer(
        QueryRule.MSNP11, vector["challenge"], vector["product_id"], vector["product_key"]
    )
    assert found == vector["response"].encode()


@pytest.mark.parametrize("vector", VECTORS["qry_msnp11_padding_dispute"])
def test_nothing_is_added_to_a_multiple_of_eight(vector: dict[str, Any]) -> None:
    found = answer(
        QueryRule.MSNP11, vector["challenge"], vector["product_id"], vector["product_key"]
    )
    assert found == vector["response_no_padding_when_multiple_of_8"].encode()


def test_none() -> None:
    assert answer(QueryRule.NONE, "1", "id", "key") is None


@given(st.text(), st.sampled_from([QueryRule.MD5, QueryRule.MSNP11]))
def test_any_challenge_has_an_answer(challenge: str, rule: QueryRule) -> None:
    found = answer(rule, challenge, "PROD0090YUAUV{2B", "YMM8C_H7KCQ2S_KL")
    assert found is not None
    assert len(found) == 32

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth.core.answers import parse_fields
from msnpauth.core.urls import Url


@pytest.mark.parametrize("vector", VECTORS["passport14_headers"])
def test_published_headers(vector: dict[str, Any]) -> None:
    fields = parse_fields(vector["value"])
    expect = vector["expect"]
    for name in ("da-status", "srealm", "ts"):
        if name.replace("-", "_") in expect:
            assert fields[name] == expect[name.replace("-", "_")]
    if "ticket" in expect:
        assert fields["from-pp"] == expect["ticket"]
    if "ticket_starts" in expect:
        assert fields["from-pp"].startswith(expect["ticket_starts"])
        assert fields["from-pp"].endswith(expect["ticket_ends"])
    if "DALogin_url" in expect:
        assert str(Url.parse_login(fields["dalogin"])) == expect["DALogin_url"]
    if expect.get("prompt"):
        assert fields["prompt"] == ""


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ("Passport1.4 a=1,b='x,y',c", {"a": "1", "b": "x,y", "c": ""}),
        ("passport1.4  A = 1 , B=2", {"a": "1", "b": "2"}),
        ("a=1,a=2", {"a": "1"}),
        ("Negotiate, Passport1.4 a=1", {"a": "1"}),
        ("Passport1.4", {}),
        ("", {}),
        (",,a=,,=x,b", {"a": "", "b": ""}),
        ("a='it's, fine',b=2", {"a": "it's, fine", "b": "2"}),
        ("a='x' ,b=\"y,z\"", {"a": "x", "b": "y,z"}),
        ("a\n", {"a\n": ""}),
        ("\n", {"\n": ""}),
        ("a=x\n", {"a": "x\n"}),
        ("a=it's,b=2", {"a": "it's", "b": "2"}),
    ],
)
def test_fields(value: str, fields: dict[str, str]) -> None:
    assert parse_fields(value) == fields


@pytest.mark.parametrize("value", ["a='x", "a='x'y,b=1", 'a="x'])
def test_an_unclosed_quote(value: str) -> None:
    with pytest.raises(ValueError, match="not closed"):
        parse_fields(value)


@given(st.text() | st.from_regex(r"(Passport1\.4 )?([a-z-]*=?'?[^,]*'?,?)*", fullmatch=True))
def test_any_header_is_fields_or_an_unclosed_quote(value: str) -> None:
    try:
        fields = parse_fields(value)
    except ValueError:
        return
    assert all(name == name.lower() for name in fields)

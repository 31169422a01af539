"""Patterns that are compiled when they are first used."""

from __future__ import annotations

import re

import pytest

from msnpauth.core.patterns import pattern


def test_it_is_used_as_a_compiled_one() -> None:
    word = pattern(r"[a-z]+", re.IGNORECASE)
    found = word.fullmatch("Word")
    assert found is not None
    assert found[0] == "Word"
    assert word.sub("-", "a1b") == "-1-"
    assert word.fullmatch("1") is None
    assert pattern(rb"\x00").search(b"a\x00") is not None


def test_it_is_compiled_once_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def spy(*arguments: object) -> object:
        compiled.append(arguments)
        return re.Pattern

    monkeypatch.setattr("msnpauth.core.patterns.re.compile", spy)
    word = pattern("x")
    assert compiled == []
    assert word.search is word.search
    assert compiled == [("x", 0)]


def test_what_no_pattern_has() -> None:
    with pytest.raises(AttributeError):
        _ = pattern("x").nothing  # type: ignore[attr-defined]  # that is the point

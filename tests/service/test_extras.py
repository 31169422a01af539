"""What a part of the service needs, and what is said where it is missing."""

from __future__ import annotations

import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from msnpauth import LocalProtocolError
from msnpauth.service import extras
from msnpauth.service.extras import check_extra

EXTRAS = ("service", "nodes", "pages", "legacy")


@pytest.mark.parametrize("name", EXTRAS)
def test_nothing_is_missing_here(name: str) -> None:
    check_extra(name)


@pytest.mark.parametrize("name", EXTRAS)
def test_each_library_is_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(extras, "find_spec", asked.append)
    with pytest.raises(LocalProtocolError, match="is not installed here") as caught:
        check_extra(name)
    assert caught.value.text.endswith(", ".join(asked))
    assert caught.value.hint == f"pip install 'msnpauth[{name}]'"
    assert asked
    assert all(find_spec(library) is not None for library in asked)


def test_only_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name == "valkey" else find_spec(name)
    )
    with pytest.raises(LocalProtocolError) as caught:
        check_extra("nodes")
    assert caught.value.text.endswith("not installed here: valkey")


def test_every_extra_can_be_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert set(EXTRAS) <= set(project["project"]["optional-dependencies"])

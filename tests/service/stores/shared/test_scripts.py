"""The Lua files: each has its name, its beginning, and the names of the server's keys."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from msnpauth.service.stores.shared import scripts
from msnpauth.service.stores.shared.scripts import NAMES, PREFIX, script

LUA = files("msnpauth.service.stores.shared").joinpath("lua")


def alone(name: str) -> str:
    return LUA.joinpath(f"{name}.lua").read_text("utf-8")


def test_every_file_is_a_script_or_what_they_have_in_common() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {file.name for file in LUA.iterdir()} == {f"{name}.lua" for name in (*NAMES, "common")}


@pytest.mark.parametrize("name", NAMES)
def test_what_they_have_in_common_stands_before_each(name: str) -> None:
    text = script(name)
    assert text.startswith(alone("common"))
    assert text.endswith(alone(name))
    assert "\n" in text[len(alone("common")) - 1 : len(text) - len(alone(name))]
    assert script(name) is text, "a file is read once"


@pytest.mark.parametrize("name", NAMES)
def test_a_script_returns_an_answer_and_takes_no_name_that_is_taken(name: str) -> None:
    own = alone(name)
    assert re.search(r"^return ", own, re.MULTILINE), "redis answers nothing otherwise"
    common = set(re.findall(r"^local (?:function )?(\w+)", alone("common"), re.MULTILINE))
    top = set(re.findall(r"^local (?:function )?(\w+)", own, re.MULTILINE))
    assert not top & common


@pytest.mark.parametrize("name", [*NAMES, "common"])
def test_every_key_begins_by_the_prefix_that_is_handed_in(name: str) -> None:
    """Another network on the same server has another one, and a script has none of its own."""
    text = alone(name)
    assert PREFIX not in text
    for key in re.findall(r"redis\.call\('[A-Z]+', ('[^']*'|\w+)", text):
        assert key in ("p", "key", "'server'"), key


@pytest.mark.parametrize("name", ["nothing", "", "enter.lua"])
def test_a_script_that_is_none(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        script(name)


def test_the_manual_of_the_keys_names_them_all() -> None:
    told = set(re.findall(r"^ +\{p\}(\w+)", scripts.__doc__ or "", re.MULTILINE))
    used = set()
    for name in (*NAMES, "common"):
        used |= set(re.findall(r"p \.\. '(\w+)", alone(name)))
    assert used <= told
    assert {"places", "shown", "of", "nodes", "used", "memory", "number"} <= used

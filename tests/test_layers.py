"""The package is a tower: its rooms import downwards only, also within functions."""

from __future__ import annotations

import re

import pytest

import msnpauth
from tower import MODULES, PICTURE, TOWER, drawn, imports, level, room, title


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_run_downwards(module: str) -> None:
    for target in imports(module):
        same_room = room(target) == room(module)
        assert same_room or level(target) < level(module), f"{module} imports {target}"


def test_no_circle() -> None:
    """Not even within a room."""
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join([*way, module])
        if module not in done:
            for target in sorted(set(imports(module)) - {module}):
                visit(target, (*way, module))
            done.add(module)

    for module in sorted(MODULES):
        visit(module, ())


def test_the_picture_is_current() -> None:
    """If it is not: python tests/tower.py."""
    assert PICTURE.read_text("utf-8") == drawn()


def test_the_packages_docstring_names_every_room() -> None:
    rooms = {title(name).rpartition("/core/")[2] for line in TOWER for name in line.split()}
    told = set(re.findall(r"^ {4,6}([\w/]+(?:/|\.py)) ", msnpauth.__doc__ or "", re.MULTILINE))
    named = {
        f"core/{word}" if word in ("wire/", "tickets/", "people/", "client/") else word
        for word in told
    }
    on_the_ground = {
        f"core/{name}.py"
        for name in ("patterns", "secrets", "urls", "errors", "codes", "credentials", "servers")
    }
    assert rooms - on_the_ground - {"msnpauth", "__main__.py"} == named - {"core/"}

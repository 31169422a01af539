"""The package is a tower: its rooms import downwards only, also within functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "msnpauth"

# From the ground to the roof. A room may import rooms of earlier lines, and modules of its own.
TOWER = (
    "core.secrets core.urls",
    "core.errors",
    "core.wire",
    "core.servers",
    "core.tickets",
    "core.client",
    "observe",
    "net",
    "store",
    "transports",
    "options",
    "networks",
    "sync aio",
    "sansio",
    "service",
    "testing",
    "cli",
    "__main__ __init__",
)


def modules() -> dict[str, Path]:
    """Return the package's modules by their names within it; the package itself is `__init__`."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        words = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(words[:-1] if words[-1] == "__init__" and len(words) > 1 else words)
        found[name] = path
    return found


MODULES = modules()


def room(module: str) -> str:
    """Return the room of the tower that a module is in."""
    rooms = [room for line in TOWER for room in line.split()]
    return max((r for r in rooms if f"{module}.".startswith(f"{r}.")), key=len)


def level(module: str) -> int:
    """Return how high the module's room is."""
    return next(at for at, line in enumerate(TOWER) if room(module) in line.split())


def imports(module: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports, wherever in its text."""
    path = MODULES[module]
    package = [] if module == "__init__" else module.split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                full = ".".join([*base, alias.name])
                yield full if full in MODULES else ".".join(base)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.partition(".")[0] == "msnpauth" for name in names), module


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

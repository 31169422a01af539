"""The package as a tower of rooms: what imports what, and a picture of it.

    python tests/tower.py        # draws docs/architecture.svg anew

The picture is drawn from the imports, those within functions too. An arrow that follows from two
others is left out: who imports the engine has the wire as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "msnpauth"
PICTURE = ROOT / "docs" / "architecture.svg"

# From the ground to the roof. A room may import rooms of earlier lines, and modules of its own.
TOWER = (
    "core.patterns",
    "core.secrets core.urls",
    "core.errors",
    "core.codes core.credentials",
    "core.wire",
    "core.servers",
    "core.tickets",
    "core.people",
    "core.client",
    "observe",
    "watch",
    "net",
    "store",
    "transports",
    "options networks",
    "sync",
    "doctor published",
    "aio",
    "sansio service",
    "decoding testing",
    "cli",
    "quick",
    "__init__ __main__",
)

WIDTH, STEP, HEIGHT, BOX = 860, 58, 38, 250


def modules() -> dict[str, Path]:
    """Return the package's modules by their names within it; the package itself is `__init__`."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        if "migrations" in path.parts:
            continue  # scripts, which alembic runs
        words = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(words[:-1] if words[-1] == "__init__" and len(words) > 1 else words)
        found[name] = path
    return found


MODULES = modules()


def room(module: str) -> str:
    """Return the room of the tower that a module is in."""
    rooms = [room for line in TOWER for room in line.split()]
    homes = [r for r in rooms if f"{module}.".startswith(f"{r}.")]
    # `core` itself has no more than a docstring, and is at home there.
    return max(homes, key=len) if homes else "core.secrets"


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


def between_rooms() -> dict[str, set[str]]:
    """Return which rooms each room imports from, without those that follow from others."""
    direct: dict[str, set[str]] = {r: set() for line in TOWER for r in line.split()}
    for module in MODULES:
        direct[room(module)] |= {room(target) for target in imports(module)} - {room(module)}

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        for target in direct[start]:
            found |= {target} | reached(target)
        return found

    return {
        start: {t for t in targets if not any(t in reached(o) for o in targets - {t})}
        for start, targets in direct.items()
    }


def says(name: str) -> str:
    """Return the first line of a room's docstring."""
    path = MODULES[name]
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return text.partition("\n")[0]


def title(name: str) -> str:
    """Return what a room is called in the picture: a folder, or a file."""
    if name == "__init__":
        return "msnpauth"
    slashes = name.replace(".", "/")
    return f"{slashes}/" if MODULES[name].name == "__init__.py" else f"{slashes}.py"


def places() -> dict[str, tuple[int, int]]:
    """Return where the boxes stand: the middle of their upper edges."""
    found = {}
    for at, line in enumerate(reversed(TOWER)):
        rooms = line.split()
        for number, name in enumerate(rooms):
            x = WIDTH * (2 * number + 1) // (2 * len(rooms))
            found[name] = (x, 10 + at * STEP)
    return found


def drawn() -> str:
    """Return the picture, as SVG."""
    where = places()
    height = 10 + len(TOWER) * STEP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for start, targets in sorted(between_rooms().items()):
        for target in sorted(targets, key=lambda name: where[name]):
            (x1, y1), (x2, y2) = where[start], where[target]
            parts.append(
                f'<path d="M{x1} {y1 + HEIGHT} C{x1} {y1 + STEP} {x2} {y2 - STEP + HEIGHT} {x2} {y2}"'
                ' fill="none" stroke="#9ab" stroke-width="1.2"/>'
            )
    for name, (x, y) in where.items():
        fill = "#e8f1fb" if name.startswith("core.") else "#f4f4ee"
        parts += [
            f'<g><title>{escape(says(name))}</title><rect x="{x - BOX // 2}" y="{y}" width="{BOX}"'
            f' height="{HEIGHT}" rx="4" fill="{fill}" stroke="#345"/>',
            f'<text x="{x}" y="{y + 24}" text-anchor="middle">{escape(title(name))}</text></g>',
        ]
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(drawn(), "utf-8")

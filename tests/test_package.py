"""The package as a whole: its names, its price, and that a stranger can use it."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import msnpauth
from imports import modules_after
from msnpauth import aio

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "msnpauth"


def test_public_names_are_sorted_and_there() -> None:
    names = [name for name in msnpauth.__all__ if name != "__version__"]
    assert names == sorted(names, key=str.lower)
    for name in names:
        assert getattr(msnpauth, name).__name__ == name
    assert set(msnpauth.__all__) <= set(dir(msnpauth))


def test_public_names_are_public_where_they_live() -> None:
    for name, module in msnpauth._MODULES.items():
        assert name in importlib.import_module(f"msnpauth.{module}").__all__
    assert set(msnpauth._MODULES) == set(msnpauth.__all__) - {"__version__"}


def test_every_error_is_exported() -> None:
    errors = importlib.import_module("msnpauth.core.errors")
    kinds = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert kinds <= set(msnpauth.__all__)


def test_aio_has_the_same_names() -> None:
    for name in aio.__all__:
        assert getattr(aio, name) is not getattr(msnpauth, name)
    with pytest.raises(AttributeError):
        aio.nothing  # noqa: B018
    with pytest.raises(AttributeError):
        msnpauth.nothing  # noqa: B018


def test_submodules_by_attribute() -> None:
    code = "import msnpauth; msnpauth.aio.MSNPAuth, msnpauth.service.run, msnpauth.testing.run"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_modules_all_is_there() -> None:
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        module = importlib.import_module(name.removesuffix(".__init__"))
        for public in getattr(module, "__all__", ()):
            assert getattr(module, public, None) is not None


def test_the_same_arguments_sync_and_async() -> None:
    import inspect

    for name in ("MSNPAuth", "sign_in"):
        sync, asyn = getattr(msnpauth, name), getattr(aio, name)
        assert list(inspect.signature(sync).parameters) == list(inspect.signature(asyn).parameters)
    methods = {m for m in dir(msnpauth.Session) if not m.startswith("_")}
    assert methods <= {m for m in dir(aio.Session) if not m.startswith("_")}


def test_version() -> None:
    assert msnpauth.__version__ == version("msnpauth")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert msnpauth.__version__ == project["version"]
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_importing_it_is_cheap() -> None:
    code = "import msnpauth"
    imported = modules_after(code)
    heavy = {"asyncio", "ssl", "socket", "logging", "h11", "cryptography", "xml", "click"}
    assert not heavy & imported


def test_the_blocking_driver_needs_no_asyncio() -> None:
    code = "from msnpauth import MSNPAuth, sign_in; import msnpauth.transports.sockets"
    imported = modules_after(code)
    heavy = {"asyncio", "cryptography", "trustme", "httpx2", "pycurl", "click"}
    assert not heavy & imported


def test_every_public_thing_has_a_docstring() -> None:
    """Methods that override have theirs where they are declared."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_no_function_is_longer_than_a_screen() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                documented = ast.get_docstring(node, clean=False) is not None
                first = node.body[1 if documented and len(node.body) > 1 else 0].lineno
                assert (node.end_lineno or 0) - first < 60, f"{path}: {node.name}"

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
from wire import Peer, Server

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "msnpauth"


def test_public_names_are_sorted_and_there() -> None:
    names = [name for name in msnpauth.__all__ if name != "__version__"]
    assert names == sorted(names, key=str.lower)
    for name in names:
        value = getattr(msnpauth, name)
        # A union of types has no name of its own.
        found = getattr(value, "__name__", name) if name != "Event" else name
        assert found.removeprefix("msnpauth.") == name


@pytest.mark.parametrize("module", ["msnpauth", "msnpauth.aio"])
def test_dir_shows_what_is_public(module: str) -> None:
    code = f"import {module} as m; print(*dir(m)); assert set(m.__all__) <= set(dir(m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    public = {name for name in done.stdout.split() if not name.startswith("__")}
    assert public == set(importlib.import_module(module).__all__) - {"__version__"}


def test_public_names_are_public_where_they_live() -> None:
    homes = vars(msnpauth)["_MODULES"]
    for name, module in homes.items():
        assert name in importlib.import_module(f"msnpauth.{module}").__all__
    rooms = vars(msnpauth)["_ROOMS"]
    assert {*homes, *rooms} == set(msnpauth.__all__) - {"__version__"}


def test_a_name_that_does_not_exist() -> None:
    for module in (msnpauth, aio):
        with pytest.raises(AttributeError, match="has no attribute 'sing_in'"):
            getattr(module, "sing_in")  # noqa: B009 - type checkers know that it is none


def test_errors_say_where_they_come_from() -> None:
    errors = importlib.import_module("msnpauth.core.errors")
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, Exception):
            assert kind.__module__ == "msnpauth"


def test_every_error_is_exported() -> None:
    errors = importlib.import_module("msnpauth.core.errors")
    kinds = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert kinds <= set(msnpauth.__all__)


def test_aio_has_the_same_names() -> None:
    for name in aio.__all__:
        assert getattr(aio, name) is not getattr(msnpauth, name)


def test_submodules_by_attribute() -> None:
    code = "import msnpauth as m; m.aio.MSNPAuth, m.service.run, m.testing.run, m.sansio.Engine, m.observe.Event"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_modules_all_is_there() -> None:
    for path in PACKAGE.rglob("*.py"):
        if "migrations" in path.parts:
            continue  # scripts, which alembic runs
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        module = importlib.import_module(name.removesuffix(".__init__"))
        for public in getattr(module, "__all__", ()):
            assert getattr(module, public, None) is not None


def test_the_same_arguments_sync_and_async() -> None:
    import inspect

    sync, asyn = msnpauth.MSNPAuth, aio.MSNPAuth
    assert list(inspect.signature(sync).parameters) == list(inspect.signature(asyn).parameters)
    assert msnpauth.Options.__optional_keys__ == msnpauth.AsyncOptions.__optional_keys__
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


@pytest.mark.parametrize("name", ["msnpauth", "msnpauth.aio"])
def test_what_signs_in_is_cheap_to_import(name: str) -> None:
    """What it needs comes when it is called: programs import it that do not sign in."""
    imported = modules_after(f"from {name} import sign_in")
    heavy = {"asyncio", "dataclasses", "h11", "inspect", "ipaddress", "socket", "ssl", "threading"}
    assert not {*heavy, "msnpauth.core.client"} & imported


def test_what_servers_are_named_by_is_cheap_to_import() -> None:
    imported = modules_after("from msnpauth import Servers; Servers('h.example')")
    assert not {"dataclasses", "datetime", "ipaddress", "pathlib", "urllib.parse"} & imported


@pytest.mark.parametrize(
    ("scheme", "needed"),
    [("SSO", "msnpauth.core.tickets.rst"), ("TWN", "msnpauth.core.tickets.passport14")],
)
@pytest.mark.parametrize("name", ["msnpauth", "msnpauth.aio"])
def test_what_is_needed_next_is_imported_while_a_server_is_waited_for(
    name: str, scheme: str, needed: str
) -> None:
    """The server never answers. What comes behind its answer is there all the same."""
    with Server(Peer.silence) as server:
        where = f"notification={server.address!r}, login={server.url!r}"
        where = where.replace("login", "rst") if scheme == "SSO" else where
        code = f"""
import asyncio, contextlib
from msnpauth import Servers, SignInTimeout
from {name} import sign_in
with contextlib.suppress(SignInTimeout):
    signing_in = sign_in("a@b.example", "x", Servers({where}), scheme="{scheme}", timeout=0.5)
    async def wait(): await signing_in
    asyncio.run(wait())"""
        imported = modules_after(code)
    package = "msnpauth.aio" if name == "msnpauth.aio" else "msnpauth.sync"
    assert {needed, f"{package}.session", "msnpauth.core.client.engine"} <= imported


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

"""Networks by name: the package's data file, and a person's own beside it."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from .core.errors import LocalProtocolError
from .core.servers import Servers

__all__ = ["KnownService", "find", "known_services", "own_file"]

_LISTS = ("trusted_hosts", "schemes", "evidence")

VARIABLE = "MSNPAUTH_SERVICES"
"""Environment variable that names a person's own file."""


@dataclass(frozen=True)
class KnownService:
    """A network as the data file describes it; `servers()` makes `Servers` of it."""

    name: str
    title: str = ""
    state: str = ""
    host: str | None = None
    notification: str | None = None
    nexus: str | None = None
    login: str | dict[str, str] | None = None
    rst: str | None = None
    rst2: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    note: str = ""
    evidence: tuple[str, ...] = ()

    def servers(self) -> Servers:
        """Return its addresses.

        Raises:
            LocalProtocolError: one of them is none.
        """
        return Servers(
            self.host,
            notification=self.notification,
            nexus=self.nexus,
            login=self.login,
            rst=self.rst,
            rst2=self.rst2,
            trusted_hosts=self.trusted_hosts,
            schemes=self.schemes or None,
        )


def own_file() -> Path:
    """Return where a person's own networks are looked for; the file need not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("msnpauth", appauthor=False) / "services.toml"


def known_services() -> dict[str, KnownService]:
    """Return every known network by name; a person's own come last, and replace those of a name.

    Raises:
        LocalProtocolError: the person's own file is not what it should be.
    """
    ours = files("msnpauth").joinpath("data/services.toml").read_text("utf-8")
    known = _read(ours, "services.toml")
    own = own_file()
    try:
        text = own.read_text("utf-8")
    except FileNotFoundError:
        return known
    except (OSError, UnicodeDecodeError) as problem:
        raise LocalProtocolError(f"{own} cannot be read: {problem}") from None
    return known | _read(text, str(own))


def find(name: str) -> KnownService:
    """Return the network of that name, in any letter case.

    Raises:
        LocalProtocolError: there is none; the error names those that are known.
    """
    known = known_services()
    service = known.get(name.lower())
    if service is None:
        raise LocalProtocolError(
            f"no network {name!r} is known",
            hint=f"known are {', '.join(known)}; yours go into {own_file()}",
        )
    return service


def _read(text: str, path: str) -> dict[str, KnownService]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise LocalProtocolError(f"{path} is not TOML: {problem}") from None
    return {name.lower(): _service(name.lower(), table, path) for name, table in tables.items()}


def _service(name: str, table: Any, path: str) -> KnownService:
    keys = {field.name for field in fields(KnownService)} - {"name"}
    if not isinstance(table, dict) or not table.keys() <= keys:
        wrong = ", ".join(sorted(table.keys() - keys)) if isinstance(table, dict) else name
        raise LocalProtocolError(
            f"{path}: [{name}] has what no network has: {wrong}",
            hint=f"the keys are {', '.join(sorted(keys))}",
        )
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    for key, value in values.items():
        wanted: tuple[type, ...] = (tuple,) if key in _LISTS else (str,)
        if not isinstance(value, (*wanted, dict) if key == "login" else wanted):
            raise LocalProtocolError(f"{path}: [{name}] {key} is not of the right kind")
    service = KnownService(name, **values)
    service.servers()
    return service

"""Networks by name: from the package's data file, a published file, and a person's own file."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from .core import servers as core
from .core.errors import ConnectionFailed, LocalProtocolError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Network",
    "Servers",
    "find",
    "known_networks",
    "own_file",
    "published_file",
    "published_problem",
    "read_networks",
    "read_text",
]

_LISTS = ("trusted_hosts", "schemes", "evidence")
_NUMBERS = ("dialects",)

VARIABLE = "MSNPAUTH_SERVICES"
"""Environment variable that names a person's own file of networks."""

_LONGEST_FILE = 1024 * 1024


class Servers(core.Servers):
    """The addresses of a network's servers: given one by one, or `named` as a known network.

    The core checks addresses and reads no file, so the name is looked up here.
    """

    @classmethod
    def named(cls, name: str) -> Servers:
        """Return the servers of a known network: `escargot`, `crosstalk` … (`msnpauth services`).

        Raises:
            LocalProtocolError: no network of that name is known.
            ConnectionFailed: the network is known to be gone. `find(name).servers()` still returns
                its addresses, for a machine whose `hosts` file redirects them.
        """
        network = find(name)
        if network.state == "gone":
            living = [other.name for other in known_networks().values() if other.state == "living"]
            raise ConnectionFailed(
                f"the network {network.name!r} is gone: {network.note}",
                hint=f"living networks are {', '.join(living)}; see `msnpauth services`",
                finding="MA-NET-12",
            )
        return network.servers()


class Network(NamedTuple):
    """A network as the data file describes it; `servers()` returns its `Servers`."""

    name: str
    title: str = ""
    state: str = ""
    host: str | None = None
    notification: str | None = None
    nexus: str | None = None
    login: str | dict[str, str] | None = None
    rst: str | None = None
    rst2: str | None = None
    contacts: str | None = None
    oim: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    dialects: tuple[int, ...] = ()
    ca_file: str | None = None
    note: str = ""
    evidence: tuple[str, ...] = ()

    def servers(self) -> Servers:
        """Return the network's addresses.

        Raises:
            LocalProtocolError: an address is not valid.
        """
        return Servers(
            self.host,
            notification=self.notification,
            nexus=self.nexus,
            login=self.login,
            rst=self.rst,
            rst2=self.rst2,
            contacts=self.contacts,
            oim=self.oim,
            trusted_hosts=self.trusted_hosts,
            schemes=self.schemes or None,
            dialects=self.dialects or None,
            ca_file=self._ca_file(),
        )

    def _ca_file(self) -> Path | None:
        if self.ca_file is None:
            return None
        from pathlib import Path  # few networks have an authority of their own

        return Path(self.ca_file).expanduser()


def own_file() -> Path:
    """Return the path of a person's own file of networks; the file need not exist.

    The path begins with `~` for a person who has no home folder, as in a container: then there can
    be no such file.
    """
    named = os.environ.get(VARIABLE)
    if named:
        from pathlib import Path

        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("msnpauth", appauthor=False) / "services.toml"


def published_file() -> Path:
    """Return the path of the file that `msnpauth services --update` writes."""
    return own_file().with_name("published.toml")


def known_networks() -> dict[str, Network]:
    """Return every known network by name.

    A fetched network replaces the package's network of the same name, and one of a person's own
    file replaces both. A damaged file of fetched networks is ignored: `published_problem` returns
    what is wrong with it.

    Raises:
        LocalProtocolError: the person's own file cannot be read, or is not valid.
    """
    # Imported here, because most sign-ins name their servers themselves.
    from importlib.resources import files

    ours = files("msnpauth").joinpath("data/services.toml").read_text("utf-8")
    known = read_networks(ours, "services.toml")
    with suppress(LocalProtocolError):
        known |= _networks_of(published_file())
    return known | _networks_of(own_file())


def published_problem() -> LocalProtocolError | None:
    """Return what is wrong with the file of fetched networks; None for nothing."""
    try:
        _networks_of(published_file())
    except LocalProtocolError as problem:
        return problem
    return None


def _networks_of(path: Path) -> dict[str, Network]:
    text = read_text(path)
    return {} if text is None else read_networks(text, str(path))


def read_text(path: Path) -> str | None:
    """Return the content of a file, without the byte order mark that Windows' Notepad writes.

    None when there is no such file.

    Raises:
        LocalProtocolError: the file cannot be read, is not UTF-8, or is longer than 1 MiB.
    """
    if path.parts[:1] == ("~",):  # there is no home folder: not a folder `~` in the current one
        return None
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_FILE + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or str(problem)
    else:
        if len(content) <= _LONGEST_FILE:
            return text
        why = "it is longer than 1 MiB"
    raise LocalProtocolError(f"{path} cannot be read: {why}")


def find(name: str) -> Network:
    """Return the network of that name, in any letter case.

    Raises:
        LocalProtocolError: there is no such network; the error names the known ones.
    """
    known = known_networks()
    service = known.get(name.lower())
    if service is None:
        raise LocalProtocolError(
            f"no network {name!r} is known",
            hint=f"known are {', '.join(known)}; yours go into {own_file()}",
        )
    return service


def read_networks(text: str, path: str) -> dict[str, Network]:
    """Return the networks of a file, by name.

    Args:
        text: the file's content, in TOML.
        path: the name of the file, for errors.

    Raises:
        LocalProtocolError: it is not TOML, or has a key or a value that a network cannot have.
    """
    import tomllib

    try:
        tables = tomllib.loads(text)
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError as problem:  # TOMLDecodeError is one; a number of 5,000 digits is another
        why = str(problem)
    else:
        return _services(tables, path)
    raise LocalProtocolError(f"{path} is not TOML: {why}")


def _services(tables: dict[str, Any], path: str) -> dict[str, Network]:
    known: dict[str, Network] = {}
    for given, table in tables.items():
        name = given.lower()
        if name in known:
            raise LocalProtocolError(
                f"{path}: two networks are called {name}",
                hint="upper and lower case make no difference in a network's name",
            )
        known[name] = _service(name, table, path)
    return known


def _service(name: str, table: Any, path: str) -> Network:
    keys = set(Network._fields) - {"name"}
    if not isinstance(table, dict) or not table.keys() <= keys:
        wrong = ", ".join(sorted(table.keys() - keys)) if isinstance(table, dict) else name
        raise LocalProtocolError(
            f"{path}: [{name}] has what no network has: {wrong}",
            hint=f"the keys are {', '.join(sorted(keys))}",
        )
    for key, value in table.items():
        if not _is_right_kind(key, value):
            raise LocalProtocolError(f"{path}: [{name}] {key} is not of the right kind")
    values: dict[str, Any] = {
        key: tuple(value) if key in _LISTS + _NUMBERS else value for key, value in table.items()
    }
    service = Network(name, **values)
    try:
        service.servers()
        return service
    except LocalProtocolError as problem:
        error = LocalProtocolError(f"{path}: [{name}] {problem.text}", hint=problem.hint)
    raise error


def _is_right_kind(key: str, value: object) -> bool:
    if key in _LISTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if key in _NUMBERS:
        return isinstance(value, list) and all(type(item) is int for item in value)
    if key == "login" and isinstance(value, dict):
        return all(isinstance(url, str) for url in value.values())
    return isinstance(value, str)

"""The options that say where a service keeps things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from msnpauth import LocalProtocolError
from msnpauth.cli.where import Where, shared_option, where

DATABASE = "postgresql://msnpauth@db.example.net/msn"
SHARED = "valkey://shared.example.net:6379/0"
SECRET = "hunter2"


class Asked:
    """A command with these options, and what it was called with."""

    def __init__(self, **settings: bool) -> None:
        self.given: list[dict[str, Any]] = []

        @click.command(context_settings={"auto_envvar_prefix": "MSNPAUTH_SERVE"})
        @click.option("--other")
        @shared_option
        @where(**settings)
        def command(**values: Any) -> None:
            """Do something."""
            self.given.append(values)

        self._command = command

    def run(self, *words: str, **variables: str) -> Result:
        named = {f"MSNPAUTH_SERVE_{name}": value for name, value in variables.items()}
        return CliRunner().invoke(self._command, words, env=named)

    def places(self, *words: str, **variables: str) -> Where:
        result = self.run(*words, **variables)
        assert result.exit_code == 0, result.output
        found = self.given.pop()["where"]
        assert isinstance(found, Where)
        return found

    def refusal(self, *words: str, **variables: str) -> str:
        result = self.run(*words, **variables)
        assert (result.exit_code, self.given) == (2, [])
        assert SECRET not in result.output
        return " ".join(result.output.split())


def test_the_places_that_are_named(tmp_path: Path) -> None:
    asked, folder = Asked(), str(tmp_path)
    assert asked.places("--data", folder) == Where(folder, None)
    assert asked.places("--database", DATABASE) == Where(None, DATABASE)
    assert asked.places("--data", folder, "--database", DATABASE) == Where(folder, DATABASE)
    assert asked.places(DATA=folder) == Where(folder, None)
    assert asked.places(DATABASE=DATABASE) == Where(None, DATABASE)


def test_other_options_of_the_command_reach_it(tmp_path: Path) -> None:
    asked = Asked()
    asked.run("--data", str(tmp_path), "--other", "x", "--shared", SHARED)
    assert asked.given == [{"where": Where(str(tmp_path), None), "other": "x", "shared": SHARED}]


def test_the_command_keeps_its_name_and_its_help() -> None:
    result = Asked().run("--help")
    assert "Do something." in result.output
    assert "--data DIR" in result.output


def test_nothing_is_named() -> None:
    assert "keeps things: --data DIR, or --database URL" in Asked().refusal()


def test_where_a_folder_is_needed_a_database_is_not_enough(tmp_path: Path) -> None:
    asked = Asked(folder_needed=True)
    assert asked.refusal("--database", DATABASE).endswith("keeps things: --data DIR")
    assert asked.refusal().endswith("keeps things: --data DIR")
    assert asked.places("--data", str(tmp_path)) == Where(str(tmp_path), None)


def test_who_mistypes_a_folder_is_told(tmp_path: Path) -> None:
    """Unless the command may make one."""
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.touch()
    assert "does not exist" in Asked().refusal("--data", str(missing))
    assert "does not exist" in Asked().refusal(DATA=str(missing))
    assert Asked(new=True).places("--data", str(missing)) == Where(str(missing), None)
    for asked in (Asked(), Asked(new=True)):
        assert "is a file" in asked.refusal("--data", str(file))
    assert not missing.exists(), "it is made by who uses it"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "that is no URL of a database"),
        ("mysql://db.example.net/msn", "that is no URL of a database"),
        (f"mysql://u:{SECRET}@db.example.net/msn", "that is no URL of a database"),
        ("sqlite://", "sqlite:// wants a file"),
    ],
)
def test_a_database_that_is_none(url: str, says: str) -> None:
    assert says in Asked().refusal("--database", url)
    assert says in Asked().refusal(DATABASE=url)


@pytest.mark.parametrize(
    "url", ["nonsense", "https://shared.example.net", "valkey://", f"memcached://:{SECRET}@h/0"]
)
def test_a_shared_store_that_is_none(url: str, tmp_path: Path) -> None:
    words = ("--data", str(tmp_path), "--shared", url)
    assert "that is no URL of a shared store" in Asked().refusal(*words)


PASSWORDS: list[tuple[str, str, Callable[[dict[str, Any]], object]]] = [
    (
        "DATABASE",
        f"postgresql://msnpauth:{SECRET}@db.example.net/msn",
        lambda given: given["where"].database,
    ),
    ("SHARED", f"valkey://:{SECRET}@shared.example.net/0", lambda given: given["shared"]),
    ("SHARED", f"valkey://user:{SECRET}@shared.example.net/0", lambda given: given["shared"]),
]


@pytest.mark.parametrize(("variable", "url", "read"), PASSWORDS)
def test_a_password_does_not_go_onto_the_command_line(
    variable: str, url: str, read: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    """Everybody on the machine can read it there, and nobody else in the environment."""
    asked, place = Asked(), ("--data", str(tmp_path))
    said = asked.refusal(*place, f"--{variable.lower()}", url)
    assert "everybody on this machine can read a password" in said
    assert f"MSNPAUTH_SERVE_{variable}" in said
    result = asked.run(*place, **{variable: url})
    assert result.exit_code == 0, result.output
    assert read(asked.given[0]) == url


@pytest.mark.parametrize(("option", "extra"), [("--database", "service"), ("--shared", "nodes")])
def test_a_library_that_is_missing_is_told(
    option: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msnpauth.service.extras.find_spec", lambda _name: None)
    url = DATABASE if option == "--database" else SHARED
    result = Asked().run("--data", str(tmp_path), option, url)
    assert isinstance(result.exception, LocalProtocolError)
    assert f"pip install 'msnpauth[{extra}]'" in str(result.exception)
    assert Asked().places("--data", str(tmp_path)) == Where(str(tmp_path), None)


@pytest.mark.parametrize(
    "words",
    [
        ("--database", "postgresql://u@h/db?password=geheim"),
        ("--database", "postgresql://u@h/db?sslkey=k&sslpassword=geheim"),
        ("--database", "postgresql://u@h/db", "--shared", "valkey://h/0?password=geheim"),
    ],
)
def test_a_password_among_the_parameters_of_a_url(words: tuple[str, ...]) -> None:
    """The drivers accept one there as well."""

    @click.command()
    @shared_option
    @where()
    def command(**_: Any) -> None: ...

    result = CliRunner().invoke(command, words)
    assert result.exit_code == 2
    assert "everybody on this machine can read" in result.stderr
    assert "geheim" not in result.output

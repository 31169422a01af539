"""The options of `msnpauth serve`: their values, and what there is when nothing is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from msnpauth.cli.serve_options import serve_options
from msnpauth.service.settings import Settings

ALICE = "alice@example.com"


class Asked:
    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

        @click.command()
        @serve_options
        def command(**values: Any) -> None:
            self.given = values

        self.command = command

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(self.command, words)

    def options(self, *words: str) -> dict[str, Any]:
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return self.given


def test_what_there_is_when_nothing_is_said() -> None:
    """This machine alone is let in, nothing listens besides, and nobody signs up."""
    found = Asked().options()
    listens = {name: value for name, value in found.items() if name.endswith("port")}
    assert listens == {
        "port": 0, "notification_port": 0, "switchboard_port": 0, "login_port": 0,
        "home_port": 0, "pages_port": None, "private_port": None,
    }  # fmt: skip
    for name in ("legacy_tls", "plain_http", "plain_contacts", "plain_pages"):
        assert found[name] is None
    assert (found["host"], found["private_host"]) == ("127.0.0.1", "127.0.0.1")
    assert found["sign_up"] == "closed"
    for name in ("accounts", "names", "homes", "proxies"):
        assert found[name] == ()
    for name in ("allow_md5", "proxy_protocol", "fast_open", "check_config"):
        assert found[name] is False
    for name in ("data", "database", "shared", "switchboard_name", "certificate", "log_format"):
        assert found[name] is None


def test_the_hash_of_a_password_costs_what_it_costs_in_the_library() -> None:
    found, settings = Asked().options(), Settings()
    assert (found["argon2_memory"], found["argon2_passes"]) == (
        settings.argon2.memory,
        settings.argon2.passes,
    )


def test_each_option_is_there_once() -> None:
    names = [name for option in Asked().command.params for name in (*option.opts, option.name)]
    # Of `--port` and the like the name is the same but for its dashes.
    assert len(names) == len(set(names))


def test_the_help_names_who_comes_first_and_the_check_last() -> None:
    flags = [option.opts[0] for option in Asked().command.params]
    assert (flags[0], flags[-1]) == ("--account", "--check-config")
    for option in Asked().command.params:
        assert isinstance(option, click.Option)
        assert option.help
        assert option.help.endswith(".")


PORTS = [
    "--port", "--notification-port", "--switchboard-port", "--login-port", "--home-port",
    "--legacy-tls", "--plain-http", "--plain-contacts", "--pages-port", "--plain-pages",
    "--private-port",
]  # fmt: skip


@pytest.mark.parametrize("flag", PORTS)
def test_ports(flag: str) -> None:
    name = flag.removeprefix("--").replace("-", "_")
    assert Asked().options(flag, "443")[name] == 443
    assert Asked().options(flag, "0")[name] == 0, "any free one"
    assert Asked().run(flag, "65536").exit_code == 2


@pytest.mark.parametrize("flag", ["--host", "--private-host", "--switchboard-name"])
def test_hosts(flag: str) -> None:
    name = flag.removeprefix("--").replace("-", "_")
    assert Asked().options(flag, "[::1]")[name] == "::1"
    assert Asked().run(flag, "a b").exit_code == 2


@pytest.mark.parametrize(
    ("flag", "name", "values", "expected"),
    [
        ("--account", "accounts", (ALICE, "Bob@b.example"), (ALICE, "Bob@b.example")),
        ("--name", "names", ("MSN.example", "login.live.com"), ("msn.example", "login.live.com")),
        ("--home", "homes", ("hotmail.", "msn.com"), ("hotmail.", "msn.com")),
        ("--trusted-proxy", "proxies", ("192.0.2.1", "::1"), ("192.0.2.1", "::1")),
    ],
)
def test_what_may_be_repeated(
    flag: str, name: str, values: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    words = [word for value in values for word in (flag, value)]
    assert Asked().options(*words)[name] == expected


@pytest.mark.parametrize(
    "words",
    [
        ("--argon2-memory", "0"),
        ("--argon2-passes", "many"),
        ("--connections", "-1"),
        ("--connections-of-network", "0"),
        ("--log-format", "xml"),
        ("--sign-up", "maybe"),
        ("--account", "alice"),
        ("--certificate", "/no/such/file.pem"),
        ("--certificate-key", "/"),
    ],
)
def test_values_that_cannot_be_right(words: tuple[str, str]) -> None:
    result = Asked().run(*words)
    assert result.exit_code == 2
    assert words[0] in result.output


def test_a_data_folder_need_not_be_there_yet(tmp_path: Path) -> None:
    assert Asked().options("--data", str(tmp_path / "new"))["data"] == str(tmp_path / "new")
    file = tmp_path / "file"
    file.touch()
    assert Asked().run("--data", str(file)).exit_code == 2

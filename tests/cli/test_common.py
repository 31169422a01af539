"""The options that commands share, and what they come to."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click
import pytest
from click.testing import CliRunner

from conftest import Authority
from msnpauth import LocalProtocolError, Session
from msnpauth.cli.common import (
    Network,
    check_carrier,
    go_online,
    network_options,
    output_options,
    password_option,
    place_options,
)
from msnpauth.cli.password import VARIABLE


def network(**named: Any) -> Network:
    fields: dict[str, Any] = dict.fromkeys(Network.__dataclass_fields__)
    return Network(**(fields | {"trust": ()} | named))


def options(add: Callable[[Any], Any], *words: str) -> dict[str, Any]:
    """Return what a command with these options is called with."""
    given: list[dict[str, Any]] = []

    @click.command()
    @add
    def command(**values: Any) -> None:
        given.append(values)

    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return given[0]


# --- where to sign in ----------------------------------------------------------------------------


def test_no_option_names_no_network() -> None:
    assert network().servers() is None


def test_one_host_has_all_servers() -> None:
    servers = network(host="msn.example").servers()
    assert servers is not None
    assert str(servers.notification) == "msn.example:1863"
    assert str(servers.nexus) == "https://msn.example/rdr/pprdr.asp"


def test_each_address_goes_where_it_belongs() -> None:
    servers = network(
        notification="ns.example:1864",
        nexus="https://nexus.example/n",
        login="https://login.example/l",
        rst="https://rst.example/1",
        rst2="https://rst.example/2",
        contacts="https://contacts.example",
        oim="https://oim.example",
        trust=("a.example", ".b.example"),
    ).servers()
    assert servers is not None
    found = {
        "notification": str(servers.notification),
        "nexus": str(servers.nexus),
        "login": str(servers.login_for("a@b.example")),
        "rst": str(servers.rst),
        "rst2": str(servers.rst2),
        "contacts": str(servers.contacts),
        "oim": str(servers.oim),
    }
    assert found == {
        "notification": "ns.example:1864",
        "nexus": "https://nexus.example/n",
        "login": "https://login.example/l",
        "rst": "https://rst.example/1",
        "rst2": "https://rst.example/2",
        "contacts": "https://contacts.example/",
        "oim": "https://oim.example/",
    }
    assert servers.trusted_hosts == ("a.example", ".b.example")


def test_a_network_that_is_known() -> None:
    servers = network(service="escargot").servers()
    assert servers is not None
    assert servers.notification is not None


@pytest.mark.parametrize(
    "name", ["host", "notification", "nexus", "login", "rst", "rst2", "contacts", "oim"]
)
def test_a_known_network_goes_with_no_other_address(name: str) -> None:
    with pytest.raises(click.UsageError, match="--service names all addresses"):
        network(service="escargot", **{name: "x.example"}).servers()


@pytest.mark.parametrize("named", [{}, {"notification": "ns.example"}])
def test_hosts_to_trust_need_one_that_redirects(named: dict[str, str]) -> None:
    with pytest.raises(click.UsageError, match="--trust has no effect without --host"):
        network(trust=("a.example",), **named).servers()
    with pytest.raises(click.UsageError, match="leave --trust out"):
        network(service="escargot", trust=("a.example",)).servers()


def test_an_address_that_is_none_is_told_by_the_library() -> None:
    with pytest.raises(LocalProtocolError, match="is not encrypted"):
        network(nexus="http://nexus.example/").servers()


# --- options -------------------------------------------------------------------------------------


def test_every_address_has_an_option() -> None:
    found = options(place_options)
    assert set(asdict(network())) <= set(found)
    assert found == {
        **dict.fromkeys(asdict(network())), "trust": (), "ca_file": None, "transport": None,
    }  # fmt: skip


def test_a_sign_in_has_half_a_minute() -> None:
    assert options(network_options)["timeout"] == 30.0
    assert options(network_options, "--timeout", "2.5")["timeout"] == 2.5


def test_what_may_be_repeated_and_what_not() -> None:
    found = options(
        network_options, "--trust", "a.example", "--trust", ".b.example", "--host", "h.example"
    )
    assert (found["trust"], found["host"]) == (("a.example", ".b.example"), "h.example")


def test_what_is_printed_and_how_the_password_comes() -> None:
    assert options(output_options) == {"as_json": False, "verbose": False}
    assert options(output_options, "--json", "--verbose") == {"as_json": True, "verbose": True}
    assert options(password_option, "--password-stdin") == {"password_stdin": True}


def test_the_help_names_the_variable_of_the_password() -> None:
    @click.command()
    @password_option
    def command(**_: Any) -> None: ...

    assert f"${VARIABLE}" in CliRunner().invoke(command, ["--help"]).output.replace("\n", " ")


# --- before a password is asked for --------------------------------------------------------------


@pytest.mark.parametrize("transport", [None, "sockets", "curl", "httpx"])
def test_a_carrier_that_can_be_used(transport: str | None, authority: Authority) -> None:
    check_carrier(transport, None)
    check_carrier(transport, str(authority.ca_file))


def test_certificates_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nonsense")
    with pytest.raises(LocalProtocolError, match="cannot be used"):
        check_carrier(None, str(file))


def test_a_pipe_is_left_for_who_needs_it(tmp_path: Path) -> None:
    """What a shell's `<(…)` gives can be read once: to look into it would take it away."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_carrier(None, str(pipe))


# --- online --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "words"),
    [(2, ("CHG", "NLN")), (7, ("CHG", "NLN")), (8, ("CHG", "NLN", "0")), (18, ("CHG", "NLN", "0"))],
)
def test_online_as_the_version_says_it(dialect: int, words: tuple[str, ...]) -> None:
    """MSNP8 was the first that told what a client can do."""
    asked: list[tuple[str, ...]] = []

    class Stub:
        def __init__(self) -> None:
            self.dialect = dialect

        def request(self, *said: str) -> None:
            asked.append(said)

    go_online(cast("Session", Stub()))
    assert asked == [words]

"""Settings from a TOML file, from the environment, and from the command line."""

from __future__ import annotations

import importlib
import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from command import command, environment
from msnpauth.cli import main
from msnpauth.cli.serve_options import serve_options
from msnpauth.service import Argon2, open_directory

ALICE = "alice@example.com"

# In the package its name is the command's.
serve_module = importlib.import_module("msnpauth.cli.serve")


class Read(Exception):
    """What the command would have run the service with."""

    def __init__(self, options: dict[str, Any], ports: dict[str, int]) -> None:
        super().__init__("the options were read")
        self.options = options
        self.ports = ports


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "serve.toml"


def serve(*words: str, **variables: str) -> Result:
    named = {f"MSNPAUTH_SERVE_{name}": value for name, value in variables.items()}
    return CliRunner().invoke(main, ["serve", *words], env=named)


def read(monkeypatch: pytest.MonkeyPatch, *words: str, **variables: str) -> Read:
    """Return what the options come to."""

    def stop(options: dict[str, Any], ports: dict[str, int]) -> None:
        raise Read(options, ports)

    monkeypatch.setattr(serve_module, "_settings", stop)
    named = {f"MSNPAUTH_SERVE_{name}": value for name, value in variables.items()}
    with pytest.raises(Read) as caught:
        CliRunner(env=named).invoke(
            main, ["serve", *words], standalone_mode=False, catch_exceptions=False
        )
    return caught.value


def test_values_lists_and_flags(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(
        'host = "0.0.0.0"\n'
        "login-port = 443\n"
        'notification_port = "1863"\n'
        'name = ["msn.example.com", "login.live.com"]\n'
        'home = "hotmail.com"\n'
        'data = "/var/lib/msnpauth"\n'
        "allow-md5 = true\n"
        "argon2-memory = 64\n"
        'log-format = "json"\n'
        "connections = 100\n"
    )
    found = read(monkeypatch, "--config", str(file))
    options = found.options
    assert (options["host"], options["data"]) == ("0.0.0.0", "/var/lib/msnpauth")
    assert options["names"] == ("msn.example.com", "login.live.com")
    assert options["homes"] == ("hotmail.com",), "one need not be a list"
    assert options["allow_md5"] is True
    assert (options["argon2_memory"], options["argon2_passes"]) == (64, 2)
    assert (options["log_format"], options["connections"]) == ("json", 100)
    assert (found.ports["login"], found.ports["notification"]) == (443, 1863)


def test_a_flag_that_is_false(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(f'account = "{ALICE}"\nallow-md5 = false\n')
    assert read(monkeypatch, "--config", str(file)).options["allow_md5"] is False
    found = read(monkeypatch, "--config", str(file), "--allow-md5")
    assert found.options["allow_md5"] is True


def test_an_empty_file_changes_nothing(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.touch()
    words = ["--account", ALICE]
    with_file = read(monkeypatch, "--config", str(file), *words)
    without = read(monkeypatch, *words)
    assert (with_file.options, with_file.ports) == (without.options, without.ports)


@pytest.mark.parametrize("last", [False, True])
def test_the_command_line_counts_most_then_the_environment(
    monkeypatch: pytest.MonkeyPatch, file: Path, last: bool
) -> None:
    file.write_text(
        f'account = "{ALICE}"\nhost = "192.0.2.1"\nprivate-host = "192.0.2.1"\n'
        'name = ["a.example", "b.example"]\nargon2-passes = 1\n'
    )
    words = ["--host", "192.0.2.3", "--name", "c.example"]
    config = ["--config", str(file)]
    found = read(
        monkeypatch,
        *([*words, *config] if last else [*config, *words]),
        HOST="192.0.2.2",
        PRIVATE_HOST="192.0.2.2",
        LOGIN_PORT="443",
    )
    options = found.options
    assert options["host"] == "192.0.2.3"
    assert options["names"] == ("c.example",)
    assert options["private_host"] == "192.0.2.2"
    assert options["argon2_passes"] == 1
    assert found.ports["login"] == 443


def option_names() -> list[str]:
    """Return every option that has a value, by its name."""
    made: Any = serve_options(lambda: None)
    return [
        option.opts[0].removeprefix("--")
        for option in made.__click_params__
        if not option.is_flag and option.name != "data"  # any text names a folder
    ]


@pytest.mark.parametrize("name", option_names())
def test_each_option_has_its_name_in_file_and_environment(file: Path, name: str) -> None:
    """What is wrong with the value is told of the option, so that it was read."""
    wrong = "/no/such" if name.startswith("certificate") else "\x01"
    file.write_text(f"{name} = {json.dumps(wrong)}\n")
    variable = f"MSNPAUTH_SERVE_{name.upper().replace('-', '_')}"
    words = [] if name == "account" else ["--account", ALICE]
    by_file = CliRunner().invoke(main, ["serve", *words, "--config", str(file), "--check-config"])
    by_environment = CliRunner().invoke(
        main, ["serve", *words, "--check-config"], env={variable: wrong}
    )
    for result in (by_file, by_environment):
        assert (result.exit_code, result.stdout) == (2, ""), result.output
        assert name in result.stderr


def test_several_values_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(
        monkeypatch,
        ACCOUNT=f"{ALICE} bob@example.com",
        NAME="a.example b.example",
        HOME="hotmail.com msn.com",
        TRUSTED_PROXY="192.0.2.1 192.0.2.2",
        PLAIN_HTTP="8080",
        ALLOW_MD5="1",
    )
    options = found.options
    assert options["accounts"] == (ALICE, "bob@example.com")
    assert options["names"] == ("a.example", "b.example")
    assert options["homes"] == ("hotmail.com", "msn.com")
    assert options["proxies"] == ("192.0.2.1", "192.0.2.2")
    assert options["allow_md5"] is True


def test_the_file_is_named_in_the_environment(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(f'account = "{ALICE}"\nhost = "192.0.2.1"\n')
    assert read(monkeypatch, CONFIG=str(file)).options["host"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hots = 5", "there is no option hots"),
        ("config = 'other.toml'", "there is no option config"),
        ("help = true", "there is no option help"),
        ("accounts = ['a@b']", "there is no option accounts"),
        ("[serve]\nhost = 'x'", "there is no option serve"),
        ("host = true", "host is a text or a number"),
        ("host = ['a']", "host is a text or a number"),
        ("host = 1.5", "host is a text or a number"),
        ("host = 2026-11-22", "host is a text or a number"),
        ("host = {a = 1}", "host is a text or a number"),
        ("name = [true]", "name is a text or a number"),
        ("name = [['a']]", "name is a text or a number"),
        ("allow-md5 = 1", "allow-md5 is true or false"),
        ("allow-md5 = 'yes'", "allow-md5 is true or false"),
        ("login-port = 65536", "'65536' is not a port"),
        ("login-port = -1", "'-1' is not a port"),
        ("connections = 0", "'0' is not a number of 1 and more"),
        ("log-format = 'xml'", "xml"),
        ("account = 'alice'", "not a passport"),
        ("certificate = '/no/such/file'", "/no/such/file"),
        ("host = \nname = 'x'", "line 1"),
        ("host = 'a'\nhost = 'b'", "Cannot overwrite a value"),
        ("host", "serve.toml"),
    ],
)
def test_what_cannot_be_right(file: Path, text: str, why: str) -> None:
    file.write_text(text)
    words = [] if "account" in text else ["--account", ALICE]
    result = serve("--config", str(file), *words, "--check-config")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert why in result.stderr


@pytest.mark.parametrize("content", [b"host = '\xe9'", b"\xff\xfeh\x00", b"\x00"])
def test_a_file_that_is_no_text(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    result = serve("--config", str(file), "--check-config")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "serve.toml" in result.stderr


def test_a_file_that_is_not_there(file: Path) -> None:
    for path in (file, file.parent):
        result = serve("--config", str(path), "--check-config")
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)


def test_options_are_checked_and_nothing_is_opened(file: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(f'data = "{tmp_path / "data"}"\nport = {port}\nprivate-port = 0\n')
        result = serve("--config", str(file), "--check-config")
    assert (result.exit_code, result.stdout) == (0, "The options are right.\n"), result.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "--data"),
        (f"account = '{ALICE}'\nprivate-port = 9100", "--private-port needs --data"),
        ("data = 'x'\nname = 'a_b.example'", "no host name"),
        ("data = 'x'\nhome = 'a b'", "no domain"),
        ("data = 'x'\nplain-http = 8080", "goes together"),
        ("data = 'x'\nplain-http = 8080\ntrusted-proxy = 'localhost'", "no IP address"),
        ("data = 'x'\nhome-port = 444", "--home-port has no effect"),
        ("data = 'x'\nport = 1863\nlogin-port = 1863", "port 1863 is given 2 times"),
        ("account = ['a@b', 'A@B']", "is given 2 times"),
    ],
)
def test_options_that_do_not_go_together(file: Path, text: str, why: str) -> None:
    file.write_text(text)
    result = serve("--config", str(file), "--check-config")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert why in result.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--argon2-memory", "1"], "argon2 does not take"),
        (["--database", "postgresql://db/x", "--shared", "nonsense"], "no URL of a shared store"),
        (["--database", "nonsense"], "no URL of a database"),
    ],
)
def test_what_a_service_that_lasts_would_not_begin_with(
    tmp_path: Path, words: list[str], why: str
) -> None:
    result = serve("--data", str(tmp_path / "data"), *words, "--check-config")
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_library_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("msnpauth.service.extras.find_spec", lambda _name: None)
    result = serve("--data", str(tmp_path / "data"), "--check-config")
    assert (result.exit_code, "pip install 'msnpauth[service]'" in result.stderr) == (2, True)


def test_a_certificate_is_looked_at(file: Path, tmp_path: Path) -> None:
    pem = tmp_path / "no-certificate.pem"
    pem.write_text("nonsense")
    words = ["--account", ALICE, "--certificate", str(pem)]
    result = serve(*words, "--check-config")
    assert (result.exit_code, "go together" in result.stderr) == (2, True)
    result = serve(*words, "--certificate-key", str(pem), "--check-config")
    assert (result.exit_code, "cannot be used" in result.stderr) == (2, True)


def test_a_service_by_its_file(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_directory(folder, Argon2(memory=64, passes=1)) as accounts:
        accounts.add(ALICE, "secret")
    file.write_text(
        f'data = "{folder}"\nargon2-memory = 64\nargon2-passes = 1\nname = "localhost"\n'
        'log-format = "json"\n'
    )
    with subprocess.Popen(
        command("serve", "--config", str(file)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as server:  # fmt: skip
        assert server.stdout is not None
        while not (line := server.stdout.readline()).startswith("msnpauth sign-in "):
            assert line, "it ended"
        server.send_signal(signal.SIGTERM)
        said, logged = server.communicate(timeout=25)
    assert server.returncode == 0
    assert "--notification localhost:" in line
    assert f"--ca-file {folder / 'ca.pem'}" in line
    assert said.endswith("Stopped.\n")
    assert '"event": "service began"' in logged
    assert '"event": "service ended"' in logged

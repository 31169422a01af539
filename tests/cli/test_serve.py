"""`msnpauth serve`: the service, until it is told to stop."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from command import command, environment, invoke, run
from msnpauth.cli import main
from msnpauth.cli.serve import _told, _warn_of_reach
from msnpauth.service import Service
from wire import PASSPORT, PASSWORD

serve_module = import_module("msnpauth.cli.serve")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serve(how: signal.Signals) -> None:
    """What it prints to be typed elsewhere works when it is typed."""
    environment = os.environ | {"MSNPAUTH_PASSWORD": PASSWORD}
    with subprocess.Popen(
        command("serve", "--account", PASSPORT), stdout=subprocess.PIPE, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        line = ""
        while not line.startswith("msnpauth sign-in "):
            line = server.stdout.readline()
            assert line, "it ended"
        done = subprocess.run(
            command(*line.split()[1:]),
            capture_output=True,
            text=True,
            env=environment,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"Signed in: {PASSPORT}")
        server.send_signal(how)
        assert server.wait(50) == 0
        assert "Stopped." in server.stdout.read()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("options", "warns"),
    [
        (["--host", "0.0.0.0"], True),
        (["--host", "::"], True),
        (["--host", "0.0.0.0", "--name", "localhost"], False),
        (["--name", "LOCALHOST."], False),
    ],
)
def test_an_address_that_nobody_can_reach(
    options: list[str], warns: bool, how: signal.Signals
) -> None:
    with subprocess.Popen(
        command("serve", "--account", PASSPORT, *options),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as server:  # fmt: skip
        assert server.stdout is not None
        line = ""
        while not line.startswith("msnpauth sign-in "):
            line = server.stdout.readline()
            assert line, "it ended"
        server.send_signal(how)
        _, said = server.communicate(timeout=25)
    assert server.returncode == 0
    *others, ports = said.splitlines()
    assert ports.startswith("msnpauth: warning: clients of before 2008 can use no other login port")
    if warns:
        [warning] = others
        assert warning.startswith("msnpauth: warning: ")
        assert options[1] in warning
        assert "as --name" in said
    else:
        assert others == []
        assert "--notification localhost:" in line


def test_further_names_for_the_certificate() -> None:
    names = ["--name", "localhost", "--name", "login.live.com", "--name", "contacts.msn.com"]
    with subprocess.Popen(
        command("serve", "--account", PASSPORT, *names),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as server:  # fmt: skip
        assert server.stdout is not None
        line = ""
        while not line.startswith("msnpauth sign-in "):
            line = server.stdout.readline()
            assert line, "it ended"
        words = line.split()
        ca_file, nexus = (words[words.index(name) + 1] for name in ("--ca-file", "--nexus"))
        port = int(nexus.split("/")[2].rpartition(":")[2])
        assert nexus.startswith("https://localhost:"), "the first is how clients call the host"
        context = ssl.create_default_context(cafile=ca_file)
        for name in names[1::2]:
            with socket.create_connection(("127.0.0.1", port)) as plain:
                context.wrap_socket(plain, server_hostname=name).close()
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=25)
    assert server.returncode == 0


def test_md5_when_it_is_allowed() -> None:
    with subprocess.Popen(
        command("serve", "--account", PASSPORT, "--allow-md5"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as server:  # fmt: skip
        assert server.stdout is not None
        line = ""
        while not line.startswith("msnpauth sign-in "):
            line = server.stdout.readline()
            assert line, "it ended"
        words = line.split()
        where = ["--notification", words[words.index("--notification") + 1]]
        done = invoke(
            "sign-in", PASSPORT, *where, "--scheme", "MD5", "--dialect", "7", password=PASSWORD
        )
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=25)
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    "option", ["--port", "--notification-port", "--switchboard-port", "--login-port"]
)
def test_a_port_that_is_taken(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = invoke("serve", "--account", PASSPORT, option, port, password=PASSWORD)
    assert done.exit_code == 3
    assert "choose another port" in done.stderr


@pytest.mark.parametrize("stdin", [b"one\n", b"one\n\nthree\n", b"one"])
def test_fewer_passwords_than_accounts(stdin: bytes) -> None:
    accounts = ["--account", "a@b", "--account", "c@d", "--account", "e@f"]
    done = run("serve", *accounts, "--password-stdin", stdin=stdin)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert b"no password on stdin for c@d: it wants 3 lines, one for each account" in done.stderr


def test_a_password_for_each_account() -> None:
    """In the order of the accounts; a byte order mark is before the first only."""
    with subprocess.Popen(
        command("serve", "--account", "a@b", "--account", "c@d", "--password-stdin"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"\xef\xbb\xbfone\r\ntwo\r\n")
        server.stdin.close()
        line = b""
        while not line.startswith(b"msnpauth sign-in "):
            line = server.stdout.readline()
            assert line, "it ended"
        words = line.decode().split()[1:]
        for who, password, status in (("a@b", "one", 0), ("c@d", "two", 0), ("c@d", "one", 1)):
            done = run("sign-in", who, *words[2:], MSNPAUTH_PASSWORD=password)
            assert done.returncode == status, done.stderr
        server.send_signal(signal.SIGTERM)
        assert server.wait(25) == 0


def test_a_second_signal_does_not_wait() -> None:
    """The first asks for a good end; the second is for who cannot wait for it."""
    with _told() as told:
        signal.raise_signal(signal.SIGINT)
        assert told.get(timeout=0) == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("wanted", "allowed", "warns"),
    [(True, "1", True), (True, "0x3", True), (True, None, True), (True, "3", False), (True, "1027", False),
     (False, "1", False)],
)  # fmt: skip
def test_fast_open_that_the_system_forbids(
    service: Service,
    wanted: bool,
    allowed: str | None,
    warns: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    system = tmp_path / "tcp_fastopen"
    if allowed is not None:
        system.write_text(f"{allowed}\n")
    monkeypatch.setattr(sys.modules["msnpauth.cli.serve"], "_FAST_OPEN", str(system))
    _warn_of_reach(
        service,
        {"legacy_tls": None, "plain_contacts": None, "fast_open": wanted, "sign_up": "closed"},
    )
    assert ("TCP Fast Open" in capsys.readouterr().err) == warns


def test_where_the_pages_are(tmp_path: Path) -> None:
    options = ["--data", str(tmp_path / "data"), "--pages-port", "0", "--sign-up", "open"]
    with subprocess.Popen(
        command("serve", *options),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as server:  # fmt: skip
        assert server.stdout is not None
        line = ""
        while not line.startswith("The pages for people: https://127.0.0.1:"):
            line = server.stdout.readline()
            assert line, "it ended"
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=25)
    assert server.returncode == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--pages-port", "1"], "--pages-port needs --data"),
        (["--data", "x", "--plain-pages", "1"], "--trusted-proxy goes together with"),
        (["--data", "x", "--trusted-proxy", "127.0.0.1"], "--trusted-proxy goes together with"),
        (["--plain-pages", "1", "--trusted-proxy", "127.0.0.1"], "--plain-pages needs --data"),
        (["--data", "x", "--sign-up", "everybody"], "'everybody' is not one of"),
        (["--data", "x", "--pages-port", "7", "--login-port", "7"], "port 7 is given 2 times"),
    ],
)
def test_pages_that_cannot_be(options: list[str], says: str) -> None:
    done = invoke("serve", *([] if "--data" in options else ["--account", PASSPORT]), *options)
    assert done.exit_code == 2
    assert says in done.stderr


def test_options_of_pages_are_checked(tmp_path: Path) -> None:
    options = ["--pages-port", "8443", "--plain-pages", "8081", "--trusted-proxy", "127.0.0.1"]
    options += ["--sign-up", "invitation", "--data", str(tmp_path), "--check-config"]
    assert invoke("serve", *options).stdout == "The options are right.\n"


def test_who_lets_people_sign_up_and_has_no_page_for_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("serve", "--data", str(tmp_path / "data"), "--sign-up", "open"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as server:  # fmt: skip
        assert server.stderr is not None
        assert "nobody can sign up" in server.stderr.readline()
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=25)


@pytest.mark.parametrize(
    ("url", "warns"), [("login.example:443", False), ("login.example:8443", True)]
)
def test_port_443_for_old_clients(
    capsys: pytest.CaptureFixture[str], url: str, warns: bool
) -> None:
    service: Any = SimpleNamespace(login_urls=(f"https://{url}/login2.srf",) * 2, has_pages=False)
    options = {"legacy_tls": None, "plain_contacts": None, "sign_up": "closed", "fast_open": False}
    _warn_of_reach(service, options)
    assert ("no other login port" in capsys.readouterr().err) is warns


def test_a_variable_that_no_option_reads_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main,
        ["serve", "--data", str(tmp_path), "--check-config"],
        env={"MSNPAUTH_SERVE_LOGIN_PRT": "443", "MSNPAUTH_SERVE_LOGIN_PORT": "443"},
    )
    assert result.exit_code == 0
    assert "no option reads the environment variable MSNPAUTH_SERVE_LOGIN_PRT" in result.stderr
    assert "LOGIN_PORT" not in result.stderr


def test_every_option_reads_its_variable(tmp_path: Path) -> None:
    names = {option.name or "" for option in serve_module.serve.params}
    names |= {"home", "name", "trusted_proxy", "account"}
    known = [f"MSNPAUTH_SERVE_{name.upper()}" for name in names]
    environment = dict.fromkeys(known, "x")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        told: list[str] = []
        patch.setattr(serve_module, "_warn", told.append)
        serve_module._warn_of_environment(serve_module.serve)
    assert told == []

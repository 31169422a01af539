"""The command, run as a person runs it: in a process of its own where the terminal matters."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from conftest import Authority
from imports import modules_after
from msnpauth.cli import main
from msnpauth.service import Service
from msnpauth.sync import session
from wire import PASSPORT, PASSWORD, TICKET, Peer, Server, answers, granted, http, later, to_ok

CHALLENGE = "lc=1033,id=507"


def invoke(*arguments: str, stdin: str | None = None, password: str | None = None) -> Result:
    environment = {} if password is None else {"MSNPAUTH_PASSWORD": password}
    return CliRunner().invoke(main, arguments, input=stdin, env=environment)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "msnpauth", *arguments]


# --- demo --------------------------------------------------------------------------------------


def test_demo_in_a_pipe() -> None:
    done = subprocess.run(command("demo"), capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    for part in (
        "notification > VER 1 MSNP14",
        "notification < XFR 3 NS 127.0.0.1:",
        "nexus < PassportURLs: DARealm=Passport.Net,DALogin=https://127.0.0.1:",
        "login > Authorization: Passport1.4 OrgVerb=GET,",
        "pwd=***,lc=1033",
        "login < HTTP 302",
        "from-PP=***",
        "notification > USR 7 TWN S ***",
        "notification > USR 7 SSO S *** *** ***",
        "notification > USR 7 MD5 S ***",
        "notification < USR 7 OK bob@hotmail.com 1 0",
        "Signed in: bob@hotmail.com, MSNP18",
        "Signed in: bob@hotmail.com, MSNP14",
        "Signed in: bob@hotmail.com, MSNP7",
        "Ticket: ",
        "msnpauth serve --account alice@example.com",
    ):
        assert part in done.stdout, part
    assert "battery" not in done.stdout


def test_demo_on_a_terminal_has_colours() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(command("demo"), stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        try:
            while data := os.read(ours, 65536):
                said += data
        except OSError:
            pass  # Linux says so at the end of a terminal
        assert process.wait(50) == 0
    os.close(ours)
    assert b"\x1b[36m" in said


# --- ticket ------------------------------------------------------------------------------------


def ask(authority: Authority, answer: bytes, *arguments: str, **settings: str) -> Result:
    settings = {"password": PASSWORD} | settings
    with Server(answers(answer), authority.server_tls) as server:
        where = ("--login", server.url, "--ca-file", str(authority.ca_file))
        return invoke("ticket", PASSPORT, "--challenge", CHALLENGE, *where, *arguments, **settings)


def test_ticket(authority: Authority) -> None:
    done = ask(authority, granted())
    assert (done.exit_code, done.stdout, done.stderr) == (0, TICKET + "\n", "")


@pytest.mark.parametrize("transport", ["sockets", "curl", "httpx"])
def test_ticket_by_every_carrier(authority: Authority, transport: str) -> None:
    assert ask(authority, granted(), "--transport", transport).stdout == TICKET + "\n"


def test_ticket_as_json(authority: Authority) -> None:
    done = json.loads(ask(authority, granted(), "--json").stdout)
    assert done["ticket"] == TICKET
    assert done["expires"] is None


def test_the_password_from_stdin(authority: Authority) -> None:
    done = ask(authority, granted(), "--password-stdin", stdin=PASSWORD + "\r\n", password="")
    assert done.stdout == TICKET + "\n"


def test_verbose(authority: Authority) -> None:
    done = ask(authority, granted(), "--verbose")
    assert done.stdout == TICKET + "\n"
    assert "pwd=***" in done.stderr
    assert "p%2Ca" not in done.stderr
    assert TICKET not in done.stderr


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (http(401, "WWW-Authenticate: Passport1.4 da-status=failed,cbtxt=No%21"), 1, "“No!”"),
        (http(503, "Retry-After: 5"), 3, "try again in 5 seconds"),
        (http(200), 3, "gave no ticket"),
        (http(302, "Location: https://evil.example/"), 3, "trusted_hosts"),
    ],
)
def test_exit_status(authority: Authority, answer: bytes, status: int, says: str) -> None:
    done = ask(authority, answer)
    assert done.exit_code == status
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("msnpauth: ")
    assert says in done.stderr


def test_errors_as_json(authority: Authority) -> None:
    done = ask(authority, http(429, "Retry-After: 5"), "--json")
    assert done.exit_code == 3
    error = json.loads(done.stdout)["error"]
    assert (error["kind"], error["code"], error["retry_after"]) == ("ServiceUnavailable", 429, 5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ticket", "alice", "--challenge", CHALLENGE], "alice@example.com"),
        (["ticket", PASSPORT, "--challenge", "S"], "USR n TWN S <challenge>"),
        (["ticket", PASSPORT], "--challenge"),
        (
            ["ticket", PASSPORT, "--challenge", CHALLENGE, "--service", "nowhere"],
            "known are escargot",
        ),
        (
            ["ticket", PASSPORT, "--challenge", CHALLENGE, "--service", "escargot", "--host", "h"],
            "--service names",
        ),
        (
            ["ticket", PASSPORT, "--challenge", CHALLENGE, "--transport", "smoke"],
            "sockets, curl, httpx",
        ),
        (["ticket", PASSPORT, "--challenge", CHALLENGE, "--timeout", "0"], "timeout="),
        (
            ["ticket", PASSPORT, "--challenge", CHALLENGE, "--ca-file", "/nowhere.pem"],
            "/nowhere.pem",
        ),
        (["sign-in", PASSPORT], "--service"),
        (["sign-in", PASSPORT, "--host", "h", "--dialect", "99"], "MSNP99"),
        (["services", "nowhere"], "known are escargot"),
        (["serve"], "--account"),
        (["serve", "--account", "alice"], "alice@example.com"),
    ],
)
def test_usage(arguments: list[str], says: str) -> None:
    done = invoke(*arguments, password="x")
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_no_password() -> None:
    done = invoke("ticket", PASSPORT, "--challenge", CHALLENGE)
    assert done.exit_code == 2
    assert "--password-stdin" in done.stderr
    done = invoke("ticket", PASSPORT, "--challenge", CHALLENGE, "--password-stdin", stdin="\n")
    assert done.exit_code == 2
    assert "no password on stdin" in done.stderr


def test_the_password_from_a_prompt(authority: Authority) -> None:
    """On a terminal it is asked for, and not echoed."""
    with Server(answers(granted()), authority.server_tls) as server:
        arguments = command("ticket", PASSPORT, "--challenge", CHALLENGE, "--login", server.url)
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*arguments, "--ca-file", str(authority.ca_file)],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, close_fds=True,
        ) as process:  # fmt: skip
            os.close(theirs)
            said, typed = b"", False
            try:
                while select.select([ours], [], [], 50)[0] and (data := os.read(ours, 65536)):
                    said += data
                    if b"Password of" in said and not typed:
                        os.write(ours, PASSWORD.encode() + b"\n")
                        typed = True
            except OSError:
                pass
            assert process.wait(50) == 0
        os.close(ours)
    assert TICKET.encode() in said
    assert PASSWORD.encode() not in said


# --- sign-in -----------------------------------------------------------------------------------


def sign_in(service: Service, *arguments: str, password: str = PASSWORD) -> Result:
    where = (
        "--notification",
        str(service.servers.notification),
        "--nexus",
        str(service.servers.nexus),
    )
    return invoke(
        "sign-in",
        PASSPORT,
        *where,
        "--ca-file",
        str(service.ca_file),
        *arguments,
        password=password,
    )


def test_sign_in(service: Service) -> None:
    done = sign_in(service)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Signed in: {PASSPORT}, MSNP14, at 127.0.0.1:")
    assert "Ticket: " in done.stdout
    assert done.stderr == ""


def test_sign_in_with_a_dialect_one_at_a_time(service: Service) -> None:
    done = sign_in(service, "--dialect", "9", "--dialect", "8", "--no-pipeline", "--verbose")
    assert "MSNP9" in done.stdout
    assert "> VER 1 MSNP9 MSNP8 CVR0" in done.stderr


def test_sign_in_by_scheme(service: Service) -> None:
    done = sign_in(service, "--scheme", "sso", "--rst", str(service.servers.rst), "--verbose")
    assert done.exit_code == 0
    assert "MSNP18" in done.stdout
    assert "USR 7 SSO S *** *** ***" in done.stderr
    assert sign_in(service, "--scheme", "nonsense").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--scheme", "md5"], "MSNP7"),
        (["--scheme", "SSO"], "MSNP18"),
        (["--dialect", "12"], "MSNP12"),
    ],
)
def test_demo_of_one_scheme(arguments: list[str], says: str) -> None:
    done = invoke("demo", *arguments)
    assert done.exit_code == 0
    assert done.stdout.count("Signed in: ") == 1
    assert f"Signed in: bob@hotmail.com, {says}, at" in done.stdout


def test_sign_in_as_json(service: Service) -> None:
    done = json.loads(sign_in(service, "--json").stdout)
    assert (done["passport"], done["dialect"], done["display_name"]) == (PASSPORT, 14, PASSPORT)
    assert done["profile"]["preferredEmail"] == PASSPORT


def test_sign_in_refused(service: Service) -> None:
    done = sign_in(service, password="not this one")
    assert done.exit_code == 1
    assert done.stderr.startswith("msnpauth: login at https://127.0.0.1:")


def test_sign_in_unavailable() -> None:
    with Server(lambda peer: None) as gone:
        pass
    done = invoke(
        "sign-in", PASSPORT, "--notification", gone.address, "--login", gone.url, password="x"
    )
    assert done.exit_code == 3
    assert "check the address" in done.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_stay(authority: Authority, as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_PROFILE_PATIENCE", 0.05)

    def script(peer: Peer) -> None:
        to_ok(peer)
        assert peer.line() == "CHG 5 NLN 0"
        peer.send("CHG 5 NLN 0\r\nNLN NLN x@y X 0\r\nOUT OTH\r\n")
        peer.until_closed()

    with Server(answers(granted()), authority.server_tls) as login, Server(script) as server:
        where = (
            "--notification",
            server.address,
            "--login",
            login.url,
            "--ca-file",
            str(authority.ca_file),
        )
        flags = ["--stay", *(["--json"] if as_json else [])]
        done = invoke("sign-in", PASSPORT, *where, *flags, password=PASSWORD)
    assert done.exit_code == 0
    assert "NLN NLN x@y X 0" in done.stdout
    assert "signed in elsewhere" in done.stderr


def test_stay_where_the_server_sends_us(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes online again at the other server."""
    monkeypatch.setattr(session, "_PROFILE_PATIENCE", 0.05)

    def sends_on(peer: Peer) -> None:
        to_ok(peer)
        assert peer.line() == "CHG 5 NLN 0"
        peer.send(f"CHG 5 NLN 0\r\nXFR 0 NS {other.address}\r\n")
        peer.until_closed()

    def takes(peer: Peer) -> None:
        later(peer)
        verb, trid, *words = peer.line().split(" ")
        assert [verb, *words] == ["CHG", "NLN", "0"]
        peer.send(f"CHG {trid} NLN 0\r\nOUT OTH\r\n")
        peer.until_closed()

    with (
        Server(answers(granted(), granted()), authority.server_tls) as login,
        Server(takes) as other,
        Server(sends_on) as server,
    ):
        where = ("--notification", server.address, "--login", login.url)
        trust = ("--ca-file", str(authority.ca_file))
        done = invoke(
            "sign-in", PASSPORT, *where, *trust, "--stay", "--reconnect", password=PASSWORD
        )
    assert done.exit_code == 0
    assert re.search(r"^XFR 0 NS .*\nUSR \d+ OK ", done.stdout, re.MULTILINE)
    assert "signed in elsewhere" in done.stderr


# --- services and serve ------------------------------------------------------------------------


def test_services() -> None:
    done = invoke("services")
    assert done.exit_code == 0
    assert re.search(r"^escargot +living +ds\.escargot\.nina\.chat:1863", done.stdout, re.MULTILINE)
    assert "no-services.toml" in done.stdout


def test_one_service() -> None:
    done = invoke("services", "microsoft")
    assert "hotmail. https://loginnet.passport.com/login2.srf" in done.stdout
    assert "evidence:" in done.stdout


def test_services_as_json() -> None:
    done = json.loads(invoke("services", "--json").stdout)
    assert {service["name"] for service in done} >= {"escargot", "crosstalk", "microsoft"}
    assert all(service["evidence"] for service in done)


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


def test_passwords_of_several_accounts_from_stdin() -> None:
    done = invoke(
        "serve", "--account", "a@b", "--account", "c@d", "--password-stdin", stdin="one\n"
    )
    assert done.exit_code == 2
    assert "no password on stdin" in done.stderr


def test_version_and_help() -> None:
    assert invoke("--version").stdout.startswith("msnpauth, version ")
    assert "Exit status: 0 signed in, 1 refused, 2 usage, 3 unavailable." in invoke("--help").stdout
    for name in ("demo", "ticket", "sign-in", "serve", "services"):
        assert invoke(name, "-h").exit_code == 0


def test_the_password_is_never_an_argument() -> None:
    for name in ("ticket", "sign-in", "serve"):
        names = [option for parameter in main.commands[name].params for option in parameter.opts]
        assert [option for option in names if "pass" in option] in (
            ["--password-stdin"],
            ["passport", "--password-stdin"],
        )


def test_help_is_cheap() -> None:
    """Nothing heavy is imported before it is used."""
    code = "import msnpauth.cli"
    imported = modules_after(code)
    heavy = {"asyncio", "cryptography", "h11", "trustme", "httpx2", "pycurl", "xml"}
    assert not heavy & imported

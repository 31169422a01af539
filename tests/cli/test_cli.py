"""The command as a whole: its help, its options, and what it imports."""

from __future__ import annotations

import json
import os

import pytest

from command import CHALLENGE, invoke, run
from imports import modules_after
from msnpauth.cli import main
from wire import PASSPORT

TICKET = ("ticket", PASSPORT, "--challenge", CHALLENGE)
SIGN_IN = ("sign-in", PASSPORT)
SERVE = ("serve", "--account", PASSPORT)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], "No such command"),
        (["demo", "--scheme", "none"], "schemes are MD5, TWN, SSO"),
        (["demo", "--scheme", "md5", "--dialect", "18"], "MD5 has 2, 3, 4, 5, 6, 7"),
        (["demo", "--dialect", "20"], "MSNP20 is not known; --dialect takes"),
        (["demo", "--dialect", "1_8"], "'1_8' is not a number"),
        (["demo", "--dialect", "٩"], "is not a number"),
        (["ticket", "alice", "--challenge", CHALLENGE], "alice@example.com"),
        (["ticket", "", "--challenge", CHALLENGE], "'PASSPORT': it is empty"),
        (["ticket", "a\tb@c", "--challenge", CHALLENGE], "a control character"),
        (["ticket", "a\udcfcb@c", "--challenge", CHALLENGE], "bytes that are not UTF-8"),
        (["ticket", PASSPORT, "--challenge", "S"], "USR n TWN S <challenge>"),
        (["ticket", PASSPORT, "--challenge", ""], "the challenge is empty"),
        (["ticket", PASSPORT, "--challenge", "a b"], "one word"),
        (["ticket", PASSPORT], "--challenge"),
        ([*TICKET, "--service", "nowhere"], "known are escargot"),
        ([*TICKET, "--service", ""], "'--service': it is empty"),
        ([*TICKET, "--service", "escargot", "--host", "h"], "--service names all addresses"),
        ([*TICKET, "--service", "escargot", "--trust", "h"], "leave --trust out"),
        ([*TICKET, "--trust", "h"], "--trust has no effect without"),
        ([*TICKET, "--notification", "h", "--trust", "h"], "--trust has no effect without"),
        ([*TICKET, "--host", "h", "--trust", "a/b"], "--trust: 'a/b' is neither"),
        ([*TICKET, "--host", "h", "--trust", ""], "'--trust': it is empty"),
        ([*TICKET, "--host", "h", "--trust"], "'--trust' requires an argument"),
        ([*TICKET, "--host", "a b"], "--host 'a b': that is no host name"),
        ([*TICKET, "--host", ""], "'--host': it is empty"),
        ([*TICKET, "--host", "h\x1b[2J"], "a control character"),
        ([*TICKET, "--notification", "h"], "name one with --login URL or a nexus with --nexus URL"),
        ([*TICKET, "--nexus", "http://h/"], "--nexus 'http://h/' is not encrypted"),
        ([*TICKET, "--login", "ftp://h/"], "--login 'ftp://h/'"),
        ([*TICKET, "--transport", "smoke"], "sockets, curl, httpx"),
        ([*TICKET, "--transport", ""], "sockets, curl, httpx"),
        ([*TICKET, "--timeout", "0"], "'--timeout': '0' is not a time"),
        ([*TICKET, "--timeout", "-1"], "'-1' is not a time"),
        ([*TICKET, "--timeout", "nan"], "'nan' is not a time"),
        ([*TICKET, "--timeout", "inf"], "'inf' is not a time"),
        ([*TICKET, "--timeout", "1e9"], "at most 86400 seconds"),
        ([*TICKET, "--timeout", "soon"], "'soon' is not a time"),
        ([*TICKET, "--timeout", ""], "'' is not a time"),
        ([*TICKET, "--ca-file", "/nowhere.pem"], "/nowhere.pem"),
        ([*TICKET, "--ca-file", "/"], "is a directory"),
        ([*TICKET, "--ca-file", os.__file__], "--ca-file '"),
        (list(SIGN_IN), "--service, --host or --notification"),
        ([*SIGN_IN, "--host", "h", "--dialect", "99"], "MSNP99 is not known; --dialect takes"),
        ([*SIGN_IN, "--host", "h", "--dialect", "9", "--dialect", "18"], "different schemes"),
        ([*SIGN_IN, "--host", "h", "--dialect", "9", "--scheme", "sso"], "SSO has 15"),
        ([*SIGN_IN, "--host", "h", "--scheme", "none"], "'none' is no scheme"),
        ([*SIGN_IN, "--host", "h", "--reconnect"], "--reconnect has no effect without --stay"),
        ([*SIGN_IN, "--nexus", "https://h/"], "--host messenger.example or --service escargot"),
        ([*SIGN_IN, "--notification", "h:99999"], "--notification 'h:99999': a port is"),
        ([*SIGN_IN, "--notification", "h"], "--scheme MD5"),
        ([*SIGN_IN, "--notification", "h", "--scheme", "sso"], "--rst URL"),
        (["sign-in", "--host", "h"], "Missing argument 'PASSPORT'"),
        (["services", "nowhere"], "known are escargot"),
        (["services", ""], "it is empty"),
        (["serve"], "--account"),
        (["serve", "--account", "alice"], "alice@example.com"),
        ([*SERVE, "--account", "b@c", "--account", "ALICE@Example.com"], "is given 2 times"),
        ([*SERVE, "--port", "99999"], "'99999' is not a port: ports are 1 to 65535"),
        ([*SERVE, "--login-port", "-1"], "'-1' is not a port"),
        ([*SERVE, "--home-port", "x"], "'x' is not a port"),
        ([*SERVE, "--notification-port", "9" * 5000], "is not a port"),
        ([*SERVE, "--port", "5000", "--login-port", "5000"], "port 5000 is given 2 times"),
        ([*SERVE, "--home-port", "5000"], "--home-port has no effect without --home"),
        ([*SERVE, "--plain-http", "5000"], "--trusted-proxy goes together with"),
        ([*SERVE, "--trusted-proxy", "127.0.0.1"], "--trusted-proxy goes together with"),
        ([*SERVE, "--plain-http", "0", "--trusted-proxy", "proxy"], "'proxy', which is no IP"),
        ([*SERVE, "--name", "my host"], "'my host' is not a host name"),
        ([*SERVE, "--name", ""], "'--name': it is empty"),
        ([*SERVE, "--name", "h:1863"], "'h:1863' is not a host name"),
        ([*SERVE, "--host", "a b"], "'a b' is not a host name"),
    ],
)
def test_usage(arguments: list[str], says: str) -> None:
    """One line, which names the command's own options, and status 2."""
    done = invoke(*arguments, password="x")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("msnpauth: ")
    assert says in done.stderr
    for keyword in ("ca_file", "trusted_hosts", "Servers", "dialects=", "timeout=", "scheme="):
        assert keyword not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        ([*TICKET, "--timeout", "0"], "UsageError", "is not a time"),
        ([*SIGN_IN], "UsageError", "no network is named"),
        ([*SIGN_IN, "--host", "a b"], "LocalProtocolError", "--host 'a b'"),
        (["services", "nowhere"], "LocalProtocolError", "no network 'nowhere' is known"),
        (["services", "--nothing"], "UsageError", "No such option"),
    ],
)
def test_usage_as_json(arguments: list[str], kind: str, says: str) -> None:
    done = invoke(*arguments, "--json", password="x")
    assert (done.exit_code, done.stdout.count("\n"), done.stderr) == (2, 1, "")
    error = json.loads(done.stdout)["error"]
    assert error["kind"] in (kind, "NoSuchOption")
    assert says in error["text"]


def test_what_the_library_would_take_and_the_system_would_not() -> None:
    """An argument list can hold bytes that are no text."""
    done = run(b"sign-in", b"al\xfcice@example.com", b"--host", b"h", LC_ALL="C.UTF-8")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert b"bytes that are not UTF-8" in done.stderr


def test_without_a_command() -> None:
    done = run()
    assert done.returncode == 2
    assert b"Usage: msnpauth [OPTIONS] COMMAND" in done.stderr


def test_version_and_help() -> None:
    assert invoke("--version").stdout.startswith("msnpauth, version ")
    shown = " ".join(invoke("--help").stdout.split())
    assert "Exit status: 0 done, 1 refused, 2 usage, 3 unavailable, 70 a fault" in shown
    for name in ("demo", "ticket", "sign-in", "serve", "services"):
        assert invoke(name, "-h").exit_code == 0


def test_the_password_is_never_an_argument() -> None:
    for name in ("ticket", "sign-in", "serve"):
        names = [option for parameter in main.commands[name].params for option in parameter.opts]
        assert [option for option in names if "pass" in option] in (
            ["--password-stdin"],
            ["passport", "--password-stdin"],
            ["--argon2-passes", "--password-stdin"],
        )


def test_help_is_cheap() -> None:
    """Nothing heavy is imported before it is used."""
    code = "import msnpauth.cli"
    imported = modules_after(code)
    heavy = {"asyncio", "cryptography", "h11", "trustme", "httpx2", "pycurl", "xml"}
    assert not heavy & imported

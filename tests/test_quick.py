"""`msnpauth ticket` without click: the same words bring the same, and all others are left to click."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result

from command import CHALLENGE, environment, invoke
from conftest import Authority
from msnpauth import quick
from wire import PASSPORT, PASSWORD, TICKET, Server, answers, granted, http

USUAL = ["ticket", PASSPORT, "--challenge", CHALLENGE, "--login", "https://127.0.0.1:9/l"]

# Runs the command, and tells at last whether click was of use.
CODE = """
import atexit, sys
from msnpauth.__main__ import main
atexit.register(lambda: print("click" in sys.modules, file=sys.stderr))
main()
"""

FAILED = http(401, "WWW-Authenticate: Passport1.4 da-status=failed,cbtxt=No%21")


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    """Go on collecting here: the process that it was switched off for is this one."""
    yield
    gc.enable()
    gc.unfreeze()


def in_a_process(
    *words: str, stdin: bytes = b"", password: str | None = PASSWORD
) -> tuple[int, str, str, bool]:
    """Return status, stdout and stderr, and whether click was imported."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words],
        capture_output=True, input=stdin, timeout=25, check=False,
        env=environment(MSNPAUTH_PASSWORD=password, PYTHONUTF8="1"),
    )  # fmt: skip
    *said, by_click = done.stderr.decode().splitlines(keepends=True)
    return done.returncode, done.stdout.decode(), "".join(said), by_click == "True\n"


def asked(
    answer: bytes,
    authority: Authority,
    *more: str,
    stdin: bytes = b"",
    password: str | None = PASSWORD,
) -> tuple[tuple[int, str, str, bool], Result]:
    """Ask for a ticket twice: in a process of its own, and of click."""
    with Server(answers(answer, answer), authority.server_tls) as server:
        words = ["ticket", PASSPORT, "--challenge", CHALLENGE, *more]
        words += ["--login", server.url, "--ca-file", str(authority.ca_file)]
        quickly = in_a_process(*words, stdin=stdin, password=password)
        return quickly, invoke(*words, stdin=stdin, password=password)


@pytest.mark.parametrize("more", [(), ("--timeout", "20"), ("--json",)])
def test_a_ticket(authority: Authority, more: tuple[str, ...]) -> None:
    (status, out, err, by_click), result = asked(granted(), authority, *more)
    assert (status, err, by_click) == (0, "", False)
    assert TICKET in out
    if more != ("--json",):  # which names the port
        assert out == result.stdout == f"{TICKET}\n"


def test_json_is_that_of_click(authority: Authority) -> None:
    (_, out, _, _), result = asked(granted(), authority, "--json")
    with_port = out.partition(', "server"')
    assert with_port[0] == result.stdout.partition(', "server"')[0]
    assert with_port[2].endswith('"expires": null}\n')


def test_a_ticket_that_a_terminal_may_not_have(authority: Authority) -> None:
    (status, out, _, by_click), result = asked(granted("t=gr\u00fcn&p="), authority)
    assert (status, out, by_click) == (0, "t=gr\u00fcn&p=\n", True)
    assert result.stdout == out


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize("answer", [FAILED, http(503, "Retry-After: 5"), http(200)])
def test_what_goes_wrong_is_told_as_ever(
    authority: Authority, answer: bytes, more: tuple[str, ...]
) -> None:
    (status, out, err, _), result = asked(answer, authority, *more)
    assert status == result.exit_code != 0
    assert _without_ports(out) == _without_ports(result.stdout)
    assert _without_ports(err) == _without_ports(result.stderr)


def _without_ports(text: str) -> str:
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", text)


@pytest.mark.parametrize(
    ("line", "usual"),
    [
        (PASSWORD.encode() + b"\n", True),
        (b"\xef\xbb\xbf" + PASSWORD.encode() + b"\r\nmore\n", True),
        (b"", False),
        (b"\n", False),
        (b"\xff\n", False),
        (b"a\tb\n", False),
        (b"x" * 5000, False),
    ],
)
def test_the_password_from_stdin(authority: Authority, line: bytes, usual: bool) -> None:
    (status, out, err, by_click), result = asked(
        granted(), authority, "--password-stdin", stdin=line, password=None
    )
    assert status == result.exit_code == (0 if usual else 2)
    assert by_click is not usual
    assert out == result.stdout
    assert err == result.stderr.replace("main ticket", "msnpauth ticket")


def test_a_reader_that_is_gone(authority: Authority) -> None:
    with Server(answers(granted()), authority.server_tls) as server:
        words = [*USUAL[:4], "--login", server.url, "--ca-file", str(authority.ca_file)]
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "msnpauth", *words],
            stdout=writer, stderr=subprocess.PIPE, timeout=25, check=False, env=environment(),
        )  # fmt: skip
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["sign-in", *USUAL[1:]],
        ["ticket", "--help"],
        USUAL[:2],
        USUAL[:4],
        [*USUAL, "another@example.com"],
        [*USUAL, "--verbose"],
        [*USUAL, "--login", "https://other.example/"],
        [*USUAL, "--nexus"],
        [*USUAL, "--nexus", "-x"],
        [*USUAL, "--nexus", "ftp://x"],
        [*USUAL, "--json", "--json"],
        [*USUAL, "--timeout", "0"],
        [*USUAL, "--timeout", "1e3"],
        [*USUAL, "--timeout", "86401"],
        [*USUAL, "--timeout", "\u0663"],
        [*USUAL, "--ca-file", "/no/such/file"],
        [*USUAL, "--ca-file", str(Path(__file__).parent)],
        [*USUAL, "--trust", "x.example"],
        ["ticket", "nobody", *USUAL[2:]],
        ["ticket", "a@b\udcff", *USUAL[2:]],
        ["ticket", "", *USUAL[2:]],
        ["ticket", PASSPORT, "--challenge", "S", *USUAL[4:]],
        ["ticket", PASSPORT, "--challenge", "", *USUAL[4:]],
    ],
)
def test_what_is_left_to_click(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything was done: nobody listens at that port, and nothing is told."""
    monkeypatch.setenv("MSNPAUTH_PASSWORD", PASSWORD)
    assert quick.ticket(words) is None
    assert gc.isenabled()


@pytest.mark.parametrize("password", ["", "x" * 1024, "tab\t", "gr\udcff"])
def test_passwords_that_are_left_to_click(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSNPAUTH_PASSWORD", password)
    assert quick.ticket(USUAL) is None
    monkeypatch.delenv("MSNPAUTH_PASSWORD")
    assert quick.ticket(USUAL) is None


@pytest.mark.parametrize("name", ["stdin", "stdout"])
def test_streams_that_are_closed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, name, None)
    assert quick.ticket([*USUAL, "--password-stdin"]) is None


def test_a_stdin_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Broken:
        class buffer:  # noqa: N801 - as it is called
            @staticmethod
            def readline(_size: int) -> bytes:
                raise IsADirectoryError(21, "Is a directory")

    monkeypatch.setattr(sys, "stdin", Broken)
    assert quick.ticket([*USUAL, "--password-stdin"]) is None


def test_completion_is_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSNPAUTH_PASSWORD", PASSWORD)
    monkeypatch.setenv("_MSNPAUTH_COMPLETE", "bash_source")
    assert quick.ticket(USUAL) is None


def test_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MSNPAUTH_PASSWORD", PASSWORD)
    assert quick.ticket(USUAL) == 3
    assert "connection refused" in capsys.readouterr().err

"""What is printed cannot drive a terminal, and can be printed in every encoding."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command import accepted, command, environment, network, run
from conftest import Authority
from msnpauth.cli.output import Styled, clean, emit_json, say

ESCAPES = [
    "%1B]0;owned%07",
    "%1B[2J",
    "%9B2J".replace("%9B", "%C2%9B"),
    "%0D%0Amsnpauth: signed out",
    "%E2%80%AEgnol",
    "%00",
    "%7F",
    "%E2%80%A8line",
]
RISKY = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("place", ["name", "passport"])
def test_names_of_the_wire_do_not_drive_the_terminal(
    authority: Authority, escape: str, place: str
) -> None:
    words = {"name": f"alice@example.com A{escape}B", "passport": f"a{escape}b@example.com Alice"}
    with network(authority, accepted(f"{words[place]} 1 0".encode())) as where:
        done = run("sign-in", *where)
    out = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert not RISKY.search(out)
    assert [line.split(":")[0] for line in out.splitlines()] == ["Signed in", "Name", "Ticket"]


def test_a_name_is_not_cut(authority: Authority) -> None:
    with network(authority, accepted(b"alice@example.com " + b"A" * 2000 + b" 1 0")) as where:
        done = run("sign-in", *where)
    assert f"Name: {'A' * 2000}" in done.stdout.decode().splitlines()


def test_words_of_commands_do_not_drive_the_terminal(authority: Authority) -> None:
    behind = "NLN NLN x@y \x9b31mX\u202e 0\r\nOUT OTH\r\n".encode()
    with network(authority, accepted(behind=behind)) as where:
        done = run("sign-in", *where, "--stay", "--verbose")
    assert done.returncode == 0
    assert b"NLN NLN x@y" in done.stdout
    assert not RISKY.search(done.stdout.decode() + done.stderr.decode())


NAME = "ゆき … “é”"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "ゆき … “é”"),
        ("latin-1", '\\u3086\\u304d ... "é"'),
        ("cp1252", "\\u3086\\u304d … “é”"),
        ("ascii", '\\u3086\\u304d ... "\\xe9"'),
    ],
)
def test_what_the_locale_cannot_encode_is_escaped(
    authority: Authority, encoding: str, shown: str
) -> None:
    words = f"alice@example.com {NAME.replace(' ', '%20')} 1 0".encode()
    with network(authority, accepted(words)) as where:
        done = run("sign-in", *where, "--verbose", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert f"Name: {shown}" in done.stdout.decode(encoding).splitlines()
    assert "USR 4 OK" in done.stderr.decode(encoding)


def test_in_the_c_locale(authority: Authority) -> None:
    """Python then takes stdout for ASCII, or for UTF-8: by its version and settings."""
    with network(authority, accepted("alice@example.com ゆき 1 0".encode())) as where:
        plain: dict[str, Any] = {
            "LC_ALL": "C",
            "LANG": None,
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
        }
        done = run("sign-in", *where, PYTHONIOENCODING=None, **plain)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Name: \\u3086\\u304d\n" in done.stdout


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
@pytest.mark.parametrize(
    "arguments", [[], ["demo"], ["ticket"], ["sign-in"], ["serve"], ["services"]]
)
def test_help_in_every_encoding(arguments: list[str], encoding: str) -> None:
    done = run(*arguments, "--help", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()


def test_our_own_characters_in_an_error() -> None:
    done = run("ticket", "a@b", "--challenge", "S", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stderr.decode("ascii").endswith("ct=1128154104,...\n")


# --- JSON --------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii", "utf-16"])
def test_json_is_utf_8_in_every_locale(authority: Authority, encoding: str) -> None:
    words = b"alice@example.com J\xfcrgen%20" + "ゆき".encode() + b" 1 0"
    with network(authority, accepted(words)) as where:
        done = run("sign-in", *where, "--json", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1
    assert json.loads(done.stdout.decode("utf-8"))["display_name"] == "J\ufffdrgen ゆき"


def test_json_does_not_drive_the_terminal(authority: Authority) -> None:
    words = f"alice@example.com {''.join(ESCAPES)} 1 0".encode()
    with network(authority, accepted(words)) as where:
        done = run("sign-in", *where, "--json")
    text = done.stdout.decode("utf-8")
    assert not RISKY.search(text)
    assert len(text.splitlines()) == 1
    assert "\x1b]0;owned\x07" in json.loads(text)["display_name"]


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_any_text_as_json_is_one_line_of_utf_8(text: str) -> None:
    with os.fdopen(os.memfd_create("stdout"), "w+", encoding="latin-1") as stdout:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdout", stdout)
            emit_json({text: text})
        stdout.reconfigure(encoding="utf-8")
        stdout.seek(0)
        line = stdout.read()
    assert len(line.splitlines()) == 1
    assert json.loads(line) == {t: t for t in [re.sub("[\ud800-\udfff]", "\ufffd", text)]}


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_any_text_is_one_line_in_any_encoding(text: str) -> None:
    assert not RISKY.search(clean(text))
    for encoding in ("latin-1", "ascii", "cp1252", "utf-8"):
        with os.fdopen(os.memfd_create("stdout"), "w+", encoding=encoding) as stdout:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("sys.stdout", stdout)
                say("Name:", Styled(text, "red", bold=True))
            stdout.seek(0)
            assert len(stdout.read().splitlines()) == 1


# --- colours -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": ""}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": "", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colours_in_a_pipe(variables: dict[str, Any], coloured: bool) -> None:
    assert (b"\x1b[" in run("services", **variables).stdout) is coloured
    assert (b"\x1b[" in run("services", "nowhere", **variables).stderr) is coloured
    assert b"\x1b[" not in run("services", "--json", **variables).stdout


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_colours_on_a_terminal(no_color: str, coloured: bool) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command("services"), stdout=theirs, stderr=theirs, env=environment(NO_COLOR=no_color)
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while data := os.read(ours, 65536):
                said += data
        except OSError:
            pass  # Linux says so at the end of a terminal
        assert process.wait(25) == 0
    os.close(ours)
    assert (b"\x1b[" in said) is coloured


# --- output that is gone -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [["--help"], ["services"], ["services", "--json"], ["demo"], ["serve", "--help"]]
)
def test_a_reader_that_is_gone_ends_it_quietly(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command(*arguments), stdout=writing, stderr=subprocess.PIPE, timeout=25, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_reader_that_leaves_a_session_says_out(authority: Authority) -> None:
    heard: list[bytes] = []
    reading, writing = os.pipe()

    def script(peer) -> None:  # type: ignore[no-untyped-def]
        accepted(behind=b"")(peer)
        heard.append(b"OUT")

    def talks(peer) -> None:  # type: ignore[no-untyped-def]
        os.close(reading)
        script(peer)

    with network(authority, talks) as where:
        done = subprocess.run(
            command("sign-in", *where, "--stay"),
            stdout=writing, stderr=subprocess.PIPE, env=environment(), timeout=25, check=False,
        )  # fmt: skip
        os.close(writing)
    assert (done.returncode, done.stderr, heard) == (141, b"", [b"OUT"])


@pytest.mark.parametrize(
    ("arguments", "stream", "status"),
    [
        (["services"], "stdout", 74),
        (["services", "--json"], "stdout", 74),
        (["--help"], "stdout", 74),
        (["services", "nowhere"], "stderr", 2),
        ([], "stderr", 2),
    ],
)
def test_a_full_disk(arguments: list[str], stream: str, status: int) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        done = subprocess.run(command(*arguments), **streams, timeout=25, check=False)  # type: ignore[call-overload]
    assert done.returncode == status
    if stream == "stdout":
        assert done.stderr.startswith(b"msnpauth: the output cannot be written: ")
        assert done.stderr.count(b"\n") == 1


def test_no_stdout_at_all() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command("services")],
        stderr=subprocess.PIPE, timeout=25, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")

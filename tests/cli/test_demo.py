"""`msnpauth demo`: what it shows in a pipe and on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from command import command, invoke


def test_demo_in_a_pipe() -> None:
    done = subprocess.run(command("demo"), capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    for part in (
        "notification > VER 1 MSNP14",
        "notification < XFR 3 NS 127.0.0.1:",
        "nexus < PassportURLs: DARealm=Passport.Net,DALogin=127.0.0.1:",
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

"""Where the password comes from, and what cannot be one."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys

import pytest

from command import CHALLENGE, command, environment, invoke, run
from conftest import Authority
from wire import PASSPORT, PASSWORD, TICKET, Peer, Server, granted

BOM = b"\xef\xbb\xbf"
ASK = ("ticket", PASSPORT, "--challenge", CHALLENGE)


def sent(authority: Authority, stdin: bytes) -> str:
    """Return the password that reaches the login server, percent-encoded."""
    heads: list[str] = []

    def script(peer: Peer) -> None:
        heads.append(peer.request())
        peer.send(granted())

    with Server(script, authority.server_tls) as server:
        where = ("--login", server.url, "--ca-file", str(authority.ca_file))
        done = run(*ASK, *where, "--password-stdin", stdin=stdin, PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, b"")
    return heads[0].partition(",pwd=")[2].partition(",")[0]


@pytest.mark.parametrize(
    ("stdin", "password"),
    [
        (b"secret\n", "secret"),
        (b"secret", "secret"),
        (b"secret\r\n", "secret"),
        (BOM + b"secret\r\n", "secret"),
        (b"secret\nanother\n", "secret"),
        (b" secret \n", "%20secret%20"),
        (BOM + BOM + b"secret\n", "%EF%BB%BFsecret"),
        ("pä€ss\n".encode(), "p%C3%A4%E2%82%ACss"),
    ],
)
def test_from_stdin(authority: Authority, stdin: bytes, password: str) -> None:
    """As UTF-8 in every locale; a byte order mark at the start is not part of it."""
    assert sent(authority, stdin) == password


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        (b"", "there is no password on stdin"),
        (b"\r\n", "there is no password on stdin"),
        (BOM + b"\n", "there is no password on stdin"),
        (b"hidd\xe9n\n", "stdin is not UTF-8 text"),
        ("hidden\n".encode("utf-16"), "stdin is not UTF-8 text"),
        (b"hid\0den\n", "a control character, such as NUL or a line break"),
        (b"hid\rden\n", "a control character, such as NUL or a line break"),
        ("hidden\n".encode("utf-16-le"), "a control character"),
        (b"hidden" * 2000, "longer than 4096"),
    ],
)
def test_stdin_that_holds_none(stdin: bytes, says: str) -> None:
    done = run(*ASK, "--password-stdin", stdin=stdin)
    text = done.stderr.decode()
    assert (done.returncode, done.stdout, text.count("\n")) == (2, b"", 1)
    assert text.startswith("msnpauth: ")
    assert says in text
    assert "hid" not in text


def test_stdin_that_is_closed() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *command(*ASK, "--password-stdin")],
        capture_output=True, env=environment(), timeout=25, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(b"msnpauth: --password-stdin: stdin ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"hidd\xe9n", "$MSNPAUTH_PASSWORD holds bytes that are not UTF-8"),
        (b"hid\nden", "$MSNPAUTH_PASSWORD holds a control character"),
        (b"\n", "$MSNPAUTH_PASSWORD is empty"),
    ],
)
def test_a_variable_that_holds_none(value: bytes, says: str) -> None:
    done = run(*ASK, MSNPAUTH_PASSWORD=os.fsdecode(value), LC_ALL="C.UTF-8")
    text = done.stderr.decode()
    assert (done.returncode, text.count("\n")) == (2, 1)
    assert says in text
    assert "hid" not in text


def test_nowhere() -> None:
    done = invoke(*ASK)
    assert done.exit_code == 2
    assert "--password-stdin" in done.stderr


def test_other_options_are_checked_before_a_password_is_asked_for() -> None:
    for wrong in (
        ["--host", "a b"],
        ["--ca-file", os.__file__],
        ["--challenge", ""],
    ):
        done = invoke(*ASK, *wrong)
        assert done.exit_code == 2
        assert "password" not in done.stderr, wrong


def typing(typed: bytes | None, *options: str, how: int | None = None) -> tuple[int, bytes]:
    """Run it on a terminal; type something at the prompt, or send a signal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*ASK, *options),
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, close_fds=True,
        env=environment(MSNPAUTH_PASSWORD=None),
    ) as process:  # fmt: skip
        os.close(theirs)
        said, asked = b"", False
        try:
            while select.select([ours], [], [], 25)[0] and (data := os.read(ours, 65536)):
                said += data
                if b"Password of" in said and not asked:
                    asked = True
                    if how is not None:
                        process.send_signal(how)
                    if typed is not None:
                        os.write(ours, typed)
        except OSError:
            pass  # Linux says so at the end of a terminal
        status = process.wait(25)
    os.close(ours)
    return status, said


def test_from_a_prompt(authority: Authority) -> None:
    """On a terminal it is asked for, and not echoed."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(granted())

    with Server(script, authority.server_tls) as server:
        where = ("--login", server.url, "--ca-file", str(authority.ca_file))
        status, said = typing(PASSWORD.encode() + b"\n", *where)
    assert status == 0
    assert TICKET.encode() in said
    assert PASSWORD.encode() not in said


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (b"\n", b"the password from the prompt is empty"),
        (b"\x04", b"no password was typed"),
        (b"hidd\xff\xfen\n", b"not text"),
    ],
)
def test_a_prompt_that_gets_none(typed: bytes, says: bytes) -> None:
    status, said = typing(typed)
    assert status == 2
    assert says in said or b"not UTF-8" in said
    assert b"Traceback" not in said
    assert b"hidd" not in said


@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_at_the_prompt(how: signal.Signals, status: int) -> None:
    ended, said = typing(None, how=how)
    assert ended == status
    assert b"Traceback" not in said
    assert b"Abort" not in said


def test_a_name_that_the_terminal_cannot_show(authority: Authority) -> None:
    ours, theirs = pty.openpty()
    code = f"import sys; from msnpauth.cli import main; main(['ticket', 'ゆき@example.com', '--challenge', '{CHALLENGE}'])"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env=environment(MSNPAUTH_PASSWORD=None, LC_ALL="C", PYTHONIOENCODING="ascii"),
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        try:
            while data := os.read(ours, 65536):
                said += data
                if b"Password of" in said and b"example.com: " in said:
                    os.write(ours, b"\n")
        except OSError:
            pass
        assert process.wait(25) == 2
    os.close(ours)
    assert b"Traceback" not in said

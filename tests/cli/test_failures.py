"""How the command ends: exit status, one line, signals."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import threading

import click
import pytest

import msnpauth
from command import CHALLENGE, accepted, command, environment, invoke, network
from conftest import Authority
from msnpauth import cli
from msnpauth.cli.failures import Stopped, ended
from msnpauth.cli.output import OutputFailed
from wire import PASSPORT, PASSWORD, Peer, Server

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (msnpauth.WrongCredentials("x"), 1),
        (msnpauth.AccountBlocked("x"), 1),
        (msnpauth.LocalProtocolError("x"), 2),
        (click.UsageError("x"), 2),
        (click.BadParameter("x"), 2),
        (msnpauth.RemoteProtocolError("x"), 3),
        (msnpauth.ServiceUnavailable("x"), 3),
        (msnpauth.NoCommonDialect("x"), 3),
        (msnpauth.UntrustedRedirect("x"), 3),
        (msnpauth.TooManyRedirects("x"), 3),
        (msnpauth.SignInTimeout("x"), 3),
        (msnpauth.ConnectionFailed("x"), 3),
        (msnpauth.CertificateRejected("x"), 3),
        (msnpauth.CommandRefused("x"), 3),
        (msnpauth.SessionEnded("x", reason="SSD"), 3),
        (ValueError("hidden"), 70),
        (UnicodeEncodeError("utf-8", "hidden", 0, 1, "hidden"), 70),
        (OSError("hidden"), 70),
        (RecursionError("hidden"), 70),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
@pytest.mark.parametrize("as_json", [False, True])
def test_one_line_and_a_status(
    problem: Exception, status: int, as_json: bool, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def work() -> None:
        raise problem

    assert ended(work, as_json=as_json) == status
    said = capfdbinary.readouterr()
    line, nothing = (said.out, said.err) if as_json else (said.err, said.out)
    assert nothing == b""
    assert line.count(b"\n") == 1
    assert b"hidden" not in line
    if as_json:
        assert json.loads(line)["error"]["kind"] in (
            type(problem).__name__,
            "UsageError",
            "InternalError",
        )
    else:
        assert line.startswith(b"msnpauth: ")


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (Stopped(signal.SIGTERM), 143),
        (click.exceptions.Exit(5), 5),
    ],
)
def test_ends_without_a_word(
    problem: BaseException, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        raise problem

    assert ended(work, as_json=False) == status
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_ours_can_be_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says where it happened; neither its text nor a local variable is shown."""

    def broken(*_arguments: object) -> None:
        hidden = PASSWORD
        raise KeyError(hidden)

    monkeypatch.setattr("msnpauth.core.client.sign_in.check_guid", broken)
    done = invoke("sign-in", PASSPORT, "--host", "h", password=PASSWORD)
    assert done.exit_code == 70
    assert done.stdout == ""
    start, _, end = done.stderr.partition(" at msnpauth/core/client/sign_in.py line ")
    assert start == "msnpauth: internal error (KeyError"
    assert end.endswith("); please report it\n")
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_no_more_files_is_no_fault_of_ours(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise OSError(number, os.strerror(number))

    assert ended(work, as_json=False) == 3
    said = capfd.readouterr().err
    assert said == (
        "msnpauth: the system lets this process open no more files and connections; see `ulimit -n`,"
        " or LimitNOFILE= of systemd\n"
    )


def test_warnings_and_threads_are_told_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    """A library that logs a traceback, or a thread that ends by one, could show a secret."""

    def broken() -> None:
        raise ValueError(PASSWORD)

    def work() -> None:
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()
        try:
            broken()
        except ValueError:
            logging.getLogger("asyncio").exception("Task failed: %s", PASSWORD)
        logging.getLogger("asyncio").warning("slow\x1b[2J")

    assert ended(work, as_json=False) == 0
    lines = capfd.readouterr().err.splitlines()
    assert lines == [
        "msnpauth: internal error (ValueError); please report it",
        "msnpauth: internal error (ValueError); please report it",
        "msnpauth: slow [2J",
    ]


def test_nothing_is_left_behind() -> None:
    before = (
        signal.getsignal(signal.SIGTERM),
        threading.excepthook,
        logging.getLogger().handlers[:],
    )
    assert ended(lambda: None, as_json=False) == 0
    after = (
        signal.getsignal(signal.SIGTERM),
        threading.excepthook,
        logging.getLogger().handlers[:],
    )
    assert after == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As `nohup` has it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert ended(lambda: signal.raise_signal(signal.SIGHUP), as_json=False) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_output_that_fails_while_an_error_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OutputFailed("full", closed=False)

    def work() -> None:
        raise msnpauth.WrongCredentials("x")

    monkeypatch.setattr("msnpauth.cli.failures.say", full)
    assert ended(work, as_json=False) == 1


def test_not_standalone() -> None:
    """Who calls it from Python, as click's own tests do, gets the exceptions."""
    with pytest.raises(click.UsageError):
        cli.main(["nothing"], standalone_mode=False)


def test_shell_completion() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from msnpauth.cli import main; main(prog_name='msnpauth')"],
        env=environment(_MSNPAUTH_COMPLETE="bash_complete", COMP_WORDS="msnpauth s", COMP_CWORD="1"),
        capture_output=True, timeout=25, check=False,
    )  # fmt: skip
    assert b"sign-in" in done.stdout


# --- signals -----------------------------------------------------------------------------------


def signalled(
    arguments: list[str], reached: threading.Event, how: signal.Signals
) -> tuple[int, bytes]:
    """Run the command, send it a signal when a server saw it come, and return how it ended."""
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert reached.wait(25)
        process.send_signal(how)
        out, err = process.communicate(timeout=25)
        assert b"Traceback" not in out
        return process.returncode, err


@pytest.mark.parametrize(("how", "status"), SIGNALS)
@pytest.mark.parametrize("options", [[], ["--json"], ["--reconnect"]])
def test_a_signal_ends_a_session_by_out(
    authority: Authority, how: signal.Signals, status: int, options: list[str]
) -> None:
    online, out = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        say = peer.send

        def send(data: bytes | str) -> None:
            say(data)
            if data == b"NLN NLN x@y X 0\r\n":
                online.set()

        peer.send = send  # type: ignore[method-assign]
        accepted(behind=b"NLN NLN x@y X 0\r\n")(peer)
        out.set()  # it returns when it was told OUT

    with network(authority, script) as where:
        done = signalled(["sign-in", *where, "--stay", *options], online, how)
        assert out.wait(25)
    assert done == (status, b"")


@pytest.mark.parametrize(("how", "status"), SIGNALS)
def test_a_signal_in_the_middle_of_a_sign_in(
    authority: Authority, how: signal.Signals, status: int
) -> None:
    reached = threading.Event()

    def silent(peer: Peer) -> None:
        peer.line()
        reached.set()
        peer.silence()

    with network(authority, silent) as where:
        assert signalled(["sign-in", *where], reached, how) == (status, b"")


@pytest.mark.parametrize(("how", "status"), SIGNALS)
def test_a_signal_while_a_ticket_is_fetched(
    authority: Authority, how: signal.Signals, status: int
) -> None:
    reached = threading.Event()

    def silent(peer: Peer) -> None:
        peer.request()
        reached.set()
        peer.silence()

    with Server(silent, authority.server_tls) as login:
        where = ["--login", login.url, "--ca-file", str(authority.ca_file)]
        arguments = ["ticket", PASSPORT, "--challenge", CHALLENGE, *where]
        assert signalled(arguments, reached, how) == (status, b"")


def test_verbose_ends_by_what_is_known() -> None:
    with Server(lambda peer: None) as gone:
        pass
    done = invoke(
        "sign-in",
        PASSPORT,
        "--notification",
        gone.address,
        "--scheme",
        "MD5",
        "--verbose",
        password=PASSWORD,
    )
    lines = done.stderr.splitlines()
    assert "msnpauth: notification at" in done.stderr
    assert "MA-NET-04: The connection was refused" in lines
    assert lines[-1].startswith("`msnpauth doctor` with the same options")
    plain = invoke(
        "sign-in", PASSPORT, "--notification", gone.address, "--scheme", "MD5", password=PASSWORD
    )
    assert len(plain.stderr.splitlines()) == 1
    told = json.loads(
        invoke(
            "sign-in",
            PASSPORT,
            "--notification",
            gone.address,
            "--scheme",
            "MD5",
            "--json",
            password=PASSWORD,
        ).stdout
    )
    assert told["error"]["finding"] == "MA-NET-04"

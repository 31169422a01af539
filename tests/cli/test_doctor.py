"""`msnpauth doctor`: options, output, and the exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from command import invoke, run
from examined import speaks
from msnpauth.cli.doctor import _progress
from msnpauth.doctor import Examination, Finding, State
from msnpauth.service import Service
from wire import PASSPORT, PASSWORD, Server

ALICE = "alice@example.com"


def network(service: Service) -> list[str]:
    servers = service.servers
    return [
        *("--notification", str(servers.notification)),
        *("--nexus", str(servers.nexus)),
        *("--rst", str(servers.rst)),
        *("--contacts", str(servers.contacts)),
        *("--ca-file", str(service.ca_file)),
    ]


def test_a_network_and_an_account_that_are_well(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    done = invoke("doctor", ALICE, *network(service), "--html", str(path), password=PASSWORD)
    assert done.exit_code == 0, done.stdout
    assert "✓ passed    MA-DOC-16 sign-in by SSO: signed in by MSNP18" in done.stdout
    assert done.stdout.splitlines()[-1].endswith(", 0 failed, 2 not tried")
    assert done.stderr == "The account will be signed in, which may end another session of it.\n"
    assert PASSWORD not in done.stdout
    page = path.read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert PASSWORD not in page


def test_json_is_one_object(service: Service) -> None:
    done = invoke("doctor", ALICE, *network(service), "--json", password=PASSWORD)
    [line] = done.stdout.splitlines()
    told = json.loads(line)
    assert told["counts"]["failed"] == 0
    assert told["sign_in"]["signed_in"] is True
    assert done.stderr == ""


def test_a_wrong_password(service: Service) -> None:
    done = invoke("doctor", ALICE, *network(service), password="not that password")
    assert done.exit_code == 1
    assert "✗ failed    MA-ACC-02 sign-in by SSO" in done.stdout
    assert "sign-in by TWN: the account was refused already" in done.stdout


def test_a_network_that_is_down() -> None:
    with Server(lambda peer: None) as gone:
        pass
    done = invoke("doctor", "--notification", gone.address)
    assert done.exit_code == 3
    assert "✗ failed    MA-NET-04" in done.stdout
    assert "nothing listens at that port" in done.stdout


def test_hints_name_options() -> None:
    with Server(speaks(5)) as server:
        done = invoke("doctor", "--notification", server.address)
    assert "use --scheme MD5, and a password that is used nowhere else" in done.stdout
    assert "matters to MSN Messenger 1 to 4" in done.stdout


def test_a_network_that_is_gone() -> None:
    done = invoke("doctor", "--service", "microsoft")
    assert done.exit_code == 3
    assert "the network 'microsoft' is gone" in done.stderr


@contextmanager
def found(*findings: Finding) -> Iterator[list[Examination]]:
    """Have every examination find this; yield those that were made."""
    made: list[Examination] = []

    def examine(self: Examination) -> Iterator[Finding]:
        made.append(self)
        self.findings += findings
        yield from findings

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Examination, "__iter__", examine)
        yield made


VERDICT = Finding("MA-DOC-26", "msnpjs", State.FAILED, "does not sign on", "msnpjs", "")


def test_conformance_ends_by_its_badge_and_fails_for_no_verdict() -> None:
    with found(VERDICT) as made:
        done = invoke("doctor", "--host", "h.example", "--conformance")
        assert done.exit_code == 0
        assert done.stdout.splitlines()[-2:] == [
            "MSNP: 0 of 1 generations of clients sign on; not msnpjs",
            "0 passed, 0 warning, 1 failed, 0 not tried",
        ]
        invoke("doctor", "--host", "h.example")
        invoke("doctor", "--host", "h.example", "--conformance", "--timeout", "7")
    deadlines = [examination._patient.deadline.timeout for examination in made]
    assert deadlines == [180.0, 60.0, 7.0]


def test_what_it_finds_does_not_drive_the_terminal() -> None:
    finding = Finding("MA-DOC-01", "a\x1b[2Jb", State.WARNING, "c\nd", "e\x07", "f\x9bg")
    with found(finding):
        done = invoke("doctor", "--host", "h.example")
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 4


def test_codes() -> None:
    done = invoke("doctor", "--code", "80048821")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "80048821: the address or the password was refused"
    assert done.stdout.splitlines()[-1] == "  See MA-ACC-01."
    told = json.loads(invoke("doctor", "--code", "80048821", "--json").stdout)
    assert told["finding"] == "MA-ACC-01"
    assert invoke("doctor", "--code", "MA-TLS-03").stdout.count("See") == 0
    assert invoke("doctor", "--code", "hello").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no network is named"),
        (["--host", "h.example", "--transport", "pigeon"], "is none of sockets, curl, httpx"),
        (["nobody", "--host", "h.example"], "passport"),
        ([PASSPORT, "--host", "h.example"], "there is no password"),
        (["--host", "h.example", "--html", "/nowhere/x.html"], "cannot be written"),
    ],
)
def test_wrong_usage(arguments: list[str], says: str) -> None:
    with found():
        done = invoke("doctor", *arguments)
    assert done.exit_code == 2
    assert says in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn on standard error, and tells what is being done."""
    reading, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        with _progress() as progress:
            progress("asking the nexus")
    drawn = b""
    # A terminal hands over what was written piece by piece; its end is EOF, or EIO on Linux.
    with suppress(OSError):
        while piece := os.read(reading, 65536):
            drawn += piece
    os.close(reading)
    assert b"asking the nexus" in drawn


def test_no_terminal_no_progress() -> None:
    with Server(lambda peer: None) as gone:
        pass
    done = run("doctor", "--notification", gone.address)
    assert (done.returncode, done.stderr) == (3, b"")

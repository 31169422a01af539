"""Runs the command: in this process where that is enough, and in one of its own otherwise.

Streams, the locale and signals are a process's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from click.testing import CliRunner, Result

from conftest import Authority
from msnpauth.cli import main
from wire import PASSPORT, PASSWORD, TICKET, Peer, Script, Server, answers, granted

CHALLENGE = "lc=1033,id=507"

# As Microsoft's servers sent it: what is secret in it, and what is not.
PROFILE = (
    b"MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsprofile; charset=UTF-8\r\n"
    b"preferredEmail: alice@example.com\r\nsid: 507\r\nkv: 5\r\n"
    b"MSPAuth: 53*1hAu8ADuD3TEw\r\n  and*more\r\nMSPProf: 5prof*secret\r\nMSPSec: 5sec*secret\r\n"
    b"ClientIP: 127.0.0.1\r\n\r\n"
)


def invoke(
    *arguments: str, stdin: str | bytes | None = None, password: str | None = None
) -> Result:
    """Run the command in this process."""
    environment = {} if password is None else {"MSNPAUTH_PASSWORD": password}
    return CliRunner().invoke(main, arguments, input=stdin, env=environment)


def command(*arguments: str | bytes) -> list[str | bytes]:
    return [sys.executable, "-m", "msnpauth", *arguments]


def environment(**variables: str | None) -> dict[str, str]:
    """Return this process's environment with some variables changed, or left out for None."""
    changed = {"MSNPAUTH_PASSWORD": PASSWORD, "NO_COLOR": None, "FORCE_COLOR": None} | variables
    kept = {name: value for name, value in os.environ.items() if name not in changed}
    return kept | {name: value for name, value in changed.items() if value is not None}


def run(
    *arguments: str | bytes, stdin: bytes | None = None, **variables: str | None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own; the password is in its environment."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        env=environment(**variables),
        input=stdin or b"",
        timeout=25,
        check=False,
    )


def accepted(words: bytes = b"Alice 1 0", *, behind: bytes = b"", version: int = 9) -> Script:
    """Return a notification server that accepts everybody by `USR n OK passport words`."""

    def script(peer: Peer) -> None:
        said = b"alice@example.com " + words if b"@" not in words else words
        peer.line()
        peer.send(f"VER 1 MSNP{version}\r\n")
        peer.line()
        peer.send("CVR 2 1.0.0000 1.0.0000 1.0.0000 http://x http://x\r\n")
        peer.line()
        peer.send("USR 3 TWN S lc=1033,id=507\r\n")
        assert peer.line() == f"USR 4 TWN S {TICKET}"
        profile = b"MSG Hotmail Hotmail %d\r\n%s" % (len(PROFILE), PROFILE)
        peer.send(b"USR 4 OK " + said + b"\r\n" + profile)
        while not (line := peer.line()).startswith("OUT"):
            if line.startswith("CHG"):
                peer.send(line + "\r\n")
                peer.send(behind)

    return script


@contextmanager
def network(authority: Authority, script: Script, *, signed_in: int = 1) -> Iterator[list[str]]:
    """Run that notification server and a login server; give the options that name them."""
    with (
        Server(answers(*[granted()] * signed_in), authority.server_tls) as login,
        Server(script) as server,
    ):
        yield [
            PASSPORT,
            *("--dialect", "9", "--notification", server.address),
            *("--login", login.url, "--ca-file", str(authority.ca_file)),
        ]


@contextmanager
def running(*arguments: str, **variables: str | None) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command in a process of its own, beside the test."""
    process = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=environment(**variables),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()

"""`msnpauth ticket`: the ticket, or one line that says why there is none."""

from __future__ import annotations

import json

import pytest
from click.testing import Result

from command import CHALLENGE, invoke
from conftest import Authority
from wire import PASSPORT, PASSWORD, TICKET, Server, answers, granted, http


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
        (http(302, "Location: https://evil.example/"), 3, "name it with --trust"),
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

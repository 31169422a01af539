"""`msnpauth decode`: what is pasted, by standard input or as an argument that holds no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import invoke, run
from msnpauth.service.tickets import TicketOffice, new_key

LINE = "USR 6 TWN S lc=1033,id=507"


def test_an_argument() -> None:
    done = invoke("decode", LINE)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "USR: the challenge of TWN (Passport)",
        "  notification server to client; it goes to the login server as it is",
        "  transaction id  6",
        "  lc              1033  (locale of the user, as a Windows LCID)",
        "  id              507  (number of the site: 507 is Messenger)",
    ]


def test_standard_input_and_what_is_wrong() -> None:
    done = invoke("decode", stdin="t=geheim\r\n")
    assert done.exit_code == 0
    assert "geheim" not in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "   ! there is no `&p=`, without which msn-pecan crashes"
    )


def test_bytes_that_are_not_utf8() -> None:
    done = run("decode", stdin=b"NLN NLN bob@example.com B\xf6b 0\r\n")
    assert done.returncode == 0
    assert b"NLN: somebody's status has changed" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "t=1&p=2",
        "Authorization: Passport1.4 pwd=x",
        "Authentication-Info: Passport1.4 from-PP='x'",
        "USR 4 TWN S 5e8278f5acbab9d3c17d",
        "USR 4 MD5 S 0123456789abcdef0123456789abcdef",
        "USR 4 SSO S t=1&p= HAAAAAEAAAAD",
        "<Envelope/>",
        "ANS 1 a@b.example KEY 1",
        "USR 1 a@b.example KEY",
        "XFR 6 SB 192.0.2.1:1863 CKI KEY",
        "USR 3 SHA A ticket",
    ],
)
def test_secrets_never_come_by_argument(text: str) -> None:
    done = invoke("decode", text)
    assert done.exit_code == 2
    assert "give it by standard input" in done.stderr
    assert text not in done.stderr


def test_a_ticket_with_its_keys(tmp_path: Path) -> None:
    key = new_key()
    keys = tmp_path / "keys"
    keys.write_text(f"# of our service\n{key}\n\n")
    ticket, _ = TicketOffice([key]).issue("alice@example.com")
    done = invoke("decode", "--keys", str(keys), stdin=ticket)
    assert "account  alice@example.com" in done.stdout
    assert key not in done.stdout
    told = json.loads(invoke("decode", "--keys", str(keys), "--json", stdin=ticket).stdout)
    assert told[0]["kind"] == "a ticket"
    assert {"name": "account", "value": "alice@example.com", "means": ""} in told[0]["fields"]
    keys.write_text("no key")
    assert invoke("decode", "--keys", str(keys), stdin=ticket).exit_code == 2
    keys.write_bytes(b"\xff")
    assert "cannot be read" in invoke("decode", "--keys", str(keys), stdin=ticket).stderr


def test_what_nobody_can_tell() -> None:
    done = invoke("decode", stdin="hello")
    assert done.exit_code == 2
    assert done.stderr.startswith("msnpauth: nobody can tell what that is")

"""Commands as JSON: words and payloads, secrets masked."""

from __future__ import annotations

import base64
import json

import pytest

from command import PROFILE, accepted, network, run
from conftest import Authority
from msnpauth import Command
from msnpauth.cli.received import as_fields, masked_payload

SECRETS = [b"53*1hAu8ADuD3TEw", b"and*more", b"5prof*secret", b"5sec*secret", b"507"]


def test_the_profile_without_its_secrets() -> None:
    shown = masked_payload(PROFILE)
    assert [secret for secret in SECRETS if secret in shown] == []
    for kept in (
        b"preferredEmail: alice@example.com\r\n",
        b"kv: 5\r\n",
        b"ClientIP: 127.0.0.1\r\n",
    ):
        assert kept in shown
    assert b"MSPAuth: ***\r\nMSPProf: ***\r\nMSPSec: ***\r\n" in shown
    assert shown.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"mspauth:hidden", b"mspauth: ***"),
        (b"MSPAUTH : hidden\nx: y", b"MSPAUTH : ***\nx: y"),
        (b"x: y\rMSPAuth: hidden\rz", b"x: y\rMSPAuth: ***\rz"),
        (b"Login-Ticket: hidden\r\n", b"Login-Ticket: ***\r\n"),
        (
            b"<TicketToken>t=hid&amp;p=den</TicketToken>",
            b"<TicketToken>***&amp;p=den</TicketToken>",
        ),
        (b'<a ticket="hidden" b="c"/>', b'<a ticket="***" b="c"/>'),
        (b"go to /?t=hidden&p=more&x=y", b"go to /?***&x=y"),
        (b"t=5 and p=6", b"t=5 and p=6"),
        (b"Inside: 507", b"Inside: 507"),
        (b"", b""),
        ("Hallo, wie geht’s?".encode(), "Hallo, wie geht’s?".encode()),
    ],
)
def test_payloads(payload: bytes, shown: bytes) -> None:
    assert masked_payload(payload) == shown


@pytest.mark.parametrize(
    "unit",
    [b"t=", b"ticket", b"ticket ", b"-", b"sid", b"sid:", b"MSPAuth:\r\n ", b"<ticket", b" "],
)
def test_a_long_payload_is_masked_in_linear_time(unit: bytes) -> None:
    """As long as a payload can be. A quadratic pattern would run into the limit of each test."""
    payload = unit * (1024 * 1024 // len(unit))
    assert masked_payload(payload)[:1] == payload[:1]


def test_words_and_payload() -> None:
    assert as_fields(Command("NLN", None, ("NLN", "x@y", "X%20Y", "0"))) == {
        "verb": "NLN",
        "trid": None,
        "args": ["NLN", "x@y", "X%20Y", "0"],
        "payload": None,
        "payload_encoding": None,
        "line": "NLN NLN x@y X%20Y 0",
    }
    told = as_fields(Command("UBX", None, ("x@y",), "<Data>ゆき</Data>".encode()))
    assert (told["payload"], told["payload_encoding"]) == ("<Data>ゆき</Data>", "utf-8")
    told = as_fields(Command("MSG", None, ("x@y", "X"), b"\xff\xfeMSPAuth: hidden\r\n"))
    assert told["payload_encoding"] == "base64"
    assert base64.b64decode(str(told["payload"])) == b"\xff\xfeMSPAuth: ***\r\n"


@pytest.mark.parametrize(
    ("command", "args"),
    [
        (Command("XFR", 9, ("SB", "h:1863", "CKI", "hidden")), ["SB", "h:1863", "CKI", "***"]),
        (
            Command("RNG", None, ("12", "h:1863", "CKI", "hidden", "x@y", "X")),
            ["12", "h:1863", "CKI", "***", "x@y", "X"],
        ),
        (Command("USR", 9, ("x@y", "hidden")), ["x@y", "***"]),
        (Command("ANS", 9, ("x@y", "hidden", "12")), ["x@y", "***", "***"]),
        (Command("USR", 9, ("OK", "x@y", "X")), ["OK", "x@y", "X"]),
        (Command("XFR", 9, ("A" * 700, "CKI", "hidden")), ["A" * 700, "CKI", "***"]),
    ],
)
def test_tickets_among_the_words(command: Command, args: list[str]) -> None:
    told = as_fields(command)
    assert told["args"] == args
    assert "hidden" not in str(told)


def test_stay_as_json(authority: Authority) -> None:
    behind = (
        b"NLN NLN x@y J\xfcrgen 0\r\n"
        b"UBX x@y 5\r\n<\xc3\xa9/>"
        b"MSG x@y X 3\r\n\xff\xfe!"
        b"RNG 12 h:1863 CKI hidden x@y X\r\n"
        b"OUT OTH\r\n"
    )
    with network(authority, accepted(behind=behind)) as where:
        done = run("sign-in", *where, "--stay", "--json", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert done.stderr == b"The session is over: the account signed in elsewhere\n"
    told = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert told[0]["passport"] == "alice@example.com"
    assert told[0]["profile"]["preferredEmail"] == "alice@example.com"
    shown = {command["verb"]: command for command in told[1:] if command["payload"] != "x"}
    assert shown["NLN"]["args"] == ["NLN", "x@y", "J\ufffdrgen", "0"]
    assert shown["UBX"] | {"line": ""} == {
        "verb": "UBX", "trid": None, "args": ["x@y"],
        "payload": "<é/>", "payload_encoding": "utf-8", "line": "",
    }  # fmt: skip
    assert shown["MSG"]["payload_encoding"] == "base64"
    assert base64.b64decode(shown["MSG"]["payload"]) == b"\xff\xfe!"
    profile = next(c for c in told[1:] if c["payload"] and "msmsgsprofile" in c["payload"])
    assert "preferredEmail: alice@example.com\r\n" in profile["payload"]
    assert [secret for secret in SECRETS if secret in done.stdout] == []
    assert b"hidden" not in done.stdout

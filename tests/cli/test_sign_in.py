"""`msnpauth sign-in`: what it tells, and what it does when it stays."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import Result

from command import invoke
from conftest import Authority
from msnpauth.service import Service
from msnpauth.sync import session
from wire import PASSPORT, PASSWORD, Peer, Server, answers, granted, later, to_ok


def sign_in(service: Service, *arguments: str, password: str = PASSWORD) -> Result:
    where = (
        "--notification",
        str(service.servers.notification),
        "--nexus",
        str(service.servers.nexus),
    )
    return invoke(
        "sign-in",
        PASSPORT,
        *where,
        "--ca-file",
        str(service.ca_file),
        *arguments,
        password=password,
    )


def test_sign_in(service: Service) -> None:
    done = sign_in(service)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Signed in: {PASSPORT}, MSNP14, at 127.0.0.1:")
    assert "Ticket: " in done.stdout
    assert done.stderr == ""


def test_sign_in_with_a_dialect_one_at_a_time(service: Service) -> None:
    done = sign_in(service, "--dialect", "9", "--dialect", "8", "--no-pipeline", "--verbose")
    assert "MSNP9" in done.stdout
    assert "> VER 1 MSNP9 MSNP8 CVR0" in done.stderr


def test_sign_in_by_scheme(service: Service) -> None:
    done = sign_in(service, "--scheme", "sso", "--rst", str(service.servers.rst), "--verbose")
    assert done.exit_code == 0
    assert "MSNP18" in done.stdout
    assert "USR 7 SSO S *** *** ***" in done.stderr
    assert sign_in(service, "--scheme", "nonsense").exit_code == 2


def test_sign_in_as_json(service: Service) -> None:
    done = json.loads(sign_in(service, "--json").stdout)
    assert (done["passport"], done["dialect"], done["display_name"]) == (PASSPORT, 14, PASSPORT)
    assert done["profile"]["preferredEmail"] == PASSPORT


def test_sign_in_refused(service: Service) -> None:
    done = sign_in(service, password="not this one")
    assert done.exit_code == 1
    assert done.stderr.startswith("msnpauth: login at https://127.0.0.1:")


def test_sign_in_unavailable() -> None:
    with Server(lambda peer: None) as gone:
        pass
    done = invoke(
        "sign-in", PASSPORT, "--notification", gone.address, "--login", gone.url, password="x"
    )
    assert done.exit_code == 3
    assert "nothing listens at that port" in done.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_stay(authority: Authority, as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_PROFILE_PATIENCE", 0.05)

    def script(peer: Peer) -> None:
        to_ok(peer)
        assert peer.line() == "CHG 5 NLN 0"
        peer.send("CHG 5 NLN 0\r\nNLN NLN x@y X 0\r\nOUT OTH\r\n")
        peer.until_closed()

    with Server(answers(granted()), authority.server_tls) as login, Server(script) as server:
        where = (
            "--notification",
            server.address,
            "--login",
            login.url,
            "--ca-file",
            str(authority.ca_file),
        )
        flags = ["--stay", *(["--json"] if as_json else [])]
        done = invoke("sign-in", PASSPORT, *where, *flags, password=PASSWORD)
    assert done.exit_code == 0
    assert "NLN NLN x@y X 0" in done.stdout
    assert "signed in elsewhere" in done.stderr


def test_stay_where_the_server_sends_us(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes online again at the other server."""
    monkeypatch.setattr(session, "_PROFILE_PATIENCE", 0.05)

    def sends_on(peer: Peer) -> None:
        to_ok(peer)
        assert peer.line() == "CHG 5 NLN 0"
        peer.send(f"CHG 5 NLN 0\r\nXFR 0 NS {other.address}\r\n")
        peer.until_closed()

    def takes(peer: Peer) -> None:
        later(peer)
        verb, trid, *words = peer.line().split(" ")
        assert [verb, *words] == ["CHG", "NLN", "0"]
        peer.send(f"CHG {trid} NLN 0\r\nOUT OTH\r\n")
        peer.until_closed()

    with (
        Server(answers(granted(), granted()), authority.server_tls) as login,
        Server(takes) as other,
        Server(sends_on) as server,
    ):
        where = ("--notification", server.address, "--login", login.url)
        trust = ("--ca-file", str(authority.ca_file))
        done = invoke(
            "sign-in", PASSPORT, *where, *trust, "--stay", "--reconnect", password=PASSWORD
        )
    assert done.exit_code == 0
    assert re.search(r"^XFR 0 NS .*\nUSR \d+ OK ", done.stdout, re.MULTILINE)
    assert "signed in elsewhere" in done.stderr


def test_stay_although_presence_is_refused_after_a_move(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is told; the session is worth more than its presence."""
    monkeypatch.setattr(session, "_PROFILE_PATIENCE", 0.05)

    def sends_on(peer: Peer) -> None:
        to_ok(peer)
        assert peer.line() == "CHG 5 NLN 0"
        peer.send(f"CHG 5 NLN 0\r\nXFR 0 NS {other.address}\r\n")
        peer.until_closed()

    def takes(peer: Peer) -> None:
        later(peer)
        peer.send(f"800 {peer.line().split(' ')[1]}\r\n")
        peer.send("NLN NLN x@y X 0\r\n")
        peer.send("OUT OTH\r\n")
        peer.until_closed()

    with (
        Server(answers(granted(), granted()), authority.server_tls) as login,
        Server(takes) as other,
        Server(sends_on) as server,
    ):
        where = ("--notification", server.address, "--login", login.url)
        trust = ("--ca-file", str(authority.ca_file))
        done = invoke("sign-in", PASSPORT, *where, *trust, "--stay", password=PASSWORD)
    assert done.exit_code == 0
    assert "NLN NLN x@y X 0" in done.stdout
    assert "The session is over: the account signed in elsewhere" in done.stderr

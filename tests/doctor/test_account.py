"""Sign-ins, and the session behind the first that works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conftest import Authority
from examined import patient, says, speaks
from msnpauth.core.secrets import Secret
from msnpauth.doctor import account
from msnpauth.doctor.account import sign_ins
from msnpauth.doctor.finding import Finding
from msnpauth.doctor.patient import Patient
from msnpauth.service import Account, Service, run
from msnpauth.sync.session import Session
from wire import PASSPORT, PASSWORD, TICKET, Peer, Server, answers, granted, http


@pytest.fixture(scope="module")
def here() -> Iterator[Service]:
    people = [Account(PASSPORT, PASSWORD, allow_md5=True), Account("bob@example.com", "x")]
    with run(people) as running:
        yield running


def at(service: Service, password: str | None = PASSWORD, *dialects: int) -> Patient:
    one = Patient(
        service.servers,
        PASSPORT,
        None if password is None else Secret(password),
        ca_file=service.ca_file,
        timeout=60,
    )
    one.versions = list(dialects or (7, 8, 14, 15, 18, 21))
    return one


def by_step(one: Patient) -> dict[str, Finding]:
    return {finding.step: finding for finding in sign_ins(one)}


def test_each_scheme_and_one_session(here: Service) -> None:
    one = at(here)
    found = by_step(one)
    assert list(found) == [
        "sign-in by SSO",
        "life of the ticket",
        "contact list",
        "keep-alive",
        "chat with oneself",
        "challenge of the server",
        "sign-in by TWN",
        "sign-in by MD5",
    ]
    assert found["sign-in by SSO"].seen.startswith("signed in by MSNP18 at ")
    assert found["life of the ticket"].seen == "the ticket lives for 24.0 hours"
    assert found["sign-in by MD5"].state == "not tried"
    assert one.facts == {"sign-in SSO": True, "sign-in TWN": True}
    assert one.witness is not None
    assert not here.online


def test_versions_before_msnp13_are_seen_when_they_chat(here: Service) -> None:
    found = by_step(at(here, PASSWORD, 12))
    assert found["chat with oneself"].state == "passed"
    assert found["sign-in by SSO"].seen == "the server has no version that signs in by SSO"


def test_md5_where_there_is_nothing_else(here: Service) -> None:
    found = by_step(at(here, PASSWORD, 5, 7))
    assert found["sign-in by MD5"].state == "passed"
    assert found["life of the ticket"].seen == "MD5 has no ticket"


def test_versions_out_of_use_are_offered_where_there_are_no_others(here: Service) -> None:
    assert "MSNP19" in by_step(at(here, PASSWORD, 19))["sign-in by SSO"].seen


def test_without_a_password(here: Service) -> None:
    found = by_step(at(here, None))
    assert found["sign-in by SSO"].seen == "no password was given"


def test_md5_that_has_to_be_switched_on(authority: Authority) -> None:
    with run([Account(PASSPORT, PASSWORD)]) as service:
        servers = service.servers
        one = at(service, PASSWORD, 7, 8)
        one.servers = type(servers)(
            notification=str(servers.notification),
            nexus=str(servers.nexus),
            schemes=["TWN", "MD5"],
        )
        found = by_step(one)
    assert found["sign-in by TWN"].state == "passed"
    assert found["sign-in by MD5"].state == "warning"
    assert "switched on" in found["sign-in by MD5"].advice


def test_no_server_and_no_way_to_a_ticket() -> None:
    one = patient(nexus="https://n.example/")
    assert "no notification server" in by_step(one)["sign-in by TWN"].seen
    two = patient(notification="n.example")
    assert "no login server that it needs is known" in by_step(two)["sign-in by TWN"].seen


def test_a_server_that_signs_anybody_in(authority: Authority) -> None:
    def script(peer: Peer) -> None:
        for _ in range(3):
            peer.line()
        peer.send("VER 1 MSNP8\r\nCVR 2 1 1 1 u u\r\nUSR 3 TWN S lc=1\r\n")
        peer.line()
        peer.send("USR 4 OK a@b.example A 1 0\r\n")
        peer.until_closed()

    with (
        Server(script) as server,
        Server(answers(granted()), authority.server_tls) as login,
    ):
        one = patient(authority.ca_file, notification=server.address, login=login.url)
        found = by_step(one)
    assert found["sign-in by TWN"].state == "failed"
    assert "anybody is signed in" in found["sign-in by TWN"].seen


def session_that(authority: Authority, answer: str) -> tuple[str, dict[str, Finding]]:
    """Return a server that refuses all but PNG, which it answers by this, and what is found."""

    def script(peer: Peer) -> None:
        for _ in range(3):
            peer.line()
        peer.send("VER 1 MSNP8\r\nCVR 2 1 1 1 u u\r\nUSR 3 TWN S lc=1\r\n")
        assert peer.line() == f"USR 4 TWN S {TICKET}"
        peer.send(f"USR 4 OK {PASSPORT} A 1 0\r\n")
        while True:
            verb, *words = peer.line().split(" ")
            if verb == "PNG":
                peer.send(answer)
            elif verb in ("SYN", "CHG"):
                peer.send(f"201 {words[0]}\r\n")
            elif verb == "QRY":
                peer.send(f"540 {words[0]}\r\n")
                peer.until_closed()
            elif verb == "OUT":
                return

    with (
        Server(script) as server,
        Server(answers(granted()), authority.server_tls) as login,
    ):
        one = patient(authority.ca_file, account=True, notification=server.address, login=login.url)
        return server.address, by_step(one)


def test_a_session_where_nothing_works(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "_CHALLENGE_PATIENCE", 0.1)
    server, found = session_that(authority, "QNG\r\n")
    assert says(found.values())[2:7] == [
        "passed MA-DOC-17 life of the ticket: the login server does not say how long the ticket"
        " lives",
        f"failed MA-SES-03 contact list: {server}: SYN was refused: the server did not like a"
        " parameter (201)",
        "passed MA-DOC-19 keep-alive: PNG is answered by QNG",
        "not tried MA-DOC-28 chat with oneself: the account could not go online",
        "not tried MA-DOC-28 challenge of the server: no CHL came while the account was signed in",
    ]


def test_a_challenge_whose_answer_is_not_taken(authority: Authority) -> None:
    _, found = session_that(authority, "CHL 0 123\r\nQNG\r\n")
    assert (found["challenge of the server"].code, found["challenge of the server"].state) == (
        "MA-MSN-06",
        "failed",
    )


def test_no_answer_to_png(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_PONG_PATIENCE", 0.1)
    monkeypatch.setattr(account, "_CHALLENGE_PATIENCE", 0.1)
    _, found = session_that(authority, "NOT 0\r\n")
    assert found["keep-alive"].state == "warning"


def test_a_password_that_nobody_has_judged_is_not_sent_again(authority: Authority) -> None:
    """The login server may have counted it as wrong, and the next one could lock the account."""
    asked: list[str] = []

    def broken(peer: Peer) -> None:
        while True:
            asked.append(peer.request())
            peer.send(http(500))

    with (
        Server(speaks(8, 15)) as server,
        Server(broken, authority.server_tls) as login,
    ):
        one = patient(
            authority.ca_file,
            account=True,
            notification=server.address,
            login=login.url,
            rst=f"{login.url}/RST.srf",
        )
        one.versions = [8, 15]
        found = by_step(one)
    assert found["sign-in by SSO"].state == "failed"
    assert found["sign-in by TWN"].state == "not tried"
    assert "nobody said whether it is right" in found["sign-in by TWN"].seen
    assert len(asked) == 1


def test_nothing_of_a_session_that_is_over_is_asked(here: Service) -> None:
    with pytest.MonkeyPatch.context() as patch:
        look = account._contacts

        def ends(session: Session, patience: float) -> Finding:
            here.put_out(PASSPORT, "OTH")
            return look(session, patience)

        patch.setattr(account, "_contacts", ends)
        found = by_step(at(here, PASSWORD, 8))
    assert found["contact list"].code == "MA-SES-02"
    assert found["chat with oneself"].seen == "the session is over"


def test_time_is_left_for_nothing_more(here: Service) -> None:
    one = at(here, PASSWORD, 8)
    one.deadline.at -= 59
    assert {finding.code for finding in by_step(one).values()} == {"MA-DOC-28", "MA-DOC-30"}

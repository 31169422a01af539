"""Lines of clients, and what is found wrong with the answers to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conftest import Authority
from examined import patient, speaks
from msnpauth.core.secrets import Secret
from msnpauth.doctor import conformance_lines, raw
from msnpauth.doctor.conformance_lines import lines_of_clients
from msnpauth.doctor.finding import Finding
from msnpauth.doctor.patient import Patient
from msnpauth.service import Account, Service, run
from msnpauth.service.stores.protocol import Proof, Purpose
from wire import PASSPORT, PASSWORD, Peer, Server


@pytest.fixture(scope="module")
def here() -> Iterator[Service]:
    with run([Account(PASSPORT, PASSWORD)]) as running:
        yield running


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "_SILENCE", 0.3)
    monkeypatch.setattr(raw, "_QUIET", 0.1)


def of(service: Service, *dialects: int) -> dict[str, Finding]:
    one = Patient(service.servers, PASSPORT, Secret(PASSWORD), ca_file=service.ca_file, timeout=60)
    one.versions = list(dialects)
    one.account_is_good = True  # a sign-in has shown that
    return {finding.step: finding for finding in lines_of_clients(one)}


@pytest.mark.parametrize("dialects", [(8, 14, 15, 18), (8, 12)])
def test_our_own_service(here: Service, dialects: tuple[int, ...]) -> None:
    found = of(here, *dialects)
    assert {finding.state for finding in found.values()} == {"passed"}
    assert found["a second sign-in"].seen == "the first session was told OUT OTH"
    assert ("MSNP18 without the machine's GUID" in found) == (18 in dialects)


def test_a_server_that_answers_what_it_knows_and_nothing_else() -> None:
    with Server(speaks(8)) as server:
        one = patient(notification=server.address)
        found = {finding.step: finding for finding in lines_of_clients(one)}
    assert found["one byte at a time"].state == "passed"
    assert found["lines without CR"].seen == "no answer came"
    assert found["an empty ticket"].seen.startswith("no answer came, and the connection stays")
    assert found["the server after all of this"].state == "passed"


def test_a_server_that_signs_in_by_a_forged_ticket() -> None:
    def script(peer: Peer) -> None:
        while True:
            line = peer.line()
            trid = line.split(" ")[1] if " " in line else "0"
            if line.startswith("USR") and " S " in line:
                peer.send(f"USR {trid} OK a@b.example A 1 0\r\n")
            else:
                peer.send(f"VER {trid} MSNP8\r\n")

    with Server(script) as server:
        found = {f.step: f for f in lines_of_clients(patient(notification=server.address))}
    assert found["a forged ticket"].seen == "it is signed in"


def test_a_server_that_does_not_live_on() -> None:
    seen: list[str] = []

    def script(peer: Peer) -> None:
        line = peer.line()
        seen.append(line)
        if not any(line.startswith("GET") for line in seen):
            peer.send("VER 1 MSNP8\r\n")
            peer.until_closed()

    with Server(script) as server:
        found = {f.step: f for f in lines_of_clients(patient(notification=server.address))}
    last = found["the server after all of this"]
    assert (last.state, last.seen) == ("failed", "the connection was closed")


def test_nobody_there_and_nothing_known() -> None:
    with Server(lambda peer: None) as gone:
        pass
    one = patient(notification=gone.address)
    assert {finding.state for finding in lines_of_clients(one)} == {"failed"}
    one.versions = []
    assert [finding.state for finding in lines_of_clients(one)] == ["not tried"]


def test_a_server_that_anybody_can_end_a_session_of(
    here: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some end the other sessions of an account when it is named, and not when it has proved it."""

    def ends(*arguments: object, **_: object) -> raw.Reply:
        here.put_out(PASSPORT, "OTH")
        return raw.Reply(b"", is_closed=True)

    monkeypatch.setattr(conformance_lines, "ask", ends)
    found = of(here, 12)
    assert found["a forged ticket for an account that is there"].state == "failed"


def test_letter_case_that_counts(authority: Authority) -> None:
    with run([Account(PASSPORT, PASSWORD)]) as service:
        inner = service.accounts.check

        async def check(
            passport: str, password: Secret, scheme: Purpose, *, is_known: bool = False
        ) -> Proof | None:
            spelt = passport if passport == PASSPORT else "x@x.example"
            return await inner(spelt, password, scheme, is_known=is_known)

        service.accounts.check = check  # type: ignore[method-assign]
        found = of(service, 12)
    assert found["the account in other letter case"].state == "warning"

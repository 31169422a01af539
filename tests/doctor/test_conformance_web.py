"""Requests of clients, and what is found wrong with the answers to them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from conftest import Authority
from examined import patient
from msnpauth.doctor import conformance_web, raw
from msnpauth.doctor.conformance_web import requests_of_clients
from msnpauth.doctor.finding import Finding
from wire import Peer, Server, granted, http

NO = http(401, "WWW-Authenticate: Passport1.4 da-status=failed,srealm=x")
NAMES = http(200, "PassportURLs: DARealm=P,DALogin=l.example/login,ConfigVersion=1")
FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    b"%b<s:Fault><faultcode>wsse:FailedAuthentication</faultcode></s:Fault>%b</s:Envelope>"
)
TICKETS = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><c>%b</c></s:Body>'
    b"</s:Envelope>"
)
TOKEN = (
    b"<RequestSecurityTokenResponse><AppliesTo><EndpointReference><Address>messengerclear.live.com"
    b"</Address></EndpointReference></AppliesTo><RequestedSecurityToken><BinarySecurityToken"
    b' Id="%b">t=1&amp;p=2</BinarySecurityToken></RequestedSecurityToken>'
    b"<RequestedProofToken><BinarySecret>AAAA</BinarySecret></RequestedProofToken>"
    b"</RequestSecurityTokenResponse>"
)


def checked(
    authority: Authority,
    answer: Callable[[str], bytes],
    *,
    account: bool = False,
    facts: dict[str, bool] | None = None,
) -> dict[str, Finding]:
    """Return what is found of a server that answers each request, by its head, in this way."""

    def script(peer: Peer) -> None:
        while True:
            head = peer.read_until(b"\r\n\r\n").decode("latin-1")
            length = re.search(r"Content-Length: (\d+)", head)
            while length and len(peer.heard) < int(length[1]):
                peer.heard += peer.sock.recv(65536)
            head += peer.heard[: int(length[1])].decode("latin-1") if length else ""
            peer.heard = peer.heard[int(length[1]) :] if length else peer.heard
            peer.send(answer(head))

    with Server(script, authority.server_tls) as server:
        one = patient(
            authority.ca_file,
            account=account,
            nexus=f"{server.url}/nexus",
            login=f"{server.url}/login",
            rst=f"{server.url}/RST.srf",
            contacts=server.url,
        )
        one.account_is_good = account
        found = {finding.step: finding for finding in requests_of_clients(one)}
    if facts is not None:
        facts |= one.facts
    return found


def as_old_clients_want(head: str) -> bytes:
    if " /nexus" in head:
        return NAMES
    if "/login" in head:
        return NO
    return http(500, body=FAULT % (b"", b""))


def test_a_server_for_old_clients(authority: Authority) -> None:
    facts: dict[str, bool] = {}
    found = checked(authority, as_old_clients_want, facts=facts)
    wrong = {step: f.seen for step, f in found.items() if f.state != "passed"}
    assert wrong == {
        "DALogin for clients of today": "the header is not `DALogin=https://host/path` alone"
    }
    assert len(found) == 21
    assert [name for name, is_so in facts.items() if not is_so] == ["DALogin as URL"]


def test_a_server_for_clients_of_today(authority: Authority) -> None:
    def answer(head: str) -> bytes:
        return http(200, "PassportURLs: DALogin=https://l.example/login")

    found = checked(authority, answer)
    assert found["DALogin for clients of today"].state == "passed"
    assert found["DALogin for clients of 2003"].seen == (
        "DALogin has a scheme or a port in it, or no comma behind it"
    )


@pytest.mark.parametrize(
    ("answer", "step", "seen"),
    [
        (http(500), "login without Authorization", "the server fails by 500"),
        (http(200), "login without Authorization", "it is taken (200)"),
        (http(403), "form of a refused sign-in", "the answer is 403, not 401"),
        (http(401), "form of a refused sign-in", "401 without da-status=failed"),
        (
            http(401, "Www-Authenticate: Passport1.4 da-status=failed"),
            "form of a refused sign-in",
            "`WWW-Authenticate: ` is spelled otherwise",
        ),
        (
            b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
            "form of the nexus answer",
            "the first line",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "form of the nexus answer",
            "there is no",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "form of the nexus answer",
            "the body is chunked",
        ),
        (
            http(400),
            "nexus asked without HTTP version and Host",
            "no PassportURLs in the answer (400)",
        ),
        (http(200, body=b"no"), "RST with an unknown SOAPAction", "the answer is not SOAP (200)"),
        (
            http(200, body=FAULT % (b"<s:Body>", b"</s:Body>")),
            "place of the Fault in a refusal by RST",
            "the Fault is within Body",
        ),
        (http(200, body=b"<Envelope"), "place of the Fault in a refusal by RST", "is not XML"),
        (http(200, body=b"entity-was-expanded"), "RST with a DTD", "an entity of the request"),
    ],
)
def test_what_is_wrong(authority: Authority, answer: bytes, step: str, seen: str) -> None:
    finding = checked(authority, lambda _: answer)[step]
    assert finding.state == "warning"
    assert seen in finding.seen


def test_silence(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "_SILENCE", 0.05)
    with Server(lambda peer: peer.silence(), authority.server_tls) as server:
        one = patient(authority.ca_file, nexus=server.url, login=server.url, rst=server.url)
        found = list(requests_of_clients(one))
    assert {f.seen for f in found if f.step.startswith(("login", "nexus", "RST"))} == {
        "no answer came"
    }


def test_nothing_is_asked_of_who_is_not_there() -> None:
    one = patient(host="h.example")
    one.unreachable.add("h.example:443")
    assert list(requests_of_clients(one)) == []
    two = patient(nexus="https://127.0.0.1:9/")
    two.deadline.at -= 100
    assert list(requests_of_clients(two)) == []


def test_the_account_is_sent_by_the_library_alone(authority: Authority) -> None:
    """Bytes of our own never hold the password; the two requests that do are made by the core."""
    heard: list[str] = []

    def answer(head: str) -> bytes:
        heard.append(head)
        return as_old_clients_want(head)

    checked(authority, answer, account=True)
    holding = [head.split()[1] for head in heard if "p%2Ca%3Dss" in head or "p,a=ss" in head]
    assert holding == ["/login", "/RST.srf"]


@pytest.mark.parametrize(
    ("ticket", "answer", "seen"),
    [
        (granted(), b"Compact1", "as old clients read it"),
        (granted("t=1"), b"Compact2", "the ticket has no `&p=`"),
        (
            http(200, "authentication-info: Passport1.4 da-status=success,from-PP='t=1&p=2',ru=x"),
            b"PPToken1",
            "spelled otherwise; something stands behind from-PP='…'",
        ),
    ],
)
def test_the_form_of_tickets(authority: Authority, ticket: bytes, answer: bytes, seen: str) -> None:
    def answers(head: str) -> bytes:
        if "/login" in head:
            return ticket if "alice" in head else NO
        return (
            http(200, body=TICKETS % (TOKEN % answer))
            if "alice" in head
            else as_old_clients_want(head)
        )

    found = checked(authority, answers, account=True)
    assert seen in found["form of a ticket by Passport 1.4"].seen
    by_rst = found["form of the tickets by RST"]
    assert (by_rst.state == "passed") == answer.endswith(b"1")


def test_white_space_at_which_libpurple_crashes(authority: Authority) -> None:
    two = (TOKEN % b"Compact1") + b"\n  " + (TOKEN % b"Compact2").replace(b"BinarySecret", b"X")

    def answers(head: str) -> bytes:
        if "/login" in head:
            return NO
        return http(200, body=TICKETS % two) if "alice" in head else as_old_clients_want(head)

    found = checked(authority, answers, account=True)
    assert "white space between the answers" in found["form of the tickets by RST"].seen
    assert found["form of a ticket by Passport 1.4"].code == "MA-ACC-01"


def test_every_check_has_its_section() -> None:
    assert {check.code for check in conformance_web._CHECKS} == {"MA-DOC-24", "MA-DOC-25"}
    titles = [check.title for check in conformance_web._CHECKS]
    assert len(titles) == len(set(titles))


def test_a_password_that_nobody_has_found_right_is_not_sent(authority: Authority) -> None:
    with Server(lambda _: None) as gone:
        pass
    one = patient(authority.ca_file, account=True, login=gone.url, rst=f"{gone.url}/RST.srf")
    assert not one.account_is_good
    assert "form of a ticket by Passport 1.4" not in {f.step for f in requests_of_clients(one)}
    assert "" not in one.facts

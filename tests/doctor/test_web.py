"""Nexus, login, RST and contacts host, asked for what they have to refuse."""

from __future__ import annotations

import pytest

from conftest import Authority
from examined import patient, says
from msnpauth.doctor import web
from msnpauth.doctor.web import contacts_host, login_server, nexus, rst_services
from wire import Server, answers, granted, http

FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Fault><faultcode>'
    b"%b</faultcode><faultstring>no</faultstring></s:Fault></s:Envelope>"
)


@pytest.mark.parametrize(
    ("name", "state"),
    [("PassportURLs", "passed"), ("Passporturls", "warning"), ("passporturls", "warning")],
)
def test_how_the_nexus_spells_its_header(authority: Authority, name: str, state: str) -> None:
    answer = http(200, f"{name}: DARealm=x,DALogin=l.example/login,ConfigVersion=1")
    with Server(answers(answer), authority.server_tls) as server:
        one = patient(authority.ca_file, nexus=server.url)
        first, second = nexus(one)
    assert (first.state, str(one.login)) == ("passed", "https://l.example/login")
    assert (second.code, second.state) == ("MA-DOC-23", state)
    assert one.facts == {"nexus": True, "header spelling": state == "passed"}


def test_a_nexus_that_is_a_web_page(authority: Authority) -> None:
    page = http(200, "Content-Type: text/html", body=b"<html>")
    with Server(answers(page), authority.server_tls) as server:
        one = patient(authority.ca_file, nexus=server.url)
        [finding] = nexus(one)
    assert (finding.code, finding.state, one.facts) == ("MA-WEB-02", "failed", {"nexus": False})


def test_what_is_not_known_or_not_there_is_not_tried() -> None:
    one = patient(notification="n.example")
    for step in (nexus, login_server, rst_services, contacts_host):
        assert {finding.state for finding in step(one)} == {"not tried"}
    two = patient(host="h.example", login="https://h.example/login")
    two.unreachable.add("h.example:443")
    for step in (nexus, login_server, rst_services, contacts_host):
        assert all("cannot be reached" in finding.seen for finding in step(two))


def test_a_login_server_that_refuses(authority: Authority) -> None:
    no = http(401, "WWW-Authenticate: Passport1.4 da-status=failed,srealm=x,cbtxt=no")
    with Server(answers(no), authority.server_tls) as server:
        one = patient(authority.ca_file, login=server.url)
        assert says(login_server(one)) == [
            f"passed MA-DOC-12 login server {server.url}/: an account that nobody has is refused"
            " (failed)"
        ]
    assert one.facts == {"login": True}


def test_a_login_server_that_takes_everybody(authority: Authority) -> None:
    with Server(answers(granted()), authority.server_tls) as server:
        [finding] = login_server(patient(authority.ca_file, login=server.url))
    assert finding.state == "failed"
    assert "granted a ticket to an account that nobody has" in finding.seen


def test_a_login_server_that_fails(authority: Authority) -> None:
    with Server(answers(http(500)), authority.server_tls) as server:
        one = patient(authority.ca_file, login=server.url)
        [finding] = login_server(one)
    assert (finding.code, finding.state, one.facts) == ("MA-WEB-04", "failed", {"login": False})


def test_both_services_of_rst(authority: Authority) -> None:
    no = http(200, body=FAULT % b"wsse:FailedAuthentication")
    with Server(answers(no, http(404)), authority.server_tls) as server:
        one = patient(authority.ca_file, rst=server.url, rst2=f"{server.url}/RST2.srf")
        first, second = rst_services(one)
    assert (first.code, first.state) == ("MA-DOC-13", "passed")
    assert (second.code, second.state) == ("MA-WEB-09", "failed")
    assert one.facts == {"rst": True, "rst2": False}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (http(500, body=FAULT % b"Client"), "passed"),
        (http(403), "passed"),
        (http(401), "passed"),
        (http(500), "failed"),
        (http(502), "failed"),
        (http(404), "failed"),
        (http(200, body=b"<s:Envelope xmlns:s='x'><s:Body/></s:Envelope>"), "warning"),
    ],
)
def test_a_contacts_host(authority: Authority, answer: bytes, state: str) -> None:
    with Server(answers(answer), authority.server_tls) as server:
        one = patient(authority.ca_file, contacts=server.url)
        [finding] = contacts_host(one)
    assert finding.state == state
    assert one.facts == {"contacts": state != "failed"}


def test_a_challenge_as_servers_give_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.time, "time", lambda: 1128154104.4)  # type: ignore[attr-defined]
    assert ",ct=1128154104,kpp=1," in web.sample_challenge()

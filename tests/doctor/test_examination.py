"""The steps in their order; whatever becomes of one, the next is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import msnpauth
from conftest import Authority
from examined import speaks
from leaks import forms
from msnpauth import LocalProtocolError, Servers, doctor
from msnpauth.doctor import Examination, State, examination
from msnpauth.service import Service
from wire import PASSPORT, Server

WRONG = "not the password 17"


def test_a_service_that_is_well(examined: Examination) -> None:
    """What differs from `passed` is known, and has its reason."""
    others = {f.step: f.state.value for f in examined.findings if f.state is not State.PASSED}
    verdicts = {f.step for f in examined.findings if f.code == "MA-DOC-26"}
    of_tests = {
        # The service of the tests has an address and a port of its own, and TLS of today.
        step: state
        for step, state in others.items()
        if step not in verdicts and not step.startswith("TLS of old systems")
    }
    assert of_tests == {
        "sign-in by MD5": "not tried",
        "DALogin for clients of 2003": "warning",  # for its port: 443 is not spelled
    }


def test_every_step_says_something(examined: Examination) -> None:
    codes = {finding.code for finding in examined.findings}
    wanted = {f"MA-DOC-{n:02}" for n in range(1, 30)} - {"MA-DOC-04", "MA-DOC-22"}
    assert wanted <= codes
    assert list(examined) == [], "it is done once"


def test_no_secret_in_a_finding(examined: Examination) -> None:
    secrets = forms("correct, horse & battery")
    told = [" ".join(map(str, finding)) for finding in examined.findings]
    told += [repr(event) for event in examined.events]
    assert not [line for line in told for secret in secrets if secret in line]
    assert len(examined.events) > 10


def test_without_an_account(healthy: Service) -> None:
    found = list(doctor.examine(healthy.servers, ca_file=healthy.ca_file))
    by_step = {finding.step: finding for finding in found}
    for scheme in ("SSO", "TWN"):
        assert by_step[f"sign-in by {scheme}"].state == "passed"
        assert "nobody has is refused" in by_step[f"sign-in by {scheme}"].seen
    assert not any(finding.state == "failed" for finding in found)


def test_a_wrong_password_is_sent_once(healthy: Service) -> None:
    one = Examination(healthy.servers, "alice@example.com", WRONG, ca_file=healthy.ca_file)
    by_step = {finding.step: finding for finding in one}
    assert by_step["sign-in by SSO"].code in ("MA-ACC-01", "MA-ACC-02")
    assert by_step["sign-in by TWN"].state == "not tried"
    assert by_step["sign-in by TWN"].seen == "the account was refused already"


def test_a_network_that_is_not_there() -> None:
    with Server(lambda peer: None) as gone:
        pass
    servers = Servers(notification=gone.address, nexus=gone.url, rst=gone.url, contacts=gone.url)
    found = list(doctor.examine(servers, PASSPORT, "secret word"))
    assert {f.state for f in found if f.code != "MA-DOC-01"} == {State.FAILED, State.NOT_TRIED}


def test_a_step_that_fails_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> Iterator[doctor.Finding]:
        if _ is not None:
            raise msnpauth.ConnectionFailed("broken", finding="MA-NET-13")
        yield doctor.Finding("MA-DOC-01", "a", State.PASSED, "", "", "")

    def well(_: object) -> object:
        yield doctor.Finding("MA-DOC-01", "b", State.PASSED, "", "", "")

    monkeypatch.setattr(examination, "_STEPS", (("first", fails), ("second", well)))
    told: list[str] = []
    one = Examination(Servers("h.example"), progress=told.append)
    assert [(f.step, f.code) for f in one] == [("first", "MA-NET-13"), ("b", "MA-DOC-01")]
    assert told == ["first", "second"]


def test_when_the_time_is_up(authority: Authority) -> None:
    with Server(speaks(8)) as server:
        one = Examination(Servers(notification=server.address), timeout=0.001)
        found = list(one)
    assert {finding.code for finding in found} == {"MA-DOC-30"}


def test_a_fault_of_its_own_costs_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Iterator[doctor.Finding]:
        yield from ()
        raise ZeroDivisionError("a secret word")

    monkeypatch.setattr(examination, "_STEPS", (("a", broken), ("b", examination._STEPS[0][1])))
    first, second = Examination(Servers("127.0.0.1"))
    assert (first.code, first.state, second.state) == ("MA-ERR-02", "failed", "passed")
    assert "ZeroDivisionError at test_examination.py line" in first.seen
    assert "secret" not in first.seen


def test_who_stops_early_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(_: object) -> Iterator[doctor.Finding]:
        yield doctor.Finding("MA-DOC-01", "x", State.PASSED, "", "", "ca_file=")

    steps = (("1", step), ("2", step), ("3", step))
    monkeypatch.setattr(examination, "_STEPS", steps)
    one = Examination(Servers("h.example"), words=lambda advice: advice.replace("ca_file=", "--ca"))
    assert next(iter(one)).advice == "--ca"
    assert len(list(one)) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("h.example", None, None), "servers= is not a Servers"),
        ((Servers("h.example"), None, "x"), "a password without a passport"),
        ((Servers("h.example"), "nobody", "x"), "that is not a passport"),
        ((Servers("h.example"), PASSPORT, ""), "the password is empty"),
    ],
)
def test_arguments_that_cannot_be_right(arguments: tuple[object, ...], says: str) -> None:
    with pytest.raises(LocalProtocolError, match=says):
        doctor.examine(*arguments)  # type: ignore[arg-type]


def test_a_timeout_that_is_none() -> None:
    with pytest.raises(LocalProtocolError, match="timeout="):
        doctor.examine(Servers("h.example"), timeout=0)

from __future__ import annotations

from msnpauth.core.errors import ConnectionFailed, Step, WrongCredentials
from msnpauth.core.findings import section_of
from msnpauth.doctor.finding import Finding, State, failed, found


def test_what_is_well_needs_no_advice() -> None:
    assert found("MA-DOC-09", "clock", State.PASSED, "the clocks agree") == Finding(
        "MA-DOC-09",
        "clock",
        State.PASSED,
        "the clocks agree",
        section_of("MA-DOC-09").clients,
        "",
    )


def test_what_is_not_well_has_its_sections_advice() -> None:
    for state in (State.WARNING, State.FAILED):
        assert found("MA-DOC-09", "clock", state, "x").advice == "set the clock that is wrong"
    assert found("MA-DOC-09", "clock", State.WARNING, "x", "wait").advice == "wait"
    assert found("MA-DOC-28", "clock", State.NOT_TRIED, "x").advice == ""


def test_what_a_server_says_stays_one_line() -> None:
    seen = found("MA-DOC-01", "name", State.PASSED, "a\r\nb\x1b[2J" + "c" * 1000).seen
    assert "\n" not in seen
    assert "\x1b" not in seen
    assert len(seen) <= 400


def test_an_error() -> None:
    error = ConnectionFailed("refused", step=Step.LOGIN, finding="MA-NET-04", hint="look")
    assert failed("login", error)[:4] == ("MA-NET-04", "login", State.FAILED, "refused")
    assert failed("login", error).advice == "look"
    assert failed("x", WrongCredentials("no", code=911)).seen == "no (911)"

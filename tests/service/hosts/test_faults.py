"""A fault that nobody foresaw is one line in the log, without a word of the client's."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from msnpauth.service.hosts.faults import tell_fault

SECRET = "hunter2"


def parsed() -> None:
    int(SECRET)


def chained() -> None:
    try:
        parsed()
    except ValueError as cause:
        raise RuntimeError(f"cannot read {SECRET}") from cause


def noted() -> None:
    fault = KeyError(SECRET)
    fault.add_note(f"it was {SECRET}")
    raise fault


@pytest.mark.parametrize(
    ("work", "kind"), [(parsed, "ValueError"), (chained, "RuntimeError"), (noted, "KeyError")]
)
def test_its_kind_and_place_are_logged_and_nothing_else(
    work: Callable[[], None], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        try:
            work()
        except Exception as fault:  # noqa: BLE001 - any of them
            tell_fault(fault)
            line = work.__code__.co_firstlineno
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("msnpauth.service", logging.ERROR)
    told = record.getMessage()
    assert f"({kind} at test_faults.py line " in told
    place = int(told.partition(" line ")[2].partition(")")[0])
    assert line < place <= line + 5, "the innermost place, where it was raised"
    assert len(told.splitlines()) == 1
    # Not the variables either, as a traceback with locals would show them.
    assert SECRET not in f"{caplog.text} {record.args} {record.exc_info}"


def test_a_fault_that_was_never_raised(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "msnpauth.service"):
        tell_fault(ValueError(SECRET))
    assert "(ValueError at nowhere)" in caplog.text
    assert SECRET not in caplog.text

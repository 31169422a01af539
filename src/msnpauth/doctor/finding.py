"""The doctor's findings: one for each thing that was checked."""

from __future__ import annotations

import enum
from typing import NamedTuple

from ..core.errors import SignInError
from ..core.findings import section_of
from ..core.secrets import printable

__all__ = ["Finding", "State", "failed", "found"]

_LONGEST = 400


class State(enum.StrEnum):
    """The result of a check."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    NOT_TRIED = "not tried"


class Finding(NamedTuple):
    """The result of checking one thing.

    Attributes:
        code: the stable code of its section, such as `MA-TLS-03`.
        step: what was checked, in words: `names`, `certificate of login.example` …
        state: passed, warning, failed or not tried.
        seen: what was observed, in one line, without any secret.
        clients: the clients that the finding concerns.
        advice: what to do about the finding; "" when there is nothing to do.
    """

    code: str
    step: str
    state: State
    seen: str
    clients: str
    advice: str


def found(code: str, step: str, state: State, seen: str, advice: str | None = None) -> Finding:
    """Return a finding; by default its advice is its section's, or "" if nothing is wrong."""
    section = section_of(code)
    if advice is None:
        advice = section.hint if state in (State.WARNING, State.FAILED) else ""
    return Finding(code, step, state, printable(seen, _LONGEST), section.clients, advice)


def failed(step: str, error: SignInError) -> Finding:
    """Return the finding of an error; it names the error's server, if the step does not."""
    seen = error.text if error.code is None else f"{error.text} ({error.code})"
    if error.server and error.server.removeprefix("https://") not in step:
        seen = f"{error.server}: {seen}"
    return found(error.finding, step, State.FAILED, seen, error.hint)

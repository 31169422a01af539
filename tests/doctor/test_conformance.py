from __future__ import annotations

from examined import patient
from msnpauth.doctor.conformance import conformance


def test_both_halves() -> None:
    one = patient(notification="127.0.0.1:9", nexus="https://127.0.0.1:9/")
    one.versions = []
    steps = [finding.step for finding in conformance(one)]
    assert steps[0] == "form of the nexus answer"
    assert steps[-1] == "lines of clients"

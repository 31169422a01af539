"""Verdicts, by what was found."""

from __future__ import annotations

import pytest

from examined import patient
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.doctor import Examination, generations
from msnpauth.doctor.finding import Finding
from msnpauth.doctor.generations import GENERATIONS, badge, judged
from msnpauth.doctor.legacy import OLD_SYSTEMS

ALL = sorted({need for generation in GENERATIONS for need in generation.needs})


def verdicts(*versions: int, **facts: bool) -> dict[str, Finding]:
    one = patient(notification="n.example")
    one.versions = list(versions)
    one.facts = dict.fromkeys(ALL, True) | {
        f"old TLS: {system.name}": True for system in OLD_SYSTEMS
    }
    one.facts |= {name.replace("_", " "): value for name, value in facts.items()}
    return {finding.step: finding for finding in judged(one)}


def test_every_fact_has_its_words() -> None:
    assert set(ALL) <= generations._MISSING.keys()
    assert {n for generation in GENERATIONS for n in generation.dialects} <= DIALECTS.keys()
    systems = {system.name for system in OLD_SYSTEMS} | {""}
    assert {generation.system for generation in GENERATIONS} <= systems


def test_all_sign_on() -> None:
    found = verdicts(*DIALECTS)
    assert {finding.state for finding in found.values()} == {"passed"}
    assert badge(found.values()) == "MSNP: 12 of 12 generations of clients sign on"


def test_versions_that_the_server_lacks() -> None:
    found = verdicts(2, 7, 18)
    assert found["MSN Messenger 1 to 4"].seen == "signs on by MSNP7"
    assert found["MSN Messenger 7"].seen == (
        "does not sign on: the server has none of MSNP11, MSNP12"
    )
    assert found["MSN Messenger 7"].clients == "MSN Messenger 7"


def test_what_is_missing_is_named() -> None:
    seen = verdicts(*DIALECTS, header_spelling=False, login=False)["MSN Messenger 5 and 6"].seen
    assert seen == (
        "does not sign on: PassportURLs is spelled otherwise; the login server does not refuse in"
        " words of Passport"
    )


def test_old_tls() -> None:
    name = f"old TLS: {OLD_SYSTEMS[0].name}"
    one = verdicts(*DIALECTS, **{name: False})["MSN Messenger 7"]
    assert (one.state, one.seen) == (
        "warning",
        f"signs on by MSNP12, where something does the TLS of today for {OLD_SYSTEMS[0].name}",
    )
    patient_without = patient(notification="n.example")
    patient_without.versions = [12]
    patient_without.facts = dict.fromkeys(ALL, True)
    finding = next(f for f in judged(patient_without) if f.step == "MSN Messenger 7")
    assert "which was not tried" in finding.seen


def test_md5_that_is_refused() -> None:
    found = verdicts(7, **{"sign-in MD5": False})
    assert found["MSN Messenger 1 to 4"].state == "warning"


def test_what_was_not_tried_is_said() -> None:
    one = patient(notification="n.example")
    one.versions = [11]
    finding = next(f for f in judged(one) if f.step.startswith("msnp11-sdk"))
    assert finding.seen == (
        "signs on by MSNP11, as far as it was tried (not: DALogin as URL, ticket form)"
    )
    one.versions = []
    assert {finding.state for finding in judged(one)} == {"not tried"}


def test_the_badge_counts_conditions(examined: Examination) -> None:
    assert badge([]) is None
    line = badge(examined.findings)
    assert line is not None
    assert line.startswith("MSNP: 10 of 12 generations of clients sign on, 5 of them under")
    assert line.endswith("; not Pidgin of 2007 (MSNP9), msn-pecan (MSNP12)"), "for the port"


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda generation: generation.name)
def test_one_missing_thing_is_enough(generation: generations.Generation) -> None:
    for need in generation.needs:
        finding = verdicts(*DIALECTS, **{need: False})[generation.name]
        assert finding.state == "failed"


def test_a_rejected_certificate_keeps_everybody_out() -> None:
    found = verdicts(*DIALECTS, tls=False)
    assert found["msnpjs (MSNP8)"].state == "failed"
    assert found["MSN Messenger 1 to 4"].state == "passed", "they know no TLS"


def test_another_certificate_without_a_name_is_that_of_windows_xp() -> None:
    one = patient(notification="n.example")
    one.versions = [12]
    one.facts = dict.fromkeys(ALL, True) | {"without_sni": False}
    finding = next(f for f in judged(one) if f.step == "MSN Messenger 7")
    assert "a handshake that names no server gets another certificate" in finding.seen

"""Codes that people read off a client's window."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth import LocalProtocolError
from msnpauth.core.findings import SECTIONS, section_of
from msnpauth.doctor.official import KNOWN, explained_code


@pytest.mark.parametrize("text", ["80048821", "0x80048821", " 0X80048821 ", "-2147186655"])
def test_a_code_in_all_its_spellings(text: str) -> None:
    explained = explained_code(text)
    assert explained.code == "80048821"
    assert explained.means == "the address or the password was refused"
    assert explained.finding == "MA-ACC-01"
    assert "16 characters" in explained.advice


@pytest.mark.parametrize(
    ("text", "code", "finding"),
    [
        ("81000395", "81000395", "MA-ACC-01"),
        ("911", "911", "MA-ACC-01"),
        ("217", "217", "MA-SES-03"),
        ("80072EFD", "80072efd", "MA-NET-04"),
        ("80072745", "80072745", "MA-NET-08"),
        ("80072f06", "80072f06", "MA-TLS-05"),
        ("80190194", "80190194", "MA-WEB-01"),
        ("800701f7", "800701f7", "MA-WEB-04"),
        ("ma-tls-03", "MA-TLS-03", "MA-TLS-03"),
    ],
)
def test_codes_of_every_kind(text: str, code: str, finding: str) -> None:
    explained = explained_code(text)
    assert (explained.code, explained.finding) == (code, finding)
    assert explained.means
    assert explained.advice


def test_all_that_are_known() -> None:
    for number in KNOWN:
        explained = explained_code(f"{number:x}")
        if explained.finding:
            section_of(explained.finding)
    for section in SECTIONS:
        assert explained_code(section.code).means == section.title


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a code"),
        ("hello", "is not a code"),
        ("70048821", "is not a code"),
        ("80048899", "nobody knows what 80048899 means"),
        ("80071234", "nobody knows"),
        ("MA-TLS-99", "there is no finding MA-TLS-99"),
    ],
)
def test_what_is_no_code(text: str, says: str) -> None:
    with pytest.raises(LocalProtocolError, match=says):
        explained_code(text)


@given(st.one_of(st.text(), st.integers(0, 0xFFFFFFFF).map(lambda n: f"{n:x}")))
def test_any_text(text: str) -> None:
    with suppress(LocalProtocolError):
        assert explained_code(text).means

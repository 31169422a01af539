"""Anything that is pasted: nothing is raised but an error of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth import LocalProtocolError
from msnpauth.decoding import decode
from pasted import TICKET, one


def test_codes_and_challenges() -> None:
    assert one("80048821").kind == "the code 80048821"
    assert one("Error code: 80048821, what now?").kind == "the code 80048821"
    assert one("928").kind == "the code 928"
    assert one("MA-TLS-03").kind == "the code MA-TLS-03"
    assert one("lc=1033,id=507").kind == "the challenge of TWN (Passport)"


@pytest.mark.parametrize("text", ["", "  \r\n", "what is this", "\ufeff", "x" * 1024 * 1025])
def test_what_nobody_can_tell(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        decode(text)


_LINES = [
    line
    for path in sorted((Path(__file__).parent.parent / "transcripts").glob("*"))
    for line in path.read_text("utf-8").splitlines()
]
_SAMPLES = [*_LINES[:400], json.dumps(VECTORS)[:2000], TICKET, "Passport1.4 pwd=x,", "<a><b/></a>"]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(_SAMPLES), st.text(max_size=60)), max_size=4))
def test_any_text(lines: list[str]) -> None:
    try:
        found = decode("\r\n".join(lines))
    except LocalProtocolError:
        return
    for decoded in found:
        told = [decoded.kind, decoded.belongs, *decoded.problems]
        told += [text for field in decoded.fields for text in field]
        assert all("\n" not in text and "\x1b" not in text for text in told)


@pytest.mark.parametrize(
    "text",
    [
        "PassportURLs: a\x1b[2Jb=c,DALogin=login.example",
        "Passport1.4 \x1b[2J=x,pwd=y,lc=1,\x1b]0;z=1",
        "lc=1,\x1b[2J=2",
    ],
)
def test_names_are_pasted_text_too(text: str) -> None:
    assert "\x1b" not in repr(decode(text)).encode().decode("unicode_escape")


@pytest.mark.parametrize("number", ["²", "٣", "1" * 5000])
@pytest.mark.parametrize("line", ["USR {}\nx", "MSG a b {}\nx", "{} 1", "UUX 1 {}\n<Data/>"])
def test_what_python_calls_a_digit_and_the_wire_does_not(line: str, number: str) -> None:
    try:
        decode(line.format(number))
    except LocalProtocolError:
        assert line == "{} 1"

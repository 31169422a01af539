"""An examination as JSON, and as a page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from examined import patient
from leaks import forms
from msnpauth import Servers
from msnpauth.doctor import Examination, Finding, State, as_json, page
from msnpauth.doctor.report import MARKS

SECRET = "correct, horse & battery"


def test_json_is_what_the_document_says(examined: Examination) -> None:
    told = json.loads(json.dumps(as_json(examined)))
    assert list(told) == [
        "doctor",
        "msnpauth",
        "at",
        "servers",
        "passport",
        "counts",
        "findings",
        "badge",
        "sign_in",
    ]
    assert told["doctor"] == 1
    assert told["passport"] == "alice@example.com"
    assert sum(told["counts"].values()) == len(told["findings"]) == len(examined.findings)
    for finding in told["findings"]:
        assert list(finding) == ["code", "step", "state", "seen", "clients", "advice", "title"]
        assert all(isinstance(value, str) for value in finding.values())
    one = told["sign_in"]
    assert one["signed_in"] is True
    assert one["floor_round_trips"] == 6
    assert one["floor_milliseconds"] > 0
    assert {"kind", "label", "start", "end"} == one["bars"][0].keys()
    assert any(" > USR " in line and "***" in line for line in one["conversation"])


def test_json_of_nothing() -> None:
    told = as_json(Examination(Servers("h.example")))
    assert (told["findings"], told["badge"], told["sign_in"]) == ([], None, None)
    assert told["servers"] == {
        "notification": "h.example:1863",
        "nexus": "https://h.example/rdr/pprdr.asp",
        "rst": "https://h.example/RST.srf",
        "rst2": "https://h.example/RST2.srf",
        "contacts": "https://h.example/",
        "oim": "https://h.example/",
    }


class _Reader(HTMLParser):
    """Reads a page: which tags are open, and what it wants from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wants: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.wants += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_that_needs_nothing_from_elsewhere(examined: Examination) -> None:
    text = page(examined)
    reader = _Reader()
    reader.feed(text)
    assert (reader.open, reader.wants) == ([], [])
    assert not reader.tags & {"script", "img", "iframe", "link", "object", "form"}
    assert not re.search(r"url\(|@import", text)
    for finding in examined.findings:
        assert finding.code in text
    assert "The sign-in, on one time axis" in text
    for state, mark in MARKS.items():
        if any(finding.state is state for finding in examined.findings):
            assert f'<span aria-hidden="true">{mark}</span> {state.value}' in text


def test_no_secret_on_a_page(examined: Examination) -> None:
    text = page(examined)
    assert not [form for form in forms(SECRET) if form in text]
    assert "USR" in text
    assert "***" in text


def test_what_a_server_says_is_no_markup() -> None:
    one = Examination(Servers("h.example"))
    seen = "<script>alert(1)</script>\" onmouseover='x'"
    one.findings.append(Finding("MA-DOC-11", seen, State.WARNING, seen, seen, seen))
    text = page(one)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 4
    assert "The sign-in" not in text


def test_a_patient_of_the_tests_has_no_account() -> None:
    assert patient(notification="n.example").password is None

"""The table of commands: each says what it is for, whose it is, and what its words are."""

from __future__ import annotations

import re

import pytest

from msnpauth.decoding import decode
from msnpauth.decoding.verbs import VERBS


def told(line: str) -> dict[str, str]:
    (decoded,) = decode(line)
    return {field.name: field.value for field in decoded.fields}


def test_every_row_says_what_it_is_and_whose() -> None:
    for name, verb in VERBS.items():
        assert re.fullmatch("[A-Z]{3}", name)
        assert verb.does
        assert re.search("client|server|way", verb.belongs), name
        assert all(verb.words), name


def test_only_the_last_name_stands_for_all_words_from_there_on() -> None:
    for name, verb in VERBS.items():
        assert not [word for word in verb.words[:-1] if word.endswith("…")], name


def test_one_command_is_explained_elsewhere() -> None:
    """The words of USR depend on the scheme."""
    assert "USR" not in VERBS


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 8.5.1302 BC01 alice@example.com",
            {"locale": "0x0409", "system": "winnt", "client": "MSNMSGR", "code": "BC01",
             "account": "alice@example.com"},
        ),
        ("CHG 9 NLN 1073741856:0", {"status": "NLN", "capabilities": "1073741856:0"}),
        ("CHL 0 15570131571988941333", {"challenge": "15570131571988941333"}),
        ("QNG 50", {"seconds until the next": "50"}),
        ("PRP 8 MFN Alice", {"name": "MFN", "value": "Alice"}),
        ("FLN bob@example.com", {"account": "bob@example.com"}),
        (
            "RNG 11752013 207.46.108.38:1863 CKI 849102291.52 friend@example.com Friend",
            {"session": "11752013", "switchboard": "207.46.108.38:1863",
             "caller": "friend@example.com", "name": "Friend"},
        ),
        (
            "IRO 1 1 2 friend@example.com Friend",
            {"number": "1", "of": "2", "account": "friend@example.com", "name": "Friend"},
        ),
        ("CAL 2 RINGING 11752013", {"account or RINGING": "RINGING", "session": "11752013"}),
        ("BYE friend@example.com 1", {"account": "friend@example.com", "1: idle": "1"}),
        ("XFR 3 NS 207.46.106.118:1863", {"kind": "NS", "address": "207.46.106.118:1863"}),
        ("OUT OTH", {"reason": "OTH"}),
    ],
    ids=lambda value: value.split()[0] if isinstance(value, str) else "",
)  # fmt: skip
def test_words_by_their_names(line: str, expected: dict[str, str]) -> None:
    found = told(line)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "whose"),
    [
        ("PNG", "client to notification server"),
        ("CHL 0 1", "notification server to client"),
        ("CHG 9 NLN", "client to notification server, and its answer"),
        ("CAL 2 a@b", "client to switchboard, and its answer"),
        ("JOI a@b A", "switchboard to client"),
        ("OUT", "either way, everywhere"),
    ],
)
def test_who_says_it(line: str, whose: str) -> None:
    (decoded,) = decode(line)
    assert decoded.belongs == whose

from __future__ import annotations

import pytest

from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.proof import answer
from msnpauth.decoding import decode
from msnpauth.decoding.verbs import VERBS
from pasted import KEY, NONCE, TICKET, one


def test_a_challenge_of_passport() -> None:
    found = one(
        "USR 6 TWN S lc=1033,id=507,tw=40,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct=1128154104,new=1"
    )
    assert found.kind == "USR: the challenge of TWN (Passport)"
    assert found.belongs.startswith("notification server to client")
    told = {field.name: (field.value, field.means) for field in found.fields}
    assert told["transaction id"] == ("6", "")
    assert told["ct"] == ("1128154104", "the server's clock: 2005-10-01 08:08:24 UTC")
    assert told["ru"][1] == "address to return to: http://messenger.msn.com"
    assert told["new"] == ("1", "not known")
    assert found.problems == ()


def test_answers_to_challenges_are_masked() -> None:
    for line in (
        f"USR 7 TWN S {TICKET}",
        "USR 7 TWN S 5e8278f5acbab9d3c17d",
        f"USR 7 SSO S {TICKET} {answer(Secret(KEY), NONCE)} {{F52973B6}}",
        "USR 7 MD5 S 0123456789abcdef0123456789abcdef",
        "USR 1 alice@example.com 17262740.1050826919",
        "ANS 1 alice@example.com 849102291.520491113 11752013",
        "RNG 11752013 192.0.2.1:1863 CKI 849102291.520 bob@example.com Bob",
        "XFR 6 SB 192.0.2.1:1863 CKI 849102291.520",
    ):
        told = str(one(line))
        assert "***" in told
        for secret in ("Secret", "secret", "5e8278f5", "01234567", "17262740", "849102291"):
            assert secret not in told, line


def test_ticket_and_response() -> None:
    found = one(f"USR 7 SSO S {TICKET} {answer(Secret(KEY), NONCE)} {{F52973B6}}")
    told = {field.name: field.value for field in found.fields}
    assert told["cipher length"] == "72"
    assert told["machine's GUID"] == "{F52973B6}"
    assert found.problems == ()
    assert "the response is missing" in one(f"USR 7 SSO S {TICKET}").problems
    assert "none: it begins by HAAAA" in one(f"USR 7 SSO S {TICKET} AAAA").problems[0]


@pytest.mark.parametrize(
    ("line", "kind", "problem"),
    [
        (f"USR 3 SSO S MBI_KEY_OLD {NONCE}", "USR: the challenge of SSO", None),
        (
            "USR 3 SSO S MBI_KEY_OLD short",
            "USR: the challenge of SSO",
            "the nonce has 5 characters",
        ),
        ("USR 3 SSO S MBI_KEY_OLD", "USR: the challenge of SSO", "the nonce is missing"),
        ("USR 3 TWN I alice@example.com", "USR: begins a sign-in", None),
        ("USR 3 TWN I", "USR: begins a sign-in", "the account is missing"),
        ("USR 4 OK alice@example.com Alice 1 0", "USR: signed in", None),
        ("USR 3 MD5 S 1013928519.693957190", "USR: the challenge of MD5", None),
        ("USR 3 TWN S lc=1,id=", "USR: the challenge of TWN (Passport)", "may have been cut"),
        ("USR 3 TWN S lc=1 more", "USR: the challenge of TWN (Passport)", "words behind"),
        ("VER 1 MSNP12 CVR0 ", "VER: offers versions, or agrees to one", None),
        ("VER 1  MSNP12", "VER: offers versions, or agrees to one", "parted by one blank"),
        ("911 4", "the error 911", None),
        ("OUT OTH", "OUT: ends the session", None),
        ("QNG 60", "QNG: answers PNG", None),
        ("GTC A", "GTC: whether people who add the account need its leave", None),
    ],
)
def test_lines(line: str, kind: str, problem: str | None) -> None:
    found = one(line)
    assert found.kind == kind
    assert found.belongs
    if problem is None:
        assert found.problems == ()
    else:
        assert any(problem in text for text in found.problems)


def test_several_lines_and_a_payload() -> None:
    text = (
        "VER 1 MSNP12\r\nMSG Hotmail Hotmail 74\r\nMIME-Version: 1.0\r\nContent-Type:"
        " text/x-msmsgsprofile\r\nMSPAuth: geheim\r\n\r\nOUT\n"
    )
    ver, msg, out = decode(text)
    assert (ver.kind[:3], msg.kind[:3], out.kind[:3]) == ("VER", "MSG", "OUT")
    told = {field.name: field.value for field in msg.fields}
    assert told["MSPAuth"] == "*** (6 characters)"
    assert told["Content-Type"] == "text/x-msmsgsprofile"


def test_a_payload_of_another_length() -> None:
    found = one("UUX 5 99\r\n<Data/>")
    assert "the payload has 7 bytes, where the line says 99" in found.problems
    assert {field.name for field in found.fields} >= {"payload"}


def test_every_command_is_told_as_it_is() -> None:
    for verb, known in VERBS.items():
        found = one(f"{verb} 1 a b c")
        assert found.kind == f"{verb}: {known.does}"
        assert found.belongs == known.belongs


@pytest.mark.parametrize(
    "line",
    [
        "(12:00:01) msn: C: NS 000: VER 1 MSNP9 CVR0",
        ">>> VER 1 MSNP9 CVR0",
        "C: VER 1 MSNP9 CVR0",
        "[2026-01-01 12:00:00,123] S: VER 1 MSNP9 CVR0",
        "     1.2 ms notification > VER 1 MSNP9 CVR0",
        "notification < VER 1 MSNP9 CVR0",
    ],
)
def test_lines_out_of_logs(line: str) -> None:
    assert one(line).kind.startswith("VER: ")
    assert len(decode(f"{line}\n{line}")) == 2


def test_the_key_of_a_chat_is_masked_and_nothing_else() -> None:
    told = {field.name: field.value for field in one("ANS 1 a@b.example KEY 11752013").fields}
    assert told["key"] == "*** (3 characters)"
    assert told["session"] == "11752013"

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth.core.errors import (
    GONE_HINT,
    ConnectionFailed,
    RemoteProtocolError,
    SignInError,
    Step,
    UntrustedRedirect,
    WrongCredentials,
)
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.core.tickets.verdicts import (
    MAX_REDIRECTS,
    NOT_HTTPS,
    explained,
    follow,
    parse_fields,
    passport_fields,
    refused,
    too_many,
    unavailable,
)
from msnpauth.core.urls import Url


@pytest.mark.parametrize("vector", VECTORS["passport14_headers"])
def test_published_headers(vector: dict[str, Any]) -> None:
    fields = parse_fields(vector["value"])
    expect = vector["expect"]
    for name in ("da-status", "srealm", "ts"):
        if name.replace("-", "_") in expect:
            assert fields[name] == expect[name.replace("-", "_")]
    if "ticket" in expect:
        assert fields["from-pp"] == expect["ticket"]
    if "ticket_starts" in expect:
        assert fields["from-pp"].startswith(expect["ticket_starts"])
        assert fields["from-pp"].endswith(expect["ticket_ends"])
    if "DALogin_url" in expect:
        assert str(Url.parse_login(fields["dalogin"])) == expect["DALogin_url"]
    if expect.get("prompt"):
        assert fields["prompt"] == ""


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ("Passport1.4 a=1,b='x,y',c", {"a": "1", "b": "x,y", "c": ""}),
        ("passport1.4  A = 1 , B=2", {"a": "1", "b": "2"}),
        ("a=1,a=2", {"a": "1"}),
        ("Negotiate, Passport1.4 a=1", {"a": "1"}),
        ("Passport1.4", {}),
        ("", {}),
        (",,a=,,=x,b", {"a": "", "b": ""}),
        ("a='it's, fine',b=2", {"a": "it's, fine", "b": "2"}),
        ("a='x' ,b=\"y,z\"", {"a": "x", "b": "y,z"}),
        ("a= 'x, y',b=\t\"z\"", {"a": "x, y", "b": "z"}),
        ("a\n", {"a\n": ""}),
        ("\n", {"\n": ""}),
        ("a=x\n", {"a": "x\n"}),
        ("a=it's,b=2", {"a": "it's", "b": "2"}),
    ],
)
def test_fields(value: str, fields: dict[str, str]) -> None:
    assert parse_fields(value) == fields


@pytest.mark.parametrize("value", ["a='x", "a='x'y,b=1", 'a="x'])
def test_an_unclosed_quote(value: str) -> None:
    with pytest.raises(ValueError, match="not closed"):
        parse_fields(value)


@given(st.text() | st.from_regex(r"(Passport1\.4 )?([a-z-]*=?'?[^,]*'?,?)*", fullmatch=True))
def test_any_header_is_fields_or_an_unclosed_quote(value: str) -> None:
    try:
        fields = parse_fields(value)
    except ValueError:
        return
    assert all(name == name.lower() for name in fields)


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASKED = Request("GET", Url.parse("https://login.example/l"), step=Step.LOGIN)


def answer(status: int, *headers: tuple[str, str]) -> Response:
    return Response(status, headers)


def test_the_fields_of_several_headers() -> None:
    response = answer(
        401,
        ("WWW-Authenticate", "Negotiate"),
        ("WWW-Authenticate", "Passport1.4 da-status=failed,a=1"),
        ("www-authenticate", "Passport1.4 a=2,b=3"),
    )
    fields = passport_fields(response, "WWW-Authenticate", ASKED)
    assert fields == {"da-status": "failed", "a": "1", "b": "3"}
    assert passport_fields(response, "Authentication-Info", ASKED) == {}


def test_another_spelling_of_the_status() -> None:
    response = answer(401, ("X", "Passport1.4 dastatus=failed"))
    assert passport_fields(response, "X", ASKED)["da-status"] == "failed"


def test_a_header_that_makes_no_sense() -> None:
    with pytest.raises(RemoteProtocolError, match="in X, a quote is not closed") as caught:
        passport_fields(answer(200, ("X", "a='b")), "X", ASKED)
    assert (caught.value.server, caught.value.code) == ("https://login.example", 200)


@pytest.mark.parametrize(
    ("fields", "code", "text", "hint"),
    [
        ({}, 401, None, "check the passport"),
        ({"da-status": "failed", "cbtxt": "No%2e"}, "failed", "No.", "check the passport"),
        ({"da-status": "failed", "cbtxt": "N%FFo"}, "failed", "N\ufffdo", "check the passport"),
        ({"da-status": "failed-noretry"}, "failed-noretry", None, "do not try again"),
        ({"da-status": "success", "cbtxt": "hunter2%00"}, 401, None, "check the passport"),
        ({"da-status": "fail-hunter2"}, 401, None, "check the passport"),
        ({"da-status": "Fail-NoRetry"}, "fail-noretry", None, "do not try again"),
    ],
)
def test_a_refusal(fields: dict[str, str], code: object, text: str | None, hint: str) -> None:
    error = refused(answer(401), ASKED, fields, Secret("hunter2"))
    assert error.code == code
    assert error.hint.startswith(hint)
    assert error.server_text == text
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 23 Nov 2026 12:01:00 GMT", 60.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 12:01:00", None),
        ("soon", None),
        ("", None),
        ("-1", None),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_when_to_try_again(status: int, value: str, seconds: float | None) -> None:
    error = unavailable(answer(status, ("Retry-After", value)), ASKED, lambda: NOW)
    assert (error.retry_after, error.code) == (seconds, status)
    assert ("busy" in error.text) == (status != 500)


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("/other?a=1", None),
        ("https://trusted.example/l", None),
        ("https://evil.example/l", UntrustedRedirect),
        ("http://login.example/l", UntrustedRedirect),
        ("mailto:x", RemoteProtocolError),
        ("", RemoteProtocolError),
        (None, RemoteProtocolError),
    ],
)
def test_where_the_password_may_follow(
    location: str | None, error: type[SignInError] | None
) -> None:
    servers = Servers(login="https://login.example/l", trusted_hosts=["trusted.example"])
    if error is None:
        url = follow(location, ASKED, answer(302), servers)
        assert str(url) in ("https://login.example/other?a=1", "https://trusted.example/l")
        return
    with pytest.raises(error) as caught:
        follow(location, ASKED, answer(302), servers)
    if location == "http://login.example/l":
        assert caught.value.hint == NOT_HTTPS


def test_too_many() -> None:
    assert str(MAX_REDIRECTS) in too_many(ASKED).text


@pytest.mark.parametrize(
    ("host", "error", "gone"),
    [
        ("login.passport.com", ConnectionFailed("x"), True),
        ("login.passport.com", WrongCredentials("x"), False),
        ("login.example", ConnectionFailed("x"), False),
    ],
)
def test_servers_that_are_no_more(host: str, error: SignInError, gone: bool) -> None:
    with pytest.raises(SignInError) as caught, explained(Url.parse(f"https://{host}/l")):
        raise error
    assert (caught.value.hint == GONE_HINT) == gone

"""What every carrier refuses before anything is sent, and the words that they share."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from msnpauth import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    Secret,
    SignInError,
    SignInTimeout,
)
from msnpauth.core.errors import Step
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from msnpauth.transports.common import (
    check_body,
    check_request,
    closed,
    closed_early,
    not_http,
    source,
    too_late,
)

URL = Url.parse("https://login.example:8443/login2.srf")


def request(*headers: tuple[str, str | Secret], **settings: Any) -> Request:
    return Request("GET", URL, headers, step=Step.NEXUS, **settings)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("User-Agent", "MSMSGS"), ("X_!#$%&'*+.^`|~", "y")),
        (("Authorization", Secret("Passport1.4 OrgVerb=GET,sign-in=a%40b,pwd=p%2C\t!")),),
        (("X", ""),),
        (("X", "Grüße"),),
        (("X", "\udcff"),),  # a byte that is not UTF-8, as it came
    ],
)
def test_what_can_be_sent(headers: tuple[tuple[str, str | Secret], ...]) -> None:
    asked = request(*headers)
    check_request(asked)
    assert asked.is_checked


@pytest.mark.parametrize("value", ["\r", "\n", "a\r\nHost: evil.example", "\x00", "\v", "\f"])
@pytest.mark.parametrize("secret", [False, True])
def test_a_value_that_would_be_another_header(value: str, secret: bool) -> None:
    """A challenge goes into a header as it came; the error does not tell what it was."""
    hidden = f"hunter2{value}"
    asked = request(("X-Fine", "y"), ("X", Secret(hidden) if secret else hidden))
    with pytest.raises(LocalProtocolError) as caught:
        check_request(asked)
    error = caught.value
    assert error.text == "the request has a header that cannot be sent"
    assert (error.step, error.server) == (Step.NEXUS, "https://login.example:8443")
    assert "hunter2" not in f"{error!r}{error}{error.__context__!r}"
    assert not asked.is_checked


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "(X)", "X\x00", 'X"', "X/Y", "Ü"])
def test_a_name_that_would_be_another_header(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="a header that cannot be sent"):
        check_request(request((name, "y")))


@pytest.mark.parametrize("header", [("X", "\ud800"), ("\ud800", "y")])
def test_what_no_encoding_has_a_place_for(header: tuple[str, str]) -> None:
    """The codec's own error would hold the header."""
    with pytest.raises(LocalProtocolError) as caught:
        check_request(request(header))
    assert caught.value.__context__ is None


def test_what_was_looked_at_is_not_looked_at_again() -> None:
    asked = request(("X", "y\n"))
    asked.is_checked = True
    check_request(asked)


def test_a_body_that_is_too_long() -> None:
    asked = request(max_body=1000)
    check_body(1000, asked)
    with pytest.raises(RemoteProtocolError, match="a body of more than 1000 bytes") as caught:
        check_body(1001, asked)
    assert (caught.value.step, caught.value.server) == (Step.NEXUS, "https://login.example:8443")


@pytest.mark.parametrize(
    ("error", "kind", "text", "finding"),
    [
        (not_http(request()), RemoteProtocolError, "the answer is not HTTP/1.1", "MA-WEB-03"),
        (
            closed_early(request()),
            ConnectionFailed,
            "the connection was closed before the answer",
            "MA-NET-08",
        ),
        (
            closed(request().step, request().url),
            ConnectionFailed,
            "the transport is closed",
            "MA-NET-13",
        ),
        (too_late(request(), 0.25), SignInTimeout, "no answer within 0.25 seconds", "MA-NET-11"),
        (too_late(request(), 30.0), SignInTimeout, "no answer within 30 seconds", "MA-NET-11"),
    ],
)
def test_what_is_said(error: SignInError, kind: type[SignInError], text: str, finding: str) -> None:
    assert (type(error), error.text, error.finding) == (kind, text, finding)
    assert (error.step, error.server) == (Step.NEXUS, "https://login.example:8443")


def test_who_has_closed_a_carrier_makes_another() -> None:
    assert closed(request().step, request().url).hint == "make another"


def test_settings_of_tls_are_asked_for_anew() -> None:
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for _ in range(2)]
    left = iter(contexts)
    assert [source(lambda: next(left))() for _ in range(2)] == contexts
    one = source(contexts[0])
    assert (one(), one()) == (contexts[0], contexts[0])

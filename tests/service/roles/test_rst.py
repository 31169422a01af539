from __future__ import annotations

from datetime import UTC, datetime

import pytest

from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.rst import MESSENGER, MESSENGER_CLEAR, Soap, request_body
from msnpauth.core.tickets.xml import children, find_all, parse, text_of
from msnpauth.core.urls import Url
from msnpauth.service.roles.door import Door
from msnpauth.service.roles.rst import rst_reply
from msnpauth.service.roles.web import WebRequest
from msnpauth.service.stores.memory import Accounts, at_once
from msnpauth.service.tickets import TicketOffice

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = Url.parse("https://h/RST.srf")
ACCOUNTS = Accounts.of({"alice@example.com": " p&a<ss "})
OFFICE = TicketOffice()


def reply(body: bytes, soap: Soap = Soap.RST) -> bytes:
    return at_once(
        rst_reply(WebRequest("POST", "/", {}, body), soap, Door(ACCOUNTS), OFFICE, lambda: NOW)
    )


def asked(
    wanted: dict[str, str],
    soap: Soap = Soap.RST,
    password: str = " p&a<ss ",
    who: str = "alice@example.com",
) -> bytes:
    body = request_body(soap, who, Secret(password), wanted, url=URL, now=NOW)
    return reply(body.reveal().encode(), soap)


@pytest.mark.parametrize("soap", Soap)
def test_tickets(soap: Soap) -> None:
    data = asked({MESSENGER_CLEAR: "MBI_KEY_OLD", "contacts.msn.com": "MBI"}, soap)
    answers = list(find_all(parse(data), "RequestSecurityTokenResponse"))
    assert [text_of(answer, "Address") for answer in answers] == [
        "http://Passport.NET/tb",
        MESSENGER_CLEAR,
        "contacts.msn.com",
    ]
    assert next(find_all(answers.pop(0), "BinarySecurityToken"), None) is None
    tokens = [next(find_all(answer, "BinarySecurityToken")) for answer in answers]
    assert [token.get("Id") for token in tokens] == ["Compact1", "Compact2"]
    assert text_of(answers[0], "BinarySecret")
    assert text_of(answers[1], "BinarySecret") is None
    assert OFFICE.check(tokens[1].text or "", "alice@example.com", "contacts.msn.com")
    assert text_of(answers[0], "Created") == "2026-11-22T12:00:00Z"
    assert b"&amp;p=" in data


def test_as_small_as_old_clients_need_it() -> None:
    data = asked({MESSENGER: "?lc=1033"})
    assert len(data) < 4000
    assert b"> <" not in data
    assert b">\n<" not in data.replace(b"?>\n", b"?>")


@pytest.mark.parametrize(
    ("who", "password"), [("alice@example.com", "x"), ("nobody@example.com", " p&a<ss ")]
)
def test_a_wrong_password_and_an_unknown_account_look_alike(who: str, password: str) -> None:
    data = asked({MESSENGER: "?"}, who=who, password=password)
    assert data == asked({MESSENGER: "?"}, password="y")
    root = parse(data)
    assert text_of(next(children(root, "Fault")), "faultcode") == "wsse:FailedAuthentication"
    data = asked({MESSENGER: "?"}, Soap.RST2, who=who, password=password)
    body = next(children(parse(data), "Body"))
    assert text_of(next(children(body, "Fault")), "value") == "0x80048821"


@pytest.mark.parametrize("soap", Soap)
@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"<a/>", b"<!DOCTYPE a><a/>", b"<a>" * 50, b"<a><UsernameToken/></a>",
     b"<a><UsernameToken/>" + b"<RequestSecurityToken><Address>x</Address></RequestSecurityToken>" * 20 + b"</a>"],
)  # fmt: skip
def test_what_is_no_request(body: bytes, soap: Soap) -> None:
    assert b"InvalidRequest" in reply(body, soap) or b"Invalid Request" in reply(body, soap)


def test_without_a_password() -> None:
    body = (
        b"<a><UsernameToken/><RequestSecurityToken><Address>x</Address></RequestSecurityToken></a>"
    )
    assert b"FailedAuthentication" in reply(body)


def test_the_number_is_the_same_without_the_legacy_token() -> None:
    """Libpurple counts from Passport.NET/tb, and pecan looks for 1 and 2."""
    body = (
        b"<a><UsernameToken><Username>alice@example.com</Username><Password> p&amp;a&lt;ss "
        b"</Password></UsernameToken><RequestSecurityToken><Address>messenger.msn.com</Address>"
        b"</RequestSecurityToken></a>"
    )
    assert b'Id="Compact1"' in reply(body)

"""What official clients ask besides, by requests written after their sources."""

from __future__ import annotations

import pytest

from msnpauth.core.tickets.xml import find, find_all, parse, text_of
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.official import OfficialRole
from msnpauth.service.roles.web import WebAnswer, WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, MemoryState, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.tickets import TicketOffice

TICKETS = TicketOffice()
ACCOUNTS = Accounts.of([Account("alice@example.com", "secret", display_name="A <ice>")])
OFFICE = Office(in_memory(ACCOUNTS), TICKETS, known(DIALECTS))
ROLE = OfficialRole(OFFICE, origin="https://m.example", host="m.example")
CONFIG = ("/Config/MsgrConfig.asmx", "/config/MsgrConfig.asmx", "/etc/MsgrConfig")


def ask(method: str, target: str, body: bytes = b"", **headers: str) -> WebAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return at_once(WebSite(ROLE.paths()).answer(WebRequest(method, target, named, body)))


def test_the_port_check() -> None:
    answer = ask("POST", "/")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", CONFIG)
def test_configuration_of_messenger_8_and_later(path: str) -> None:
    """`GET …?op=GetClientConfig&ver=14.0.8117`, which wants the bare document."""
    answer = ask("GET", f"{path}?op=GetClientConfig&ver=14.0.8117.0416")
    assert answer.status == 200
    root = parse(answer.body)
    assert text_of(root, "url") == "https://m.example/abservice/abservice.asmx"
    assert [domain.get("name") for domain in find_all(root, "domain")] == ["m.example"]
    codes = [entry.get("hr") for entry in find_all(root, "Entry")]
    assert {"0x80072EE7", "0x81000395"} <= set(codes)


@pytest.mark.parametrize("path", CONFIG)
def test_configuration_of_messenger_6_and_7(path: str) -> None:
    """GetClientConfig by SOAP: the document comes as text within the answer."""
    body = (
        b'<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
        b'<soap:Body><GetClientConfig xmlns="http://www.msn.com/webservices/Messenger/Client">'
        b"<clientinfo>&lt;info/&gt;</clientinfo></GetClientConfig></soap:Body></soap:Envelope>"
    )
    answer = ask("POST", path, body)
    result = text_of(parse(answer.body), "GetClientConfigResult")
    assert result is not None
    inner = parse(result.encode())
    assert find(inner, "TabConfig") is not None
    assert find(inner, "ExpiresInDays") is not None


def test_tabs_and_portal() -> None:
    assert b"<msntabdata>" in ask("GET", "/svcs/mms/tabs.asp").body
    assert ask("GET", "/svcs/mms/portal.asp").status == 200


def test_not_rst() -> None:
    """Patched clients of 7.5 and later: the token is the middle of a ticket for TWN."""
    answer = ask("POST", "/NotRST.srf", x_user="alice@example.com", x_password="secret")
    token = dict(answer.headers)["X-Token"]
    assert at_once(TICKETS.accept(f"t={token}&p=", "alice@example.com", MemoryState()))
    assert dict(answer.headers)["Access-Control-Expose-Headers"] == "X-Token"
    for user, password in (("", ""), ("alice@example.com", "x"), ("n@b.example", "secret")):
        refused = ask("POST", "/NotRST.srf", x_user=user, x_password=password)
        assert refused.status == 200
        assert "X-Token" not in dict(refused.headers)
    preflight = ask("OPTIONS", "/NotRST.srf")
    assert dict(preflight.headers)["Access-Control-Allow-Headers"].startswith("X-User")


def profile(operation: str = "GetProfile", ticket: str | None = None, **headers: str) -> WebAnswer:
    if ticket is None:
        ticket, _ = TICKETS.issue("alice@example.com", "storage.msn.com")
    body = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>'
        f"<StorageUserHeader><TicketToken>{ticket.replace('&', '&amp;')}</TicketToken>"
        f"</StorageUserHeader></soap:Header><soap:Body><{operation}><profileHandle/></{operation}>"
        "</soap:Body></soap:Envelope>"
    )
    return ask("POST", "/storageservice/SchematizedStore.asmx", body.encode(), **headers)


def test_the_profile() -> None:
    answer = profile()
    assert answer.status == 200
    assert text_of(parse(answer.body), "DisplayName") == "A <ice>"
    assert b"webservices/storage/2008" in answer.body
    of_8 = profile(soapaction='"http://www.msn.com/webservices/storage/w10/GetProfile"')
    assert b"webservices/storage/w10" in of_8.body
    assert find(parse(profile("UpdateProfile").body), "UpdateProfileResponse") is not None


@pytest.mark.parametrize("ticket", ["", "t=1&p=", None])
def test_the_profile_is_nobody_elses(ticket: str | None) -> None:
    forged = TicketOffice().issue("alice@example.com", "storage.msn.com")[0]
    answer = profile(ticket=forged if ticket is None else ticket)
    assert answer.status == 500
    assert b"Authentication Failure" in answer.body
    assert ask("POST", "/storageservice/SchematizedStore.asmx", b"<").status == 500


def test_what_needs_no_account_is_all_that_old_tls_gets() -> None:
    rows = ROLE.configuration()
    assert "POST /NotRST.srf" not in rows
    assert not [row for row in rows if "storage" in row]
    assert len(rows) == 9

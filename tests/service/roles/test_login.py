from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.passport14 import authorization
from msnpauth.core.tickets.verdicts import parse_fields
from msnpauth.core.wire.dialects import DIALECTS, known
from msnpauth.service.roles.contacts import ContactsRole
from msnpauth.service.roles.door import Door
from msnpauth.service.roles.login import LoginRole, parse_authorization
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.rst import RstRole
from msnpauth.service.roles.web import WebAnswer, WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, MemoryState, at_once, in_memory
from msnpauth.service.tickets import TicketOffice

TICKETS = TicketOffice()
ACCOUNTS = Accounts.of({"alice@example.com": "secret", "bob@hotmail.com": "s3cret"})
HOUSE = Office(in_memory(ACCOUNTS), TICKETS, known(DIALECTS))


def site(here: str = "login.example") -> WebSite:
    homes = {"hotmail.": "net.example", "msn.com": "net.example"}
    login = LoginRole(Door(ACCOUNTS), TICKETS, login="login.example", homes=homes, here=here)
    rst, contacts = RstRole(Door(ACCOUNTS), TICKETS), ContactsRole(HOUSE)
    return WebSite(login.paths(), rst.paths(), contacts.paths())


def ask(target: str, here: str = "login.example", **headers: str) -> WebAnswer:
    return at_once(site(here).answer(WebRequest("GET", target, headers)))


def header(answer: WebAnswer, name: str) -> str:
    return dict(answer.headers)[name]


def sign_in(passport: str, password: str, here: str = "login.example") -> WebAnswer:
    return ask(
        "/login2.srf",
        here,
        authorization=authorization(passport, Secret(password), "lc=1").reveal(),
    )


@pytest.mark.parametrize("path", ["/rdr/pprdr.asp", "//rdr/pprdr.asp", "/rdr//pprdr.asp?x"])
def test_nexus_names_a_bare_host_to_old_clients(path: str) -> None:
    answer = ask(path)
    assert answer.status == 200
    assert (
        header(answer, "PassportURLs")
        == "DARealm=Passport.Net,DALogin=login.example/login2.srf,ConfigVersion=15"
    )


@pytest.mark.parametrize(
    ("agent", "is_url"),
    [
        (None, True),  # msnp11-sdk
        ("node", True),  # minisrv, msnpjs
        ("undici", True),
        ("node-fetch/1.0", True),
        ("MSMSGS", False),
        ("Python-urllib/1.17", False),  # msnlib
        ("MSN Explorer/9.0 (MSN 8.0; TmstmpExt)", False),
    ],
)
def test_nexus_names_a_url_to_those_who_take_it_for_one(agent: str | None, is_url: bool) -> None:
    headers = {"host": "h"} | ({"user-agent": agent} if agent else {})
    value = header(ask("/rdr/pprdr.asp", **headers), "PassportURLs")
    bare = "DARealm=Passport.Net,DALogin=login.example/login2.srf,ConfigVersion=15"
    assert value == ("DALogin=https://login.example/login2.srf" if is_url else bare)


def test_a_ticket_is_granted() -> None:
    answer = sign_in("ALICE@example.com", "secret")
    assert answer.status == 200
    fields = parse_fields(header(answer, "Authentication-Info"))
    assert fields["da-status"] == "success"
    assert at_once(TICKETS.accept(fields["from-pp"], "alice@example.com", MemoryState()))
    assert header(answer, "Content-Type") == "text/html"


@pytest.mark.parametrize("passport", ["bob@hotmail.com", "nobody@HOTMAIL.co.uk", "x@msn.com"])
def test_an_account_is_sent_home_whether_it_exists_or_not(passport: str) -> None:
    answer = sign_in(passport, "anything")
    assert answer.status == 302
    assert header(answer, "Location") == "https://net.example/login2.srf?moved=1"
    assert header(answer, "Authentication-Info") == "Passport1.4 da-status=redir"


def test_and_from_there_to_its_own() -> None:
    assert sign_in("bob@hotmail.com", "s3cret", here="net.example").status == 200
    assert sign_in("alice@example.com", "secret", here="net.example").status == 302


def test_who_was_sent_home_and_cannot_go_there_is_served() -> None:
    """Libpurple of 2007 takes every address for one of port 443, and would be sent round for ever."""
    value = authorization("bob@hotmail.com", Secret("s3cret"), "lc=1").reveal()
    assert ask("/login2.srf?moved=1", authorization=value).status == 200
    assert ask("/login2.srf?lc=1&moved=1", authorization=value).status == 200
    assert ask("/login2.srf?moved=10", authorization=value).status == 302


def test_what_old_clients_read_to_the_end_is_the_last_header() -> None:
    granted, refused = sign_in("alice@example.com", "secret"), sign_in("alice@example.com", "x")
    name, value = granted.headers[-1]
    assert name == "Authentication-Info"
    assert value.endswith("&p='")
    assert refused.headers[-1][0] == "WWW-Authenticate"


def test_a_wrong_password_and_an_unknown_account_look_alike() -> None:
    wrong, unknown = sign_in("alice@example.com", "x"), sign_in("nobody@example.com", "secret")
    assert wrong == unknown
    assert wrong.status == 401
    assert parse_fields(header(wrong, "WWW-Authenticate"))["da-status"] == "failed"


@pytest.mark.parametrize(
    "value",
    ["", "Basic YWxpY2U6c2VjcmV0", "Passport1.4", "Passport1.4 ", "Passport1.4 sign-in=alice%40example.com",
     "Passport1.4 pwd=secret", "Passport1.4 sign-in=,pwd=", "Passport1.4 sign-in=a%zz,pwd=b",
     "Passport1.4 sign-in=a%,pwd=b", "Passport1.4 sign-in=%ff,pwd=b", f"Passport1.4 sign-in={'a' * 130},pwd=b",
     "Passport1.4 garbage,,,===", "Passport1.5 sign-in=a,pwd=b"],
)  # fmt: skip
def test_what_is_no_authorization(value: str) -> None:
    assert parse_authorization(value) is None
    assert ask("/login2.srf", authorization=value).status == 401


@pytest.mark.parametrize(
    "value",
    [
        "Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fx,sign-in=a%40b,pwd=p%2Cw,lc=1",
        "passport1.4 pwd=p%2cw, sign-in=a@b,elapsed-time=0, OrgUrl=x,param1,param2",
        "Passport1.4 Passport1.4 SIGN-IN=a%40b,PWD=p%2Cw",
        "Passport1.4 sign-in=a%40b,pwd=p%2Cw,lc=1,pwd=other,sign-in=other",
    ],
)
def test_fields_in_every_form(value: str) -> None:
    assert parse_authorization(value) == ("a@b", Secret("p,w"))


def test_a_plus_is_a_plus() -> None:
    assert parse_authorization("Passport1.4 sign-in=a@b,pwd=a+b%20c") == ("a@b", Secret("a+b c"))


@pytest.mark.parametrize("vector", VECTORS["passport14_authorization"])
def test_published_values(vector: dict[str, str]) -> None:
    found = parse_authorization(vector["authorization"])
    assert found == (vector["email"], Secret(vector["password"]))


@given(st.text(min_size=1).filter(lambda t: t.encode("utf-8", "replace").decode() == t))
def test_what_the_client_builds_is_read_back(password: str) -> None:
    value = authorization("a@b.example", Secret(password), "ct=1,pwd=evil,sign-in=evil")
    assert parse_authorization(value.reveal()) == ("a@b.example", Secret(password))


@given(st.text())
def test_any_value_is_read_or_refused(value: str) -> None:
    found = parse_authorization(f"Passport1.4 {value}")
    assert found is None or all(found)


def test_elsewhere() -> None:
    assert ask("/").status == 404


def test_maintenance() -> None:
    closed = site()
    closed.maintenance = True
    answer = at_once(closed.answer(WebRequest("GET", "/rdr/pprdr.asp", {})))
    assert answer.status == 503
    assert header(answer, "Retry-After") == "60"


@pytest.mark.parametrize("host", ["login.example", "LOGIN.example:443", "other.example", ""])
def test_the_host_header_decides_nothing(host: str) -> None:
    headers = {"host": host, "user-agent": "x"}
    answer = at_once(site().answer(WebRequest("GET", "/rdr/pprdr.asp", headers)))
    assert dict(answer.headers)["PassportURLs"].startswith("DARealm=")
    answer = at_once(site().answer(WebRequest("GET", "/login2.srf", headers)))
    assert answer.status == 401

from __future__ import annotations

import pytest

from msnpauth.decoding import decode
from pasted import TICKET, one


def test_passporturls() -> None:
    found = one("Passporturls: DARealm=Passport.Net,DALogin=login.live.com:443/login2.srf")
    assert found.kind == "the header PassportURLs"
    assert found.problems == (
        "old clients look for `PassportURLs`, spelled so",
        "old clients take `host:443` for the name: 443 is never spelled",
    )
    assert "there is no DALogin" in one("PassportURLs: DARealm=x").problems
    assert "not https" in one("DALogin=http://l.example/login").problems[0]
    assert "no address" in one("PassportURLs: DALogin=no address").problems[0]


def test_authorization() -> None:
    found = one(
        "Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fx,sign-in=a%40b.example,"
        "pwd=gehe%2Cim,lc=1033,ct=1"
    )
    told = {field.name: field.value for field in found.fields}
    assert told["sign-in"] == "a@b.example"
    assert told["pwd"] == "***"
    assert told["lc"] == "1033"
    assert found.problems == ()
    assert "gehe" not in str(found)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("Passport1.4 Passport1.4 OrgVerb=GET,sign-in=a,pwd=b,lc=1", "said twice"),
        ("Passport1.4 OrgVerb=GET,sign-in=a%zz,pwd=b,lc=1", "a percent sign stands"),
        ("Passport1.4 OrgVerb=GET,sign-in=a,pwd=b+c,lc=1", "`+` is a plus"),
        ("Passport1.4 OrgVerb=GET,sign-in=a,pwd=b", "the challenge is missing"),
    ],
)
def test_what_is_wrong_with_an_authorization(value: str, problem: str) -> None:
    assert any(problem in text for text in one(f"Authorization: {value}").problems)
    assert one("Authorization: Passport1.4 OrgVerb=GET,sign-in=a").problems


def test_tickets_and_refusals() -> None:
    text = (
        "HTTP/1.1 200 OK\r\nAuthentication-Info: Passport1.4 da-status=success,tname=MSPAuth,"
        f"from-PP='{TICKET}',ru=http://x\r\nwww-authenticate: Passport1.4 da-status=failed,"
        "srealm=x,cbtxt=Wrong%20password\r\n"
    )
    granted, refused = decode(text)
    assert "clients in Rust and Node take all" in granted.problems[0]
    assert "Secret" not in str(granted)
    told = {field.name: field.value for field in refused.fields}
    assert told["cbtxt"] == "Wrong password"
    bare = one("Authentication-Info: Passport1.4 da-status=success,from-PP=1puV5BFuLD")
    assert "1puV5BFuLD" not in str(bare)
    assert (
        "without a ticket" in one("Authentication-Info: Passport1.4 da-status=success").problems[0]
    )
    assert one("Passport1.4 da-status=failed").kind == "the header WWW-Authenticate (its value)"
    assert "a quote is not closed" in one("Authentication-Info: Passport1.4 from-PP='x").problems


def test_a_comma_in_a_password_shows_nothing_of_it() -> None:
    found = one("Authorization: Passport1.4 OrgVerb=GET,sign-in=a,pwd=my,sec=ret,lc=1033,ct=1")
    assert "ret" not in str(found).replace("secret", "")
    assert [field.name for field in found.fields] == ["OrgVerb", "sign-in", "pwd", "lc", "ct"]

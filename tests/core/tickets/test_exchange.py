from __future__ import annotations

from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.exchange import Request, Response, describe_request, describe_response
from msnpauth.core.tickets.passport14 import authorization
from msnpauth.core.urls import Url


def test_headers_in_any_case() -> None:
    response = Response.from_raw(200, [(b"PassportURLs", b" a:b\xff "), (b"passporturls", b"c")])
    assert response.all("PASSPORTURLS") == ["a:b\udcff", "c"]
    assert response.header("Passporturls") == "a:b\udcff"
    assert response.header("X") is None


def test_reprs_tell_nothing() -> None:
    request = Request(
        "GET", Url.parse("https://h/secret"), (("Authorization", "secret"),), b"secret"
    )
    response = Response(200, (("X", "secret"),), b"secret")
    assert "secret" not in repr(request) + repr(response)


def test_a_described_request_has_no_password() -> None:
    value = authorization("a@b.example", Secret("hunter2"), "lc=1033")
    headers = (("Authorization", value), ("X", "hunter2"), ("authorization", "hunter2"))
    request = Request("GET", Url.parse("https://h/x?hunter2"), headers)
    assert describe_request(request) == [
        "GET https://h/x",
        "Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom"
        ",sign-in=a%40b.example,pwd=***,lc=1033",
        "authorization: ***",
    ]


def test_a_described_answer_has_no_ticket() -> None:
    request = Request("GET", Url.parse("https://h/"), secrets=(Secret("hunter2"),))
    response = Response(
        302,
        (
            (
                "Authentication-Info",
                "Passport1.4 da-status=success,from-PP='t=a,b=c&p=d',ru=http://x?t=a",
            ),
            ("WWW-Authenticate", "Passport1.4 da-status=failed,prompt,cbtxt=a,junk"),
            ("location", "https://h/l?t=a"),
            ("Location", "https://h/t=a&b"),
            ("PassportURLs", "DARealm=x,DALogin=h/l?q,Help=https://y"),
            ("Retry-After", "Sun, 22 Nov 2026 12:00:00 GMT"),
            ("Retry-After", "hunter2"),
            ("Set-Cookie", "MSPAuth=t"),
        ),
        b"body",
    )
    assert describe_response(response, request) == [
        "HTTP 302",
        "Authentication-Info: Passport1.4 da-status=success,from-PP=***,b=***,ru=***",
        "WWW-Authenticate: Passport1.4 da-status=failed,prompt,cbtxt=***",
        "location: https://h/l",
        "Location: ***",
        "PassportURLs: DARealm=x,DALogin=h/l,Help=***",
        "Retry-After: Sun, 22 Nov 2026 12:00:00 GMT",
        "Retry-After: ***",
    ]

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth.core.errors import (
    AccountBlocked,
    LocalProtocolError,
    RemoteProtocolError,
    ServiceUnavailable,
    SignInError,
    TooManyRedirects,
    UntrustedRedirect,
    WrongCredentials,
)
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.tickets.rst import (
    MESSENGER_CLEAR,
    Soap,
    policy_for,
    policy_for_challenge,
    request_body,
    request_params,
    request_tickets,
)
from msnpauth.core.tickets.xml import find, find_all, parse, text_of
from msnpauth.core.urls import Url

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = Url.parse("https://rst.example/RST.srf")
WANTED = {MESSENGER_CLEAR: "MBI_KEY_OLD", "contacts.msn.com": "MBI"}
PASSWORD = "p&a<s>s\"w'ord"


def exchange(soap: Soap = Soap.RST, servers: Servers | None = None) -> Any:
    return request_tickets(
        URL,
        soap,
        "a&b@c.example",
        Secret(PASSWORD),
        WANTED,
        servers=servers or Servers(),
        now=lambda: NOW,
    )


def ask(body: str, status: int = 200, soap: Soap = Soap.RST, *headers: tuple[str, str]) -> Any:
    running = exchange(soap)
    next(running)
    with pytest.raises(StopIteration) as end:
        running.send(Response(status, headers, body.encode()))
    return end.value.value


def refusal(body: str, status: int = 200, *headers: tuple[str, str]) -> SignInError:
    running = exchange()
    next(running)
    with pytest.raises(SignInError) as caught:
        running.send(Response(status, headers, body.encode()))
    return caught.value


def granted(
    address: str, ticket: str = "t=1&amp;p=", more: str = "", number: str = "Compact1"
) -> str:
    return (
        "<r:RequestSecurityTokenResponse><AppliesTo><x><Address>"
        f"{address}</Address></x></AppliesTo>{more}<RequestedSecurityToken>"
        f'<BinarySecurityToken Id="{number}">{ticket}</BinarySecurityToken></RequestedSecurityToken>'
        "</r:RequestSecurityTokenResponse>"
    )


def envelope(*parts: str) -> str:
    return f'<s:Envelope xmlns:s="urn:s" xmlns:r="urn:r"><s:Body>{"".join(parts)}</s:Body></s:Envelope>'


SECRET = "<RequestedProofToken><BinarySecret>AAAA</BinarySecret></RequestedProofToken>"
LIFE = "<LifeTime><Created>2011-05-05T14:44:00Z</Created><Expires>2011-05-06T14:44:00Z</Expires></LifeTime>"


# --- the request -------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["rst_request_params"])
def test_request_params(vector: dict[str, str]) -> None:
    assert request_params(vector["lc"]) == vector["request_params"]


@pytest.mark.parametrize("soap", Soap)
def test_the_request_is_xml_and_says_what_is_wanted(soap: Soap) -> None:
    body = request_body(soap, "a&b@c.example", Secret(PASSWORD), WANTED, url=URL, now=NOW)
    root = parse(body.reveal().encode())
    assert text_of(root, "Username") == "a&b@c.example"
    assert text_of(root, "Password") == PASSWORD
    addresses = [element.text for element in find_all(root, "Address")]
    assert addresses == ["http://Passport.NET/tb", MESSENGER_CLEAR, "contacts.msn.com"]
    policies = [element.get("URI") for element in find_all(root, "PolicyReference")]
    assert policies == ["MBI_KEY_OLD", "MBI"]
    assert (find(root, "Timestamp") is not None) is (soap is Soap.RST2)
    assert (find(root, "MessageID") is not None) is (soap is Soap.RST2)


def test_what_is_sent() -> None:
    request = next(exchange())
    assert (request.method, str(request.url)) == ("POST", "https://rst.example/RST.srf")
    assert dict(request.headers)["Content-Type"] == "text/xml; charset=utf-8"
    assert request.wants_body
    assert PASSWORD not in repr(request)
    again = next(exchange(Soap.RST2))
    assert dict(again.headers)["Content-Type"].startswith("application/soap+xml")


@given(st.text(min_size=1))
def test_any_password_is_written_or_refused(password: str) -> None:
    try:
        body = request_body(Soap.RST, "a@b", Secret(password), WANTED, url=URL, now=NOW)
    except LocalProtocolError:
        return
    found = find(parse(body.reveal().encode()), "Password")
    assert found is not None
    assert (found.text or "").replace("\r", "\n") == password.replace("\r\n", "\n").replace(
        "\r", "\n"
    )


def test_policies() -> None:
    assert policy_for("messenger.msn.com") == "?id=507"
    assert policy_for("unknown.example") == "MBI"
    challenge = "lc=1033,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct=1"
    assert policy_for_challenge(challenge) == "?lc=1033&ru=http://messenger.msn.com&ct=1"


# --- the answer --------------------------------------------------------------------------------


def test_answers_are_matched_by_address() -> None:
    tickets = ask(
        envelope(
            granted("unknown.example", "t=x", number="Compact9"),
            granted(
                "Contacts.msn.com", "t=2&amp;p=", LIFE.replace("LifeTime", "Lifetime"), "Compact2"
            ),
            granted("http://Passport.NET/tb", "t=0", number="PPToken1"),
            granted(MESSENGER_CLEAR, "t=1&amp;p=+/=", LIFE + SECRET, "whatever"),
        )
    )
    ticket = tickets[MESSENGER_CLEAR]
    assert ticket.reveal() == "t=1&p=+/="
    assert ticket.proof_key == Secret("AAAA")
    assert ticket.expires == NOW + timedelta(hours=24)
    assert tickets["contacts.msn.com"].reveal() == "t=2&p="
    assert tickets["contacts.msn.com"].proof_key is None
    assert "AAAA" not in repr(ticket)


@pytest.mark.parametrize(
    "life", ["", "<LifeTime/>", "<LifeTime><Created>x</Created><Expires>y</Expires></LifeTime>",
             "<LifeTime><Created>2011-05-05T14:44:00</Created><Expires>2011-05-05T14:44:00</Expires></LifeTime>"],
)  # fmt: skip
def test_a_life_that_is_not_known(life: str) -> None:
    assert ask(envelope(granted(MESSENGER_CLEAR, more=life)))[MESSENGER_CLEAR].expires is None


@pytest.mark.parametrize("ticket", ["", "t=a b", "t=1\r\nOUT", "t=1&#10;x"])
def test_a_ticket_that_would_forge_a_word(ticket: str) -> None:
    assert isinstance(refusal(envelope(granted(MESSENGER_CLEAR, ticket))), RemoteProtocolError)


def fault(code: str, text: str = "x", more: str = "") -> str:
    return f"<f:Fault xmlns:f='urn:f'><faultcode>{code}</faultcode><faultstring>{text}</faultstring>{more}</f:Fault>"


def fault2(code: str, value: str, more: str = "") -> str:
    return (
        f"<S:Fault xmlns:S='urn:S'><S:Code><S:Value>S:Sender</S:Value><S:Subcode><S:Value>{code}</S:Value>"
        f"</S:Subcode></S:Code><S:Detail><error><value>{value}</value>{more}</error></S:Detail></S:Fault>"
    )


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (fault("wsse:FailedAuthentication"), WrongCredentials),
        (fault("any:FailedAuthentication"), WrongCredentials),
        (fault("FailedAuthentication"), WrongCredentials),
        (fault("S:Client", "Invalid Request"), RemoteProtocolError),
        (fault("wsse:BadRequest"), RemoteProtocolError),
        ("<Fault/>", RemoteProtocolError),
        (fault2("wst:FailedAuthentication", "0x80048821"), WrongCredentials),
        (fault2("wst:FailedAuthentication", "0x80048823"), WrongCredentials),
        (fault2("wst:InvalidRequest", "0x80048820"), ServiceUnavailable),
        (fault2("x", "0x80048831"), AccountBlocked),
        (fault2("x", "0x800488EE"), AccountBlocked),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("where", ["envelope", "body"])
def test_faults(found: str, kind: type[SignInError], status: int, where: str) -> None:
    body = f"<E>{found}</E>" if where == "envelope" else f"<E><Header/><Body>{found}</Body></E>"
    error = refusal(body, status)
    assert type(error) is kind
    assert error.server == "https://rst.example"


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (200, (), RemoteProtocolError),
        (404, (), RemoteProtocolError),
        (401, (("WWW-Authenticate", "Passport1.4 da-status=failed,cbtxt=No"),), WrongCredentials),
        (429, (), ServiceUnavailable),
        (503, (("Retry-After", "9"),), ServiceUnavailable),
        (302, (), RemoteProtocolError),
        (302, (("Location", "https://evil.example/"),), UntrustedRedirect),
    ],
)
@pytest.mark.parametrize("body", ["", "<html>", "<E/>", "<!DOCTYPE html><html/>"])
def test_other_answers(status: int, headers: Any, kind: type[SignInError], body: str) -> None:
    assert type(refusal(body, status, *headers)) is kind


def redirected(url: str) -> str:
    return f"<E>{fault('psf:Redirect', 'Authentication Failure', f'<redirectUrl>{url}</redirectUrl>')}</E>"


def test_redirects() -> None:
    running = exchange(servers=Servers(trusted_hosts=["other.example"]))
    first = next(running)
    second = running.send(
        Response(200, (), redirected("https://other.example/pp550/RST.srf").encode())
    )
    assert str(second.url) == "https://other.example/pp550/RST.srf"
    assert second.body == first.body
    third = running.send(Response(301, (("Location", "/RST.srf"),)))
    assert str(third.url) == "https://other.example/RST.srf"


@pytest.mark.parametrize("url", ["http://rst.example/RST.srf", "https://evil.example/RST.srf"])
def test_redirects_that_are_not_followed(url: str) -> None:
    assert isinstance(refusal(redirected(url)), UntrustedRedirect)
    assert isinstance(refusal(redirected("")), RemoteProtocolError)


def test_a_redirect_to_itself() -> None:
    running = exchange()
    next(running)
    answer = Response(200, (), redirected(str(URL)).encode())
    for _ in range(5):
        running.send(answer)
    with pytest.raises(TooManyRedirects):
        running.send(answer)


def test_a_secret_in_a_fault_is_masked() -> None:
    error = refusal(f"<E>{fault('x', 'p&amp;a&lt;s&gt;s&quot;w&apos;ord')}</E>")
    assert (error.text, error.server_text) == ("the server did not take the request", None)
    assert PASSWORD not in repr(error.__dict__)


@given(st.text())
def test_any_body_is_tickets_or_an_error(text: str) -> None:
    running = exchange()
    next(running)
    with pytest.raises((SignInError, StopIteration)):
        running.send(Response(200, (), f"<E><Body><Fault>{text}</Fault></Body></E>".encode()))


def test_what_the_errors_say() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        request_body(Soap.RST, "a@b", Secret("\x01"), WANTED, url=URL, now=NOW)
    assert str(caught.value) == (
        "passport or password hold a control character, which RST cannot carry"
    )
    assert refusal("<E/>").text == "the answer holds no ticket"
    refused = refusal("", 401, ("WWW-Authenticate", "Passport1.4 da-status=failed,cbtxt=No"))
    assert (refused.server, refused.code, refused.server_text) == (
        "https://rst.example", "failed", "No",
    )  # fmt: skip


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_life_out_of_the_calendar(end: str) -> None:
    life = f"<LifeTime><Created>0001-01-01T00:00:00Z</Created><Expires>{end}</Expires></LifeTime>"
    found = ask(envelope(granted(MESSENGER_CLEAR, more=life)))[MESSENGER_CLEAR].expires
    assert found is None or found < NOW

"""Every carrier, sync and async, handles every answer of a login server alike."""

from __future__ import annotations

import datetime
import logging
import ssl
import traceback
from collections.abc import Callable

import pytest
import trustme

from conftest import Authority
from msnpauth import (
    CertificateRejected,
    ConnectionFailed,
    RemoteProtocolError,
    Servers,
    ServiceUnavailable,
    SignInError,
    SignInTimeout,
    TooManyRedirects,
    UntrustedRedirect,
    WrongCredentials,
)
from msnpauth.transports import trust
from msnpauth.transports.sockets import SocketsTransport
from wire import CHALLENGE, PASSWORD, TICKET, Peer, Script, Server, answers, granted, http

Ask = Callable[..., str]
Login = Callable[..., str]

INFO = "Authentication-Info: Passport1.4 "
WWW = "WWW-Authenticate: Passport1.4 "


@pytest.mark.parametrize(
    ("headers", "ticket"),
    [
        pytest.param([f"{INFO}da-status=success,from-PP='{TICKET}'"], TICKET, id="quoted"),
        pytest.param([f"{INFO}da-status=success,from-PP={TICKET}"], TICKET, id="bare"),
        pytest.param([f"{INFO}from-PP='{TICKET}',da-status=success"], TICKET, id="first"),
        pytest.param(
            [f"{INFO}da-status=success,from-PP={TICKET},ru=http://x/"], TICKET, id="middle"
        ),
        pytest.param(
            [f"{INFO}da-status=success,from-PP='t=a:b=c&p=%2F,d',ru=x"],
            "t=a:b=c&p=%2F,d",
            id="signs",
        ),
        pytest.param([f"{INFO}da-status=success,from-PP='t=a&p='"], "t=a&p=", id="p empty"),
        pytest.param([f"{INFO}da-status=success,from-PP='0123abcd'"], "0123abcd", id="token"),
        pytest.param(
            [f"AUTHENTICATION-INFO: passport1.4 DA-STATUS=success,FROM-PP='{TICKET}'"],
            TICKET,
            id="upper",
        ),
        pytest.param(
            [f"authentication-info:Passport1.4 da-status=success,from-pp='{TICKET}'"],
            TICKET,
            id="lower",
        ),
        pytest.param(
            [f"{INFO}da-status=success, tname=MSPAuth , from-PP='{TICKET}' "], TICKET, id="blanks"
        ),
        pytest.param(
            ["Set-Cookie: MSPAuth=x", f"{INFO}from-PP='{TICKET}'", "X: y"], TICKET, id="no status"
        ),
        pytest.param([f'{INFO}da-status=success,from-PP="{TICKET}"'], TICKET, id="double quotes"),
    ],
)
def test_ticket(login: Login, headers: list[str], ticket: str) -> None:
    assert login(http(200, *headers)) == ticket


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        pytest.param(http(200), RemoteProtocolError, "no ticket", id="no header"),
        pytest.param(http(200, f"{INFO}da-status=success"), RemoteProtocolError, "no ticket", id="no ticket"),
        pytest.param(http(200, f"{INFO}da-status=success,from-PP=''"), RemoteProtocolError, "empty", id="empty"),
        pytest.param(http(200, f"{INFO}da-status=success,from-PP="), RemoteProtocolError, "empty", id="empty bare"),
        pytest.param(http(200, f"{INFO}from-PP='t=a b'"), RemoteProtocolError, "blank", id="space"),
        pytest.param(http(200, f"{INFO}from-PP=t=a b,ru=x"), RemoteProtocolError, "blank", id="space bare"),
        pytest.param(http(200, f"{INFO}from-PP='{TICKET},ru=x"), RemoteProtocolError, "not closed", id="unclosed"),
        pytest.param(http(200, f"{INFO}da-status=failed"), WrongCredentials, "failed", id="200 failed"),
        pytest.param(http(200, f"{WWW}da-status=failed"), WrongCredentials, "failed", id="200 www failed"),
        pytest.param(http(401, f"{WWW}da-status=failed"), WrongCredentials, "failed", id="failed"),
        pytest.param(http(401, "www-authenticate: passport1.4 DA-Status=failed-noretry"), WrongCredentials, "do not try again", id="noretry"),
        pytest.param(http(401, f"{WWW}da-status=fail-noretry"), WrongCredentials, "do not try again", id="noretry text"),
        pytest.param(http(401), RemoteProtocolError, "no login server", id="401 alone"),
        pytest.param(http(401, f"{INFO}da-status=success,from-PP='{TICKET}'", f"{WWW}da-status=failed"), WrongCredentials, "failed", id="both"),
        pytest.param(http(401, "WWW-Authenticate: Negotiate", f"{WWW}da-status=failed,cbtxt=Nein%2C%20danke"), WrongCredentials, "Nein, danke", id="several"),
        pytest.param(http(401, f"{WWW}da-status=failed,cbtxt=two%0D%0Alines%1B%5B31m"), WrongCredentials, "two lines [31m", id="cbtxt with controls"),
        pytest.param(http(404), RemoteProtocolError, "404", id="404"),
        pytest.param(http(429), ServiceUnavailable, "busy", id="429"),
        pytest.param(http(500), ServiceUnavailable, "trouble", id="500"),
        pytest.param(http(503, "Retry-After: 120"), ServiceUnavailable, "120 seconds", id="503"),
        pytest.param(http(503, "Retry-After: never"), ServiceUnavailable, "later", id="503 odd"),
        pytest.param(http(302), RemoteProtocolError, "without an address", id="no location"),
        pytest.param(http(302, "Location: https://[::1"), RemoteProtocolError, "no address", id="bad location"),
        pytest.param(http(302, "Location: https://evil.example/"), UntrustedRedirect, "evil.example", id="foreign"),
        pytest.param(http(302, "Location: http://127.0.0.1/"), UntrustedRedirect, "not encrypted", id="plain http"),
        pytest.param(http(302, "Location: https://a@127.0.0.1/"), RemoteProtocolError, "user", id="user"),
        pytest.param(b"I am no HTTP server\r\n\r\n", RemoteProtocolError, "not HTTP", id="no HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\nAuthentic", ConnectionFailed, "closed", id="cut off"),
        pytest.param(b"", ConnectionFailed, "closed", id="closed"),
    ],
)  # fmt: skip
def test_failure(login: Login, answer: bytes, kind: type[SignInError], says: str) -> None:
    with pytest.raises(kind) as caught:
        login(answer)
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_retry_after_as_number(login: Login) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        login(http(503, "Retry-After: 7"))
    assert caught.value.retry_after == 7


def test_cbtxt_is_decoded(login: Login) -> None:
    with pytest.raises(WrongCredentials) as caught:
        login(http(401, f"{WWW}da-status=failed,srealm=x,cbtxt=caf%C3%A9%21,prompt"))
    assert caught.value.server_text == "café!"
    assert caught.value.code == "failed"


def test_what_is_sent(login: Login) -> None:
    heard: list[str] = []

    def script(peer: Peer) -> None:
        heard.append(peer.request())
        peer.send(granted())

    login(script)
    request, _, headers = heard[0].partition("\r\n")
    assert request == "GET /login2.srf HTTP/1.1"
    lines = [line for line in headers.split("\r\n") if line.startswith("Authorization: ")]
    assert lines == [
        "Authorization: Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom"
        f",sign-in=alice%40example.com,pwd=p%2Ca%3Dss%25w%20o%2Brd,{CHALLENGE}"
    ]
    assert "Host: 127.0.0.1:" in headers
    assert "User-Agent: MSMSGS\r\n" in headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{url}/other?lc=1033", "/other?lc=1033", "other?lc=1033"])
def test_redirect(ask: Ask, authority: Authority, status: int, location: str) -> None:
    heard: list[str] = []

    def script(peer: Peer) -> None:
        while True:
            heard.append(peer.request())
            where = location.format(url=server.url)
            peer.send(http(status, f"Location: {where}") if len(heard) == 1 else granted())

    with Server(script, authority.server_tls) as server:
        assert ask(Servers(login=f"{server.url}/login2.srf")) == TICKET
    assert heard[1].startswith("GET /other?lc=1033 HTTP/1.1\r\n")
    assert "pwd=p%2Ca%3Dss%25w%20o%2Brd" in heard[1]


def test_redirect_to_another_server(ask: Ask, authority: Authority) -> None:
    with Server(answers(granted()), authority.server_tls) as home:
        where = f"Location: https://localhost:{home.port}/login2.srf"
        script = answers(*[http(302, f"{INFO}da-status=redir", where)] * 2)
        with Server(script, authority.server_tls) as server:
            with pytest.raises(UntrustedRedirect):
                ask(Servers(login=server.url))
            assert home.connections == 0
            assert ask(Servers(login=server.url, trusted_hosts=["localhost"])) == TICKET


@pytest.mark.parametrize(("hops", "allowed"), [(5, True), (6, False)])
def test_redirects_are_bounded(login: Login, hops: int, allowed: bool) -> None:
    script = answers(*[http(302, "Location: /again")] * hops, granted())
    if allowed:
        assert login(script) == TICKET
    else:
        with pytest.raises(TooManyRedirects):
            login(script)


def test_nexus_and_login_on_one_host(ask: Ask, authority: Authority) -> None:
    def script(peer: Peer) -> None:
        while True:
            if peer.request().startswith("GET /rdr/pprdr.asp"):
                peer.send(http(200, f"passporturls: DALogin={server.address}/login2.srf,X=y"))
            else:
                peer.send(granted())

    with Server(script, authority.server_tls) as server:
        assert ask(Servers(nexus=f"{server.url}/rdr/pprdr.asp")) == TICKET
        assert server.connections == 1


def test_a_body_nobody_wants_is_not_waited_for(login: Login) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        head = f"HTTP/1.1 200 OK\r\n{INFO}da-status=success,from-PP='{TICKET}'\r\n"
        peer.send(head + "Content-Length: 1000000000\r\n\r\n<HTML>")
        peer.silence()

    assert login(script) == TICKET


def test_a_chunked_body_without_end(login: Login) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        head = f"HTTP/1.1 200 OK\r\n{INFO}da-status=success,from-PP='{TICKET}'\r\n"
        peer.send(head + "Transfer-Encoding: chunked\r\n\r\n")
        peer.flood(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")

    assert login(script) == TICKET


def test_interim_answers_are_passed_over(login: Login) -> None:
    assert (
        login(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n" + granted())
        == TICKET
    )


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda peer: peer.request() and peer.silence(), id="silence"),
        pytest.param(lambda peer: peer.request() and peer.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9999), id="a byte at a time"),
        pytest.param(lambda peer: peer.request() and peer.drip(b"HTTP/1.1 200 " + b"x" * 9999), id="no line"),
    ],
)  # fmt: skip
def test_the_deadline_holds(login: Login, script: Script) -> None:
    with pytest.raises(SignInTimeout) as caught:
        login(script, timeout=0.4)
    assert isinstance(caught.value, TimeoutError)
    assert "0.4 seconds" in str(caught.value)


def test_the_deadline_holds_while_tls_is_silent(ask: Ask) -> None:
    with Server(Peer.silence) as server, pytest.raises(SignInTimeout):
        ask(Servers(login=server.url), timeout=0.4)


@pytest.mark.parametrize("end", [b"X-Padding: y\r\n", b"x" * 16384])
def test_headers_without_end(login: Login, end: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        peer.flood(end)

    with pytest.raises(RemoteProtocolError):
        login(script)


def test_nobody_listens(ask: Ask) -> None:
    with Server(lambda peer: None) as server:
        pass
    with pytest.raises(ConnectionFailed) as caught:
        ask(Servers(login=server.url))
    assert isinstance(caught.value, OSError)
    assert caught.value.server == server.url or server.address in str(caught.value)


def test_no_tls_on_that_port(ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.send("220 welcome\r\n" * 10)

    with Server(script) as server, pytest.raises(ConnectionFailed) as caught:
        ask(Servers(login=server.url))
    assert not isinstance(caught.value, CertificateRejected)


def test_certificate_of_another_host(ask: Ask, authority: Authority) -> None:
    with Server(answers(granted()), authority.tls_for("other.example")) as server:
        with pytest.raises(CertificateRejected):
            ask(Servers(login=server.url))


def test_certificate_of_a_foreign_authority(ask: Ask, authority: Authority) -> None:
    tls = authority.tls_for("127.0.0.1", ca=trustme.CA())
    with Server(answers(granted()), tls) as server, pytest.raises(CertificateRejected):
        ask(Servers(login=server.url))


def test_certificate_not_trusted_by_the_system(ask: Ask, authority: Authority) -> None:
    with Server(answers(granted()), authority.server_tls) as server:
        with pytest.raises(CertificateRejected, match="ca_file"):
            ask(Servers(login=server.url), ca_file=None)


def test_expired_certificate(ask: Ask, authority: Authority) -> None:
    tls = authority.tls_for("127.0.0.1")
    expired = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    authority.ca.issue_cert("127.0.0.1", not_after=expired).configure_cert(tls)
    with Server(answers(granted()), tls) as server, pytest.raises(CertificateRejected):
        ask(Servers(login=server.url))


def test_nothing_secret_is_told(
    login: Login, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server that throws everything back does not get it into a log or an error."""
    secrets = [PASSWORD, "p%2Ca%3Dss%25w%20o%2Brd", TICKET, "53*1hAu8ADuD3TEw"]
    echo = "p%2Ca%3Dss%25w%20o%2Brd"
    hostile = [
        granted(),
        http(200, f"{INFO}da-status=success,from-PP='{TICKET} '"),
        http(200, f"{INFO}da-status={PASSWORD}"),
        http(401, f"{WWW}da-status=failed,cbtxt=you%20said%20{echo},{echo},x={echo}"),
        http(401, f"{WWW}da-status=failed{PASSWORD}"),
        http(302, f"Location: https://evil.example/?pwd={echo}"),
        http(302, f"Location: https://{echo}.example:1/{echo}"),
        http(503, f"Retry-After: {PASSWORD}"),
        f"{TICKET} {PASSWORD}\r\n\r\n".encode(),
    ]
    caplog.set_level(logging.DEBUG)
    for answer in hostile:
        try:
            login(answer)
        except SignInError as error:
            told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
            assert not [secret for secret in secrets if secret in told], told
    out, err = capfd.readouterr()
    told = caplog.text + out + err + repr([record.__dict__ for record in caplog.records])
    assert "da-status=success" in told
    assert not [secret for secret in secrets if secret in told]


def test_whose_certificates_count() -> None:
    """The caller's, then the network's; a carrier or settings of the caller's own need neither."""
    servers = Servers("h.example", ca_file="theirs.pem")
    context = ssl.create_default_context()
    assert trust(servers, None, None, None) == ("theirs.pem", None)
    assert trust(servers, None, None, "curl") == ("theirs.pem", None)
    assert trust(servers, "mine.pem", None, None) == ("mine.pem", None)
    assert trust(servers, None, context, None) == (None, context)
    assert trust(None, None, None, None) == (None, None)
    assert trust(servers, None, None, SocketsTransport(context)) == (None, None)

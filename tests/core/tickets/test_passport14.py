from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth.core.errors import (
    GONE_HINT,
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    ServiceUnavailable,
    SignInError,
    Step,
    TooManyRedirects,
    UntrustedRedirect,
    WrongCredentials,
)
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import HISTORIC, Servers
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.core.tickets.passport14 import authorization, find_login, get_ticket, request_ticket
from msnpauth.core.tickets.verdicts import MAX_REDIRECTS
from msnpauth.core.urls import Url

NEXUS = Servers(nexus="https://nexus.example/rdr/pprdr.asp")
LOGIN = Url.parse("https://login.example/login2.srf")


def finish(exchange: Generator[Request, Response, Any], response: Response) -> Any:
    """Send the last response; return the exchange's result."""
    with pytest.raises(StopIteration) as end:
        exchange.send(response)
    return end.value.value


def ask(response: Response, servers: Servers | None = None) -> Any:
    exchange = request_ticket(
        LOGIN, "a@b.example", Secret("hunter2"), "lc=1", servers or Servers(),
        now=lambda: datetime(2026, 11, 22, 12, tzinfo=UTC),
    )  # fmt: skip
    next(exchange)
    return finish(exchange, response)


# --- what the caller gives ---------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["passport14_authorization"])
def test_authorization(vector: dict[str, str]) -> None:
    found = authorization(vector["email"], Secret(vector["password"]), vector["challenge"])
    assert found.reveal() == vector["authorization"]
    assert vector["password"] not in found.shown


@given(st.text(min_size=1).filter(lambda text: text.encode("utf-8", "replace").decode() == text))
def test_a_password_is_one_field(password: str) -> None:
    value = authorization("a@b.example", Secret(password), "lc=1").reveal()
    assert value.count(",") == 4
    assert value.isascii()
    assert " " not in value.removeprefix("Passport1.4 ")


FAILED = (("WWW-Authenticate", "Passport1.4 da-status=failed"),)


# --- the nexus ---------------------------------------------------------------------------------


def nexus(response: Response) -> Any:
    exchange = find_login(NEXUS)
    request = next(exchange)
    assert (request.method, str(request.url)) == ("GET", "https://nexus.example/rdr/pprdr.asp")
    assert request.step is Step.NEXUS
    return finish(exchange, response)


@pytest.mark.parametrize("name", ["PassportURLs", "Passporturls", "passporturls"])
@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_nexus(name: str, status: int) -> None:
    value = "DARealm=Passport.Net,DALogin=login.live.com/login2.srf,ConfigVersion=14"
    assert str(nexus(Response(status, ((name, value),)))) == "https://login.live.com/login2.srf"


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        ("DALogin=http://h/", UntrustedRedirect, "not encrypted"),
        ("DALogin=https://u@h/", RemoteProtocolError, "no address"),
        ("DALogin=", RemoteProtocolError, "where to sign in"),
        ("DARealm=x", RemoteProtocolError, "where to sign in"),
        ("DALogin='h", RemoteProtocolError, "in PassportURLs, .* not closed"),
    ],
)
def test_nexus_that_makes_no_sense(value: str, kind: type[SignInError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        nexus(Response(200, (("PassportURLs", value),)))
    assert caught.value.step is Step.NEXUS


def test_nexus_redirects() -> None:
    exchange = find_login(NEXUS)
    next(exchange)
    again = exchange.send(Response(301, (("Location", "/elsewhere"),)))
    assert str(again.url) == "https://nexus.example/elsewhere"
    with pytest.raises(UntrustedRedirect):
        exchange.send(Response(301, (("Location", "https://evil.example/"),)))


def test_nexus_down() -> None:
    with pytest.raises(ServiceUnavailable):
        nexus(Response(503))


def test_no_nexus_and_no_login() -> None:
    with pytest.raises(LocalProtocolError, match=r"Servers\(login="):
        next(find_login(Servers()))


# --- the login server --------------------------------------------------------------------------


def test_nexus_is_asked_only_when_it_must_be() -> None:
    exchange = get_ticket("bob@hotmail.com", Secret("x"), "lc=1", HISTORIC)
    assert str(next(exchange).url) == "https://loginnet.passport.com/login2.srf"
    exchange = get_ticket("bob@hotmail.com", Secret("x"), "lc=1", NEXUS)
    assert next(exchange).step is Step.NEXUS
    asked = exchange.send(Response(200, (("PassportURLs", "DALogin=l.example/x"),)))
    assert str(asked.url) == "https://l.example/x"
    info = ("Authentication-Info", "Passport1.4 from-PP='t=1&p='")
    assert finish(exchange, Response(200, (info,))).reveal() == "t=1&p="


def test_redirected_to_a_historic_host_with_the_same_header() -> None:
    historic = Url.parse("https://login.passport.com/login2.srf")
    exchange = request_ticket(historic, "a@b.example", Secret("x"), "lc=1", HISTORIC)
    first = next(exchange)
    where = "https://loginnet.passport.com/login2.srf?lc=1033"
    second = exchange.send(Response(302, (("Location", where),)))
    assert str(second.url) == where
    assert second.headers == first.headers


def test_da_status_redir_with_another_status() -> None:
    exchange = request_ticket(LOGIN, "a@b.example", Secret("x"), "lc=1", Servers())
    next(exchange)
    headers = (("Authentication-Info", "Passport1.4 da-status=redir"), ("Location", "/x"))
    assert exchange.send(Response(200, headers)).url.target == "/x"


@pytest.mark.parametrize("status", [200, 201, 302])
def test_a_ticket_may_come_with_any_status_but_an_error(status: int) -> None:
    info = ("Authentication-Info", "Passport1.4 dastatus=success,from-PP='t=1'")
    assert ask(Response(status, (info,))).reveal() == "t=1"


def test_a_ticket_with_an_error_is_none() -> None:
    info = ("Authentication-Info", "Passport1.4 da-status=success,from-PP='t=1'")
    with pytest.raises(ServiceUnavailable):
        ask(Response(500, (info,)))


INFO = "Authentication-Info"


@pytest.mark.parametrize(
    ("response", "kind", "says"),
    [
        (Response(200), RemoteProtocolError, "no ticket"),
        (Response(200, ((INFO, "Passport1.4 from-PP=''"),)), RemoteProtocolError, "is empty"),
        (Response(200, ((INFO, "Passport1.4 from-PP='a b'"),)), RemoteProtocolError, "a blank"),
        (Response(200, ((INFO, "Passport1.4 from-PP='t=1\r'"),)), RemoteProtocolError, "control"),
        (
            Response(200, ((INFO, "Passport1.4 from-PP='t=1"),)),
            RemoteProtocolError,
            "in Authentication-Info, .* not closed",
        ),
        (Response(302), RemoteProtocolError, "without an address"),
        (Response(302, (("Location", "https://[::1"),)), RemoteProtocolError, "no address"),
        (
            Response(302, (("Location", "http://login.example/"),)),
            UntrustedRedirect,
            "not encrypted",
        ),
        (Response(302, (("Location", "https://x.example/"),)), UntrustedRedirect, "vouch"),
        (Response(200, FAILED), WrongCredentials, "refused"),
        (Response(401, FAILED), WrongCredentials, "refused"),
        (Response(401), RemoteProtocolError, "no login server"),
        (Response(401, (("WWW-Authenticate", "Basic"),)), RemoteProtocolError, "no login server"),
        (Response(401, ((INFO, "Passport1.4 from-PP='t=1'"),)), RemoteProtocolError, "no login"),
        (Response(400, ((INFO, "Passport1.4 from-PP='t=1'"),)), RemoteProtocolError, "no ticket"),
        (Response(500, ((INFO, "Passport1.4 from-PP='t=1'"),)), ServiceUnavailable, "trouble"),
        (Response(200, ((INFO, "Passport1.4 from-PP='t=\udcff'"),)), RemoteProtocolError, "UTF-8"),
        (Response(302, (("Location", "/?HUNTER2"),)), RemoteProtocolError, "repeats a secret"),
    ],
)
def test_answers_that_are_none(response: Response, kind: type[SignInError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        ask(response)
    assert caught.value.server == "https://login.example"


@pytest.mark.parametrize("exchange", [
    lambda: find_login(NEXUS), lambda: request_ticket(LOGIN, "a@b", Secret("x"), "lc=1", Servers()),
])  # fmt: skip
def test_redirects_are_bounded(exchange: Any) -> None:
    running = exchange()
    next(running)
    for _ in range(MAX_REDIRECTS):
        running.send(Response(302, (("Location", "/again"),)))
    with pytest.raises(TooManyRedirects, match="more than 5"):
        running.send(Response(302, (("Location", "/again"),)))


def test_logout_is_no_ticket() -> None:
    info = ("Authentication-Info", "Passport1.4 da-status=logout,from-PP='t=1'")
    with pytest.raises(RemoteProtocolError):
        ask(Response(200, (info,)))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("99999999999", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        ask(Response(503, (("Retry-After", value),)))
    assert caught.value.retry_after == seconds


def test_an_answer_that_repeats_the_password_is_not_told() -> None:
    echo = ("WWW-Authenticate", "Passport1.4 da-status=failed,cbtxt=hunter2%20hunter2")
    with pytest.raises(WrongCredentials) as caught:
        ask(Response(401, (echo,)))
    assert caught.value.server_text is None
    with pytest.raises(RemoteProtocolError, match="repeats a secret") as refused:
        ask(Response(302, (("Location", "https://hunter2.example/"),)))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "outcome", [Response(404), Response(503), ConnectionFailed("there is no such host name")]
)
def test_where_microsoft_used_to_be(outcome: Response | SignInError) -> None:
    exchange = get_ticket("bob@hotmail.com", Secret("x"), "lc=1", HISTORIC)
    next(exchange)
    with pytest.raises(SignInError) as caught:
        if isinstance(outcome, Response):
            exchange.send(outcome)
        else:
            exchange.throw(outcome)
    assert caught.value.hint == GONE_HINT
    assert "escargot" in str(caught.value)


def test_a_refusal_there_is_a_refusal() -> None:
    exchange = get_ticket("bob@hotmail.com", Secret("x"), "lc=1", HISTORIC)
    next(exchange)
    with pytest.raises(WrongCredentials) as caught:
        exchange.send(Response(401, FAILED))
    assert caught.value.hint != GONE_HINT


@pytest.mark.parametrize("length", [16, 17, 200])
def test_a_long_password_is_not_cut(length: int) -> None:
    password = "x" * length
    request = next(get_ticket("a@b.example", Secret(password), "lc=1", Servers(login=str(LOGIN))))
    header = dict(request.headers)["Authorization"]
    assert isinstance(header, Secret)
    assert f"pwd={password}," in header.reveal()

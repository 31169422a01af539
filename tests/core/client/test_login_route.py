"""The route by a login server: nexus, remembered address, and what is made of each answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from msnpauth.core.client.memory import Memory
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.errors import (
    CertificateRejected,
    ConnectionFailed,
    ServiceUnavailable,
    SignInError,
    SignInTimeout,
    Step,
    WrongCredentials,
)
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.urls import Url
from routing import (
    GRANTED,
    LOGIN,
    LOST,
    NEXUS,
    NOW,
    NS,
    TO_LOGIN,
    challenge,
    failure,
    fetched,
    new,
    said,
    shown,
)


def test_the_nexus_is_asked_beside_the_notification_server() -> None:
    sign_in = new(12, nexus=NEXUS)
    assert shown(sign_in.start()) == [f"fetch 1 {NEXUS}"]
    assert shown(sign_in.receive_response(1, TO_LOGIN)) == [f"prepare {LOGIN}"]
    asked = challenge(sign_in, 12, "lc=1")
    assert shown(asked) == [f"fetch 2 {LOGIN}"]
    assert said(sign_in.receive_response(2, GRANTED)) == ["USR 4 TWN S t=1&p=\r\n"]


def test_a_nexus_that_is_silent() -> None:
    sign_in = new(12, nexus=NEXUS)
    sign_in.start()
    assert sign_in.timed_out(1).step is Step.NEXUS


def test_a_challenge_that_is_there_before_the_nexus_has_answered() -> None:
    sign_in = new(12, nexus=NEXUS)
    sign_in.start()
    assert challenge(sign_in, 12, "lc=1") == []
    assert shown(sign_in.receive_response(1, TO_LOGIN)) == [f"fetch 2 {LOGIN}"]
    assert sign_in.receive_response(1, TO_LOGIN) == []


def test_a_challenge_is_good_for_its_connection_only() -> None:
    sign_in = new(12, login=LOGIN)
    sign_in.start()
    assert shown(challenge(sign_in, 12, "lc=1")) == [f"fetch 1 {LOGIN}"]
    sign_in.receive_data(b"XFR 4 NS other.example:1863\r\n")
    assert sign_in.receive_response(1, GRANTED) == []
    sign_in.receive_data(b"VER 4 MSNP12\r\nCVR 5 1\r\n")
    assert shown(sign_in.receive_data(b"USR 6 TWN S lc=2\r\n")) == [f"fetch 2 {LOGIN}"]
    assert said(sign_in.receive_response(2, GRANTED)) == ["USR 7 TWN S t=1&p=\r\n"]


def remembering(memory: Memory | None = None) -> SignIn:
    settings: dict[str, Any] = {"memory": memory, "now": lambda: NOW, "dialects": [12]}
    return SignIn("a@b.example", "x", Servers(notification=NS, nexus=NEXUS), **settings)


KNOWN = Memory(login=Url.parse(LOGIN))


def test_the_login_address_is_remembered() -> None:
    first = remembering()
    first.start()
    first.receive_response(1, TO_LOGIN)
    assert first.memory == KNOWN
    assert shown(remembering(KNOWN).start()) == [f"prepare {LOGIN}"]


@pytest.mark.parametrize(
    "outcome",
    [
        LOST,
        Response(404),
        Response(401),
        Response(503),
        Response(302, (("Location", "https://elsewhere.example/"),)),
        SignInTimeout("late"),
        CertificateRejected("expired"),
    ],
)
def test_a_remembered_login_address_that_fails_is_forgotten(
    outcome: Response | SignInError,
) -> None:
    second = remembering(KNOWN)
    second.start()
    assert shown(challenge(second, 12, "lc=1")) == [f"fetch 1 {LOGIN}"]
    assert shown(second.receive_response(1, outcome)) == [f"fetch 2 {NEXUS}"]
    assert second.memory == Memory()
    assert shown(second.receive_response(2, TO_LOGIN)) == [f"fetch 3 {LOGIN}"]
    error = failure(second.receive_response(3, LOST))
    assert isinstance(error, ConnectionFailed)


def test_a_remembered_login_server_that_judged_the_password_is_the_right_one() -> None:
    sign_in = remembering(KNOWN)
    sign_in.start()
    challenge(sign_in, 12, "lc=1")
    failed = Response(401, (("WWW-Authenticate", "Passport1.4 da-status=failed"),))
    assert isinstance(failure(sign_in.receive_response(1, failed)), WrongCredentials)
    assert sign_in.memory == KNOWN


@pytest.mark.parametrize("way", ["deadline", "cancelled"])
def test_a_remembered_login_server_that_is_silent_is_forgotten(way: str) -> None:
    sign_in = remembering(KNOWN)
    sign_in.start()
    challenge(sign_in, 12, "lc=1")
    if way == "deadline":
        assert sign_in.timed_out(3).step is Step.LOGIN
    else:
        sign_in.give_up()
    assert sign_in.memory == Memory()


def test_a_login_server_that_was_not_asked_is_not_doubted() -> None:
    sign_in = remembering(KNOWN)
    sign_in.start()
    sign_in.timed_out(3)
    assert sign_in.memory == KNOWN


@pytest.mark.parametrize("remembered", [False, True])
def test_a_busy_nexus_says_when_by_our_clock(remembered: bool) -> None:
    """Also the nexus that is asked after a remembered login server was of no use."""
    date = (NOW + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    memory = Memory(login=Url.parse(LOGIN)) if remembered else None
    servers = Servers(notification=NS, nexus=NEXUS)
    sign_in = SignIn("a@b.example", "x", servers, dialects=[8], memory=memory, now=lambda: NOW)
    actions = sign_in.start()
    if remembered:
        actions = challenge(sign_in, 8, "lc=1")
        actions = sign_in.receive_response(fetched(actions).id, LOST)
    busy = Response(503, (("Retry-After", date),))
    actions = sign_in.receive_response(fetched(actions[:1]).id, busy)
    error = failure(actions or challenge(sign_in, 8, "lc=1"))
    assert isinstance(error, ServiceUnavailable)
    assert error.retry_after == 90.0

"""What all routes have in common: a new offer makes a new route, and errors say which server lacks."""

from __future__ import annotations

from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.proof import md5_answer
from routing import (
    GRANTED,
    LOGIN,
    LOST,
    NEXUS,
    NOW,
    NS,
    RST,
    TO_LOGIN,
    challenge,
    said,
    shown,
)


def test_a_new_offer_makes_a_new_route() -> None:
    """A nexus that was asked for TWN answers late: nothing goes out with the salt of MD5."""
    servers = Servers(notification=NS, nexus=NEXUS, schemes=("TWN", "MD5"))
    sign_in = SignIn("a@b.example", "hunter2", servers)
    assert shown(sign_in.start()) == [f"fetch 1 {NEXUS}"]
    sign_in.receive_data(b"VER 1 0\r\n")
    opening = b"VER 4 MSNP7\r\nINF 5 MD5\r\nUSR 6 MD5 S 1013928519.693957190\r\n"
    answered = said(sign_in.receive_data(opening))
    assert answered == [f"USR 7 MD5 S {md5_answer('1013928519.693957190', Secret('hunter2'))}\r\n"]
    assert sign_in.receive_response(1, TO_LOGIN) == []
    assert sign_in.receive_response(1, LOST) == []


def test_an_older_dialect_has_its_own_route() -> None:
    """MSNP12 and on ask the RST, MSNP8 to 11 the login server; one offer may hold both."""
    servers = Servers(notification=NS, nexus=NEXUS, rst=RST)
    sign_in = SignIn("a@b.example", "x", servers, dialects=[8, 12], now=lambda: NOW)
    assert shown(sign_in.start()) == [f"prepare {RST}"]
    assert shown(challenge(sign_in, 8, "lc=1")) == [f"fetch 1 {NEXUS}"]
    assert shown(sign_in.receive_response(1, TO_LOGIN)) == [f"fetch 2 {LOGIN}"]
    assert said(sign_in.receive_response(2, GRANTED)) == ["USR 4 TWN S t=1&p=\r\n"]

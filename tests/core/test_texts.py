"""What people read when an argument is wrong, whole: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from msnpauth.core.client.comeback import Reconnect, check_reconnect
from msnpauth.core.client.connection import check_product
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.credentials import check_challenge, check_guid, check_passport, check_password
from msnpauth.core.errors import SignInError, Step
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.auth import transport_fault
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.tickets.passport14 import find_login
from msnpauth.core.urls import BadAddress, Url
from msnpauth.core.wire.dialects import offer, scheme_named

NS = Servers(notification="ns.example")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: check_reconnect(5),  # type: ignore[arg-type]
            "reconnect= is no policy; as in reconnect=Reconnect()",
        ),
        (lambda: Reconnect(attempts=0), "attempts must be 1 or more, or None"),
        (lambda: Reconnect(first=2, longest=1), "pauses are seconds: 0 <= first <= longest"),
        (lambda: Reconnect(longest_wish=-1), "longest_wish is a number of seconds"),
        (
            lambda: check_product(("a", "b", "c")),  # type: ignore[arg-type]
            'product= is no pair of product id and key; as in product=("PROD0119GSJUC$18", "ILTXC!4IXB5FB*PX")',
        ),
        (
            lambda: SignIn("a@b.example", "x", Servers()),
            'no notification server to sign in at; name one: Servers("messenger.example") or'
            ' Servers.named("escargot")',
        ),
        (lambda: check_guid("x"), "that is no GUID; as in {F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"),
        (
            lambda: SignIn("a@b.example", "x", NS),
            "these servers allow no scheme; name a nexus, login or rst server; scheme='MD5' signs"
            " in without any",
        ),
        (
            lambda: next(find_login(NS)),
            "no login server is known for this passport; name one with Servers(login=…) or a"
            " nexus with Servers(nexus=…)",
        ),
        (lambda: scheme_named("x"), "'x' is no scheme; schemes are MD5, TWN, SSO"),
        (lambda: offer([]), "no dialects to offer; name some of 8, 9, 10, 11, 12, 13, 14"),
        (
            lambda: offer([15]),
            "MSNP15 cannot be offered: it does not sign in by TWN; TWN has 8, 9, 10, 11, 12, 13, 14",
        ),
        (
            lambda: check_challenge("a b"),
            "the challenge is one word, without blanks and control characters; it is the fifth word"
            " of the server's reply USR n TWN S <challenge>, which looks like lc=1033,id=507,tw=40,"
            "fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct=1128154104,…",
        ),
        (
            lambda: check_passport("alice"),
            "that is not a passport; a passport is an address such as alice@example.com",
        ),
        (lambda: check_password(Secret("")), "the password is empty"),
    ],
)
def test_arguments_that_are_wrong(call: Callable[[], object], text: str) -> None:
    with pytest.raises(SignInError) as caught:
        call()
    assert str(caught.value) == text


def test_a_transport_that_fails() -> None:
    error = transport_fault(ZeroDivisionError("secret"), Request("GET", Url.parse("https://h/l")))
    assert str(error) == (
        "login at https://h: the transport met a fault of its own (ZeroDivisionError); a transport"
        " raises msnpauth's own errors only: see Transport.fetch"
    )
    assert error.step is Step.LOGIN


@pytest.mark.parametrize(
    ("url", "text"),
    [("https://-/", "that is no host name"), ("https://a..b/", "that is no host name")],
)
def test_addresses_that_are_none(url: str, text: str) -> None:
    with pytest.raises(BadAddress) as caught:
        Url.parse(url)
    assert str(caught.value) == text


def test_a_passport_has_its_domain_behind_the_last_at() -> None:
    assert check_passport('"a@b"@c.example') == '"a@b"@c.example'
    with pytest.raises(SignInError):
        check_passport("a@b@")


def test_how_servers_show_themselves() -> None:
    servers = Servers("h.example", login={"*": "https://l.example/"}, trusted_hosts=["t.example"])
    assert repr(servers) == (
        "Servers(notification='h.example:1863', nexus='https://h.example/rdr/pprdr.asp',"
        " login='*: https://l.example/', rst='https://h.example/RST.srf',"
        " rst2='https://h.example/RST2.srf', contacts='https://h.example/', trusted_hosts='t.example')"
    )

"""Whole requests, byte by byte: servers of hobbyists read them by searching for text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from msnpauth.core.errors import Step
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.tickets.passport14 import find_login, request_ticket
from msnpauth.core.tickets.rst import MESSENGER_CLEAR, Soap, request_tickets
from msnpauth.core.urls import Url

DATA = Path(__file__).parents[2] / "data" / "requests"
WANTED = {MESSENGER_CLEAR: "MBI_KEY_OLD", "contacts.msn.com": "MBI"}


def now() -> datetime:
    return datetime(2026, 11, 22, 12, tzinfo=UTC)


def by_rst(soap: Soap) -> Request:
    url = Url.parse("https://rst.example/RST.srf")
    password = Secret("p&a<s>s\"w'ord")
    return next(
        request_tickets(url, soap, "a&b@c.example", password, WANTED, servers=Servers(), now=now)
    )


def by_login() -> Request:
    login = Url.parse("https://login.example/login2.srf")
    challenge = "lc=1033,id=507"
    return next(
        request_ticket(login, "a/b+c@d.example", Secret("hunter 2"), challenge, Servers(), now=now)
    )


def to_the_nexus() -> Request:
    return next(find_login(Servers(nexus="https://nexus.example/rdr/pprdr.asp"), now=now))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("rst", lambda: by_rst(Soap.RST)),
        ("rst2", lambda: by_rst(Soap.RST2)),
        ("login", by_login),
        ("nexus", to_the_nexus),
    ],
)
def test_whole_requests(name: str, make: Callable[[], Request]) -> None:
    request = make()
    lines = [f"{request.method} {request.url}"]
    lines += [f"{name.decode()}: {value.decode()}" for name, value in request.all_headers()]
    text = "\n".join([*lines, "", request.body.decode(), ""])
    assert text == (DATA / f"{name}.txt").read_text("utf-8")
    assert request.step is (Step.NEXUS if name == "nexus" else Step.LOGIN)

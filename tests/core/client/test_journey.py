"""Which address a dialect asks for its ticket."""

from __future__ import annotations

import pytest

from msnpauth.core.client.actions import Prepare
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Response
from routing import (
    LOGIN,
    NEXUS,
    NS,
    RST,
    RST2,
    challenge,
    fetched,
    new,
)


@pytest.mark.parametrize(
    ("dialect", "servers", "prepared", "asked"),
    [
        (8, {"login": LOGIN, "rst": RST}, LOGIN, LOGIN),
        (12, {"login": LOGIN, "rst": RST}, LOGIN, LOGIN),
        (12, {"nexus": NEXUS, "rst": RST}, RST, RST),
        (14, {"rst2": RST2}, RST2, RST2),
        (8, {"rst": RST}, RST, RST),
        (8, {"rst": RST, "rst2": RST2}, RST, RST),
        (15, {"rst": RST, "rst2": RST2, "login": LOGIN}, RST, RST),
        (16, {"rst": RST, "rst2": RST2}, RST, RST),
        (18, {"rst": RST, "rst2": RST2}, RST2, RST2),
        (18, {"rst": RST}, RST, RST),
        (15, {"rst2": RST2}, RST2, RST2),
    ],
)
def test_which_server(dialect: int, servers: dict[str, str], prepared: str, asked: str) -> None:
    sign_in = new(dialect, **servers)
    first = sign_in.start()[0]
    assert isinstance(first, Prepare)
    assert str(first.url) == prepared
    words = "lc=1" if dialect < 15 else "MBI_KEY_OLD nonce"
    assert str(fetched(challenge(sign_in, dialect, words)).request.url) == asked


@pytest.mark.parametrize(("url", "sort"), [(RST, "rst"), (RST2, "rst2")])
def test_the_request_is_of_the_servers_own_sort(url: str, sort: str) -> None:
    sign_in = new(15, **{sort: url})
    sign_in.start()
    request = fetched(challenge(sign_in, 15, "MBI_KEY_OLD nonce")).request
    assert (b"http://www.w3.org/2003/05/soap-envelope" in request.body) == (sort == "rst2")


def test_rst_may_send_the_password_on_to_a_host_that_is_trusted() -> None:
    servers = Servers(notification=NS, rst=RST, trusted_hosts=["other.example"])
    sign_in = SignIn("a@b.example", "x", servers, dialects=[15])
    sign_in.start()
    first = fetched(challenge(sign_in, 15, "MBI_KEY_OLD nonce"))
    moved = Response(302, (("Location", "https://other.example/RST.srf"),))
    second = fetched(sign_in.receive_response(first.id, moved))
    assert str(second.request.url) == "https://other.example/RST.srf"

"""Which route a sign-in takes, and the answer of MD5."""

from __future__ import annotations

import pytest

from feeding import VECTORS
from msnpauth.core.client.actions import Done
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.errors import (
    LocalProtocolError,
    RemoteProtocolError,
)
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.proof import md5_answer
from routing import (
    LOGIN,
    NEXUS,
    NS,
    challenge,
    failure,
    new,
    said,
)


@pytest.mark.parametrize("servers", [{"login": LOGIN}, {"nexus": NEXUS}, {}])
def test_sso_needs_rst(servers: dict[str, str]) -> None:
    assert isinstance(failure(new(15, **servers).start()), LocalProtocolError)


def test_more_tickets_need_rst() -> None:
    servers = Servers(notification=NS, login=LOGIN)
    sign_in = SignIn("a@b.example", "x", servers, dialects=[8], tickets=["contacts.msn.com"])
    assert isinstance(failure(sign_in.start()), LocalProtocolError)


@pytest.mark.parametrize("vector", [v for v in VECTORS["md5_signin"] if v["password"]])
def test_md5_answers(vector: dict[str, str]) -> None:
    assert md5_answer(vector["salt"], Secret(vector["password"])) == vector["response"]


def test_md5_asks_nobody() -> None:
    sign_in = new(7)
    assert [type(action).__name__ for action in sign_in.start()] == ["Connect", "Send"]
    (line,) = said(challenge(sign_in, 7, "1%2C2"))
    assert line == f"USR 4 MD5 S {md5_answer('1,2', Secret('hunter2'))}\r\n"
    (done,) = sign_in.receive_data(b"USR 4 OK a@b.example Me 1\r\n")
    assert isinstance(done, Done)
    assert done.result.ticket is None
    with pytest.raises(LocalProtocolError):
        sign_in.renewal()


def test_md5_that_the_server_does_not_offer() -> None:
    sign_in = new(7)
    sign_in.start()
    error = failure(sign_in.receive_data(b"VER 1 MSNP7\r\nINF 2 CTP\r\n"))
    assert isinstance(error, RemoteProtocolError)


def test_what_the_errors_say() -> None:
    hint = "name one with Servers({}=…), or sign in by another scheme="
    assert str(failure(new(15, login=LOGIN).start())) == (
        f"no RST server is known for this network; {hint.format('rst')}"
    )
    assert str(failure(new(8).start())) == (
        f"no nexus, login or RST server is known for this network; {hint.format('nexus')}"
    )
    with pytest.raises(LocalProtocolError) as caught:
        new(8, login=LOGIN).renewal()
    assert str(caught.value) == (
        "these tickets cannot be renewed without a new connection; sign in again; tickets by RST"
        " can be renewed (Servers(rst=…))"
    )


@pytest.mark.parametrize("password", [chr(0xD800) + "x", chr(0xDCE9) + "x"])
def test_md5_of_a_password_that_is_no_utf_8_raises_nothing(password: str) -> None:
    assert len(md5_answer("1.2", Secret(password))) == 32

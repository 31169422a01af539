"""The routes to a ticket, through SignIn: which server is asked, what for, and what is made of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from feeding import VECTORS
from msnpauth.core.actions import Action, Done, Failed, Fetch, Prepare, Send
from msnpauth.core.errors import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    SignInError,
    Step,
)
from msnpauth.core.http import Response
from msnpauth.core.proof import is_answer
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.sign_in import SignIn
from msnpauth.core.ticket_leg import md5_answer
from msnpauth.core.tickets import MemoryTicketCache
from msnpauth.core.xml import find_all, parse

NS = "ns.example:1863"
LOGIN, NEXUS = "https://login.example/l", "https://nexus.example/n"
RST, RST2 = "https://rst.example/RST.srf", "https://rst.example/RST2.srf"
GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
SECRET = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def new(dialect: int, **servers: str) -> SignIn:
    settings: dict[str, Any] = {"guid": GUID, "now": lambda: NOW}
    return SignIn(
        "a@b.example",
        "hunter2",
        Servers(notification=NS, **servers),
        dialects=[dialect],
        **settings,
    )


def reply(address: str, *, secret: bool = False, life: bool = True) -> Response:
    proof = (
        f"<RequestedProofToken><BinarySecret>{SECRET.reveal()}</BinarySecret></RequestedProofToken>"
    )
    times = "<LifeTime><Created>2011-05-05T14:44:00Z</Created><Expires>2011-05-06T14:44:00Z</Expires></LifeTime>"
    body = (
        f"<E><Body><RequestSecurityTokenResponse><Address>{address}</Address>{times if life else ''}"
        f"<BinarySecurityToken>t=1&amp;p=</BinarySecurityToken>{proof if secret else ''}"
        "</RequestSecurityTokenResponse></Body></E>"
    )
    return Response(200, (), body.encode())


def challenge(sign_in: SignIn, dialect: int, words: str) -> list[Action]:
    second = "INF 2 MD5" if dialect < 8 else "CVR 2 1"
    scheme = "MD5" if dialect < 8 else "TWN" if dialect < 15 else "SSO"
    lines = f"VER 1 MSNP{dialect}\r\n{second}\r\nUSR 3 {scheme} S {words}\r\n"
    return sign_in.receive_data(lines.encode())


def fetched(actions: list[Action]) -> Fetch:
    (action,) = actions
    assert isinstance(action, Fetch)
    return action


def said(actions: list[Action]) -> list[str]:
    (action,) = actions
    assert isinstance(action, Send)
    return [command.encode().decode() for command in action.commands]


def failure(actions: list[Action]) -> SignInError:
    assert isinstance(actions[-1], Failed)
    return actions[-1].error


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


@pytest.mark.parametrize("servers", [{"login": LOGIN}, {"nexus": NEXUS}, {}])
def test_sso_needs_rst(servers: dict[str, str]) -> None:
    assert isinstance(failure(new(15, **servers).start()), LocalProtocolError)


def test_more_tickets_need_rst() -> None:
    servers = Servers(notification=NS, login=LOGIN)
    sign_in = SignIn("a@b.example", "x", servers, dialects=[8], tickets=["contacts.msn.com"])
    assert isinstance(failure(sign_in.start()), LocalProtocolError)


@pytest.mark.parametrize("vector", VECTORS["md5_signin"])
def test_md5_answers(vector: dict[str, str]) -> None:
    if vector["password"]:
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


def test_twn_by_rst() -> None:
    sign_in = new(12, rst=RST)
    sign_in.start()
    request = fetched(challenge(sign_in, 12, "lc=1033,ru=http%3A%2F%2Fx")).request
    policies = [element.get("URI") for element in find_all(parse(request.body), "PolicyReference")]
    assert policies == ["?lc=1033&ru=http://x"]
    assert said(sign_in.receive_response(1, reply("messenger.msn.com"))) == [
        "USR 4 TWN S t=1&p=\r\n"
    ]


@pytest.mark.parametrize("policy", ["MBI_KEY_OLD", "MBI_KEY", "MBI", "?id=507"])
@pytest.mark.parametrize(("dialect", "words"), [(15, 2), (16, 3), (21, 3)])
def test_sso(policy: str, dialect: int, words: int) -> None:
    sign_in = new(dialect, rst=RST)
    sign_in.start()
    request = fetched(challenge(sign_in, dialect, f"{policy} nonce")).request
    policies = [element.get("URI") for element in find_all(parse(request.body), "PolicyReference")]
    assert policies == [policy]
    (line,) = said(sign_in.receive_response(1, reply("messengerclear.live.com", secret=True)))
    usr, _, scheme, step, ticket, response, *guid = line.split()
    assert (usr, scheme, step, ticket) == ("USR", "SSO", "S", "t=1&p=")
    assert is_answer(response, SECRET, "nonce")
    assert guid == ([GUID] if words == 3 else [])


def test_a_ticket_without_its_key() -> None:
    sign_in = new(15, rst=RST)
    sign_in.start()
    challenge(sign_in, 15, "MBI nonce")
    error = failure(sign_in.receive_response(1, reply("messengerclear.live.com")))
    assert isinstance(error, RemoteProtocolError)
    assert "proof key, by policy MBI" in error.text


def test_a_ticket_for_somewhere_else() -> None:
    sign_in = new(15, rst=RST)
    sign_in.start()
    challenge(sign_in, 15, "MBI_KEY nonce")
    error = failure(sign_in.receive_response(1, reply("contacts.msn.com")))
    assert "no ticket for messengerclear.live.com" in error.text


@pytest.mark.parametrize("words", ["MBI_KEY_OLD", "MBI_KEY_OLD nonce more", ""])
def test_a_challenge_that_is_none(words: str) -> None:
    sign_in = new(15, rst=RST)
    sign_in.start()
    assert isinstance(failure(challenge(sign_in, 15, words)), RemoteProtocolError)


@pytest.mark.parametrize("life", [True, False])
def test_what_is_kept(life: bool) -> None:
    cache = MemoryTicketCache(now=lambda: NOW)
    servers = Servers(notification=NS, rst=RST)

    def attempt(passport: str = "a@b.example") -> SignIn:
        settings: dict[str, Any] = {"cache": cache, "now": lambda: NOW, "guid": GUID}
        sign_in = SignIn(passport, "x", servers, dialects=[15], **settings)
        sign_in.start()
        return sign_in

    first = attempt()
    challenge(first, 15, "MBI_KEY_OLD one")
    first.receive_response(1, reply("messengerclear.live.com", secret=True, life=life))
    again = challenge(attempt("A@b.example"), 15, "MBI_KEY_OLD two")
    if not life:
        fetched(again)
        return
    (line,) = said(again)
    assert is_answer(line.split()[5], SECRET, "two")
    fetched(challenge(attempt("other@b.example"), 15, "MBI_KEY_OLD two"))


def test_a_kept_ticket_that_is_refused() -> None:
    cache = MemoryTicketCache(now=lambda: NOW)
    settings: dict[str, Any] = {"cache": cache, "now": lambda: NOW, "dialects": [15]}
    first = SignIn("a@b.example", "x", Servers(notification=NS, rst=RST), **settings)
    first.start()
    challenge(first, 15, "MBI_KEY_OLD one")
    first.receive_response(1, reply("messengerclear.live.com", secret=True))
    second = SignIn("a@b.example", "x", Servers(notification=NS, rst=RST), **settings)
    second.start()
    challenge(second, 15, "MBI_KEY_OLD two")
    actions = second.receive_data(b"911 4\r\n")
    assert [type(action).__name__ for action in actions] == ["Connect", "Send"]
    lines = b"VER 5 MSNP15\r\nCVR 6 1\r\nUSR 7 SSO S MBI_KEY_OLD three\r\n"
    fetched(second.receive_data(lines))
    second.receive_response(1, reply("messengerclear.live.com", secret=True))
    assert failure(second.receive_data(b"911 8\r\n")).code == 911


TO_LOGIN = Response(200, (("PassportURLs", "DALogin=login.example/l"),))
GRANTED = Response(
    200, (("Authentication-Info", "Passport1.4 da-status=success,from-PP='t=1&p='"),)
)
LOST = ConnectionFailed("lost")


def shown(actions: list[Action]) -> list[str]:
    """Return what is asked of the HTTPS leg."""
    found = []
    for action in actions:
        if isinstance(action, Prepare):
            found.append(f"prepare {action.url}")
        if isinstance(action, Fetch):
            found.append(f"fetch {action.id} {action.request.url}")
    return found


def test_the_nexus_is_asked_beside_the_notification_server() -> None:
    sign_in = new(12, nexus=NEXUS)
    assert shown(sign_in.start()) == [f"fetch 1 {NEXUS}"]
    assert sign_in.timed_out(1).step is Step.NEXUS
    assert shown(sign_in.receive_response(1, TO_LOGIN)) == [f"prepare {LOGIN}"]
    asked = challenge(sign_in, 12, "lc=1")
    assert shown(asked) == [f"fetch 2 {LOGIN}"]
    assert said(sign_in.receive_response(2, GRANTED)) == ["USR 4 TWN S t=1&p=\r\n"]


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


def remembering(cache: MemoryTicketCache) -> SignIn:
    settings: dict[str, Any] = {"cache": cache, "now": lambda: NOW, "dialects": [12]}
    return SignIn("a@b.example", "x", Servers(notification=NS, nexus=NEXUS), **settings)


def test_the_login_address_is_remembered() -> None:
    cache = MemoryTicketCache(now=lambda: NOW)
    first = remembering(cache)
    first.start()
    first.receive_response(1, TO_LOGIN)
    assert shown(remembering(cache).start()) == [f"prepare {LOGIN}"]


@pytest.mark.parametrize("outcome", [LOST, Response(404)])
def test_a_remembered_login_address_that_fails_is_forgotten(
    outcome: Response | SignInError,
) -> None:
    cache = MemoryTicketCache(now=lambda: NOW)
    first = remembering(cache)
    first.start()
    first.receive_response(1, TO_LOGIN)
    second = remembering(cache)
    second.start()
    assert shown(challenge(second, 12, "lc=1")) == [f"fetch 1 {LOGIN}"]
    assert shown(second.receive_response(1, outcome)) == [f"fetch 2 {NEXUS}"]
    assert shown(remembering(cache).start()) == [f"fetch 1 {NEXUS}"]
    assert shown(second.receive_response(2, TO_LOGIN)) == [f"fetch 3 {LOGIN}"]
    error = failure(second.receive_response(3, LOST))
    assert isinstance(error, ConnectionFailed)


@pytest.mark.parametrize("kept", ["http://login.example/l", "nonsense", ""])
def test_what_is_no_login_address_is_not_used(kept: str) -> None:
    cache = MemoryTicketCache(now=lambda: NOW)
    first = remembering(cache)
    first.start()
    first.receive_response(1, TO_LOGIN)
    (key,) = cache._kept
    cache.put(key, kept)
    assert shown(remembering(cache).start()) == [f"fetch 1 {NEXUS}"]


def test_new_tickets_without_a_new_connection() -> None:
    cache = MemoryTicketCache(now=lambda: NOW)
    settings: dict[str, Any] = {"cache": cache, "now": lambda: NOW, "dialects": [15]}
    sign_in = SignIn("a@b.example", "x", Servers(notification=NS, rst=RST), **settings)
    sign_in.start()
    challenge(sign_in, 15, "MBI_KEY_OLD one")
    sign_in.receive_response(1, reply("messengerclear.live.com", secret=True))
    renewal = sign_in.renewal()
    assert str(next(renewal).url) == RST
    with pytest.raises(StopIteration) as end:
        renewal.send(reply("messengerclear.live.com", secret=True))
    assert list(end.value.value) == ["messengerclear.live.com"]

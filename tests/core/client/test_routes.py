"""The routes to a ticket, through SignIn: which server is asked, what for, and what is made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import VECTORS
from msnpauth.core.client.actions import Action, Done, Failed, Fetch, Prepare, Send
from msnpauth.core.client.memory import Memory
from msnpauth.core.client.policies import USUAL, Policies
from msnpauth.core.client.sign_in import TICKET_PATIENCE, SignIn
from msnpauth.core.errors import (
    CertificateRejected,
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    ServiceUnavailable,
    SignInError,
    SignInTimeout,
    Step,
    WrongCredentials,
)
from msnpauth.core.secrets import Secret
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.tickets.proof import is_answer, md5_answer
from msnpauth.core.tickets.xml import find_all, parse
from msnpauth.core.urls import Url

NS = "ns.example:1863"
LOGIN, NEXUS = "https://login.example/l", "https://nexus.example/n"
RST, RST2 = "https://rst.example/RST.srf", "https://rst.example/RST2.srf"
GUID = "{F52973B6-C926-4BAD-9BA8-7C1E840E4AB0}"
SECRET = Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def new(dialect: int, **servers: Any) -> SignIn:
    settings: dict[str, Any] = {"guid": GUID, "now": lambda: NOW}
    return SignIn(
        "a@b.example",
        "hunter2",
        Servers(notification=NS, **servers),
        dialects=[dialect],
        **settings,
    )


def reply(
    address: str, *, secret: bool = False, life: bool = True, value: str = "t=1&amp;p="
) -> Response:
    proof = (
        f"<RequestedProofToken><BinarySecret>{SECRET.reveal()}</BinarySecret></RequestedProofToken>"
    )
    times = "<LifeTime><Created>2011-05-05T14:44:00Z</Created><Expires>2011-05-06T14:44:00Z</Expires></LifeTime>"
    body = (
        f"<E><Body><RequestSecurityTokenResponse><Address>{address}</Address>{times if life else ''}"
        f"<BinarySecurityToken>{value}</BinarySecurityToken>{proof if secret else ''}"
        "</RequestSecurityTokenResponse></Body></E>"
    )
    return Response(200, (), body.encode())


def challenge(sign_in: SignIn, dialect: int, words: str) -> list[Action]:
    second = "INF 2 MD5" if dialect < 8 else "CVR 2 1"
    scheme = "MD5" if dialect < 8 else "TWN" if dialect < 15 else "SSO"
    lines = f"VER 1 MSNP{dialect}\r\n{second}\r\nUSR 3 {scheme} S {words}\r\n"
    return sign_in.receive_data(lines.encode("utf-8", "surrogateescape"))


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


@pytest.mark.parametrize(
    "words", ["MBI_KEY_OLD", "MBI_KEY_OLD\udcff nonce", "MBI_KEY_OLD nonce\udcff", ""]
)
def test_a_challenge_that_is_none(words: str) -> None:
    sign_in = new(15, rst=RST)
    sign_in.start()
    assert isinstance(failure(challenge(sign_in, 15, words)), RemoteProtocolError)


def by_sso(memory: Memory | None = None, **settings: Any) -> SignIn:
    """Return a sign-in by SSO that has begun."""
    servers = Servers(notification=NS, rst=RST)
    given: dict[str, Any] = {"dialects": [15], "now": lambda: NOW, "guid": GUID} | settings
    sign_in = SignIn("a@b.example", "x", servers, memory=memory, **given)
    sign_in.start()
    return sign_in


def learned(*, life: bool = True, **settings: Any) -> Memory:
    """Return what a sign-in by SSO has learned."""
    sign_in = by_sso(**settings)
    challenge(sign_in, 15, "MBI_KEY_OLD one")
    sign_in.receive_response(1, reply("messengerclear.live.com", secret=True, life=life))
    return sign_in.memory


@pytest.mark.parametrize("life", [True, False])
def test_what_is_kept(life: bool) -> None:
    again = challenge(by_sso(learned(life=life)), 15, "MBI_KEY_OLD two")
    if not life:
        fetched(again)
        return
    (line,) = said(again)
    assert is_answer(line.split()[5], SECRET, "two")


@pytest.mark.parametrize(
    ("left", "used"), [(timedelta(seconds=59), False), (timedelta(seconds=60), True)]
)
def test_a_kept_ticket_that_is_about_to_end_is_not_used(left: timedelta, used: bool) -> None:
    ends = NOW + timedelta(hours=24)  # see `reply`
    sign_in = by_sso(learned(), now=lambda: ends - left)
    actions = challenge(sign_in, 15, "MBI_KEY_OLD two")
    assert [type(action) for action in actions] == [Send if used else Fetch]


def test_a_kept_ticket_for_one_address_only_is_not_enough() -> None:
    sign_in = by_sso(learned(), tickets=["contacts.msn.com"])
    fetched(challenge(sign_in, 15, "MBI_KEY_OLD two"))


@pytest.mark.parametrize("end", [b"911 4\r\n", b"928 4\r\n", b"", b"nonsense\r\n", "silence"])
def test_a_kept_ticket_that_does_not_work(end: bytes | str) -> None:
    """It is dropped, and the full way is gone once: servers refuse by codes, closing, silence."""
    second = by_sso(learned())
    challenge(second, 15, "MBI_KEY_OLD two")
    assert second.patience == TICKET_PATIENCE
    actions = second.receive_data(end) if isinstance(end, bytes) else second.silence()
    # The policy is known: the new ticket is asked for while the server is connected to again.
    assert [type(action).__name__ for action in actions] == ["Fetch", "Connect", "Send"]
    assert second.memory == Memory()
    lines = b"VER 5 MSNP15\r\nCVR 6 1\r\nUSR 7 SSO S MBI_KEY_OLD three\r\n"
    assert second.receive_data(lines) == []
    second.receive_response(1, reply("messengerclear.live.com", secret=True))
    assert not second.patience
    assert failure(second.receive_data(b"911 8\r\n")).code == 911
    assert second.memory.tickets


@pytest.mark.parametrize("code", [924, 927])
def test_a_kept_ticket_of_a_blocked_account_is_not_doubted(code: int) -> None:
    second = by_sso(learned())
    challenge(second, 15, "MBI_KEY_OLD two")
    assert failure(second.receive_data(f"{code} 4\r\n".encode())).code == code
    assert second.memory.tickets


@pytest.mark.parametrize("way", ["deadline", "cancelled"])
def test_a_kept_ticket_that_was_shown_when_everybody_gave_up_is_dropped(way: str) -> None:
    second = by_sso(learned())
    challenge(second, 15, "MBI_KEY_OLD two")
    if way == "deadline":
        second.timed_out(3)
    else:
        second.give_up()
    assert second.memory == Memory()


# --- the ticket before the challenge -------------------------------------------------------------

SSO_SERVERS = Servers(notification=NS, rst=RST, rst2=RST2)
TO_OTHER = "VER {0} MSNP15\r\nCVR {1} 1\r\nXFR {2} NS other.example:1863\r\n"
CHALLENGED = "VER {0} MSNP15\r\nCVR {1} 1\r\nUSR {2} SSO S {3} nonce\r\n"
GRANTED_BY_SSO = reply("messengerclear.live.com", secret=True)
REFUSED = Response(
    500,
    (),
    b"<E><Body><Fault><faultcode>wsse:FailedAuthentication</faultcode></Fault></Body></E>",
)
BUSY = Response(503)
LOST = ConnectionFailed("lost")


def knows(policy: str = "MBI_KEY_OLD") -> Policies:
    policies = Policies()
    policies.learn(SSO_SERVERS, Url.parse(RST), policy)
    return policies


def sent_on(policies: Policies, **settings: Any) -> tuple[SignIn, list[Action]]:
    """Return a sign-in by SSO that was sent on by an XFR, and what it did then."""
    given: dict[str, Any] = {"dialects": [15], "now": lambda: NOW, "guid": GUID} | settings
    sign_in = SignIn("a@b.example", "x", SSO_SERVERS, policies=policies, **given)
    sign_in.start()
    return sign_in, sign_in.receive_data(TO_OTHER.format(1, 2, 3).encode())


def then_challenged(sign_in: SignIn, policy: str = "MBI_KEY_OLD", first: int = 4) -> list[Action]:
    return sign_in.receive_data(CHALLENGED.format(first, first + 1, first + 2, policy).encode())


def names_policy(fetch: Fetch) -> str | None:
    return next(iter(find_all(parse(fetch.request.body), "PolicyReference"))).get("URI")


def test_an_answer_before_the_challenge() -> None:
    sign_in, actions = sent_on(knows())
    assert shown(actions) == [f"fetch 1 {RST}"]
    assert sign_in.receive_response(1, GRANTED_BY_SSO) == []
    assert sign_in.memory == Memory()  # a challenge has to confirm it
    (line,) = said(then_challenged(sign_in))
    assert is_answer(line.split()[5], SECRET, "nonce")
    assert sign_in.memory.tickets


def test_an_answer_behind_the_challenge() -> None:
    sign_in, _ = sent_on(knows())
    assert then_challenged(sign_in) == []
    (line,) = said(sign_in.receive_response(1, GRANTED_BY_SSO))
    assert is_answer(line.split()[5], SECRET, "nonce")


@pytest.mark.parametrize("first", ["answer", "challenge"])
@pytest.mark.parametrize("answer", [GRANTED_BY_SSO, BUSY, LOST], ids=["ticket", "503", "lost"])
def test_a_challenge_that_names_another_policy(first: str, answer: Any) -> None:
    """The first request is not cut off: whether it judged the password has to be known."""
    policies = knows()
    sign_in, _ = sent_on(policies)
    if first == "answer":
        assert sign_in.receive_response(1, answer) == []
        again = fetched(then_challenged(sign_in, "MBI_KEY"))
    else:
        assert then_challenged(sign_in, "MBI_KEY") == []
        again = fetched(sign_in.receive_response(1, answer))
    assert names_policy(again) == "MBI_KEY"
    assert policies.expected(SSO_SERVERS, Url.parse(RST), "MBI") is None
    said(sign_in.receive_response(again.id, GRANTED_BY_SSO))
    (done,) = sign_in.receive_data(b"USR 7 OK a@b.example 1 0\r\n")
    assert isinstance(done, Done)
    assert policies.expected(SSO_SERVERS, Url.parse(RST)) == "MBI_KEY"


@pytest.mark.parametrize("first", ["answer", "challenge"])
@pytest.mark.parametrize("policy", ["MBI_KEY_OLD", "MBI_KEY"])
def test_a_wrong_password_is_told_once(first: str, policy: str) -> None:
    """A server that counts how often a password is wrong counts one."""
    sign_in, _ = sent_on(knows())
    if first == "answer":
        assert sign_in.receive_response(1, REFUSED) == []
        error = failure(then_challenged(sign_in, policy))
    else:
        assert then_challenged(sign_in, policy) == []
        error = failure(sign_in.receive_response(1, REFUSED))
    assert isinstance(error, WrongCredentials)


def test_an_error_of_the_request_ahead_is_told_once_the_challenge_is_there() -> None:
    sign_in, _ = sent_on(knows())
    assert sign_in.receive_response(1, BUSY) == []
    assert isinstance(failure(then_challenged(sign_in)), ServiceUnavailable)


@pytest.mark.parametrize("end", ["lost", "deadline", "cancelled"])
def test_what_was_asked_ahead_for_nothing_is_not_asked_ahead_again(end: str) -> None:
    policies = knows()
    sign_in, _ = sent_on(policies)
    if end == "lost":
        assert failure(sign_in.connection_failed(ConnectionFailed("x"))).text == "x"
    elif end == "deadline":
        error = sign_in.timed_out(3)
        assert (error.step, error.server) == (Step.NOTIFICATION, "other.example:1863")
    else:
        sign_in.give_up()
    assert shown(sent_on(policies)[1]) == []
    assert shown(sent_on(policies, speculate=True)[1]) == []


def test_who_does_not_want_it() -> None:
    sign_in, actions = sent_on(knows(), speculate=False)
    assert shown(actions) == []
    assert shown(then_challenged(sign_in)) == [f"fetch 1 {RST}"]


def test_a_network_that_nothing_is_known_of() -> None:
    assert shown(sent_on(Policies())[1]) == []
    (action, *_) = sent_on(Policies(), speculate=True)[1]
    assert isinstance(action, Fetch)
    assert names_policy(action) == USUAL


def test_nothing_is_asked_ahead_by_a_dialect_that_is_asked_elsewhere() -> None:
    """MSNP18 asks at RST2: the password is not sent to RST by mistake, or the other way round."""
    policies = knows()
    policies.learn(SSO_SERVERS, Url.parse(RST2), "MBI_KEY_OLD")
    sign_in, actions = sent_on(policies, dialects=[18, 15])
    assert shown(actions) == []
    assert shown(then_challenged(sign_in)) == [f"prepare {RST}", f"fetch 1 {RST}"]


def test_a_wrong_password_is_not_told_to_another_address() -> None:
    """A server that agreed to MSNP18 before agrees to MSNP15, which asks elsewhere."""
    policies = Policies()
    policies.learn(SSO_SERVERS, Url.parse(RST2), "MBI_KEY_OLD")
    settings: dict[str, Any] = {"policies": policies, "dialects": [18, 15], "guid": GUID}
    sign_in = SignIn("a@b.example", "x", SSO_SERVERS, **settings)
    sign_in.start()
    assert shown(sign_in.connected(https_stands=True)) == [f"fetch 1 {RST2}"]
    assert sign_in.receive_response(1, REFUSED) == []
    assert isinstance(failure(then_challenged(sign_in, first=1)), WrongCredentials)


def test_a_ticket_that_is_kept_needs_nothing_ahead() -> None:
    sign_in, actions = sent_on(knows(), memory=learned())
    assert shown(actions) == []
    assert said(then_challenged(sign_in))


def test_a_challenge_is_answered_by_what_was_asked_for_the_one_before() -> None:
    """A ticket belongs to the policy. An XFR between the two asks for nothing anew."""
    sign_in = by_sso()
    challenge(sign_in, 15, "MBI_KEY_OLD one")
    assert shown(sign_in.receive_data(b"XFR 3 NS other.example:1863\r\n")) == []
    assert sign_in.receive_response(1, GRANTED_BY_SSO) == []
    (line,) = said(then_challenged(sign_in))
    assert is_answer(line.split()[5], SECRET, "nonce")


def test_one_command_at_a_time_asks_behind_ver() -> None:
    sign_in = by_sso(policies=knows("MBI_KEY"), pipeline=False)
    fetch, _ = sign_in.receive_data(b"VER 1 MSNP15\r\n")
    assert isinstance(fetch, Fetch)
    assert names_policy(fetch) == "MBI_KEY"


def test_begin_again_on_the_same_connection() -> None:
    sign_in = SignIn("a@b.example", "x", SSO_SERVERS, policies=knows(), dialects=[15])
    sign_in.start()
    actions = sign_in.receive_data(b"VER 1 MSNP15\r\nCVR 2 1\r\nXFR 3 NS 0\r\n")
    assert [type(action).__name__ for action in actions] == ["Fetch", "Send"]


@pytest.mark.parametrize("stands", [True, False])
def test_a_connection_that_stands_before_the_notification_server_s(stands: bool) -> None:
    sign_in = SignIn("a@b.example", "x", SSO_SERVERS, policies=knows(), dialects=[15])
    sign_in.start()
    asked = [f"fetch 1 {RST}"] if stands else []
    assert shown(sign_in.connected(https_stands=stands)) == asked
    assert sign_in.connected(https_stands=stands) == []  # asked once
    sign_in.give_up()
    assert sign_in.connected(https_stands=True) == []


STEPS = {
    "sent on": TO_OTHER.replace("other", "other{3}").replace("MSNP15", "MSNP{4}"),
    "challenged": CHALLENGED.replace("{3}", "MBI_KEY_OLD").replace("MSNP15", "MSNP{4}"),
    "challenged otherwise": CHALLENGED.replace("{3}", "MBI").replace("MSNP15", "MSNP{4}"),
    "begin again": "XFR {2} NS 0\r\n",
    "refused": "911 {2}\r\n",
    "accepted": "USR {2} OK a@b.example 1 0\r\n",
}


@given(
    steps=st.lists(
        st.sampled_from([*STEPS, "granted", "wrong", "wrong", "busy", "connected", "silence", "lost"]),
        max_size=15,
    ),
    dialect=st.sampled_from([18, 15]),
    speculate=st.sampled_from([None, True]),
    pipeline=st.booleans(),
)  # fmt: skip
def test_whatever_happens_a_wrong_password_is_told_once(
    steps: list[str], dialect: int, speculate: bool | None, pipeline: bool
) -> None:
    """And never are two requests under way, whose answers the carrier would bring in a row."""
    policies = knows()
    policies.learn(SSO_SERVERS, Url.parse(RST2), "MBI_KEY_OLD")
    settings: dict[str, Any] = {"guid": GUID, "now": lambda: NOW, "pipeline": pipeline}
    sign_in = SignIn(
        "a@b.example", "x", SSO_SERVERS, policies=policies, dialects=[dialect],
        speculate=speculate, **settings,
    )  # fmt: skip
    answers = {"granted": GRANTED_BY_SSO, "wrong": REFUSED, "busy": BUSY}
    asked: list[Fetch] = []
    actions, told = sign_in.start(), 0
    for number, step in enumerate(steps):
        asked += [action for action in actions if isinstance(action, Fetch)]
        if actions and isinstance(actions[-1], Done | Failed):
            break
        if step in STEPS:
            last = sign_in._conversation.next_trid
            first = [max(1, last - back) for back in (3, 2, 1)]
            line = STEPS[step].format(*first, number, dialect)
            actions = sign_in.receive_data(line.encode())
        elif step in answers:
            if asked:
                told += step == "wrong"
                actions = sign_in.receive_response(asked.pop(0).id, answers[step])
        elif step == "connected":
            actions = sign_in.connected(https_stands=True)
        elif step == "silence":
            actions = sign_in.silence()
        else:
            actions = sign_in.connection_failed(LOST)
        assert told <= 1
        assert len(asked) <= 1


TO_LOGIN = Response(200, (("PassportURLs", "DALogin=login.example/l"),))
GRANTED = Response(
    200, (("Authentication-Info", "Passport1.4 da-status=success,from-PP='t=1&p='"),)
)


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


def test_new_tickets_without_a_new_connection() -> None:
    sign_in = by_sso(learned())
    challenge(sign_in, 15, "MBI_KEY_OLD one")
    sign_in.receive_data(b"USR 4 OK a@b.example 1 0\r\n")
    kept = sign_in.memory
    renewal = sign_in.renewal()
    assert str(next(renewal).url) == RST
    with pytest.raises(StopIteration) as end:
        renewal.send(reply("messengerclear.live.com", secret=True, value="t=2"))
    assert list(end.value.value) == ["messengerclear.live.com"]
    assert sign_in.memory != kept
    assert [ticket.reveal() for ticket in sign_in.memory.tickets.values()] == ["t=2"]


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


@pytest.mark.parametrize("password", [chr(0xD800) + "x", chr(0xDCE9) + "x"])
def test_md5_of_a_password_that_is_no_utf_8_raises_nothing(password: str) -> None:
    assert len(md5_answer("1.2", Secret(password))) == 32

"""The route by RST: kept tickets, and the ticket before the challenge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msnpauth.core.client.actions import Action, Done, Failed, Fetch, Send
from msnpauth.core.client.memory import Memory
from msnpauth.core.client.policies import USUAL, Policies
from msnpauth.core.client.sign_in import TICKET_PATIENCE, SignIn
from msnpauth.core.errors import (
    ConnectionFailed,
    RemoteProtocolError,
    ServiceUnavailable,
    Step,
    WrongCredentials,
)
from msnpauth.core.servers import Servers
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.tickets.proof import is_answer
from msnpauth.core.tickets.xml import find_all, parse
from msnpauth.core.urls import Url
from routing import (
    GUID,
    LOST,
    NOW,
    NS,
    RST,
    RST2,
    SECRET,
    challenge,
    failure,
    fetched,
    new,
    reply,
    said,
    shown,
)


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

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msnpauth.core
from msnpauth.core.client.actions import Action, Connect, Done, Failed, Fetch, Prepare, Send
from msnpauth.core.client.conversation import PIPELINE_PATIENCE
from msnpauth.core.client.memory import Memory
from msnpauth.core.client.sign_in import SignIn
from msnpauth.core.errors import (
    GONE_HINT,
    ConnectionFailed,
    LocalProtocolError,
    SignInError,
    SignInTimeout,
    TooManyRedirects,
    WrongCredentials,
)
from msnpauth.core.servers import HISTORIC, Servers
from msnpauth.core.tickets.exchange import Response
from msnpauth.core.urls import Address

FAILED = (("WWW-Authenticate", "Passport1.4 da-status=failed"),)

KNOWN = Servers(
    notification="ds:1863", login="https://login.example/l", trusted_hosts=["b.example"]
)
NEXUS = Servers(notification="ds:1863", nexus="https://nexus.example/n")
TO_LOGIN = Response(200, (("PassportURLs", "DALogin=login.example/l"),))
GRANTED = Response(
    200, (("Authentication-Info", "Passport1.4 da-status=success,from-PP='t=1&p='"),)
)
CHALLENGED = b"VER 1 MSNP12\r\nCVR 2 1\r\nUSR 3 TWN S lc=1\r\n"
OK = b"USR 4 OK a@b.example 1 0\r\n"


def new(servers: Servers = KNOWN, **settings: Any) -> SignIn:
    return SignIn("a@b.example", "hunter2", servers, **settings)


def words(actions: Iterable[Action]) -> list[str]:
    """Return the actions, each in a word or two."""
    shown = []
    for action in actions:
        match action:
            case Connect(address):
                shown.append(f"connect {address}")
            case Prepare(url):
                shown.append(f"prepare {url}")
            case Fetch(number, request):
                shown.append(f"fetch {number} {request.url}")
            case Send():
                shown.append("send " + " ".join(command.verb for command in action.commands))
            case Done():
                shown.append("done")
            case Failed(error):
                shown.append(f"failed {type(error).__name__}")
    return shown


def failure(actions: list[Action]) -> SignInError:
    assert isinstance(actions[-1], Failed)
    return actions[-1].error


def test_login_address_known() -> None:
    sign_in = new()
    assert words(sign_in.start()) == [
        "prepare https://login.example/l",
        "connect ds:1863",
        "send VER CVR USR",
    ]
    assert words(sign_in.receive_data(CHALLENGED)) == ["fetch 1 https://login.example/l"]
    assert words(sign_in.receive_response(1, GRANTED)) == ["send USR"]
    (done,) = sign_in.receive_data(OK + b"SBS 0 null\r\n")
    assert isinstance(done, Done)
    assert done.result.accepted.passport == "a@b.example"
    assert done.result.ticket is not None
    assert done.result.ticket.reveal() == "t=1&p="
    assert done.result.next_trid == 5
    assert done.result.reader.unread == b"SBS 0 null\r\n"
    assert sign_in.receive_data(b"911 1\r\n") == []
    assert sign_in.receive_response(1, GRANTED) == []
    assert sign_in.silence() == sign_in.connection_failed(ConnectionFailed("x")) == []
    assert sign_in.patience is None


def test_both_legs_start_at_once() -> None:
    sign_in = new(NEXUS)
    assert words(sign_in.start()) == [
        "fetch 1 https://nexus.example/n",
        "connect ds:1863",
        "send VER CVR USR",
    ]
    assert words(sign_in.receive_response(1, TO_LOGIN)) == ["prepare https://login.example/l"]
    assert words(sign_in.receive_data(CHALLENGED)) == ["fetch 2 https://login.example/l"]


def test_the_challenge_comes_before_the_nexus_answers() -> None:
    sign_in = new(NEXUS)
    sign_in.start()
    assert sign_in.receive_data(CHALLENGED) == []
    assert words(sign_in.receive_response(1, TO_LOGIN)) == ["fetch 2 https://login.example/l"]


def test_xfr_restarts_the_notification_leg_only() -> None:
    sign_in = new(NEXUS)
    sign_in.start()
    actions = sign_in.receive_data(b"VER 1 MSNP12\r\nCVR 2 1\r\nXFR 3 NS ns:1 0 ds:1863\r\n")
    assert words(actions) == ["connect ns:1", "send VER CVR USR"]
    assert actions[1].commands[0].trid == 4  # type: ignore[union-attr]
    assert sign_in.server == Address("ns", 1)
    assert words(sign_in.receive_response(1, TO_LOGIN)) == ["prepare https://login.example/l"]
    assert words(sign_in.receive_data(CHALLENGED)) == ["fetch 2 https://login.example/l"]
    sign_in.receive_response(2, GRANTED)
    (done,) = sign_in.receive_data(OK)
    assert isinstance(done, Done)
    assert str(done.result.server) == "ns:1"


def test_a_challenge_is_not_carried_over() -> None:
    sign_in = new()
    sign_in.start()
    sign_in.receive_data(CHALLENGED)
    assert words(sign_in.receive_data(b"XFR 0 NS ns:1\r\n")) == ["connect ns:1", "send VER CVR USR"]
    assert sign_in.receive_response(1, GRANTED) == []
    assert words(sign_in.receive_data(CHALLENGED.replace(b"lc=1", b"lc=2"))) == [
        "fetch 2 https://login.example/l"
    ]
    assert words(sign_in.receive_response(2, GRANTED)) == ["send USR"]


def test_xfr_after_the_ticket_was_sent() -> None:
    sign_in = new()
    sign_in.start()
    sign_in.receive_data(CHALLENGED)
    sign_in.receive_response(1, GRANTED)
    assert words(sign_in.receive_data(b"XFR 0 NS ns:1\r\n")) == ["connect ns:1", "send VER CVR USR"]
    assert words(sign_in.receive_data(CHALLENGED)) == ["fetch 2 https://login.example/l"]


def test_xfr_here() -> None:
    sign_in = new()
    sign_in.start()
    assert words(sign_in.receive_data(CHALLENGED + b"XFR 0 NS 0\r\n")) == [
        "fetch 1 https://login.example/l",
        "send VER CVR USR",
    ]
    assert sign_in.receive_response(1, GRANTED) == []
    assert words(sign_in.receive_data(CHALLENGED)) == ["fetch 2 https://login.example/l"]


def test_transfers_in_a_circle() -> None:
    sign_in = new()
    sign_in.start()
    sign_in.receive_data(b"XFR 0 NS a:1\r\n")
    error = failure(sign_in.receive_data(b"XFR 0 NS ds:1863\r\n"))
    assert isinstance(error, TooManyRedirects)
    assert "circle" in error.text


@pytest.mark.parametrize("form", ["XFR 0 NS h{}:1", "XFR 0 NS 0"])
def test_transfers_are_bounded(form: str) -> None:
    sign_in = new()
    sign_in.start()
    for hop in range(5):
        assert (
            words(sign_in.receive_data(f"{form.format(hop)}\r\n".encode()))[-1]
            == "send VER CVR USR"
        )
    error = failure(sign_in.receive_data(f"{form.format(9)}\r\n".encode()))
    assert isinstance(error, TooManyRedirects)


def test_a_failure_ends_it() -> None:
    sign_in = new()
    sign_in.start()
    sign_in.receive_data(CHALLENGED)
    assert isinstance(failure(sign_in.receive_response(1, Response(401, FAILED))), WrongCredentials)
    assert sign_in.receive_data(OK) == []


def test_a_carriers_error_is_the_failure() -> None:
    sign_in = new(NEXUS)
    sign_in.start()
    error = ConnectionFailed("there is no such host name")
    assert failure(sign_in.receive_response(1, error)) is error


def test_the_notification_connection_fails() -> None:
    sign_in = new()
    sign_in.start()
    error = ConnectionFailed("refused")
    assert failure(sign_in.connection_failed(error)) is error


def test_closed_while_the_login_server_is_asked() -> None:
    sign_in = new()
    sign_in.start()
    sign_in.receive_data(CHALLENGED)
    assert isinstance(failure(sign_in.receive_data(b"")), ConnectionFailed)


def test_one_at_a_time_and_silence() -> None:
    sign_in = new(pipeline=False)
    assert words(sign_in.start())[-1] == "send VER"
    assert not sign_in.patience
    assert words(sign_in.receive_data(b"VER 1 MSNP12\r\n")) == ["send CVR"]
    assert sign_in.patience
    assert words(sign_in.silence()) == ["send USR"]


def test_where_microsoft_used_to_be() -> None:
    servers = Servers(notification="messenger.hotmail.com", login="https://login.passport.com/l")
    sign_in = new(servers)
    sign_in.start()
    assert failure(sign_in.connection_failed(ConnectionFailed("x"))).hint == GONE_HINT
    silent = new(servers)
    silent.start()
    assert silent.timed_out(3).hint == GONE_HINT


def test_time_outs_say_what_was_waited_for() -> None:
    sign_in = new()
    sign_in.start()
    error = sign_in.timed_out(2.5)
    assert isinstance(error, SignInTimeout)
    assert str(error).startswith("notification at ds:1863: VER did not come within 2.5 seconds")
    assert str(error).endswith("try pipeline=False")
    assert sign_in.receive_data(CHALLENGED) == []
    sign_in = new()
    sign_in.start()
    sign_in.receive_data(CHALLENGED)
    start = "login at https://login.example: the ticket did not come within 3 seconds"
    assert str(sign_in.timed_out(3)).startswith(start)


@pytest.mark.parametrize(
    "arguments",
    [
        {"servers": HISTORIC},
        {"servers": "escargot"},
        {"servers": None},
        {"dialects": [7, 8]},
        {"scheme": "XYZ"},
        {"scheme": "SSO", "dialects": [8]},
        {"guid": "x"},
        {"passport": "alice"},
        {"password": ""},
    ],
)
def test_wrong_arguments(arguments: dict[str, Any]) -> None:
    settings: dict[str, Any] = {
        "passport": "a@b.example",
        "password": "x",
        "servers": KNOWN,
    } | arguments
    with pytest.raises(LocalProtocolError):
        SignIn(**settings)


@pytest.mark.parametrize("scheme", ["TWN", "SSO"])
def test_no_way_to_a_ticket(scheme: str) -> None:
    bare = Servers(notification="ds:1")
    with pytest.raises(LocalProtocolError, match="allow no scheme"):
        new(bare)
    assert isinstance(failure(new(bare, scheme=scheme).start()), LocalProtocolError)


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([CHALLENGED, OK, b"XFR 0 NS h:1\r\n", b""]))
)
def test_feeding_never_raises(chunks: list[bytes]) -> None:
    sign_in = new()
    sign_in.start()
    for chunk in chunks:
        sign_in.receive_data(chunk)
        sign_in.receive_response(1, GRANTED)
        sign_in.silence()


def test_the_core_does_no_io() -> None:
    forbidden = {
        "socket",
        "ssl",
        "asyncio",
        "threading",
        "time",
        "subprocess",
        "select",
        "selectors",
    }
    for path in Path(msnpauth.core.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            assert not forbidden & {name.partition(".")[0] for name in names}, path


def transferred() -> Memory:
    """Return what is learned from a sign-in by way of an XFR to `ns:1863`."""
    sign_in = new()
    sign_in.start()
    sign_in.receive_data(b"VER 1 MSNP12\r\nCVR 2 1\r\nXFR 3 NS ns:1863\r\n")
    sign_in.receive_data(b"VER 4 MSNP12\r\nCVR 5 1\r\nUSR 6 TWN S lc=1\r\n")
    sign_in.receive_response(1, GRANTED)
    assert words(sign_in.receive_data(b"USR 7 OK a@b.example 1 0\r\n")) == ["done"]
    return sign_in.memory


def begun(memory: Memory) -> SignIn:
    """Return a sign-in that has begun at the server that is remembered."""
    sign_in = new(memory=memory)
    assert words(sign_in.start())[1:] == ["connect ns:1863", "send VER CVR USR"]
    return sign_in


def test_the_server_that_an_xfr_named_is_remembered() -> None:
    memory = transferred()
    assert memory == Memory(server=Address("ns", 1863))
    sign_in = begun(memory)
    sign_in.receive_data(CHALLENGED)
    sign_in.receive_response(1, GRANTED)
    assert words(sign_in.receive_data(OK)) == ["done"]
    assert sign_in.memory == memory


@pytest.mark.parametrize(
    "said", ["lost", b"", b"600 1\r\n", b"VER 1 0\r\n", b"OUT SSD\r\n", b"nonsense\r\n"]
)
def test_a_remembered_server_that_fails_is_forgotten(said: bytes | str) -> None:
    sign_in = begun(transferred())
    failed = ConnectionFailed("refused")
    actions = (
        sign_in.receive_data(said) if isinstance(said, bytes) else sign_in.connection_failed(failed)
    )
    assert words(actions) == ["connect ds:1863", "send VER CVR USR"]
    assert sign_in.memory == Memory()
    assert failure(sign_in.connection_failed(failed)) is failed


@pytest.mark.parametrize("way", ["deadline", "cancelled"])
def test_a_remembered_server_that_is_silent_is_forgotten(way: str) -> None:
    sign_in = begun(transferred())
    if way == "deadline":
        assert isinstance(sign_in.timed_out(30), SignInTimeout)
    else:
        sign_in.give_up()
    assert sign_in.memory == Memory()


def test_a_remembered_server_is_not_doubted_while_the_login_server_is_waited_for() -> None:
    memory = transferred()
    sign_in = begun(memory)
    sign_in.receive_data(CHALLENGED)
    sign_in.give_up()
    assert sign_in.memory == memory


def test_who_gives_up_after_the_end_forgets_nothing() -> None:
    memory = transferred()
    sign_in = begun(memory)
    sign_in.receive_data(CHALLENGED)
    sign_in.receive_response(1, GRANTED)
    sign_in.receive_data(OK)
    sign_in.give_up()
    assert sign_in.memory == memory


def test_a_remembered_server_that_sends_us_back_is_forgotten() -> None:
    sign_in = begun(transferred())
    back = b"VER 1 MSNP12\r\nCVR 2 1\r\nXFR 3 NS ds:1863\r\n"
    assert words(sign_in.receive_data(back)) == ["connect ds:1863", "send VER CVR USR"]
    sign_in.receive_data(b"VER 4 MSNP12\r\nCVR 5 1\r\nUSR 6 TWN S lc=1\r\n")
    sign_in.receive_response(1, GRANTED)
    assert words(sign_in.receive_data(b"USR 7 OK a@b.example 1 0\r\n")) == ["done"]
    assert sign_in.memory == Memory()


@pytest.mark.parametrize("code", [911, 924])
def test_a_remembered_server_that_does_not_want_us_is_not_doubted(code: int) -> None:
    memory = transferred()
    sign_in = begun(memory)
    assert failure(sign_in.receive_data(f"{code} 3\r\n".encode())).code == code
    assert sign_in.memory == memory


def test_again() -> None:
    """Another sign-in like it, from the dispatch server; not where an XFR led, which may be lost."""
    first = new(memory=transferred(), dialects=iter([12, 9]))
    assert words(first.start())[1] == "connect ns:1863"
    second = first.again(first_trid=9)
    connect, send = second.start()[1:]
    assert words([connect]) == ["connect ds:1863"]
    assert isinstance(send, Send)
    assert send.encode().startswith(b"VER 9 MSNP12 MSNP9 CVR0\r\nCVR 10 ")
    moved = second.again(at=Address("other", 1863))
    assert words(moved.start())[1] == "connect other:1863"


def test_again_is_the_same_machine() -> None:
    servers = Servers(notification="ds:1863", rst="https://rst.example/RST.srf")
    first = SignIn("a@b.example", "hunter2", servers, dialects=[16])
    assert first.again()._journey.guid == first._journey.guid != ""
    assert "hunter2" not in repr(first._arguments)


@pytest.mark.parametrize(
    ("dialects", "needs"), [([15], False), ([15, 16], True), ([8], False), (None, True)]
)
def test_who_needs_the_machines_guid(dialects: list[int] | None, needs: bool) -> None:
    servers = Servers(notification="ds:1863", rst="https://rst.example/RST.srf")
    assert SignIn("a@b.example", "x", servers, dialects=dialects).needs_guid is needs


ONE = b"VER 1 MSNP12\r\n"


@pytest.mark.parametrize("heard", [b"", ONE])
@pytest.mark.parametrize("end", ["silence", "closed", "lost"])
def test_a_server_that_reads_one_command_of_a_packet(heard: bytes, end: str) -> None:
    """It is found out, and spoken to again with one command at a time, once."""
    sign_in = new()
    sign_in.start()
    if heard:
        sign_in.receive_data(heard)
    assert sign_in.patience == PIPELINE_PATIENCE
    match end:
        case "silence":
            actions = sign_in.silence()
        case "closed":
            actions = sign_in.receive_data(b"")
        case _:
            actions = sign_in.connection_failed(ConnectionFailed("reset"))
    if end == "lost" and not heard:
        assert isinstance(failure(actions), ConnectionFailed)  # nobody may be there at all
        return
    assert words(actions) == ["connect ds:1863", "send VER"]
    trid = sign_in._conversation.next_trid - 1
    assert words(sign_in.receive_data(f"VER {trid} MSNP12\r\n".encode())) == ["send CVR"]
    assert words(sign_in.receive_data(b"CVR 5 1\r\n")) == ["send USR"]
    assert isinstance(failure(sign_in.receive_data(b"")), ConnectionFailed)
    assert words(sign_in.again().start())[1:] == ["connect ds:1863", "send VER"]


@pytest.mark.parametrize("more", [b"CVR 2 1\r\n", b"GCF 0 1\r\nx", b"NLN NLN a b\r\n"])
def test_a_server_that_is_merely_slow_is_waited_for(more: bytes) -> None:
    sign_in = new()
    sign_in.start()
    sign_in.receive_data(ONE + more)
    assert not sign_in.patience
    assert isinstance(failure(sign_in.receive_data(b"")), ConnectionFailed)


def test_one_at_a_time_where_the_caller_wants_it_is_not_tried_twice() -> None:
    sign_in = new(pipeline=False)
    sign_in.start()
    assert not sign_in.patience
    error = failure(sign_in.receive_data(b""))
    assert "pipeline" not in str(error)


def first_offer(servers: Servers, **options: Any) -> list[str]:
    """Return what VER offers, and what is offered after it."""
    machine = SignIn("a@b.example", "x", servers, **options)
    return [" ".join(dialect.name for dialect in offered) for offered in machine._offers]


def test_the_networks_own_dialects_are_offered() -> None:
    servers = Servers("h.example", dialects=[18, 12, 8], schemes=["SSO", "TWN", "MD5"])
    assert first_offer(servers) == ["MSNP18", "MSNP12 MSNP8"]
    assert first_offer(servers, scheme="TWN") == ["MSNP12 MSNP8"]
    assert first_offer(servers, dialects=[15]) == ["MSNP15"], "the keyword wins"
    with pytest.raises(LocalProtocolError, match="no dialect that signs in by MD5"):
        first_offer(servers, scheme="MD5")
    with pytest.raises(LocalProtocolError, match="no dialect that signs in by SSO or TWN"):
        first_offer(Servers("h.example", dialects=[7]))

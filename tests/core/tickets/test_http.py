from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import pieces, ways
from msnpauth.core.errors import ConnectionFailed, RemoteProtocolError, SignInError, Step
from msnpauth.core.secrets import Secret
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.core.tickets.http import ClientConnection
from msnpauth.core.urls import Url
from msnpauth.core.wire.lines import NEED_DATA, NeedData

GET = Request("GET", Url.parse("https://h/x?y"), (("User-Agent", "MSMSGS"),))
WANTING = Request("POST", Url.parse("https://h:1/"), body=b"<x/>", wants_body=True)
FIVE_BYTES = Request("POST", Url.parse("https://h:1/"), body=b"<x/>", wants_body=True, max_body=5)


def asked(request: Request = GET) -> ClientConnection:
    connection = ClientConnection()
    connection.send(request)
    return connection


def test_what_goes_out() -> None:
    data = ClientConnection().send(GET)
    assert data == b"GET /x?y HTTP/1.1\r\nHost: h\r\nUser-Agent: MSMSGS\r\n\r\n"
    data = ClientConnection().send(WANTING)
    assert data == b"POST / HTTP/1.1\r\nHost: h:1\r\nContent-Length: 4\r\n\r\n<x/>"


@pytest.mark.parametrize("kept", [True, False])
def test_a_request_that_is_sent_again(kept: bool) -> None:
    """The bytes are made once; what is kept of them shows no secret, and the rules are h11's."""
    header = Secret("Passport1.4 pwd=s%C3%A9cret,x=\xe9")
    request = Request("GET", Url.parse("https://h/x?y"), (("Authorization", header), ("A", "b")))
    connection = ClientConnection()
    sent = []
    for _ in range(4):
        connection = connection if kept else ClientConnection()
        sent.append(connection.send(request))
        assert connection.receive(CASES[0][0]) == Response(200, (("Content-Length", "0"),))
        assert connection.reusable
    assert sent == [sent[0]] * 4
    assert sent[0].startswith(b"GET /x?y HTTP/1.1\r\nHost: h\r\nAuthorization: Passport1.4 pwd=")
    assert request.encoded is not None
    assert "pwd" not in repr(request.encoded)


def test_a_request_that_is_sent_again_and_ends_the_connection() -> None:
    request = Request("GET", Url.parse("https://h/"), (("Connection", "close"),))
    for _ in range(3):
        connection = ClientConnection()
        assert b"Connection: close" in connection.send(request)
        connection.receive(CASES[0][0])
        assert not connection.reusable


def test_a_body_is_made_each_time() -> None:
    sent = [ClientConnection().send(WANTING) for _ in range(3)]
    assert sent == [sent[0]] * 3
    assert WANTING.encoded is None


CASES = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    (b"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 200, b"", True),
    (b"HTTP/1.0 302 Found\r\nContent-Length: 0\r\n\r\n", 302, b"", False),
    (b"HTTP/1.1 204 No\r\n\r\n", 204, b"", True),
    (b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", 200, b"abc", False),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        200,
        b"abc",
        True,
    ),
]


@ways
@pytest.mark.parametrize(("data", "status", "body", "reusable"), CASES)
def test_answers(data: bytes, status: int, body: bytes, reusable: bool, way: str) -> None:
    connection = asked(WANTING)
    outcome: object = NEED_DATA
    for piece in pieces(data, way, b"HTTP/1.1 2"):
        assert outcome is NEED_DATA
        outcome = connection.receive(piece)
    assert isinstance(outcome, Response)
    assert (outcome.status, outcome.body) == (status, body)
    if way != "trailing":
        assert connection.reusable is reusable


@ways
def test_a_body_that_is_not_wanted_is_not_waited_for(way: str) -> None:
    connection = asked()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"
    outcome: object = None
    for piece in pieces(head, way, b"abc"):
        outcome = connection.receive(piece)
    assert isinstance(outcome, Response)
    assert outcome.body == b""
    assert not connection.reusable


def test_a_short_body_that_came_along_does_no_harm() -> None:
    connection = asked()
    outcome = connection.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
    assert isinstance(outcome, Response)
    assert outcome.body == b""
    assert connection.reusable
    assert connection.send(GET).startswith(b"GET ")
    assert not connection.started


def test_a_body_until_the_end_of_the_stream() -> None:
    connection = asked(WANTING)
    assert connection.receive(b"HTTP/1.1 200 OK\r\n\r\nab") is NEED_DATA
    assert connection.receive(b"c") is NEED_DATA
    outcome = connection.receive(b"")
    assert isinstance(outcome, Response)
    assert outcome.body == b"abc"
    assert not connection.reusable


FAULTS = [
    (b"SSH-2.0-OpenSSH\r\n\r\n", RemoteProtocolError, "not HTTP"),
    (b"SSH-2.0-OpenSSH", RemoteProtocolError, "not HTTP"),
    (b"\x15\x03\x03\x00\x02\x02\x16", RemoteProtocolError, "not HTTP"),
    (b"HTTP/1.2 200 OK\r\n\r\n", RemoteProtocolError, "not HTTP"),
    (b"HTTP/2.0 200 OK\r\n\r\n", RemoteProtocolError, "not HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", RemoteProtocolError, "not HTTP"),
    (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", RemoteProtocolError, "not HTTP"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000, RemoteProtocolError, "headers of more"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n", RemoteProtocolError, "headers of more"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40000 + b"\r\n", RemoteProtocolError, "headers of more"),
    (b"HTTP/1.1 100 C\r\n\r\n" * 5000, RemoteProtocolError, "headers of more"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1100000, RemoteProtocolError, "body of more"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "says"), FAULTS)
@pytest.mark.parametrize("size", [1000, 100000000])
def test_faults_are_values(data: bytes, kind: type[SignInError], says: str, size: int) -> None:
    connection = asked(WANTING)
    outcome: object = NEED_DATA
    for at in range(0, len(data), size):
        outcome = connection.receive(data[at : at + size])
        if outcome is not NEED_DATA:
            break
    assert type(outcome) is kind
    assert says in str(outcome)
    assert outcome.server == "https://h:1"
    assert outcome.step is Step.LOGIN


def test_what_is_not_http_is_told_by_its_first_byte() -> None:
    """A mail server has greeted by then, and waits: there will be no more bytes."""
    assert isinstance(asked().receive(b"2"), RemoteProtocolError)


def test_a_broken_body_that_nobody_wants_fails_nothing() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n"
    connection = asked(GET)
    outcome = connection.receive(data)
    assert isinstance(outcome, Response)
    assert outcome.status == 200
    assert not connection.reusable
    assert isinstance(asked(WANTING).receive(data), RemoteProtocolError)


def test_an_answer_that_nobody_asked_for_is_not_the_next_ones() -> None:
    connection = asked()
    answer = b"HTTP/1.1 204 No\r\n\r\n"
    assert isinstance(connection.receive(answer + answer), Response)
    assert not connection.reusable


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\nX", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"]
)
def test_the_end_of_the_stream_before_the_answer(data: bytes) -> None:
    connection = asked(WANTING)
    if data:
        assert connection.receive(data) is NEED_DATA
    outcome = connection.receive(b"")
    assert isinstance(outcome, ConnectionFailed)
    assert "closed" in outcome.text


@given(
    st.lists(st.binary(max_size=50) | st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n", b""]))
)
def test_any_bytes_are_an_answer_or_a_fault(chunks: list[bytes]) -> None:
    connection = asked(WANTING)
    for chunk in chunks:
        outcome = connection.receive(chunk)
        assert isinstance(outcome, Response | NeedData | SignInError)
        if not isinstance(outcome, NeedData):
            break


def test_the_bounds_are_what_is_still_allowed() -> None:
    fits = b"HTTP/1.1 200 OK\r\nA: " + b"x" * 99 + b"\r\n\r\n"
    connection = ClientConnection(max_header=100)
    started = [connection.started]
    connection.send(FIVE_BYTES)
    assert connection.receive(fits) is NEED_DATA
    assert [*started, connection.started] == [False, True]
    assert connection.receive(b"12345") is NEED_DATA
    whole = connection.receive(b"")
    assert isinstance(whole, Response)
    assert whole.body == b"12345"
    for more in (fits.replace(b"x", b"xx", 1), fits + b"123456"):
        connection = ClientConnection(max_header=100)
        connection.send(FIVE_BYTES)
        assert isinstance(connection.receive(more), RemoteProtocolError)

"""A libcurl handle that Python drives: its ends, and whose sockets it waits for."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator

import pycurl
import pytest

from msnpauth.transports import curl_engine
from msnpauth.transports.curl_engine import Engine, _ready
from msnpauth.transports.curl_trust import trust_of
from wire import Peer, Server, answers, http


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(trust_of(None))
    yield made
    made.close()


def aimed(engine: Engine, address: str) -> list[bytes]:
    """Set a handle up for a request without TLS; return the list that the body comes into."""
    body: list[bytes] = []
    engine.curl.setopt(pycurl.URL, f"http://{address}/")
    engine.curl.setopt(pycurl.WRITEFUNCTION, body.append)
    return body


def never() -> bool:
    return False


def test_an_exchange(engine: Engine) -> None:
    with Server(answers(http(200, body=b"hello"), http(404, body=b"gone"))) as server:
        for status, text in ((200, b"hello"), (404, b"gone")):
            body = aimed(engine, server.address)
            assert engine.perform(never) is None
            assert (engine.curl.getinfo(pycurl.RESPONSE_CODE), b"".join(body)) == (status, text)
        assert server.connections == 1, "the connection is kept for the next one"


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        (b"", pycurl.E_GOT_NOTHING),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", pycurl.E_PARTIAL_FILE),
    ],
    ids=["nothing", "half of it"],
)
def test_a_fault_is_returned_and_not_raised(engine: Engine, answer: bytes, number: int) -> None:
    with Server(answers(answer)) as server:
        aimed(engine, server.address)
        error = engine.perform(never)
    assert isinstance(error, pycurl.error)
    assert error.args[0] == number


def test_nobody_listens(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    aimed(engine, f"127.0.0.1:{port}")
    error = engine.perform(never)
    assert isinstance(error, pycurl.error)
    assert error.args[0] == pycurl.E_COULDNT_CONNECT


def test_whoever_waits_may_stop_at_any_time(engine: Engine) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        asked.set()
        peer.until_closed()

    with Server(script) as server:
        aimed(engine, server.address)
        error = engine.perform(asked.is_set)
    assert isinstance(error, pycurl.error)
    assert error.args == (pycurl.E_ABORTED_BY_CALLBACK, "")


def test_nothing_goes_out_for_somebody_who_is_gone(engine: Engine) -> None:
    heard: list[bytes] = []
    ended = threading.Event()

    def script(peer: Peer) -> None:
        heard.append(peer.until_closed())
        ended.set()

    with Server(script) as server:
        aimed(engine, server.address)
        error = engine.perform(lambda: True)
        engine.close()
        assert error is not None
        assert not server.connections or (ended.wait(20) and heard == [b""])


def test_ctrl_c_in_a_callback_comes_out_behind_it(engine: Engine) -> None:
    """Pycurl prints what is raised in a callback, and goes on."""

    def interrupted(_: bytes) -> int:
        raise KeyboardInterrupt

    with Server(answers(http(200, body=b"hello"))) as server:
        aimed(engine, server.address)
        engine.curl.setopt(pycurl.WRITEFUNCTION, engine.guarded(interrupted))
        with pytest.raises(KeyboardInterrupt):
            engine.perform(never)


def test_a_callback_that_is_guarded_says_what_it_says() -> None:
    engine = Engine(trust_of(None))
    sums = engine.guarded(lambda a, b: a + b)
    assert sums(2, b=3) == 5

    def wrong() -> int:
        raise LookupError("mine")

    with pytest.raises(LookupError):
        engine.guarded(wrong)()
    engine.close()


@pytest.mark.parametrize("has_thread", [True, False])
def test_it_is_closed_in_a_thread_or_here_where_there_is_none(
    has_thread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(trust_of(None))
    closed = threading.Event()
    where: list[str] = []
    close = engine.close

    def noted() -> None:
        close()
        where.append(threading.current_thread().name)
        closed.set()

    monkeypatch.setattr(engine, "close", noted)
    if not has_thread:

        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
    engine.close_elsewhere()
    assert closed.wait(20)
    assert where == ["msnpauth-curl" if has_thread else threading.current_thread().name]
    with pytest.raises(pycurl.error):
        engine.curl.perform()


# --- what it waits for ---------------------------------------------------------------------------


@pytest.fixture(params=["poll", "select"])
def pair(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection, on a system with `poll` and on one without."""
    assert hasattr(select, "poll")
    if request.param == "select":
        monkeypatch.delattr("select.poll")
    here, there = socket.socketpair()
    with here, there:
        yield here, there


Pair = tuple[socket.socket, socket.socket]


@pytest.mark.parametrize(
    ("reads", "writes", "expected"),
    [
        (True, False, []),
        (False, True, [(False, True)]),
        (True, True, [(False, True)]),
    ],
)
def test_a_connection_on_which_nothing_has_come(
    pair: Pair, reads: bool, writes: bool, expected: list[tuple[bool, bool]]
) -> None:
    here, _ = pair
    found = _ready({here.fileno(): (reads, writes)}, 0.0)
    assert found == [(here.fileno(), *ready) for ready in expected]


@pytest.mark.parametrize("event", ["bytes", "the end"])
@pytest.mark.parametrize("writes", [False, True])
def test_bytes_and_the_end_are_both_read(pair: Pair, event: str, writes: bool) -> None:
    here, there = pair
    if event == "bytes":
        there.sendall(b"x")
    else:
        there.shutdown(socket.SHUT_WR)
    assert _ready({here.fileno(): (True, writes)}, 20.0) == [(here.fileno(), True, writes)]


def test_only_those_that_are_ready(pair: Pair) -> None:
    here, there = pair
    there.sendall(b"x")
    waits_for = {here.fileno(): (True, False), there.fileno(): (True, False)}
    assert _ready(waits_for, 20.0) == [(here.fileno(), True, False)]


def test_nothing_is_waited_for(pair: Pair) -> None:
    assert _ready({}, 0.0) == []


def test_a_connection_that_is_gone_is_told_to_libcurl() -> None:
    """Whatever it waited for: it would wait for ever otherwise."""
    here, there = socket.socketpair()
    there.close()
    with here:
        assert _ready({here.fileno(): (False, True)}, 20.0) == [(here.fileno(), True, True)]


def test_nothing_goes_out_when_the_caller_gives_up_while_libcurl_is_waited_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has arrived meanwhile would make libcurl go on, and send the request."""
    heard: list[bytes] = []
    ended, given_up = threading.Event(), threading.Event()
    wait = curl_engine._ready

    def waited(waits_for: dict[int, tuple[bool, bool]], seconds: float) -> object:
        found = wait(waits_for, seconds)
        if found:
            given_up.set()
        return found

    def script(peer: Peer) -> None:
        heard.append(peer.until_closed())
        ended.set()

    monkeypatch.setattr(curl_engine, "_ready", waited)
    with Server(script) as server:
        aimed(engine, server.address)
        error = engine.perform(given_up.is_set)
        engine.close()
        assert isinstance(error, pycurl.error)
        assert error.args == (pycurl.E_ABORTED_BY_CALLBACK, "")
        assert ended.wait(20)
    assert heard == [b""]

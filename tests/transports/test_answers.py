"""Answers as servers really write them, and as they must not: every carrier takes the same ones."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

import pytest

from conftest import Authority
from msnpauth import (
    ConnectionFailed,
    LocalProtocolError,
    RemoteProtocolError,
    SignInError,
    SignInTimeout,
)
from msnpauth.core.tickets.exchange import MAX_BODY, Request, Response
from msnpauth.core.urls import Url
from wire import Peer, Script, Server, http

from .conftest import Carrier

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
NOT_HTTP = "the answer is not HTTP/1.1"


def fetched(
    carrier: Carrier, authority: Authority, script: Script | bytes, **settings: object
) -> Response:
    def say(peer: Peer) -> None:
        peer.request()
        peer.send(answer)

    answer = script if isinstance(script, bytes) else b""
    with Server(say if isinstance(script, bytes) else script, authority.server_tls) as server:
        keywords: dict[str, object] = {"wants_body": True, **settings}
        return carrier.fetch(Request("GET", Url.parse(f"{server.url}/x"), **keywords))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(OK + b"A:b\r\n" + EMPTY, b"", id="no blank"),
        pytest.param(OK + b"A:\tb\t \r\n" + EMPTY, b"", id="tabs"),
        pytest.param(OK + b"A: b\r\nX:\r\n" + EMPTY, b"", id="empty value"),
        pytest.param(OK.replace(b"\r", b"") + b"A: b\nContent-Length: 2\n\nab", b"ab", id="bare LF"),
        pytest.param(b"HTTP/1.1 200\r\nA: b\r\n" + EMPTY, b"", id="no reason"),
        pytest.param(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nab", b"ab", id="HTTP/1.0"),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nA: b\r\nContent-Length: 2\r\n\r\nab",
            b"ab",
            id="HTTP/1.0 kept",
        ),
        pytest.param(b"HTTP/1.1 100 C\r\n\r\n" + OK + b"A: b\r\n" + EMPTY, b"", id="interim"),
        pytest.param(OK + b"A: b\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", b"ab", id="length twice"),
        pytest.param(OK + b"A: b\r\nContent-Length: 2\r\n\r\nabcd", b"ab", id="more than its length"),
        pytest.param(OK + b"A: b\r\n\r\nab", b"ab", id="no length"),
        pytest.param(
            OK + b"A: b\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nA: trailer\r\n\r\nrest",
            b"abc",
            id="chunked",
        ),
        pytest.param(OK + b"A: b\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", b"ab", id="not unpacked"),
        pytest.param(b"HTTP/1.1 204 No\r\nA: b\r\n\r\n", b"", id="204"),
    ],
)  # fmt: skip
def test_good_answers(carrier: Carrier, authority: Authority, answer: bytes, body: bytes) -> None:
    response = fetched(carrier, authority, answer)
    assert response.all("a") == ["b"]
    assert response.body == body


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK + b"A : b\r\n" + EMPTY, id="blank before colon"),
        pytest.param(OK + b": b\r\n" + EMPTY, id="no name"),
        pytest.param(OK + b"A\r\n" + EMPTY, id="no colon"),
        pytest.param(OK + b" A: b\r\n" + EMPTY, id="first line is folded"),
        pytest.param(OK + b"a(b: c\r\n" + EMPTY, id="name is no token"),
        pytest.param(OK + b"\xe9: b\r\n" + EMPTY, id="name beyond ASCII"),
        pytest.param(OK + b"A: b\0c\r\n" + EMPTY, id="NUL"),
        pytest.param(OK + b"A: b\x0bc\r\n" + EMPTY, id="VT"),
        pytest.param(OK + b"A: b\rc\r\n" + EMPTY, id="CR"),
        pytest.param(b"HTTP/1.1 2000 OK\r\n" + EMPTY, id="status of four digits"),
        pytest.param(b"HTTP/1.1 099 OK\r\n" + EMPTY, id="status below 100"),
        pytest.param(b"HTTP/1.1 abc OK\r\n" + EMPTY, id="status of letters"),
        pytest.param("HTTP/1.1 ²00 OK\r\n".encode() + EMPTY, id="status beyond ASCII"),
        pytest.param(b"HTTP/1.1  200 OK\r\n" + EMPTY, id="two blanks"),
        pytest.param(b"http/1.1 200 OK\r\n" + EMPTY, id="lower case"),
        pytest.param(b"HTTP/2 200 OK\r\n" + EMPTY, id="HTTP/2"),
        pytest.param(b"ICY 200 OK\r\n" + EMPTY, id="ICY"),
        pytest.param(bytes.fromhex("00000604000000000000030000006400") + b"\r\n\r\n", id="HTTP/2 frames"),
        pytest.param(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" + OK + EMPTY, id="101"),
        pytest.param(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nab", id="two lengths"),
        pytest.param(OK + b"Content-Length: -2\r\n\r\nab", id="negative length"),
        pytest.param(OK + b"Content-Length: 0x2\r\n\r\nab", id="hexadecimal length"),
        pytest.param(OK + "Content-Length: ²\r\n\r\nab".encode(), id="length beyond ASCII"),
        pytest.param(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nab", id="absurd length"),
        pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", id="coding"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="coding twice"),
        pytest.param(CHUNKED + b"zz\r\nab\r\n0\r\n\r\n", id="bad chunk"),
        pytest.param(CHUNKED + b"-2\r\nab\r\n0\r\n\r\n", id="negative chunk"),
        pytest.param(CHUNKED + b"1\r\nab\r\n0\r\n\r\n", id="chunk of another length"),
        pytest.param(CHUNKED + b"f" * 30 + b"\r\nab\r\n0\r\n\r\n", id="absurd chunk"),
        pytest.param(CHUNKED + b"0\r\nA : b\r\n\r\n", id="bad trailer"),
    ],
)  # fmt: skip
def test_what_is_not_http(carrier: Carrier, authority: Authority, answer: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        fetched(carrier, authority, answer)
    assert caught.value.text == NOT_HTTP


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 2", id="in the status"),
        pytest.param(OK + b"Authentic", id="in a header"),
        pytest.param(OK + b"A: b\r\n", id="before the end of headers"),
        pytest.param(OK + b"Content-Length: 5\r\n\r\nab", id="in the body"),
        pytest.param(CHUNKED + b"2\r\nab\r\n", id="between chunks"),
    ],
)
def test_answers_that_are_cut_off(carrier: Carrier, authority: Authority, answer: bytes) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        fetched(carrier, authority, answer)
    assert caught.value.text == "the connection was closed before the answer"


def test_a_reset(carrier: Carrier, authority: Authority) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sock.close()

    with pytest.raises(ConnectionFailed) as caught:
        fetched(carrier, authority, script)
    assert type(caught.value) is ConnectionFailed
    assert "closed" in caught.value.text


@pytest.mark.parametrize("framing", ["length", "chunked", "none"])
def test_the_body_is_bounded(carrier: Carrier, authority: Authority, framing: str) -> None:
    head = {
        "length": OK + b"Content-Length: %d\r\n\r\n" % (10 * MAX_BODY),
        "chunked": CHUNKED,
        "none": OK + b"\r\n",
    }[framing]
    sent = 0

    def script(peer: Peer) -> None:
        nonlocal sent
        peer.request()
        peer.send(head)
        for _ in range(10 * MAX_BODY // 0x4000):
            piece = b"x" * 0x4000
            peer.send(b"4000\r\n" + piece + b"\r\n" if framing == "chunked" else piece)
            sent += len(piece)

    with pytest.raises(RemoteProtocolError) as caught:
        fetched(carrier, authority, script)
    assert caught.value.text == f"a body of more than {MAX_BODY} bytes"
    assert sent < 10 * MAX_BODY, "the carrier read on"


def test_a_body_as_large_as_allowed(carrier: Carrier, authority: Authority) -> None:
    assert len(fetched(carrier, authority, http(200, body=b"x" * MAX_BODY)).body) == MAX_BODY


def test_interim_answers_without_end(carrier: Carrier, authority: Authority) -> None:
    """By httpx they are passed over uncounted, until the deadline; the others count bytes."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    with Server(script, authority.server_tls) as server:
        begun = time.monotonic()
        with pytest.raises(SignInError) as caught:
            carrier.fetch(Request("GET", Url.parse(server.url)), 1)
    assert time.monotonic() - begun < 2
    assert type(caught.value) is (SignInTimeout if carrier.name == "httpx" else RemoteProtocolError)


def test_cookies_are_not_kept(carrier: Carrier, authority: Authority) -> None:
    heard: list[str] = []

    def script(peer: Peer) -> None:
        for _ in range(2):
            heard.append(peer.request())
            peer.send(http(200, "Set-Cookie: MSPAuth=x; Path=/"))

    with Server(script, authority.server_tls) as server:
        for _ in range(2):
            carrier.fetch(Request("GET", Url.parse(server.url)))
    assert len(heard) == 2
    assert "cookie" not in heard[1].lower()


def test_nothing_is_sent_but_what_was_asked_for(
    carrier: Carrier, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No netrc, no curlrc, no headers of the library's own, no `Expect: 100-continue`."""
    for name in (".netrc", "_netrc", "own"):
        (tmp_path / name).write_text(
            "machine 127.0.0.1 login eve password evil\ndefault login e password v\n"
        )
        (tmp_path / name).chmod(0o600)
    (tmp_path / ".curlrc").write_text('header = "X-Evil: yes"\nuser-agent = evil\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CURL_HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "own"))
    heard: list[str] = []

    def script(peer: Peer) -> None:
        heard.append(peer.request())
        heard.append(peer.read_until(b"</x>").decode())
        # A server that asks for a password of HTTP's own does not get one.
        peer.send(http(401, 'WWW-Authenticate: Basic realm="x"', "WWW-Authenticate: Negotiate"))

    body = b"<x>" + b"y" * 5000 + b"</x>"  # curl asks for leave beyond 1,024 bytes
    with Server(script, authority.server_tls) as server:
        headers = (("User-Agent", "MSMSGS"), ("X-Empty", ""))
        request = Request("POST", Url.parse(f"{server.url}/a/../b?c"), headers, body)
        assert carrier.fetch(request).status == 401
    lines = heard[0].split("\r\n")
    assert lines[0] == "POST /a/../b?c HTTP/1.1"
    assert sorted(line.replace(":  ", ": ").rstrip() for line in lines[1:] if line) == [
        f"Content-Length: {len(body)}",
        f"Host: {server.address}",
        "User-Agent: MSMSGS",
        "X-Empty:",
    ]
    assert heard[1].encode() == body


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nB: c", "a\rb", "a\0b", "a\x0bb"])
def test_a_header_that_would_be_two(carrier: Carrier, authority: Authority, value: str) -> None:
    request = Request("GET", Url.parse("https://127.0.0.1:1/"), (("A", value),))
    with pytest.raises(LocalProtocolError, match="cannot be sent") as caught:
        carrier.fetch(request)
    assert value not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["a b", "", "a:b", "é"])
def test_a_name_that_is_none(carrier: Carrier, authority: Authority, name: str) -> None:
    request = Request("GET", Url.parse("https://127.0.0.1:1/"), ((name, "b"),))
    with pytest.raises(LocalProtocolError, match="cannot be sent") as caught:
        carrier.fetch(request)
    assert caught.value.__context__ is None


def test_the_connection_is_kept_for_the_next_request(
    carrier: Carrier, authority: Authority
) -> None:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(http(200))

    with Server(script, authority.server_tls) as server:
        for _ in range(3):
            carrier.fetch(Request("GET", Url.parse(server.url)))
        assert server.connections == 1

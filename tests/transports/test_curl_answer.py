"""What curl's callbacks collect: read as strictly as the other carriers read theirs."""

from __future__ import annotations

import pytest

from feeding import pieces, ways
from msnpauth.core.tickets.exchange import MAX_HEADER, Request, Response
from msnpauth.core.urls import Url
from msnpauth.transports.curl_answer import NOT_HTTP, Answer

URL = Url.parse("https://login.example/")


def answer(*, wants_body: bool = True, max_body: int = 1000) -> Answer:
    return Answer(Request("GET", URL, wants_body=wants_body, max_body=max_body))


def head(made: Answer, *lines: str, status: str = "HTTP/1.1 200 OK") -> int | None:
    """Hand over the lines of an answer as curl does; return the last word to it."""
    said: int | None = None
    for line in (status, *lines, ""):
        said = made.on_header(f"{line}\r\n".encode("latin-1"))
        if said is not None:
            break
    return said


@ways
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_whole_answer(way: str, end: str) -> None:
    made = answer()
    for line in ("HTTP/1.1 200 OK", "X: a:b=c ", "x:\t y", "Content-Length: 5", ""):
        assert made.on_header(f"{line}{end}".encode()) is None
    for piece in pieces(b"hello", way, b"more"):
        assert made.on_body(piece) is None
    body = b"hellomore" if way == "trailing" else b"hello"
    assert made.response() == Response(
        200, (("X", "a:b=c"), ("x", "y"), ("Content-Length", "5")), body
    )
    assert (made.fault, made.is_complete, made.ends_with_connection) == ("", False, False)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("HTTP/1.1 200 OK", 200),
        ("HTTP/1.0 302 Moved Temporarily", 302),
        ("HTTP/1.1 401 ", 401),
        ("HTTP/1.1 503", 503),
        ("HTTP/1.1 999 Grüße", 999),
    ],
)
def test_status_lines(line: str, status: int) -> None:
    made = answer()
    assert head(made, status=line) is None
    assert made.response().status == status


@pytest.mark.parametrize(
    "line",
    [
        "HTTP/2 200",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.10 200 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 101 Switching Protocols",
        "HTTP/1.1 200 O\x00K",
        "HTTP/1.1 200 O\rK",
        "HTTP/",
    ],
)
def test_status_lines_that_are_none(line: str) -> None:
    made = answer()
    assert made.on_header(f"{line}\r\n".encode("latin-1")) == -1
    assert made.fault == NOT_HTTP


def test_interim_answers_are_forgotten() -> None:
    made = answer()
    for line in ("HTTP/1.1 103 Early Hints", "Link: x", "", "HTTP/1.1 200 OK", "X: y", ""):
        assert made.on_header(f"{line}\r\n".encode()) is None
    assert made.response().headers == (("X", "y"),)


def test_a_header_that_goes_on_in_the_next_line() -> None:
    """Old servers fold; behind the first blank it is one value."""
    made = answer()
    assert head(made, "X: one", "\t two", "  three ", "Y: z") is None
    assert made.response().headers == (("X", "one two three"), ("Y", "z"))


@pytest.mark.parametrize(
    "line",
    [
        "no colon",
        ": no name",
        "X : blank before the colon",
        "X Y: z",
        "(X): y",
        "X: y\x00",
        "X: y\rz",
        "X: y\x0b",
        "X: y\x0c",
        " folded, but nothing is before it",
    ],
)
def test_headers_that_are_none(line: str) -> None:
    made = answer()
    assert head(made, line) == -1
    assert made.fault == NOT_HTTP


def test_a_fold_that_would_be_another_header() -> None:
    made = answer()
    assert head(made, "X: one", " two\rY: z") == -1
    assert made.fault == NOT_HTTP


@pytest.mark.parametrize(
    ("lines", "is_fine"),
    [
        (["Content-Length: 5"], True),
        (["Content-Length: 5", "content-length: 5"], True),
        (["Content-Length: 5, 5"], True),
        (["Content-Length: 5", "Content-Length: 6"], False),
        (["Content-Length: 5, 6"], False),
        (["Content-Length: -5"], False),
        (["Content-Length: +5"], False),
        (["Content-Length: 0x5"], False),
        (["Content-Length: five"], False),
        (["Content-Length: "], False),
        (["Content-Length: 5;"], False),
        (["Content-Length: " + "9" * 21], False),
        (["Transfer-Encoding: chunked"], True),
        (["Transfer-Encoding: Chunked"], True),
        (["Transfer-Encoding: gzip"], False),
        (["Transfer-Encoding: gzip, chunked"], False),
        (["Transfer-Encoding: identity"], False),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], False),
    ],
)
def test_how_long_the_body_is(lines: list[str], is_fine: bool) -> None:
    """Two readers that find another end of it would find another answer behind it."""
    made = answer()
    assert head(made, *lines) == (None if is_fine else -1)
    assert made.fault == ("" if is_fine else NOT_HTTP)


@pytest.mark.parametrize(
    ("lines", "ends"),
    [([], True), (["Content-Length: 5"], False), (["Transfer-Encoding: chunked"], False)],
)
def test_a_body_without_a_length_ends_with_the_connection(lines: list[str], ends: bool) -> None:
    made = answer()
    head(made, *lines)
    assert made.ends_with_connection is ends


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["Content-Length: 0"], None),
        (["Content-Length: 5"], -1),
        (["Transfer-Encoding: chunked"], -1),
        (["Content-Length: 0", "Transfer-Encoding: chunked"], -1),
        ([], -1),
    ],
)
def test_a_body_that_nobody_wants_is_not_waited_for(lines: list[str], said: int | None) -> None:
    """The connection is kept where there is none, and given up otherwise; either is no fault."""
    made = answer(wants_body=False)
    assert head(made, *lines) == said
    assert (made.is_complete, made.fault) == (True, "")


def test_an_interim_answer_is_not_the_end_of_the_headers() -> None:
    made = answer(wants_body=False)
    for line in ("HTTP/1.1 100 Continue", "", "HTTP/1.1 401 Unauthorized", "X: y"):
        assert made.on_header(f"{line}\r\n".encode()) is None
        assert not made.is_complete
    assert made.on_header(b"\r\n") == -1
    assert (made.is_complete, made.response().status) == (True, 401)


def test_what_follows_a_chunked_body_is_no_header() -> None:
    made = answer()
    assert head(made, "Transfer-Encoding: chunked") is None
    assert made.on_body(b"hello") is None
    assert made.on_header(b"Set-Cookie: x\r\n") is None
    assert made.on_header(b"\r\n") is None
    assert made.response() == Response(200, (("Transfer-Encoding", "chunked"),), b"hello")


@pytest.mark.parametrize("line", [b"no colon\r\n", b"X: y\x00\r\n"])
def test_what_follows_a_chunked_body_is_read_as_strictly(line: bytes) -> None:
    made = answer()
    head(made, "Transfer-Encoding: chunked")
    assert made.on_header(line) == -1
    assert made.fault == NOT_HTTP


@ways
def test_a_body_that_is_too_long(way: str) -> None:
    made = answer(max_body=5)
    head(made)
    said = [made.on_body(piece) for piece in pieces(b"123456", way, b"789")]
    assert said[-1] == -1
    assert set(said[:-1]) <= {None}
    assert made.fault == "a body of more than 5 bytes"


def test_the_longest_body() -> None:
    made = answer(max_body=5)
    head(made)
    assert (made.on_body(b"12345"), made.on_body(b"")) == (None, None)
    assert (made.response().body, made.fault) == (b"12345", "")


@pytest.mark.parametrize("between", [b"", b"\r\nHTTP/1.1 103 Early Hints\r\n"])
def test_headers_without_end(between: bytes) -> None:
    """Counted through all interim answers: each of them would begin anew otherwise."""
    made = answer()
    line = b"X: " + b"y" * 1019 + b"\r\n"
    sent = 0
    said = made.on_header(b"HTTP/1.1 103 Early Hints\r\n")
    while said is None:
        assert sent <= MAX_HEADER
        for part in (line, *between.splitlines(keepends=True)):
            said = said if said is not None else made.on_header(part)
        sent += len(line)
    assert (said, made.fault) == (-1, "headers without end")
    assert sent > MAX_HEADER // 2


def test_bytes_that_are_not_text_are_kept_as_they_came() -> None:
    made = answer()
    assert made.on_header(b"HTTP/1.1 200 OK\r\n") is None
    assert made.on_header(b"X: J\xfcrgen \xc3\xbc\r\n") is None
    assert made.response().header("x") == "J\udcfcrgen ü"


def test_a_folded_trailer_is_passed_over() -> None:
    made = Answer(Request("GET", Url.parse("https://a.example/"), wants_body=True))
    head = [b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n"]
    trailer = [b"X: a\r\n", b" b\r\n", b"\r\n"]
    assert [made.on_header(line) for line in head + trailer] == [None] * 6

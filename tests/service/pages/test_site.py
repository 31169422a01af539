"""An application of ASGI behind our own host, on real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from browsing import Browser
from msnpauth.service import Service
from msnpauth.service.pages.site import PageSite
from msnpauth.service.roles.web import WebAnswer, WebRequest


def connected(service: Service) -> ssl.SSLSocket:
    assert service.pages_url is not None
    port = int(service.pages_url.rpartition(":")[2].rstrip("/"))
    plain = socket.create_connection(("127.0.0.1", port), 20)
    return service.ssl_context.wrap_socket(plain, server_hostname="127.0.0.1")


def said(service: Service, request: bytes) -> bytes:
    with connected(service) as sock:
        sock.sendall(request)
        heard = b""
        with suppress(ConnectionError, ssl.SSLError):
            while data := sock.recv(65536):
                heard += data
        return heard


def asked(site: PageSite, request: WebRequest) -> WebAnswer:
    return asyncio.run(site.answer(request))


def test_two_requests_and_a_head_on_one_connection(service: Service) -> None:
    heard = said(
        service,
        b"GET /sign-in HTTP/1.1\r\nHost: x\r\n\r\nHEAD /sign-in HTTP/1.1\r\nHost: x\r\n\r\n"
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    first, second, third = heard.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 OK\r\n")
    assert first.endswith(b"</html>")
    assert second.startswith(b"200 OK\r\n")
    assert second.endswith(b"\r\n\r\n"), "without its body"
    lengths = [
        next(line for line in each.split(b"\r\n") if line.startswith(b"Content-Length"))
        for each in (first, second)
    ]
    assert lengths[0] == lengths[1] != b"Content-Length: 0"
    assert third.startswith(b"303 See Other\r\n")
    assert b"\r\nLocation: /sign-in\r\n" in third


def test_a_body_that_is_too_long(service: Service) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    assert said(service, head + b"a" * 100_000).startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    with Browser(service) as browser:
        browser.at("/sign-in")


def test_what_is_cut_or_drips(service: Service) -> None:
    with connected(service) as sock:
        sock.sendall(b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        with suppress(OSError):
            sock.unwrap()
    with Browser(service) as browser:
        browser.at("/sign-in")


@pytest.mark.parametrize(
    "target", [b"/%00", b"/%ff", b"/../etc/passwd", b"//evil.example", b"/?%ff=%00", b"*"]
)
def test_odd_targets(service: Service, target: bytes) -> None:
    request = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert said(service, request)[:12] in (b"HTTP/1.1 404", b"HTTP/1.1 303", b"HTTP/1.1 400")


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"TRACE", b"CONNECT"])
def test_methods_that_no_page_has(service: Service, method: bytes) -> None:
    heard = said(service, method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 501 ")


@pytest.mark.parametrize(
    "cookie", [b"x", b"=;;=", b'"', b"__Host-msnpauth=\xff\xfe", b"a=b; " * 500]
)
def test_odd_cookies(service: Service, cookie: bytes) -> None:
    request = (
        b"GET /sign-in HTTP/1.1\r\nHost: x\r\nCookie: " + cookie + b"\r\nConnection: close\r\n\r\n"
    )
    assert said(service, request).startswith(b"HTTP/1.1 200 ")


def test_what_an_application_is_told() -> None:
    heard: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        heard.update(scope, body=await receive(), end=await receive())
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"\xe9")]})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})

    request = WebRequest(
        "POST", "/a%20b?c=d%26", {"host": "h", "x": "\udcff"}, b"body", "192.0.2.1"
    )
    answer = asked(PageSite(application, "msn.example.com"), request)
    assert (answer.status, answer.headers, answer.body) == (201, (("X-A", "é"),), b"ab")
    assert (heard["path"], heard["raw_path"]) == ("/a b", b"/a%20b")
    assert heard["query_string"] == b"c=d%26"
    assert heard["headers"] == [(b"host", b"h"), (b"x", b"\xff")]
    assert (heard["scheme"], heard["client"]) == ("https", ("192.0.2.1", 0))
    assert heard["body"] == {"type": "http.request", "body": b"body", "more_body": False}
    assert heard["end"] == {"type": "http.disconnect"}


def test_a_fault_of_the_application_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("hunter2")

    with caplog.at_level(logging.ERROR, "msnpauth.service"):
        answer = asked(PageSite(application, "h"), WebRequest("GET", "/", {}))
    assert answer.status == 500
    assert b"hunter2" not in answer.body
    assert "ValueError at test_site.py" in caplog.text
    assert "hunter2" not in caplog.text


def test_in_maintenance_nothing_is_asked() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    site = PageSite(application, "h")
    site.maintenance = True
    answer = asked(site, WebRequest("GET", "/", {}))
    assert answer.status == 503
    assert ("Retry-After", "60") in answer.headers


def test_the_pages_end_with_the_service(started: Callable[..., Service]) -> None:
    service = started()
    with Browser(service) as browser:
        browser.at("/sign-in")
        service.maintenance = True
        assert browser.look("/sign-in").status == 503
        service.maintenance = False
        browser.at("/sign-in")

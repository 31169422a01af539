"""The pages of a service, put together: their ports, and what is there without them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from browsing import ALICE, PASSWORD, Browser
from imports import modules_after
from msnpauth.service import Argon2, Service, run
from msnpauth.service.stores.sql.directory import AccountDirectory

CHEAP = Argon2(memory=64, passes=1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def ask(port: int, method: str, path: str, *headers: str, body: str = "") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: accounts.example.com", *headers]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", body]
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall("\r\n".join(lines).encode())
        heard = b""
        with suppress(ConnectionError):
            while data := sock.recv(65536):
                heard += data
        return heard.decode()


def test_without_pages_their_library_is_not_imported(tmp_path: Path) -> None:
    code = (
        "from msnpauth.service import run, open_directory\n"
        f"with run(data={str(tmp_path / 'data')!r}) as service: assert not service.has_pages"
    )
    imported = modules_after(f"exec({code!r})")
    assert "msnpauth.service.data_folder_backing" in imported
    assert "starlette" not in imported
    assert "msnpauth.service.pages" not in imported


def test_behind_a_proxy_that_does_the_tls(
    started: Callable[..., Service], accounts: AccountDirectory
) -> None:
    port = free_port()
    service = started(ports={"plain_pages": port}, trusted_proxies=["127.0.0.1"])
    assert service.has_pages
    page = ask(port, "GET", "/sign-in", "X-Forwarded-For: 198.51.100.1, 192.0.2.7")
    assert page.startswith("HTTP/1.1 200 OK\r\n")
    assert "; Secure" in page, "the browser is at the proxy, by TLS"
    token = page.partition('name="token" value="')[2].partition('"')[0]
    cookie = page.partition("Set-Cookie: ")[2].partition(";")[0]
    headers = [
        *(f"Cookie: {cookie}", "X-Forwarded-For: 198.51.100.1, 192.0.2.7"),
        "Content-Type: application/x-www-form-urlencoded",
    ]
    body = f"token={token}&address={ALICE}&password={PASSWORD}".replace(" ", "+")
    for origin, status in (
        ("https://evil.example", 403),
        ("http://accounts.example.com", 403),
        ("https://accounts.example.com", 303),
    ):
        answer = ask(port, "POST", "/sign-in", *headers, f"Origin: {origin}", body=body)
        assert answer.startswith(f"HTTP/1.1 {status} "), origin


def test_nobody_comes_past_the_proxy(started: Callable[..., Service]) -> None:
    port = free_port()
    started(ports={"plain_pages": port}, trusted_proxies=["192.0.2.1"])
    assert ask(port, "GET", "/sign-in") == ""


def test_guesses_that_a_proxy_brings_are_their_networks_own(
    started: Callable[..., Service], waits: list[float]
) -> None:
    port = free_port()
    started(ports={"plain_pages": port}, trusted_proxies=["127.0.0.1"])
    for number, network in enumerate(["192.0.2.7", "192.0.2.7", "192.0.2.8"]):
        page = ask(port, "GET", "/sign-in")
        token = page.partition('name="token" value="')[2].partition('"')[0]
        cookie = page.partition("Set-Cookie: ")[2].partition(";")[0]
        headers = [
            *(f"Cookie: {cookie}", f"X-Forwarded-For: {network}"),
            "Content-Type: application/x-www-form-urlencoded",
        ]
        body = f"token={token}&address=a@b&password=wrong{number}"
        assert ask(port, "POST", "/sign-in", *headers, body=body).startswith("HTTP/1.1 422 ")
    assert waits == [2.0]


def test_a_session_outlives_a_restart(tmp_path: Path, accounts: AccountDirectory) -> None:
    word = None
    for _ in range(2):
        with (
            run(data=tmp_path / "data", argon2=CHEAP, ports={"pages": 0}) as service,
            Browser(service) as browser,
        ):
            if word is None:
                browser.sign_in(ALICE, PASSWORD)
                word = browser.word or ""
            else:
                browser.word = word
            assert ALICE in browser.at("/").text

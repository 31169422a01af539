"""Proxies that the environment names, and that do not work."""

from __future__ import annotations

import pytest

from msnpauth import ConnectionFailed, LocalProtocolError, SignInError
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from msnpauth.net.proxies import environment_proxy, proxy_refusal, unknown_proxy
from wire import Peer, Server

from .conftest import Carrier

SECRET = "hunter2"
PROXIED = ["sync curl", "async curl", "sync httpx", "async httpx"]
TARGET = Request("GET", Url.parse("https://login.example/x"))


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")


def refused(carrier: Carrier) -> SignInError:
    with pytest.raises(SignInError) as caught:
        carrier.fetch(TARGET, 10)
    error = caught.value
    assert SECRET not in f"{error!s}{error!r}{error.args}{error.__dict__}"
    assert error.__context__ is None
    assert error.__cause__ is None
    return error


@pytest.mark.parametrize("carrier", PROXIED, indirect=True)
@pytest.mark.parametrize("status", [407, 403, 502])
def test_a_proxy_that_refuses(
    carrier: Carrier, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(
            f"HTTP/1.1 {status} {SECRET}\r\nProxy-Authenticate: Basic realm=p\r\n"
            "Content-Length: 0\r\n\r\n"
        )

    with Server(script) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@{proxy.address}")
        error = refused(carrier)
    assert type(error) is ConnectionFailed
    assert error.code == status
    assert f"the proxy {proxy.address} (of https_proxy)" in error.text
    if status == 407:
        assert "a user name and a password" in error.text
        assert "https_proxy=http://user:password@host:port" in error.hint


@pytest.mark.parametrize("carrier", PROXIED, indirect=True)
def test_a_proxy_that_nobody_knows(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@no-such-host.invalid:3128")
    error = refused(carrier)
    assert type(error) is ConnectionFailed
    assert "there is no such host name: the proxy no-such-host.invalid:3128" in error.text
    assert "https_proxy" in error.hint


@pytest.mark.parametrize("carrier", PROXIED, indirect=True)
def test_a_proxy_that_is_off(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(lambda peer: None) as proxy:
        pass
    monkeypatch.setenv("all_proxy", f"http://user:{SECRET}@{proxy.address}")
    error = refused(carrier)
    assert type(error) is ConnectionFailed
    assert error.text == f"the proxy {proxy.address} (of all_proxy): connection refused"


@pytest.mark.parametrize("carrier", PROXIED, indirect=True)
@pytest.mark.parametrize("variable", ["https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["socks9", "socks", "ftp"])
def test_a_proxy_of_an_unknown_kind(
    carrier: Carrier, variable: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (scheme, carrier.name) == ("socks", "curl"):
        scheme = "socks8"  # "socks" is socks4 to curl
    monkeypatch.setenv(variable, f"{scheme}://user:{SECRET}@127.0.0.1:1")
    error = refused(carrier)
    assert type(error) is LocalProtocolError
    assert variable in error.text


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://proxy.example:3128", "proxy.example:3128"),
        ("http://proxy.example:3128/", "proxy.example:3128"),
        ("proxy.example:3128", "proxy.example:3128"),
        (f"http://user:{SECRET}@proxy.example:3128", "proxy.example:3128"),
        (f"http://user:{SECRET}@a@proxy.example:3128/x?y#z", "proxy.example:3128"),
        (f"http://user:p/{SECRET}@proxy.example", "proxy.example"),
        (f"user:{SECRET}@[::1]:3128", "[::1]:3128"),
        (f"http://user:{SECRET}/@", ""),
        (f"http://user:{SECRET}", ""),
        (f"http://{SECRET} @:3128", ""),
    ],
)
def test_the_place_of_a_proxy(url: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", url)
    proxy = environment_proxy(TARGET.url)
    assert proxy is not None
    assert proxy.place == place
    assert SECRET not in f"{proxy}{proxy!r}"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"https_proxy": ""}, None),
        ({"http_proxy": "a"}, None),
        ({"https_proxy": "a"}, "https_proxy"),
        ({"HTTPS_PROXY": "a", "all_proxy": "b"}, "HTTPS_PROXY"),
        ({"all_proxy": "a"}, "all_proxy"),
        ({"ALL_PROXY": "a"}, "ALL_PROXY"),
    ],
)
def test_which_variable(
    variables: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxy = environment_proxy(TARGET.url)
    assert (proxy.variable if proxy else None) == expected


@pytest.mark.parametrize(
    ("exceptions", "url", "is_direct"),
    [
        ("*", "https://login.example", True),
        ("login.example", "https://login.example", True),
        ("example", "https://login.example", True),
        (".example", "https://login.example", True),
        ("*.example", "https://login.example", True),
        ("a, LOGIN.example", "https://login.example", True),
        ("gin.example", "https://login.example", False),
        ("login.example:443", "https://login.example", True),
        ("login.example:444", "https://login.example", False),
        ("127.0.0.0/8", "https://127.0.0.1", True),
        ("10.0.0.0/8", "https://127.0.0.1", False),
        ("::1", "https://[::1]", True),
        ("[::1]", "https://[::1]", True),
        ("127.0.0.1/x", "https://127.0.0.1", False),
        ("", "https://login.example", False),
    ],
)
def test_what_is_reached_directly(
    exceptions: str, url: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "proxy.example")
    monkeypatch.setenv("no_proxy", exceptions)
    assert (environment_proxy(Url.parse(url)) is None) is is_direct


def test_the_systems_own_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS and Windows, where no variable names it."""
    monkeypatch.setattr("os.name", "nt")
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": f"u:{SECRET}@proxy:1"})
    proxy = environment_proxy(TARGET.url)
    assert str(proxy) == "the proxy proxy:1"
    assert proxy is not None
    assert proxy.url() == f"http://u:{SECRET}@proxy:1"
    assert "https_proxy=" in proxy_refusal(proxy, 407, TARGET).hint


def test_a_proxy_of_which_nothing_is_known() -> None:
    assert proxy_refusal(None, 0, TARGET).text == "the proxy refused the connection"
    assert proxy_refusal(None, 0, TARGET).code is None
    assert unknown_proxy(None, TARGET).text == "there is no such host name: the proxy"

"""Which proxy the environment names, and what is said of one that does not let us through.

What the carriers make of it is in tests/transports/test_proxies.py.
"""

from __future__ import annotations

import pytest

from msnpauth import ConnectionFailed
from msnpauth.core.errors import Step
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from msnpauth.net.proxies import (
    Proxy,
    environment_proxy,
    proxy_out_of_reach,
    proxy_refusal,
    unknown_proxy,
)

SECRET = "hunter2"
URL = Url.parse("https://login.example/login2.srf")
REQUEST = Request("GET", URL, step=Step.NEXUS)


@pytest.fixture(autouse=True)
def _no_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")


# --- which one -----------------------------------------------------------------------------------

ORDER = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]


@pytest.mark.parametrize("first", range(4))
def test_the_variable_of_the_scheme_comes_first_and_the_lower_case(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ORDER[first:]:
        monkeypatch.setenv(name, f"{name.lower()}.example")
    assert environment_proxy(URL) == Proxy(ORDER[first])


def test_a_variable_that_is_blank_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "  ")
    assert environment_proxy(URL) is None
    monkeypatch.setenv("all_proxy", "proxy.example")
    assert environment_proxy(URL) == Proxy("all_proxy")


def test_a_proxy_for_plain_http_is_none_for_https(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ftp_proxy"):
        monkeypatch.setenv(name, "proxy.example")
    assert environment_proxy(URL) is None


def test_the_lower_case_of_the_exceptions_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example")
    monkeypatch.setenv("NO_PROXY", "login.example")
    assert environment_proxy(URL) is None
    monkeypatch.setenv("no_proxy", "other.example")
    assert environment_proxy(URL) == Proxy("https_proxy")
    monkeypatch.setenv("no_proxy", "")
    assert environment_proxy(URL) is None


@pytest.mark.parametrize(
    ("exceptions", "url", "is_direct"),
    [
        ("a.example login.example", "https://login.example", True),
        ("a.example,, login.example ,", "https://login.example", True),
        (",", "https://login.example", False),
        (".", "https://login.example", False),
        ("*.", "https://login.example", False),
        ("a.login.example", "https://login.example", False),
        ("*a*", "https://a.example", False),
        ("2001:db8::/32", "https://[2001:db8::1]", True),
        ("2001:db8::/32", "https://[2001:db9::1]", False),
        ("2001:db8::/32", "https://10.0.0.1", False),
        ("10.1.2.3/8", "https://10.0.0.1", True),
        ("10.0.0.0/8", "https://login.example", False),
        ("10.0.0.1", "https://10.0.0.1", True),
        ("10.0.0.1", "https://10.0.0.11", False),
        ("[2001:db8::1]", "https://[2001:db8::1]:8443", True),
    ],
)
def test_hosts_domains_and_networks_that_are_reached_directly(
    exceptions: str, url: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example")
    monkeypatch.setenv("no_proxy", exceptions)
    assert (environment_proxy(Url.parse(url)) is None) is is_direct


def test_the_systems_own_setting_has_exceptions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.name", "nt")
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "proxy.example:3128"})
    assert environment_proxy(URL) == Proxy("")
    monkeypatch.setenv("no_proxy", "example")
    assert environment_proxy(URL) is None


# --- its address ---------------------------------------------------------------------------------


def test_its_url_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be a password in it, which no object is to keep."""
    proxy = Proxy("https_proxy")
    for value, url in (
        (f"http://u:{SECRET}@proxy.example:1", f"http://u:{SECRET}@proxy.example:1"),
        ("socks5h://proxy.example", "socks5h://proxy.example"),
        ("proxy.example:3128", "http://proxy.example:3128"),
    ):
        monkeypatch.setenv("https_proxy", value)
        assert proxy.url() == url
        assert SECRET not in repr(proxy)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (f"http://u:{SECRET}@proxy.example:3128", "the proxy proxy.example:3128 (of all_proxy)"),
        (f"http://{SECRET}@", "the proxy (of all_proxy)"),
    ],
)
def test_what_it_is_called(value: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", value)
    assert str(Proxy("all_proxy")) == name


# --- what is said of it --------------------------------------------------------------------------

NAME = "the proxy proxy.example:3128 (of https_proxy)"


def told(error: ConnectionFailed) -> tuple[object, ...]:
    assert (error.step, error.server) == (Step.NEXUS, "https://login.example")
    assert SECRET not in str(error)
    return error.text, error.code, error.hint, error.finding


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Proxy:
    monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@proxy.example:3128")
    found = environment_proxy(URL)
    assert found is not None
    return found


def test_it_wants_a_password(proxy: Proxy) -> None:
    assert told(proxy_refusal(proxy, 407, REQUEST)) == (
        f"{NAME} wants a user name and a password that it knows",
        407,
        "put them into https_proxy=http://user:password@host:port",
        "MA-PRX-01",
    )


@pytest.mark.parametrize(("status", "code"), [(403, 403), (502, 502), (0, None)])
def test_it_refuses(proxy: Proxy, status: int, code: int | None) -> None:
    assert told(proxy_refusal(proxy, status, REQUEST)) == (
        f"{NAME} refused the connection",
        code,
        "ask the proxy's owner whether it lets this host and port through",
        "MA-PRX-02",
    )


def test_nobody_knows_its_name(proxy: Proxy) -> None:
    assert told(unknown_proxy(proxy, REQUEST)) == (
        f"there is no such host name: {NAME}",
        None,
        "correct https_proxy, or name the host in no_proxy",
        "MA-PRX-03",
    )


def test_it_cannot_be_reached(proxy: Proxy) -> None:
    assert told(proxy_out_of_reach(proxy, "connection refused", REQUEST)) == (
        f"{NAME}: connection refused",
        None,
        "correct https_proxy, or name the host in no_proxy",
        "MA-PRX-04",
    )


def test_where_no_variable_names_it_one_is_named_that_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.name", "nt")
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": "proxy.example:3128"})
    for error in (
        proxy_refusal(Proxy(""), 407, REQUEST),
        unknown_proxy(Proxy(""), REQUEST),
        proxy_out_of_reach(Proxy(""), "connection refused", REQUEST),
    ):
        assert "the proxy proxy.example:3128" in error.text
        assert "(of" not in error.text
        assert "https_proxy" in error.hint

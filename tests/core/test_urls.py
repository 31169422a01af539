from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msnpauth.core.urls import Address, BadAddress, Url


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.5:1863", "10.0.0.5", 1863),
        ("messenger.hotmail.com", "messenger.hotmail.com", 1863),
        ("M.EXAMPLE.:1864", "m.example", 1864),
        ("[::1]:1863", "::1", 1863),
        ("[::1]", "::1", 1863),
    ],
)
def test_address(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", ":1863", "a:b", "a:0", "a:65536", "a:1:2", "a b:1", "-a:1", "a..b:1", "é:1", "a:-1", "a:", "[x]:1", "a/b", "a:９", "x" * 300]
)  # fmt: skip
def test_bad_address(text: str) -> None:
    with pytest.raises(BadAddress):
        Address.parse(text)


def test_the_longest_ones() -> None:
    name = ".".join(["h" * 63] * 3 + ["h" * 61])
    address = Address.parse(f"{name}:1863")
    assert (len(address.host), address.port) == (253, 1863)
    with pytest.raises(BadAddress, match="host name"):
        Address.parse(f"{name}h")
    with pytest.raises(BadAddress, match="host name"):
        Address.parse("h" * 300)
    with pytest.raises(BadAddress, match="host:port"):
        Address.parse("h" * 301)
    assert len(Url.parse("https://h/" + "x" * 8182).target) == 8183
    with pytest.raises(BadAddress, match="8,192"):
        Url.parse("https://h/" + "x" * 8183)
    assert Url.parse("https://h:65535/").address.port == 65535


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://login.passport.com/login2.srf", "https://login.passport.com/login2.srf"),
        ("HTTPS://Login.Passport.COM", "https://login.passport.com/"),
        ("https://a:443/x?y=z#frag", "https://a/x?y=z"),
        ("https://a:8443?q", "https://a:8443/?q"),
        ("http://localhost:3000/login.srf", "http://localhost:3000/login.srf"),
        ("https://[::1]:5/x", "https://[::1]:5/x"),
        ("https://[::1]/x", "https://[::1]/x"),
        ("  https://a/ ", "https://a/"),
    ],
)
def test_url(text: str, canonical: str) -> None:
    url = Url.parse(text)
    assert str(url) == canonical
    assert Url.parse(canonical) == url


@pytest.mark.parametrize(
    "text", ["", "x", "/x", "ftp://a/", "https://", "https:///x", "https://a:x/", "https://a:0/", "https://u@a/", "https://u:p@a/", "https://a\\@b/", "https://a/\r\nX: y", "https://a/ b", "https://é/", "https://[::1", "https://a%2eb/", "javascript:x"]
)  # fmt: skip
def test_bad_url(text: str) -> None:
    with pytest.raises(BadAddress):
        Url.parse(text)


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/b?c", "https://h:1/b?c"),
        ("b", "https://h:1/x/b"),
        ("../b", "https://h:1/b"),
        ("//other/b", "https://other/b"),
        ("https://other:2/b", "https://other:2/b"),
        ("?q", "https://h:1/x/y?q"),
    ],
)
def test_relative(location: str, found: str) -> None:
    assert str(Url.parse(location, base=Url.parse("https://h:1/x/y"))) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("login.live.com/login2.srf", "https://login.live.com/login2.srf"),
        ("host:99/login", "https://host:99/login"),
        ("https://host/login", "https://host/login"),
        ("http://localhost:3000/l", "http://localhost:3000/l"),
    ],
)
def test_dalogin(text: str, found: str) -> None:
    assert str(Url.parse_login(text)) == found


def test_parts() -> None:
    url = Url.parse("https://h:8443/p?q")
    assert (url.host, url.authority, url.origin, url.target) == (
        "h",
        "h:8443",
        "https://h:8443",
        "/p?q",
    )
    assert Url.parse("https://h/").authority == "h"


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_a_bad_address(text: str) -> None:
    for parse in (
        Url.parse,
        Url.parse_login,
        Address.parse,
        lambda t: Url.parse(t, Url.parse("https://h/x")),
    ):
        try:
            parsed = parse(text)
        except BadAddress:
            continue
        assert str(parsed).isascii()
        assert not set(str(parsed)) & set(" \r\n\0")


PARTS = st.sampled_from(
    [*":/?#@[].-_%", "//", "::1", "1.2.3.4", "fe80::1", "Ex.am", "a", "80", "0443", "https", "\t", " ", "é"]
)  # fmt: skip


@given(st.lists(PARTS, max_size=8).map("".join))
@example("[::1]:80/p?q#f")
@example("h?a#b?c")
@example("h#a/b")
def test_a_url_is_taken_apart_as_the_standard_library_does(text: str) -> None:
    """What a host is must not be read in two ways: the password goes there."""
    try:
        url = Url.parse(f"HTTPS://{text}")
    except BadAddress:
        return
    parts = urlsplit(f"HTTPS://{text}".strip())
    query = f"?{parts.query}" if parts.query else ""
    assert url.scheme == parts.scheme
    assert url.host == (parts.hostname or "").removesuffix(".")
    assert url.address.port == (parts.port or 443)
    assert url.target == (parts.path or "/") + query


@given(st.from_regex(r"[a-z0-9.-]{1,8}(:[0-9]{0,5})?([/?#][a-z/?#]{0,5})?", fullmatch=True))
def test_no_url_is_lost(text: str) -> None:
    """What the standard library takes, and what a host and a port may be, is taken."""
    parts = urlsplit(f"https://{text}")
    number = parts.netloc.partition(":")[2]
    labels = (parts.hostname or "").removesuffix(".").split(".")
    is_host = all(labels) and not any(label.startswith("-") for label in labels[:1])
    is_port = not number or (number[0] != "0" and int(number) < 65536)
    if is_host and is_port:
        assert Url.parse(f"https://{text}").address.port == int(number or 443)

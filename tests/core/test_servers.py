from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import msnpauth
from msnpauth.core.errors import GONE_HINT, LocalProtocolError
from msnpauth.core.servers import HISTORIC, Servers, domain_of, is_historic
from msnpauth.core.urls import Url


def test_a_host_alone() -> None:
    servers = Servers("Messenger.example")
    assert str(servers.notification) == "messenger.example:1863"
    assert str(servers.nexus) == "https://messenger.example/rdr/pprdr.asp"
    assert str(servers.rst) == "https://messenger.example/RST.srf"
    assert str(servers.rst2) == "https://messenger.example/RST2.srf"
    assert servers.login_for("a@b") is None


def test_a_host_with_a_port_means_the_notification_server() -> None:
    servers = Servers("[::1]:1864")
    assert str(servers.notification) == "[::1]:1864"
    assert str(servers.nexus) == "https://[::1]/rdr/pprdr.asp"


def test_each_keyword_names_one() -> None:
    servers = Servers("h.example", notification="n.example:5", rst="https://r.example/x")
    assert str(servers.notification) == "n.example:5"
    assert str(servers.rst) == "https://r.example/x"
    assert Servers(nexus="https://n.example/").notification is None


@pytest.mark.parametrize(
    ("passport", "host"),
    [
        ("bob@hotmail.com", "loginnet.passport.com"),
        ("bob@HotMail.CO.uk", "loginnet.passport.com"),
        ("bob@msn.com", "msnialogin.passport.com"),
        ("bob@MSN.COM", "msnialogin.passport.com"),
        ("bob@compaq.net", "msnialogin.passport.com"),
        ("bob@webtv.net", "login.passport.com"),
        ("bob@example.com", "login.passport.com"),
        ("bob@nothotmail.com", "login.passport.com"),
        ("bob@hotmail.com@example.com", "login.passport.com"),
        ("bob@mymsn.com", "login.passport.com"),
    ],
)
def test_the_historic_table(passport: str, host: str) -> None:
    login = HISTORIC.login_for(passport)
    assert login is not None
    assert str(login) == f"https://{host}/login2.srf"


def test_a_mapping_of_logins() -> None:
    servers = Servers(login={"A.example": "https://a.example/l", "*": "https://b.example/l"})
    assert str(servers.login_for("x@a.EXAMPLE")) == "https://a.example/l"
    assert str(servers.login_for("x@c.example")) == "https://b.example/l"
    assert Servers(login={"a.example": "https://a.example/l"}).login_for("x@b.example") is None


NO_HTTPS = "is not encrypted; passwords go to https only: name an https URL"
NO_HOST = 'is neither a host name nor a .suffix; name hosts, as in ("login.example.com", ".passport.example")'


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"host": "https://h.example/"}, "host='https://h.example/': "),
        ({"host": ""}, "host='': "),
        ({"notification": "a b"}, "notification='a b': "),
        ({"notification": 5}, "notification=5: an address is text"),
        ({"login": "http://h.example/"}, f"login='http://h.example/' {NO_HTTPS}"),
        ({"nexus": "http://h.example/"}, f"nexus='http://h.example/' {NO_HTTPS}"),
        ({"rst": "http://h.example/"}, f"rst='http://h.example/' {NO_HTTPS}"),
        ({"rst2": "http://h.example/"}, f"rst2='http://h.example/' {NO_HTTPS}"),
        ({"rst": "h.example"}, "rst='h.example': "),
        ({"rst2": 5}, "rst2=5: a URL is text"),
        (
            {"login": {"": "https://h.example/"}},
            "login= has an empty domain; `*` stands for all others",
        ),
        ({"trusted_hosts": ["https://h"]}, f"trusted_hosts: 'https://h' {NO_HOST}"),
        ({"trusted_hosts": [""]}, f"trusted_hosts: '' {NO_HOST}"),
        ({"trusted_hosts": ["."]}, f"trusted_hosts: '' {NO_HOST}"),
        ({"trusted_hosts": ["h:443"]}, f"trusted_hosts: 'h:443' {NO_HOST}"),
        ({"trusted_hosts": ["*.example"]}, f"trusted_hosts: '*.example' {NO_HOST}"),
        ({"trusted_hosts": ["..example"]}, f"trusted_hosts: '..example' {NO_HOST}"),
    ],
)
def test_what_is_no_address(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        Servers(**arguments)  # type: ignore[arg-type]
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://asked.example/other", True),
        ("https://ASKED.example:99/", True),
        ("http://asked.example/", False),
        ("https://named.example/", True),
        ("https://rst.example/", True),
        ("https://exact.example/", True),
        ("https://sub.exact.example/", False),
        ("https://a.suffix.example/", True),
        ("https://a.b.suffix.example/", True),
        ("https://suffix.example/", False),
        ("https://evilsuffix.example/", False),
        ("https://loginnet.passport.com/login2.srf", False),
        ("https://login.live.com/", False),
        ("https://evil.passport.com/", False),
        ("https://asked.example.evil.example/", False),
    ],
)
def test_who_may_be_told_the_password(url: str, trusted: bool) -> None:
    servers = Servers(
        login="https://named.example/l",
        rst="https://rst.example/",
        trusted_hosts=["Exact.example", ".suffix.example"],
    )
    assert servers.trusts(Url.parse(url), Url.parse("https://asked.example/")) is trusted


@pytest.mark.parametrize(
    ("asked", "url", "trusted"),
    [
        ("login.passport.com", "https://loginnet.passport.com/login2.srf", True),
        ("nexus.passport.com", "https://login.live.com/", True),
        ("login.passport.com", "http://login.live.com/", False),
        ("login.passport.com", "https://named.passport.com/", False),
        ("login.example", "https://login.live.com/", False),
    ],
)
def test_microsofts_servers_sent_to_one_another(asked: str, url: str, trusted: bool) -> None:
    """No other network may send a password to them."""
    found = HISTORIC.trusts(Url.parse(url), Url.parse(f"https://{asked}/"))
    assert found is trusted


def test_one_trusted_host_as_text() -> None:
    assert Servers(trusted_hosts="h.example").trusted_hosts == ("h.example",)


def test_repr() -> None:
    assert repr(Servers(login="https://h.example/l")) == "Servers(login='*: https://h.example/l')"


def test_the_data_file_has_the_same_table() -> None:
    path = Path(msnpauth.__file__).parent / "data" / "services.toml"
    tables = tomllib.loads(path.read_text("utf-8"))
    found = {domain: str(url) for domain, url in HISTORIC.login.items()}
    assert tables["microsoft"]["login"] == found


def test_the_hint_names_the_living_networks() -> None:
    path = Path(msnpauth.__file__).parent / "data" / "services.toml"
    for name, table in tomllib.loads(path.read_text("utf-8")).items():
        assert (f'"{name}"' in GONE_HINT) is (table["state"] == "living")


def test_domain() -> None:
    assert domain_of("a@b@C.example") == "c.example"


def test_historic_hosts() -> None:
    assert is_historic("messenger.hotmail.com")
    assert is_historic("login.passport.com")
    assert not is_historic("ds.escargot.nina.chat")


def test_dialects_of_the_network() -> None:
    servers = Servers("h.example", dialects=[8, 15, 12])
    assert [dialect.number for dialect in servers.dialects or ()] == [15, 12, 8]
    assert Servers("h.example").dialects is None
    with pytest.raises(LocalProtocolError, match="MSNP99"):
        Servers("h.example", dialects=[99])
    with pytest.raises(LocalProtocolError, match="no dialects"):
        Servers("h.example", dialects=[])

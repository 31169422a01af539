"""Addresses that are listened on, called by, compared and counted."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msnpauth import ConnectionFailed, LocalProtocolError
from msnpauth.service.addresses import (
    advertised,
    bind_all,
    domains,
    fast_open,
    host_names,
    network_of,
    plain_address,
    proxy_addresses,
)

HERE = "127.0.0.1"


# --- listening -----------------------------------------------------------------------------------


def closed(socks: dict[str, socket.socket]) -> None:
    for sock in socks.values():
        sock.close()


def test_every_role_listens_at_a_port_of_its_own() -> None:
    socks = bind_all({"login": HERE, "home": HERE}, {}, {})
    places = [sock.getsockname() for sock in socks.values()]
    assert list(socks) == ["login", "home"]
    assert len(set(places)) == 2
    for place in places:
        socket.create_connection(place).close()
    closed(socks)


def test_a_port_that_is_named_is_taken() -> None:
    with socket.create_server((HERE, 0)) as free:
        port = free.getsockname()[1]
    socks = bind_all({"login": HERE}, {"login": port, "home": 1}, {})
    assert socks["login"].getsockname() == (HERE, port)
    closed(socks)


def test_a_socket_that_listens_already_is_used_as_it_is() -> None:
    with socket.create_server((HERE, 0)) as given:
        socks = bind_all({"login": "192.0.2.1", "home": HERE}, {"login": 1}, {"login": given})
        assert socks["login"] is given
        assert set(socks) == {"login", "home"}
        closed(socks)


def test_when_one_cannot_be_had_none_is_left() -> None:
    with socket.create_server((HERE, 0)) as taken, socket.create_server((HERE, 0)) as free:
        busy, port = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        given = socket.create_server((HERE, 0))
        ports = {"login": port, "home": busy}
        with pytest.raises(ConnectionFailed, match=f"cannot listen on {HERE} port {busy}") as why:
            bind_all({"login": HERE, "home": HERE}, ports, {"dispatch": given})
        assert why.value.hint == "choose another port, or an address of this machine"
        assert given.fileno() == -1
        socket.create_server((HERE, port)).close()


def test_an_address_of_another_machine() -> None:
    with pytest.raises(ConnectionFailed, match="cannot listen on 192.0.2.1 port 0"):
        bind_all({"login": "192.0.2.1"}, {}, {})


def test_ipv6_is_listened_on_for_itself() -> None:
    """Whoever wants both names both: a socket for both would say who comes in another spelling."""
    # Linux says yes for every other address, whatever was asked for.
    socks = bind_all({"login": "::"}, {}, {})
    sock = socks["login"]
    assert sock.family == socket.AF_INET6
    assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    closed(socks)


def test_a_system_without_fast_open_listens_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sock:
        """A socket of a system that knows the word and not the thing."""

        tried = 0

        def setsockopt(self, *_: object) -> None:
            Sock.tried += 1
            raise OSError(92, "Protocol not available")

    socks: Any = [Sock(), Sock()]
    monkeypatch.setattr(socket, "TCP_FASTOPEN", 23, raising=False)
    fast_open(socks)
    assert Sock.tried == 2, "one that cannot says nothing about the next"
    monkeypatch.delattr(socket, "TCP_FASTOPEN")
    fast_open(socks)
    assert Sock.tried == 2


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "name", "told"),
    [
        (HERE, None, HERE),
        ("::1", None, "::1"),
        ("192.0.2.1", None, "192.0.2.1"),
        (HERE, "msn.example", "msn.example"),
        ("0.0.0.0", "MSN-1.example", "msn-1.example"),
        ("0.0.0.0", "2001:db8::7", "2001:db8::7"),
        ("", "xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_how_clients_call_this_host(host: str, name: str | None, told: str) -> None:
    assert advertised(host, name) == told


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_who_listens_everywhere_is_called_by_an_address(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent for it: the system is asked which way it would go."""
    asked: list[tuple[socket.AddressFamily, tuple[str, int]]] = []

    class Probe:
        def __init__(self, family: socket.AddressFamily, kind: socket.SocketKind) -> None:
            assert kind is socket.SOCK_DGRAM
            self.family = family

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def connect(self, address: tuple[str, int]) -> None:
            asked.append((self.family, address))

        def getsockname(self) -> tuple[str, int]:
            return "198.51.100.4", 5

    monkeypatch.setattr(socket, "socket", Probe)
    assert advertised(host, None) == "198.51.100.4"
    ((family, (address, _)),) = asked
    wanted = (socket.AF_INET6, "2001:db8::1") if host == "::" else (socket.AF_INET, "192.0.2.1")
    assert (family, address) == wanted, "an address of documents, which nobody has"


NO_HOST = [
    *("", " ", "a b", "a\r\nb", "a..b", ".a", "-a.example", "a-.example", "my_host", "a" * 64),
    *("a:5", "http://a", "a/b", "[::1]", "1:2:3", "*.example", "a\0"),
]


@pytest.mark.parametrize("name", NO_HOST)
def test_what_is_no_name_of_a_host(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="is no host name"):
        advertised(HERE, name)
    with pytest.raises(LocalProtocolError, match="which is no host name"):
        host_names(["good.example", name])


def test_the_names_of_a_certificate_stay_as_they_are() -> None:
    names = ["login.live.com", "xn--bcher-kva.example", "a" * 63, "192.0.2.1", "::1"]
    assert host_names(names) == tuple(names)
    assert host_names(()) == ()


@pytest.mark.parametrize("home", ["", ".", "..", "a@b", "@b", "a b", " ", 5, None])
def test_what_is_no_domain(home: Any) -> None:
    with pytest.raises(LocalProtocolError, match="which is no domain"):
        domains(["hotmail.com", home])


def test_domains_are_compared_in_folded_letter_case() -> None:
    assert domains(["Hotmail.COM", "msn."]) == ("hotmail.com", "msn.")
    assert domains([]) == ()


# --- addresses of others -------------------------------------------------------------------------

SPELLED = {
    "192.0.2.7": "192.0.2.7",
    "::ffff:192.0.2.7": "192.0.2.7",
    "::FFFF:C000:0207": "192.0.2.7",
    "0:0:0:0:0:0:0:1": "::1",
    "2001:DB8:0::7": "2001:db8::7",
    "fe80::1%eth0": "fe80::1",
    "::192.0.2.7": "::c000:207",  # not mapped, but in the form of long ago
}


@pytest.mark.parametrize(("address", "plain"), SPELLED.items())
def test_one_address_has_one_spelling(address: str, plain: str) -> None:
    assert plain_address(address) == plain
    assert plain_address(plain) == plain


@pytest.mark.parametrize(
    "word", ["", "localhost", "192.0.2", "192.0.2.256", "192.0.2.07", "1::2::3"]
)
def test_what_is_no_address_comes_back_as_it_is(word: str) -> None:
    assert plain_address(word) == word
    with pytest.raises(LocalProtocolError, match=r"trusted_proxies= has .* no IP address"):
        proxy_addresses(["192.0.2.1", word])


def test_proxies_are_known_however_they_are_spelled() -> None:
    assert proxy_addresses(SPELLED) == frozenset(SPELLED.values())
    assert proxy_addresses([]) == frozenset()


@pytest.mark.parametrize("count", [network_of, plain_address])
@settings(max_examples=40)
@given(word=st.text(max_size=12) | st.ip_addresses().map(str))
def test_whatever_a_peer_is_called(count: Callable[[str], str], word: str) -> None:
    counted = count(word)
    assert count(counted.removesuffix("/64")) == counted, "it stays what it is"


@settings(max_examples=40)
@given(st.ip_addresses(v=6))
def test_a_network_of_ipv6_is_its_first_64_bits(address: Any) -> None:
    if address.ipv4_mapped is None:
        network, _, length = network_of(str(address)).partition("/")
        assert length == "64"
        assert (
            int.from_bytes(socket.inet_pton(socket.AF_INET6, network)) >> 64 == int(address) >> 64
        )
        assert network.endswith("::")

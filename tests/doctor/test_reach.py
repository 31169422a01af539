"""Names, and connections to each of their addresses."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from examined import patient, says, speaks
from msnpauth.doctor.reach import connections, look_ups
from msnpauth.net import names
from wire import Server


def resolver(*hosts: str) -> Callable[..., Any]:
    def found(_: str, port: int, **__: Any) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in host else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (host, port, 0, 0) if ":" in host else (host, port),
            )
            for host in hosts
        ]

    return found


def test_addresses_need_no_look_up() -> None:
    assert says(look_ups(patient(notification="127.0.0.1:1863"))) == [
        "passed MA-DOC-01 name 127.0.0.1: it is an address already"
    ]


def test_each_host_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver("192.0.2.1", "2001:db8::1"))
    assert says(look_ups(patient(host="h.example"))) == [
        "passed MA-DOC-01 name h.example: 192.0.2.1, 2001:db8::1 (IPv4 and IPv6)"
    ]


def test_ipv6_alone_is_worth_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver("2001:db8::1"))
    assert says(look_ups(patient(notification="h.example"))) == [
        "warning MA-DOC-22 name h.example: 2001:db8::1 (IPv6)"
    ]


def test_no_such_name_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "words of the system")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(names, "_has_way", lambda _: True)
    one = patient(host="nowhere.example")
    assert says(look_ups(one)) == [
        "failed MA-NET-02 name nowhere.example: nowhere.example:1863: there is no such host name"
    ]
    assert one.unreachable == {"nowhere.example:1863", "nowhere.example:443"}
    assert says(connections(one)) == []


def test_each_address_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(speaks(8)) as server, Server(speaks(8)) as gone:
        pass
    with Server(speaks(8)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", resolver("127.0.0.1", "127.0.0.9"))
        one = patient(notification=f"h.example:{server.port}")
        first, second = connections(one)
        assert first.step == f"connection to h.example:{server.port} at 127.0.0.1"
        assert first.state == "passed"
        assert second[:3] == (
            "MA-NET-04",
            f"connection to h.example:{server.port} at 127.0.0.9",
            "failed",
        )
        assert one.unreachable == set()
        assert one.round_trip is not None
    two = patient(notification=gone.address)
    assert says(connections(two)) == [
        f"failed MA-NET-04 connection to {gone.address}: connection refused"
    ]
    assert two.unreachable == {gone.address}


def test_a_host_that_drops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "CONNECT_SECONDS", 0.2)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(sock.getsockname())
        one = patient(notification=f"127.0.0.1:{sock.getsockname()[1]}")
        [finding] = connections(one)
        for each in waiting:
            each.close()
    assert finding.code == "MA-NET-05"
    assert "firewall" in finding.advice

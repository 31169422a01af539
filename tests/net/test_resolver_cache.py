from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from msnpauth import ConnectionFailed
from msnpauth.core.urls import Address
from msnpauth.net import resolver_cache as module
from msnpauth.net.resolver_cache import SECONDS, ResolverCache

from .test_connecting import Connect, by_asyncio, by_threads, listening

HERE = Address("a.example", 1)
PLACES = [(socket.AF_INET, ("127.0.0.1", 1))]


@pytest.fixture(params=[by_threads, by_asyncio])
def connect(request: pytest.FixtureRequest) -> Connect:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count what the resolver is asked; every name is 127.0.0.1."""
    names: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        names.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def test_an_answer_holds_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("msnpauth.net.resolver_cache.time.monotonic", lambda: now[0])
    resolver_cache = ResolverCache()
    assert resolver_cache.get(HERE) == []
    resolver_cache.put(HERE, PLACES)
    now[0] += SECONDS - 1
    assert resolver_cache.get(HERE) == PLACES
    now[0] += 1
    assert resolver_cache.get(HERE) == []


def test_it_is_bounded() -> None:
    resolver_cache = ResolverCache()
    for port in range(1, 1000):
        resolver_cache.put(Address("a.example", port), PLACES)
    known = [port for port in range(1, 1000) if resolver_cache.get(Address("a.example", port))]
    assert known == list(range(1000 - module._MOST, 1000))


def test_to_forget() -> None:
    resolver_cache = ResolverCache()
    resolver_cache.forget(HERE)
    resolver_cache.put(HERE, PLACES)
    resolver_cache.forget(HERE)
    assert resolver_cache.get(HERE) == []


def test_no_thread_for_what_is_known(
    connect: Connect, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as port:
        assert connect("a.example", port, 20) == "127.0.0.1"

        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        assert connect("a.example", port, 20) == "127.0.0.1"
        assert connect("127.0.0.1", port, 20) == "127.0.0.1"
    assert asked == ["a.example"]


def test_a_server_that_has_moved(connect: Connect, asked: list[str]) -> None:
    """Nothing listens at the address that is remembered: the resolver is asked again, at once."""
    with listening() as port:
        module.resolver_cache.put(
            Address("a.example", port), [(socket.AF_INET, ("127.0.0.9", port))]
        )
        assert connect("a.example", port, 20) == "127.0.0.1"
    assert asked == ["a.example"]


def test_a_server_that_is_down(connect: Connect, asked: list[str]) -> None:
    with listening() as port:
        connect("a.example", port, 20)
    with pytest.raises(ConnectionFailed, match="connection refused"):
        connect("a.example", port, 20)
    assert asked == ["a.example"] * 2


def test_nothing_that_was_not_found(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Callable[[], list[Any]]] = [list, list]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.pop()())
    for _ in range(2):
        with pytest.raises(ConnectionFailed, match="no address"):
            connect("a.example", 1, 20)
    assert answers == []

"""The URL of a shared server; what is asked of a real one is tested with several nodes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, ServiceUnavailable
from msnpauth.service.stores.shared import server as module
from msnpauth.service.stores.shared.server import SharedServer, checked_url


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("valkey://shared.example.net", "valkey://shared.example.net"),
        ("redis://shared.example.net:6379/0", "valkey://shared.example.net:6379/0"),
        ("valkeys://shared.example.net/", "valkeys://shared.example.net/"),
        ("rediss://:geheim@[::1]:6380/15", "valkeys://:geheim@[::1]:6380/15"),
    ],
)
def test_the_url_of_a_shared_server(text: str, spelled: str) -> None:
    assert checked_url(text).reveal() == spelled


@pytest.mark.parametrize(
    "text",
    [
        *("", "nonsense", "http://:geheim@shared", "valkey://", "valkey://:geheim@shared:0"),
        *("valkey://:geheim@shared:port", "valkey://:geheim@shared:99999", "valkey://:geheim@[::1"),
        *("valkey://:geheim@shared/name", "valkey://:geheim@shared/0/1", "unix:///run/:geheim@"),
    ],
)
def test_what_is_no_such_url_is_not_quoted(text: str) -> None:
    for read in (checked_url, SharedServer):
        with pytest.raises(LocalProtocolError, match="no URL of a shared store") as caught:
            read(text)
        assert_no_secret(caught.value, "geheim")


def test_a_server_does_not_tell_its_password() -> None:
    server = SharedServer("valkey://:geheim@127.0.0.1:1")
    assert "geheim" not in f"{server!r} {server.url!r}"
    assert not server.is_down


def test_a_server_is_down_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a second alone: /readyz and the metric are asked at any time."""
    now = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))

    async def answer() -> str:
        return "PONG"

    async def fail() -> str:
        raise ConnectionError

    async def main() -> list[bool]:
        server = SharedServer("valkey://127.0.0.1:1")
        states = [server.is_down]
        assert await server.ask(answer()) == "PONG"
        states.append(server.is_down)
        with pytest.raises(ServiceUnavailable):
            await server.ask(fail())
        states.append(server.is_down)
        with pytest.raises(ServiceUnavailable, match="a moment ago"):
            await server.ask(answer())
        now[0] += 60
        states.append(server.is_down)
        assert await server.ask(answer()) == "PONG"
        states.append(server.is_down)
        await server.close()
        return states

    assert asyncio.run(main()) == [False, False, True, True, False]

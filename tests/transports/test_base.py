"""What a carrier of one's own has to have, and what it need not."""

from __future__ import annotations

import asyncio

import pytest

from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.core.urls import Url
from msnpauth.transports import AsyncTransport, Transport, make_async_transport, make_transport

URL = Url.parse("https://login.example/")


class Mine(Transport):
    def fetch(self, request: Request, timeout: float) -> Response:
        return Response(200)

    def close(self) -> None:
        pass


class AsyncMine(AsyncTransport):
    async def fetch(self, request: Request, timeout: float) -> Response:
        return Response(200)

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", [Transport, AsyncTransport])
@pytest.mark.parametrize("missing", ["fetch", "close"])
def test_a_carrier_fetches_and_closes(kind: type[Transport | AsyncTransport], missing: str) -> None:
    """One that lacks either is found out when it is made, and not in the middle of a sign-in."""
    whole = Mine if kind is Transport else AsyncMine
    methods = {name: vars(whole)[name] for name in ("fetch", "close") if name != missing}
    with pytest.raises(TypeError, match=missing):
        type("Half", (kind,), methods)()


def test_it_need_not_prepare_anything() -> None:
    Mine().prepare(URL, 5.0)
    asyncio.run(AsyncMine().prepare(URL, 5.0))


def test_it_goes_wherever_a_name_goes() -> None:
    mine, theirs = Mine(), AsyncMine()
    assert make_transport(mine, None, None) is mine
    assert make_async_transport(theirs, None, None) is theirs

"""Every carrier, sync and async, behind one face."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Authority
from msnpauth import LocalProtocolError, MSNPAuth, Servers, SignInError, aio
from msnpauth.core.errors import Step
from msnpauth.core.tickets.exchange import Request, Response
from msnpauth.transports import make_async_transport, make_transport
from wire import CHALLENGE, PASSPORT, PASSWORD, Script, Server, answers

CARRIERS = [f"{kind} {name}" for kind in ("sync", "async") for name in ("sockets", "curl", "httpx")]


class Carrier:
    """A carrier; what asyncio's has to await is awaited in a thread of its own."""

    def __init__(self, kind: str, name: str, ca_file: Path | None) -> None:
        self.kind = kind
        self.name = name
        if kind == "sync":
            self.transport: Any = make_transport(name, ca_file, None)
            return
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.transport = self._await(self._made(name, ca_file))

    async def _made(self, name: str, ca_file: Path | None) -> Any:
        return make_async_transport(name, ca_file, None)

    def _await(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def call(self, name: str, *arguments: Any) -> Any:
        done = getattr(self.transport, name)(*arguments)
        return done if self.kind == "sync" else self._await(done)

    def fetch(self, request: Request, timeout: float = 20) -> Response:
        """Fetch; whatever goes wrong must say at which step, and at which server."""
        try:
            found = self.call("fetch", request, timeout)
        except LocalProtocolError:
            raise
        except SignInError as error:
            assert (error.step, error.server) == (request.step, request.url.origin)  # noqa: PT017
            raise
        assert isinstance(found, Response)
        return found

    def close(self) -> None:
        self.call("close")

    def end(self) -> None:
        self.close()
        if self.kind == "async":
            self._await(asyncio.sleep(0))  # let what was aborted be closed
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(20)
            self.loop.close()


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Carrier]:
    """Return the carrier under test."""
    kind, name = request.param.split()
    made = Carrier(kind, name, authority.ca_file)
    yield made
    made.end()


Ask = Callable[..., str]


@pytest.fixture(params=CARRIERS)
def ask(request: pytest.FixtureRequest, authority: Authority) -> Ask:
    """Return what gets a key by the carrier under test."""
    kind, name = request.param.split()

    def sync_ask(servers: Servers, timeout: float = 20, **settings: Any) -> str:
        settings = {"ca_file": authority.ca_file, "transport": name, "timeout": timeout} | settings
        with MSNPAuth(PASSPORT, PASSWORD, CHALLENGE, servers=servers, **settings) as auth:
            return auth.get_key()

    def async_ask(servers: Servers, timeout: float = 20, **settings: Any) -> str:
        settings = {"ca_file": authority.ca_file, "transport": name, "timeout": timeout} | settings
        auth = aio.MSNPAuth(PASSPORT, PASSWORD, CHALLENGE, servers=servers, **settings)
        return asyncio.run(auth.get_key())

    return sync_ask if kind == "sync" else async_ask


@pytest.fixture
def login(ask: Ask, authority: Authority) -> Callable[..., str]:
    """Return what asks a login server that follows a script."""

    def run(script: Script | bytes, **settings: Any) -> str:
        script = answers(script) if isinstance(script, bytes) else script
        with Server(script, authority.server_tls) as server:
            try:
                return ask(Servers(login=f"{server.url}/login2.srf"), **settings)
            except LocalProtocolError:
                raise
            except SignInError as error:
                assert (error.step, error.server) == (Step.LOGIN, server.url)  # noqa: PT017
                raise

    return run

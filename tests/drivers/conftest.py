from __future__ import annotations

from collections.abc import Iterator

import pytest

from both import AioDriver, SyncDriver
from conftest import Authority
from wire import Server, answers, granted


@pytest.fixture(params=["sync", "aio"])
def driver(request: pytest.FixtureRequest) -> Iterator[SyncDriver | AioDriver]:
    """Return each of the two drivers in turn."""
    with SyncDriver() if request.param == "sync" else AioDriver() as driver:
        yield driver


@pytest.fixture
def login(authority: Authority) -> Iterator[Server]:
    """Return a login server that grants each request a ticket."""
    with Server(answers(*[granted()] * 20), authority.server_tls) as server:
        yield server

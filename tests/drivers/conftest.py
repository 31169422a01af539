from __future__ import annotations

from collections.abc import Iterator

import pytest

from both import AioDriver, SyncDriver


@pytest.fixture(params=["sync", "aio"])
def driver(request: pytest.FixtureRequest) -> Iterator[SyncDriver | AioDriver]:
    """Return each of the two drivers in turn."""
    with SyncDriver() if request.param == "sync" else AioDriver() as driver:
        yield driver

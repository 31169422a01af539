"""One PostgreSQL and one shared server for all tests; each test has a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

import servers
from msnpauth.service.storage import open_database
from msnpauth.service.stores.sql.migrate import migrate
from servers import Postgres, Shared


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[Postgres]:
    """Yield the server, which a test may stop; it runs again for the next one."""
    yield postgres_server
    if not postgres_server.is_running:
        postgres_server.start()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Shared]:
    with servers.shared() as server:
        yield server


@pytest.fixture
def shared(shared_server: Shared) -> Iterator[Shared]:
    """Yield the server, empty; it runs again for the next test, and knows nothing."""
    shared_server.empty()
    yield shared_server
    if not shared_server.is_running:
        shared_server.start()


@pytest.fixture
def empty_database(postgres: Postgres) -> str:
    """Return the URL of a database without tables."""
    return postgres.database()


@pytest.fixture
def database_url(empty_database: str) -> str:
    """Return the URL of a database with the tables of today."""
    with closing(open_database(empty_database, check=False)) as database:
        migrate(database)
    return empty_database

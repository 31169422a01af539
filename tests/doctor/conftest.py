"""One examination of a service that is well, for all who look at what comes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from msnpauth.doctor import Examination
from msnpauth.service import Account, Service, run

PASSWORD = "correct, horse & battery"


@pytest.fixture(scope="session")
def healthy() -> Iterator[Service]:
    account = Account("alice@example.com", PASSWORD, allow_md5=True, contacts=("bob@example.com",))
    with run([account, Account("bob@example.com", PASSWORD)]) as running:
        yield running


@pytest.fixture(scope="session")
def examined(healthy: Service, tmp_path_factory: pytest.TempPathFactory) -> Examination:
    """Return a whole examination, with the account and all that clients send."""
    folder = tmp_path_factory.mktemp("doctor")
    os.environ["MSNPAUTH_MACHINE_GUID_FILE"] = str(folder / "guid")
    examination = Examination(
        healthy.servers,
        "alice@example.com",
        PASSWORD,
        ca_file=healthy.ca_file,
        conformance=True,
        timeout=100,
    )
    list(examination)
    return examination

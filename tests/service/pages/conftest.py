"""A service with pages, and people at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from browsing import ALICE, BOB, PASSWORD, Browser
from msnpauth.service import Argon2, Service, node, open_directory, run
from msnpauth.service import data_folder_backing as backing
from msnpauth.service.guesses import Guesses
from msnpauth.service.stores.sql.directory import AccountDirectory

CHEAP = Argon2(memory=64, passes=1)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have nobody wait; return how long they would have waited for their guesses."""
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(node, "_WATCH_SECONDS", 0.02)
    monkeypatch.setattr(backing, "Guesses", partial(Guesses, sleep=wait))
    return waited


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[AccountDirectory]:
    """Yield the accounts as the operator changes them."""
    with open_directory(tmp_path / "data", CHEAP) as accounts:
        accounts.add(ALICE, PASSWORD, display_name="Al ice")
        accounts.add(BOB, PASSWORD)
        yield accounts


@pytest.fixture
def started(tmp_path: Path, accounts: AccountDirectory) -> Iterator[Callable[..., Service]]:
    """Yield what starts a service with pages."""
    with ExitStack() as stack:

        def start(**settings: Any) -> Service:
            ports = {"pages": 0, **settings.pop("ports", {})}
            made = run(data=tmp_path / "data", argon2=CHEAP, ports=ports, **settings)
            return stack.enter_context(made)

        yield start


@pytest.fixture
def service(started: Callable[..., Service]) -> Service:
    """Return a service whose pages let people sign up who are invited."""
    return started(sign_up="invitation")


@pytest.fixture
def browser(service: Service) -> Iterator[Browser]:
    with Browser(service) as browser:
        yield browser


@pytest.fixture
def alice(browser: Browser) -> Browser:
    """Return a browser in which Alice is signed in, at the first page."""
    assert browser.sign_in(ALICE, PASSWORD).goes_to == "/"
    browser.at("/")
    return browser

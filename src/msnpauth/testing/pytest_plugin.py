"""The pytest fixtures; pytest finds this module by its entry point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..service import Service

__all__ = ["msnpauth_accounts", "msnpauth_service"]


@pytest.fixture
def msnpauth_accounts() -> Mapping[str, str]:
    """Passwords by passport for `msnpauth_service`; override it to have others."""
    from . import ACCOUNTS

    return dict(ACCOUNTS)


@pytest.fixture
def msnpauth_service(msnpauth_accounts: Mapping[str, str]) -> Iterator[Service]:
    """A running service (`servers`, `ca_file`, `ssl_context`), in a thread, for one test."""
    from . import run

    with run(msnpauth_accounts) as service:
        yield service

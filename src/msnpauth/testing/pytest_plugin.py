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
    """A running service, in a thread, for one test.

    `servers`, `ca_file` and `ssl_context` are for `sign_in`. `send_message(sender, to, text)` sends
    a message as another account, `leave_message` leaves one for an account that is offline, and
    `said(passport)` returns the messages that an account has sent. `faults` causes faults, as in
    `faults.refuse("CAL", 217)`; `drop_chats()` ends every chat, and `put_out(passport, "SSD")` ends
    the sessions of an account.
    """
    from . import run

    with run(msnpauth_accounts) as service:
        yield service

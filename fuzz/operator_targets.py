"""Targets of a service that lasts: what other servers, proxies and operators hand to it."""

from __future__ import annotations

import io
import json
from contextlib import suppress

from contract import PASSPORT, PASSWORD, now
from msnpauth import LocalProtocolError, Secret
from msnpauth.core.wire.dialects import DIALECTS
from msnpauth.service.hosts.web import _forwarded
from msnpauth.service.roles.office import Office
from msnpauth.service.roles.private import OPENAPI, PrivateRole
from msnpauth.service.roles.web import WebRequest, WebSite
from msnpauth.service.stores.memory import Accounts, at_once, in_memory
from msnpauth.service.stores.protocol import Account
from msnpauth.service.stores.sql.csv_file import read_csv
from msnpauth.service.tickets import TicketOffice, new_key

__all__ = ["TARGETS"]

_OFFICE = Office(
    in_memory(Accounts.of([Account(PASSPORT, PASSWORD)])),
    TicketOffice([new_key()], now=now),
    tuple(DIALECTS.values()),
    now=now,
)
_PRIVATE = WebSite(
    PrivateRole(_OFFICE, keys=lambda: [Secret("key")], ready=list, numbers=lambda: b"").paths()
)
_REASONS = OPENAPI["components"]["schemas"]["Invalid"]["properties"]["reason"]["enum"]


def verify(data: bytes) -> None:
    """Ask /verify anything: the answer is one of those that are documented."""
    asked = WebRequest("POST", "/verify", {"authorization": "Bearer key"}, data)
    answer = at_once(_PRIVATE.answer(asked))
    told = json.loads(answer.body)
    assert (answer.status == 400 and told["error"]) or told["reason"] in _REASONS


def bearer(data: bytes) -> None:
    """Show any key: only the right one is taken."""
    shown = data.decode("utf-8", "surrogateescape")
    asked = WebRequest("POST", "/verify", {"authorization": shown}, b"{}")
    is_right = shown.partition(" ")[2].strip() == "key" and shown.lower().startswith("bearer ")
    assert at_once(_PRIVATE.answer(asked)).status == (400 if is_right else 401)


def forwarded(data: bytes) -> None:
    """Bring anybody: who is brought is never one of the proxies."""
    header = data.decode("utf-8", "surrogateescape")
    assert _forwarded(header, {"127.0.0.1", "10.0.0.1"}) not in {"127.0.0.1", "10.0.0.1"}


def accounts_csv(data: bytes) -> None:
    """Import any text: each line is checked, or the error names one."""
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    with suppress(LocalProtocolError):
        for one in read_csv(text):
            assert one.line > 1
            assert "@" in one.passport


TARGETS = {
    "verify": verify,
    "bearer": bearer,
    "forwarded": forwarded,
    "accounts_csv": accounts_csv,
}

"""What the benches share: a service in another process, rounds that take turns, and tables."""

from __future__ import annotations

import json
import os
import platform
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msnpauth import Servers
from msnpauth.core.tickets.exchange import Request
from msnpauth.core.urls import Url
from serve import PASSWORD, passport

__all__ = [
    "PASSWORD",
    "Served",
    "ServiceProcess",
    "headers_of",
    "interleaved",
    "machine",
    "passport",
    "ratio",
    "table",
]


class Served:
    """A service that runs elsewhere.

    Attributes:
        places: addresses and URLs by name: dispatch, notification, nexus, rst, rst2, login, home;
            and `ca_file`.
        context: TLS settings that trust it.
    """

    places: dict[str, str]
    context: ssl.SSLContext

    def found_at(self, places: dict[str, str]) -> Self:
        """Take note of where it is."""
        self.places = places
        self.context = ssl.create_default_context(cafile=places["ca_file"])
        return self

    def servers(self, *roles: str, first: str = "notification") -> Servers:
        """Return the servers that a sign-in is told of: where it begins, and these roles."""
        where: dict[str, Any] = {role: self.places[role] for role in roles}
        return Servers(notification=self.places[first], **where)

    def address(self, role: str) -> tuple[str, int]:
        """Return host and port of a web role."""
        place = Url.parse(self.places[role]).address
        return place.host, place.port


class ServiceProcess(Served):
    """The embedded service in a process of its own; a context manager."""

    def __init__(
        self,
        *,
        accounts: int = 1,
        contacts: int = 0,
        host: str = "127.0.0.1",
        name: str | None = None,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        where = {"host": host, "name": name, "ports": dict(ports or {})}
        settings = {"accounts": accounts, "contacts": contacts, "run": where}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("serve.py")), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        return self.found_at(json.loads(self._process.stdout.readline()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def used(self) -> dict[str, float]:
        """Return the processor seconds (`cpu`) and bytes of memory that it has used so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        found: dict[str, float] = json.loads(self._process.stdout.readline())
        return found


def headers_of(request: Request) -> dict[str, str]:
    """Return the headers of a request, for clients that are measured beside ours."""
    return {name.decode(): value.decode() for name, value in request.all_headers()}


def interleaved(
    contestants: Mapping[str, Callable[[], object]], *, rounds: int, calls: int
) -> dict[str, list[float]]:
    """Return seconds per call for each round of each contestant; they take turns."""
    for contestant in contestants.values():
        contestant()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            began = time.perf_counter()
            for _ in range(calls):
                contestant()
            seconds[name].append((time.perf_counter() - began) / calls)
    return seconds


def ratio(found: Sequence[float], against: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(found, against, strict=True))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """Return what this was measured on, in one line."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"{python}, {ssl.OPENSSL_VERSION}, {platform.system()} on {platform.machine()},"
        f" {os.cpu_count()} processors"
    )

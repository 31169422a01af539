"""Answers the requests that `hosts.web` receives by an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from ..hosts.faults import tell_fault
from ..roles.web import WebAnswer, WebRequest, WebSite, unavailable

__all__ = ["Application", "PageSite"]

_Message = MutableMapping[str, Any]

Application = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]],
    Awaitable[None],
]
"""An application as version 3 of ASGI defines it."""

_LONGEST = 16 * 1024


class PageSite(WebSite):
    """A site whose answers are made by an ASGI application.

    Args:
        application: the application; it receives one request at a time from each connection, with
            the whole body of the request.
        host: the name of this host, for a request that does not name the host.
    """

    methods = frozenset({"GET", "HEAD", "POST", "OPTIONS"})

    def __init__(self, application: Application, host: str) -> None:
        super().__init__()
        self._application = application
        self._host = host

    def longest(self, target: str) -> int:
        """As `WebSite.longest`: the longest form has three passwords."""
        return _LONGEST

    async def answer(self, request: WebRequest) -> WebAnswer:
        """As `WebSite.answer`."""
        if self.maintenance:
            return unavailable(60.0)
        said = _Said(request.body)
        try:
            await self._application(_scope(request, self._host), said.receive, said.send)
        except Exception as fault:  # noqa: BLE001 - an error must cost one page, and not the connection
            tell_fault(fault)
        return said.answer()


class _Said:
    """One request and its answer, in the form that ASGI needs."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._start: _Message | None = None
        self._parts: list[bytes] = []

    async def receive(self) -> _Message:
        body, self._body = self._body, None
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: _Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    def answer(self) -> WebAnswer:
        if self._start is None:
            return WebAnswer(500, (("Content-Type", "text/plain"),), b"A fault. It was logged.")
        headers = [
            (name.decode("latin-1").title(), value.decode("latin-1"))
            for name, value in self._start["headers"]
            if name.lower() != b"content-length"  # `hosts.web` adds this header itself
        ]
        return WebAnswer(self._start["status"], tuple(headers), b"".join(self._parts))


def _scope(request: WebRequest, host: str) -> _Message:
    path, _, query = request.target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        # Also behind a proxy, because browsers can reach the pages only by TLS.
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "root_path": "",
        "query_string": query.encode("ascii"),
        "headers": [
            (name.encode("ascii"), value.encode("utf-8", "surrogateescape"))
            for name, value in request.headers.items()
        ],
        "client": (request.address, 0),
        "server": (host, None),
    }

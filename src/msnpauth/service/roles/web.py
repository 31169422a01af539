"""The web roles of one address, without I/O: a table of paths and the functions that answer them.

Another role, such as a page for people, adds its own rows to the table.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ...core.errors import ServiceUnavailable

__all__ = ["Answerer", "WebAnswer", "WebRequest", "WebSite", "unavailable"]


@dataclass(frozen=True, repr=False)
class WebRequest:
    """A request as a role receives it. The names of headers are in lower case.

    `address` is the network of the client, also if a proxy has forwarded the request.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    address: str = ""


@dataclass(frozen=True, repr=False)
class WebAnswer:
    """An answer. The letter case of header names is kept: old clients compare their bytes."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Answerer = Callable[[WebRequest], Awaitable[WebAnswer]]

_HTML = ("Content-Type", "text/html")
_LONGEST = 32 * 1024
_LONGEST_LIST = 256 * 1024


class WebSite:
    """Answers the requests of one address.

    Attributes:
        methods: the HTTP methods that the site answers; the host answers 501 to all others.

    Args:
        tables: the tables of the roles: functions by method and path, as in `POST /RST.srf`.
    """

    methods: frozenset[str] = frozenset({"GET", "POST", "OPTIONS"})

    def __init__(self, *tables: Mapping[str, Answerer]) -> None:
        self._answerers = {row: answer for table in tables for row, answer in table.items()}
        self.maintenance = False
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def longest(self, target: str) -> int:
        """Return how many bytes the body of a request may have.

        A request for a ticket has a few thousand bytes. Reading XML takes time, and the XML of such
        a request is read before the client has signed in.
        """
        folded = target.partition("?")[0].lower()
        is_list = any(word in folded for word in ("/abservice/", "oim", "/rsi", "/storageservice/"))
        return _LONGEST_LIST if is_list else _LONGEST

    async def finish(self, seconds: float) -> None:
        """Wait until no answer is in progress, but at most so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count an answer as in progress, from before it is made until it is sent."""
        self._count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    async def answer(self, request: WebRequest) -> WebAnswer:
        """Return the answer to a request."""
        if self.maintenance:
            return unavailable(60.0)
        # Clients write two slashes if the address that they have received ends in a slash
        # (`forms`).
        path = re.sub("/+", "/", request.target.partition("?")[0])
        answerer = self._answerers.get(f"{request.method} {path}")
        if answerer is None:
            return WebAnswer(404, (_HTML,))
        try:
            return await answerer(request)
        except ServiceUnavailable as busy:
            return unavailable(busy.retry_after)


def unavailable(seconds: float | None) -> WebAnswer:
    """Return the answer of a service that cannot answer now, with the time of the next attempt."""
    return WebAnswer(503, (("Retry-After", str(math.ceil(seconds or 5.0))), _HTML))

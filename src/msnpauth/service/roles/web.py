"""The web roles of one address, without I/O: a table of paths, and who answers each.

A role that is to be there too, such as a page for people, adds its own rows to the table.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

__all__ = ["Answerer", "WebAnswer", "WebRequest", "WebSite"]


@dataclass(frozen=True, repr=False)
class WebRequest:
    """A request as a role sees it; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, repr=False)
class WebAnswer:
    """An answer. Header names go out spelled as here: old clients compare them byte for byte."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Answerer = Callable[[WebRequest], Awaitable[WebAnswer]]

_HTML = ("Content-Type", "text/html")


class WebSite:
    """Everything that one address answers.

    Args:
        tables: of each role, who answers what: by method and path, as in `POST /RST.srf`.
    """

    def __init__(self, *tables: Mapping[str, Answerer]) -> None:
        self._answerers = {row: answer for table in tables for row, answer in table.items()}
        self.maintenance = False

    async def answer(self, request: WebRequest) -> WebAnswer:
        """Return the answer to a request."""
        if self.maintenance:
            return WebAnswer(503, (("Retry-After", "60"), _HTML))
        # Clients write two slashes where the address that they were given ends in one (`forms`).
        path = re.sub("/+", "/", request.target.partition("?")[0])
        answerer = self._answerers.get(f"{request.method} {path}")
        return WebAnswer(404, (_HTML,)) if answerer is None else await answerer(request)

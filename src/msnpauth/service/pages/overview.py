"""The page that shows the sessions of a person, and can end sessions and tickets."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...core.errors import ServiceUnavailable
from ..roles.news import PutOut
from ..stores.protocol import Seat
from .fields import Form
from .renderer import go_to
from .visits import PageHandler, Visit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Overview"]

_LOOK_AGAIN_SECONDS = 0.05
_LOOKS = 40


@dataclass(frozen=True)
class _Shown:
    """A session of Messenger as the page shows it."""

    id: str
    program: str
    address: str
    since: datetime


class Overview(PageHandler):
    """The handlers of the first page."""

    async def overview(self, request: Request) -> Response:
        """Handle `/`."""
        visit = await self.visit(request)
        if visit.visitor is None:
            return go_to("/sign-in")
        account, session = visit.known
        seats: list[_Shown] | None
        try:
            seats = [_shown(seat) for seat in await self._seats(visit)]
        except ServiceUnavailable:
            seats = None  # the rest of the page does not need it
        browsers = await self.context.sessions.of(account)
        return self.page(
            visit, "overview", account=account, seats=seats, browsers=browsers, mine=session.id
        )

    async def end_session(self, request: Request) -> Response:
        """Handle `/sessions/end`: end one session of Messenger."""
        visit, form = await self._asked(request)
        wanted = form.text("session")
        return await self._ended(
            visit, [seat for seat in await self._seats(visit) if _id(seat) == wanted], "session"
        )

    async def end_sessions(self, request: Request) -> Response:
        """Handle `/sessions/end-all`: end all sessions of Messenger."""
        visit, _ = await self._asked(request)
        return await self._ended(visit, await self._seats(visit), "sessions")

    async def _ended(self, visit: Visit, going: list[Seat], notice: str) -> Response:
        if not going:
            return go_to("/?notice=gone")
        # After OUT OTH clients do not reconnect by themselves; after OUT without a reason some do.
        await self.context.office.tell(going, PutOut("OTH"))
        self.note(visit, "sessions ended", count=str(len(going)))
        await self._wait(visit, going)
        return go_to(f"/?notice={notice}")

    async def end_browser(self, request: Request) -> Response:
        """Handle `/browsers/end`: end the session of another browser at the pages."""
        visit, form = await self._asked(request)
        passport = visit.known.account.passport
        if not await self.context.sessions.end(passport, form.text("browser")):
            return go_to("/?notice=gone")
        self.note(visit, "page session ended")
        return go_to("/?notice=browser")

    async def end_tickets(self, request: Request) -> Response:
        """Handle `/tickets/end`: end all tickets and all sessions except that of this browser."""
        visit, _ = await self._asked(request)
        account = visit.known.account
        word = await self.context.people.end_tickets(account.passport, account.stamp)
        self.note(visit, "tickets ended")
        return self.go_as(word, "/?notice=tickets")

    async def _asked(self, request: Request) -> tuple[Visit, Form]:
        visit = await self.visit(request)
        form, _ = await self.form(visit)
        _ = visit.known  # raises SignedOut for a browser that is not signed in
        return visit, form

    async def _seats(self, visit: Visit) -> list[Seat]:
        return await self.context.office.state.seats(visit.known.account.passport.casefold())

    async def _wait(self, visit: Visit, going: Iterable[Seat]) -> None:
        """Wait until the sessions are gone, at most two seconds, so that the page omits them."""
        left = {_id(seat) for seat in going}
        for _ in range(_LOOKS):
            if left.isdisjoint(_id(seat) for seat in await self._seats(visit)):
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _id(seat: Seat) -> str:
    """Return an id for a session in a form, which reveals nothing about the nodes."""
    return hashlib.sha256(f"{seat.node} {seat.connection} {seat.since}".encode()).hexdigest()[:16]


def _shown(seat: Seat) -> _Shown:
    program = f"MSNP{seat.dialect}" if seat.dialect else "unknown version"
    since = datetime.fromtimestamp(seat.since, UTC)
    return _Shown(_id(seat), program, seat.address or "unknown address", since)

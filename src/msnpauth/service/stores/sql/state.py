"""The state of one process: its connections in memory, and its used tickets in a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from ....core.tickets.ticket import utc_now
from ..memory import MemoryState
from .database import Database
from .tables import used

__all__ = ["SqlState"]

_SWEEP = timedelta(minutes=1)


class SqlState(MemoryState):
    """A `SharedState` of one process, whose used tickets are in a database.

    Connections end with the process. A ticket does not end with the process, and must not be used
    again after a restart.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(now=now)
        self._database = database
        self._clock = now
        self._swept = now()

    async def use_up(self, token: str, until: datetime, *, made: datetime) -> bool:
        """As `SharedState.use_up`."""
        now = self._clock()
        is_due = now - self._swept >= _SWEEP

        def use(connection: Connection) -> bool:
            if is_due:
                connection.execute(delete(used).where(used.c.until < now.timestamp()))
            if connection.execute(select(used.c.id).where(used.c.id == token)).first() is not None:
                return False
            connection.execute(insert(used).values(id=token, until=until.timestamp()))
            return True

        is_new = await self._database.run(use, durable=False)
        if is_due:
            self._swept = now
        return is_new

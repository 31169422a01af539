"""What all databases have in common: whose turn it is, and what is tried again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from msnpauth import LocalProtocolError, ServiceUnavailable
from msnpauth.service.stores.sql import database as under_test
from msnpauth.service.stores.sql.changes import UNKNOWN
from msnpauth.service.stores.sql.database import Database, check_schema, make_tables, schema_of
from msnpauth.service.stores.sql.tables import OLDEST_COMPATIBLE, SCHEMA_VERSION


class Stage(Database):
    """A database in memory, whose faults are played."""

    why = ""

    def changes(self, since: int) -> tuple[int, Collection[str] | None]:
        return UNKNOWN, None

    def problem(self) -> str:
        return self.why

    def _may_try_again(self, fault: BaseException) -> bool:
        return "quicker" in str(fault)


@pytest.fixture
def database() -> Iterator[Stage]:
    with closing(Stage(create_engine("sqlite://"), threads=1)) as made:
        yield made


def failing(times: int, word: str) -> tuple[Callable[[Connection], str], list[None]]:
    """Return work that fails so many times, and how often it was tried."""
    tries: list[None] = []

    def work(_connection: Connection) -> str:
        tries.append(None)
        if len(tries) <= times:
            raise SQLAlchemyError(word)
        return "done"

    return work, tries


def test_what_others_were_quicker_with_is_tried_again(database: Stage) -> None:
    work, tries = failing(3, "somebody was quicker")
    assert database.call(work) == "done"
    assert len(tries) == 4


def test_it_is_not_tried_for_ever(database: Stage) -> None:
    work, tries = failing(1000, "somebody was quicker")
    with pytest.raises(ServiceUnavailable, match="the database cannot be used now") as caught:
        database.call(work)
    assert len(tries) == 10
    assert caught.value.code == 603


def test_another_fault_is_not_tried_again(database: Stage) -> None:
    work, tries = failing(1, "it is down")
    with pytest.raises(ServiceUnavailable):
        asyncio.run(database.run(work))
    assert len(tries) == 1


def test_what_is_known_to_be_down_is_not_tried_at_all(database: Stage) -> None:
    work, tries = failing(0, "")
    database.why = "it cannot be reached"
    with pytest.raises(ServiceUnavailable, match="it cannot be reached") as caught:
        database.call(work)
    assert not tries
    assert caught.value.retry_after == 5
    database.why = ""
    assert database.call(work) == "done"


def test_no_more_than_so_much_waits(database: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_MOST_WAITING", 3)
    may_go_on = threading.Event()

    async def main() -> list[object]:
        work = [database.run(lambda _: may_go_on.wait(20)) for _ in range(5)]
        tasks = [asyncio.create_task(one) for one in work]
        refused, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        assert len(refused) == 2
        may_go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    done = asyncio.run(main())
    assert done[:3] == [True] * 3
    for fault in done[3:]:
        assert isinstance(fault, ServiceUnavailable)


def test_work_aside_has_the_database_s_thread(database: Stage) -> None:
    name = asyncio.run(database.aside(lambda: threading.current_thread().name))
    assert name.startswith("msnpauth-database")


def test_tables_that_are_not_there(database: Stage) -> None:
    assert database.call(schema_of) is None
    database.call(make_tables)
    assert database.call(schema_of) == (SCHEMA_VERSION, OLDEST_COMPATIBLE)


def test_a_database_of_before_that_says_nothing_of_whom_it_serves(database: Stage) -> None:
    database.call(make_tables)
    gone = text("DELETE FROM notes WHERE name = 'serves'")
    database.call(lambda connection: connection.execute(gone))
    assert database.call(schema_of) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_which_forms_can_be_worked_with() -> None:
    check_schema((SCHEMA_VERSION, OLDEST_COMPATIBLE), "it")
    check_schema((SCHEMA_VERSION + 3, SCHEMA_VERSION), "it")
    with pytest.raises(LocalProtocolError, match="it was written by a later version"):
        check_schema((SCHEMA_VERSION + 1, SCHEMA_VERSION + 1), "it")

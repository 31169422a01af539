"""Used tickets, which outlive the process; all else that a process knows is as in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from msnpauth import ServiceUnavailable
from msnpauth.service.stores.memory import MemoryState
from msnpauth.service.stores.protocol import Place, Seat
from msnpauth.service.stores.sql.sqlite import SqliteDatabase
from msnpauth.service.stores.sql.state import SqlState
from msnpauth.service.stores.sql.tables import used

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENDS = NOW + timedelta(seconds=60)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.sqlite3"


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(path)) as made:
        yield made


def count(database: SqliteDatabase) -> int | None:
    asked = select(func.count()).select_from(used)
    return database.call(lambda connection: connection.scalar(asked))


def test_a_ticket_is_used_once(database: SqliteDatabase) -> None:
    state = SqlState(database, now=lambda: NOW)
    assert asyncio.run(state.use_up("a", ENDS, made=NOW))
    assert asyncio.run(state.use_up("b", ENDS, made=NOW))
    for _ in range(2):
        assert not asyncio.run(state.use_up("a", ENDS, made=NOW))
        assert not asyncio.run(state.use_up("b", ENDS, made=NOW))


def test_also_after_a_restart(path: Path) -> None:
    with closing(SqliteDatabase(path)) as database:
        assert asyncio.run(SqlState(database, now=lambda: NOW).use_up("a", ENDS, made=NOW))
    with closing(SqliteDatabase(path)) as database:
        state = SqlState(database, now=lambda: NOW)
        assert not asyncio.run(state.use_up("a", ENDS, made=NOW))
        assert asyncio.run(state.use_up("b", ENDS, made=NOW))


def test_of_many_at_the_same_time_one_uses_it(path: Path, database: SqliteDatabase) -> None:
    async def work(states: list[SqlState]) -> list[bool]:
        return await asyncio.gather(*(state.use_up("a", ENDS, made=NOW) for state in states * 10))

    with closing(SqliteDatabase(path)) as other:
        states = [SqlState(each, now=lambda: NOW) for each in (database, other)]
        assert sum(asyncio.run(work(states))) == 1


def test_those_that_have_ended_are_swept_once_a_minute(database: SqliteDatabase) -> None:
    clock = [NOW]
    state = SqlState(database, now=lambda: clock[0])
    for number in range(5):
        assert asyncio.run(state.use_up(f"a{number}", NOW + timedelta(seconds=10), made=NOW))
    assert asyncio.run(state.use_up("late", NOW + timedelta(days=1), made=NOW))
    clock[0] = NOW + timedelta(seconds=59)
    assert asyncio.run(state.use_up("b", NOW + timedelta(seconds=100), made=NOW))
    assert count(database) == 7
    clock[0] = NOW + timedelta(seconds=60)
    assert asyncio.run(state.use_up("c", NOW + timedelta(seconds=100), made=NOW))
    assert count(database) == 3
    clock[0] = NOW + timedelta(seconds=119)
    assert not asyncio.run(state.use_up("late", NOW + timedelta(days=1), made=NOW))
    assert count(database) == 3
    clock[0] = NOW + timedelta(seconds=120)
    assert not asyncio.run(state.use_up("late", NOW + timedelta(days=1), made=NOW))
    assert count(database) == 1


def test_one_that_ends_now_is_not_swept_yet(database: SqliteDatabase) -> None:
    clock = [NOW]
    state = SqlState(database, now=lambda: clock[0])
    assert asyncio.run(state.use_up("a", ENDS, made=NOW))
    clock[0] = ENDS
    assert not asyncio.run(state.use_up("a", ENDS, made=NOW))


def test_a_database_that_fails(database: SqliteDatabase) -> None:
    clock = [NOW]
    state = SqlState(database, now=lambda: clock[0])
    assert asyncio.run(state.use_up("old", ENDS, made=NOW))

    def fail(*_about: object) -> None:
        raise OSError(5, "Input/output error")

    clock[0] = NOW + timedelta(minutes=2)
    event.listen(database._engine, "begin", fail)
    with pytest.raises(ServiceUnavailable) as caught:
        asyncio.run(state.use_up("a", clock[0] + timedelta(minutes=1), made=NOW))
    assert caught.value.code == 603
    event.remove(database._engine, "begin", fail)
    assert asyncio.run(state.use_up("a", clock[0] + timedelta(minutes=1), made=NOW))
    assert count(database) == 1, "what could not be swept then is swept now"


def test_connections_are_known_in_memory(database: SqliteDatabase) -> None:
    state = SqlState(database)
    assert isinstance(state, MemoryState)
    seat = Seat("one", 1)
    assert asyncio.run(state.enter(Place("a@b"), seat)) == []
    assert asyncio.run(state.seats("a@b")) == [seat]
    assert asyncio.run(SqlState(database).seats("a@b")) == []

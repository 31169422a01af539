"""Who has changed what, for those who keep accounts in memory."""

from __future__ import annotations

import threading
from collections.abc import Collection

import pytest

from msnpauth.service.stores.sql import changes as under_test
from msnpauth.service.stores.sql.changes import ANY, UNKNOWN, ChangeLog, Remembered


def test_nothing_was_changed() -> None:
    log = ChangeLog()
    number, _ = log.since(UNKNOWN)
    assert log.since(number) == (number, ())


def test_what_was_changed_since() -> None:
    log = ChangeLog()
    first, changed = log.since(UNKNOWN)
    assert changed is None, "who asks for the first time knows nothing"
    log.add("a@b")
    second, changed = log.since(first)
    assert changed == {"a@b"}
    log.add("c@d")
    log.add("a@b")
    assert log.since(second) == (second + 2, {"c@d", "a@b"})
    assert log.since(first) == (first + 3, {"c@d", "a@b"})


@pytest.mark.parametrize("is_named", [True, False])
def test_any_account_may_have_been_changed(is_named: bool) -> None:
    log = ChangeLog()
    first, _ = log.since(UNKNOWN)
    log.add("a@b")
    if is_named:
        log.add(ANY)
    else:
        log.add_any()
    second, changed = log.since(first)
    assert changed is None
    log.add("c@d")
    assert log.since(second)[1] == {"c@d"}
    assert log.since(first)[1] is None


def test_more_than_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_MOST_LOGGED", 3)
    log = ChangeLog()
    first, _ = log.since(UNKNOWN)
    for passport in ("a", "b", "c"):
        log.add(passport)
    assert log.since(first)[1] == {"a", "b", "c"}
    log.add("d")
    assert log.since(first)[1] is None
    assert log.since(first + 1)[1] == {"b", "c", "d"}


def test_many_threads_lose_no_change() -> None:
    log = ChangeLog()
    first, _ = log.since(UNKNOWN)

    def add(name: str) -> None:
        for number in range(50):
            log.add(f"{name}{number}")

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    number, changed = log.since(first)
    assert number == first + 200
    assert changed is not None
    assert len(changed) == 200


class Table:
    """A database that is asked for what was changed."""

    def __init__(self) -> None:
        self.log = ChangeLog()
        self.is_down = False

    def changes(self, since: int) -> tuple[int, Collection[str] | None]:
        return (UNKNOWN, None) if self.is_down else self.log.since(since)


def test_what_is_kept_is_forgotten_when_it_is_changed() -> None:
    table = Table()
    kept: Remembered[str] = Remembered(table.changes, 10)
    for passport in ("a", "b"):
        found, number = kept.get(passport)
        assert found is None
        kept.keep(passport, f"of {passport}", number)
    assert kept.get("a")[0] == "of a"
    table.log.add("a")
    assert kept.get("a")[0] is None
    assert kept.get("b")[0] == "of b"
    table.log.add_any()
    assert kept.get("b")[0] is None


def test_what_was_changed_while_it_was_read_is_not_kept() -> None:
    table = Table()
    kept: Remembered[str] = Remembered(table.changes, 10)
    _, number = kept.get("a")
    table.log.add("a")
    kept.get("b")  # somebody else has heard of the change
    kept.keep("a", "of before", number)
    kept.keep("b", "of b", number)
    assert kept.get("a")[0] is None
    assert kept.get("b")[0] == "of b"


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_is_kept_while_nobody_can_tell(when: str) -> None:
    table = Table()
    kept: Remembered[str] = Remembered(table.changes, 10)
    kept.keep("a", "of a", kept.get("a")[1])
    table.is_down = when == "before"
    _, number = kept.get("b")
    table.is_down = True
    kept.keep("b", "of b", number)
    assert kept.get("a")[0] is None
    table.is_down = False
    assert kept.get("b")[0] is None
    assert len(kept) == 0


def test_no_more_than_so_many_are_kept() -> None:
    table = Table()
    kept: Remembered[str] = Remembered(table.changes, 2)
    for passport in ("a", "b", "c"):
        kept.keep(passport, passport, kept.get(passport)[1])
    assert [kept.get(passport)[0] for passport in ("a", "b", "c")] == [None, "b", "c"]
    kept.forget("b")
    kept.forget("a")
    assert len(kept) == 1

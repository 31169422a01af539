"""Guesses are counted in a window that moves, and in bounded memory."""

from __future__ import annotations

import pytest
from limits import RateLimitItemPerMinute

from msnpauth.service import tally as module
from msnpauth.service.stores.memory import at_once
from msnpauth.service.tally import MemoryTally

ITEM = RateLimitItemPerMinute(4, 15)


def test_they_are_counted_up_to_the_amount_and_forgotten_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    tally = MemoryTally()
    counts, taken = [], []
    for _ in range(6):
        taken.append(at_once(tally.hit(ITEM, "alice")))
        counts.append(at_once(tally.count(ITEM, "alice")))
    assert counts == [1, 2, 3, 4, 4, 4]
    assert taken == [True] * 4 + [False] * 2
    assert at_once(tally.count(ITEM, "bob")) == 0
    now += 901
    assert at_once(tally.count(ITEM, "alice")) == 0


def test_what_was_seen_before() -> None:
    tally = MemoryTally()
    seen = [at_once(tally.is_repeated(word)) for word in (b"a", b"b", b"a", b"b", b"c")]
    assert seen == [False, False, True, True, False]


def test_who_was_seen_last_is_forgotten_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 2)
    tally = MemoryTally()
    for word in (b"a", b"b", b"a", b"c"):
        at_once(tally.is_repeated(word))
    assert len(tally._remembered) == 2
    assert at_once(tally.is_repeated(b"a"))
    assert not at_once(tally.is_repeated(b"b"))


def test_what_is_counted_of_nobody_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_COUNTED", 40)
    tally = MemoryTally()
    for _ in range(3):
        at_once(tally.hit(ITEM, "alice"))
    events = tally._storage.events
    events.update({f"over {number}": [] for number in range(40)})
    at_once(tally.hit(ITEM, "alice"))
    assert at_once(tally.count(ITEM, "alice")) == 4
    assert len(events) < 40

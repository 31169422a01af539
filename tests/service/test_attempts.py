"""Guesses are counted in a window that moves, and in bounded memory."""

from __future__ import annotations

import pytest
from limits import RateLimitItemPerMinute

from msnpauth.service import attempts as module
from msnpauth.service.attempts import MemoryAttemptCounter
from msnpauth.service.stores.memory import at_once

ITEM = RateLimitItemPerMinute(4, 15)


def test_they_are_counted_up_to_the_amount_and_forgotten_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    counter = MemoryAttemptCounter()
    counts, taken = [], []
    for _ in range(6):
        taken.append(at_once(counter.hit(ITEM, "alice")))
        counts.append(at_once(counter.count(ITEM, "alice")))
    assert counts == [1, 2, 3, 4, 4, 4]
    assert taken == [True] * 4 + [False] * 2
    assert at_once(counter.count(ITEM, "bob")) == 0
    now += 901
    assert at_once(counter.count(ITEM, "alice")) == 0


def test_what_was_seen_before() -> None:
    counter = MemoryAttemptCounter()
    seen = [at_once(counter.is_repeated(word)) for word in (b"a", b"b", b"a", b"b", b"c")]
    assert seen == [False, False, True, True, False]


def test_who_was_seen_last_is_forgotten_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 2)
    counter = MemoryAttemptCounter()
    for word in (b"a", b"b", b"a", b"c"):
        at_once(counter.is_repeated(word))
    assert len(counter._remembered) == 2
    assert at_once(counter.is_repeated(b"a"))
    assert not at_once(counter.is_repeated(b"b"))


def test_what_is_counted_of_nobody_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_COUNTED", 40)
    counter = MemoryAttemptCounter()
    for _ in range(3):
        at_once(counter.hit(ITEM, "alice"))
    events = counter._storage.events
    events.update({f"over {number}": [] for number in range(40)})
    at_once(counter.hit(ITEM, "alice"))
    assert at_once(counter.count(ITEM, "alice")) == 4
    assert len(events) < 40

"""Who guesses waits, and the owner gets in: played without a clock."""

from __future__ import annotations

import asyncio

import pytest

from msnpauth import Secret, ServiceUnavailable
from msnpauth.service import attempts as module
from msnpauth.service.attempts import MemoryAttemptCounter
from msnpauth.service.guesses import Guesses
from msnpauth.service.stores.memory import at_once

ALICE, BOB = "alice@example.com", "bob@example.com"
HOME, CAFE, ELSEWHERE = "192.0.2.1", "198.51.100.7", "203.0.113.9"


class Street:
    """Where people try passwords; it tells how long each of them waited."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.counter = MemoryAttemptCounter()
        self.guesses = Guesses(self.counter, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def wrong(
        self, guess: str | None, who: str = ALICE, address: str = ELSEWHERE, *, known: bool = False
    ) -> float:
        return at_once(self._try(guess, who, address, known=known, is_wrong=True))

    def right(self, who: str = ALICE, address: str = HOME, *, known: bool = False) -> float:
        return at_once(self._try("right", who, address, known=known, is_wrong=False))

    async def _try(
        self, guess: str | None, who: str, address: str, *, known: bool, is_wrong: bool
    ) -> float:
        self.waits.clear()
        async with self.guesses.attempt(who, address, is_known=known) as attempt:
            if is_wrong:
                await attempt.wrong(None if guess is None else Secret(guess))
        return sum(self.waits)


def test_it_takes_longer_each_time_and_never_more_than_15_seconds() -> None:
    street = Street()
    waits = [street.wrong(f"guess {number}") for number in range(12)]
    assert waits == [0, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15, 15]


@pytest.mark.parametrize("known", [False, True])
def test_the_same_wrong_password_again_is_no_guess(known: bool) -> None:
    """As a client that repeats a stale one for ever."""
    street = Street()
    waits = [street.wrong("stale", known=known) for _ in range(50)]
    assert waits == [0] + [2] * 49
    assert street.wrong("another", known=known) == 2
    assert street.wrong("stale", known=known) == 4
    assert street.right(address=ELSEWHERE, known=known) == 4


def test_each_answer_of_md5_is_a_guess() -> None:
    street = Street()
    assert [street.wrong(None) for _ in range(5)] == [0, 2, 4, 8, 15]


def test_right_passwords_are_no_guesses() -> None:
    street = Street()
    assert [street.right() for _ in range(30)] == [0] * 30


def test_the_same_word_for_two_accounts_is_two_guesses() -> None:
    """One password tried at everybody."""
    street = Street()
    people = [f"user{number}@example.com" for number in range(6)]
    assert [street.wrong("123456", who) for who in people] == [0, 2, 4, 8, 15, 15]


def test_an_account_is_the_same_in_any_letter_case() -> None:
    street = Street()
    street.wrong("stale", "Alice@Example.com", HOME, known=True)
    assert street.wrong("stale", ALICE, HOME, known=True) == 2
    assert at_once(street.guesses.seconds("ALICE@example.com", HOME, is_known=True)) == 2


def test_who_is_known_does_not_wait_for_a_stranger_in_the_same_network() -> None:
    street = Street()
    for number in range(20):
        street.wrong(f"guess {number}", BOB, HOME)
        street.wrong(f"guess {number}", ALICE, HOME)
    assert street.right(ALICE, HOME, known=True) == 0
    assert street.right("carol@example.com", HOME) == 15, "nobody knows her there"


def test_who_is_known_does_not_wait_for_guesses_from_elsewhere() -> None:
    street = Street()
    for number in range(200):
        street.wrong(f"guess {number}", ALICE, f"10.0.0.{number}")
    assert street.right(ALICE, HOME, known=True) == 0


def test_who_mistypes_at_home_waits_and_others_there_do_not() -> None:
    street = Street()
    for number in range(10):
        street.wrong(f"guess {number}", ALICE, HOME, known=True)
    assert street.right(ALICE, HOME, known=True) == 15
    assert street.right(BOB, HOME, known=True) == 0
    assert street.right(BOB, HOME) == 0
    assert street.right(ALICE, CAFE) == 0, "what happens at home is not a stranger's doing"


def test_a_stranger_can_never_lock_the_owner_out() -> None:
    street = Street()
    for day in range(3):
        for number in range(20):
            for network in range(100):
                street.wrong(f"day {day} guess {number}", ALICE, f"2001:db8:0:{network:x}::/64")
        assert street.right(ALICE, HOME, known=True) == 0
        assert street.right(ALICE, f"198.51.100.{day}") == 15
    assert street.wrong("mistyped", ALICE, HOME, known=True) == 0
    assert street.right(ALICE, HOME, known=True) == 2, "it was the owner's own"


def test_a_few_wrong_ones_at_an_account_are_its_owners_who_travels() -> None:
    street = Street()
    assert [street.wrong(f"typo {number}", ALICE, f"10.0.0.{number}") for number in range(4)] == [
        *(0, 0, 0, 0)
    ]
    assert street.wrong("typo", ALICE, "10.0.0.9") == 0
    assert street.wrong("typo", ALICE, "10.0.0.10") == 2


def test_a_flood_from_everywhere_slows_strangers_down() -> None:
    street = Street()
    for number in range(600):
        street.wrong("123456", f"user{number}@example.com", f"10.0.{number // 250}.{number % 250}")
    assert street.right(ALICE, CAFE) == 2
    assert street.right(ALICE, HOME, known=True) == 0


def test_a_thousand_at_once_from_one_network() -> None:
    """So many are under way, whatever they wait for; the rest is told to come again."""

    async def main() -> None:
        slept: list[float] = []
        woken = asyncio.Event()

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            await woken.wait()

        guesses = Guesses(sleep=sleep, most_at_once=128)
        done = 0

        async def guess(number: int) -> None:
            nonlocal done
            async with guesses.attempt(ALICE, ELSEWHERE, is_known=False) as attempt:
                await woken.wait()
                await attempt.wrong(Secret(f"guess {number}"))
            done += 1

        tasks = [asyncio.create_task(guess(number)) for number in range(1000)]
        while sum(task.done() for task in tasks) < 872:
            await asyncio.sleep(0)
        refused = [task.exception() for task in tasks if task.done()]
        assert len(refused) == 872
        for fault in refused:
            assert isinstance(fault, ServiceUnavailable)
            assert fault.retry_after == 15
        assert guesses.delayed == len(slept) == 120, "eight of a network go on beside each other"
        assert sorted(slept) == [2] * 4 + [4] * 4 + [8] * 4 + [15] * 108

        async with guesses.attempt(ALICE, HOME, is_known=True):
            pass
        async with guesses.attempt(BOB, ELSEWHERE, is_known=True):
            pass
        assert len(slept) == 120, "who is known is in no crowd"

        assert sum(guesses._under_way.values()) == 128
        woken.set()
        await asyncio.wait(tasks)
        assert done == 128
        assert guesses.delayed == 0
        assert not guesses._under_way

    asyncio.run(main())


def test_who_gives_up_while_waiting_is_no_longer_counted() -> None:
    async def main() -> None:
        guesses = Guesses(sleep=lambda _: asyncio.Event().wait())

        async def guess(word: str) -> None:
            async with guesses.attempt(ALICE, ELSEWHERE, is_known=False) as attempt:
                await attempt.wrong(Secret(word))

        await guess("first")
        waiting = asyncio.create_task(guess("second"))
        await asyncio.sleep(0)
        assert guesses.delayed == 1
        waiting.cancel()
        await asyncio.wait([waiting])
        assert guesses.delayed == 0
        assert not guesses._under_way

    asyncio.run(main())


def test_guesses_are_forgotten_after_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    street = Street()
    for number in range(10):
        street.wrong(f"guess {number}")
    now += 899
    assert street.right(address=ELSEWHERE) == 15
    now += 2
    assert street.right(address=ELSEWHERE) == 0
    assert street.right(address=CAFE) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 64)
    monkeypatch.setattr(module, "_MOST_COUNTED", 64)
    street = Street()
    for number in range(500):
        street.wrong(f"{number}" * 100, f"{'x' * 1000}{number}@example.com", f"10.0.1.{number}")
    storage = street.counter._storage
    assert len(street.counter._remembered) == 64
    assert len(storage.events) <= 64 + 3
    assert len(storage.locks) <= 64 + 3
    assert max(map(len, storage.events)) < 100, "a name of any length takes little room"
    assert not street.guesses._under_way


@pytest.mark.parametrize("who", ["\udce9@example.com", "", "a/b/20/15/minute", "\0"])
def test_any_name_can_be_guessed_at(who: str) -> None:
    """NotRST's headers may have bytes that are no UTF-8."""
    street = Street()
    assert [street.wrong(f"\udce9{number}", who) for number in range(3)] == [0, 2, 4]


def test_the_passwords_are_not_kept() -> None:
    street = Street()
    street.wrong("hunter2")
    assert "hunter2" not in repr(vars(street.guesses)) + repr(vars(street.counter))


def test_the_end_of_the_service_does_not_wait_for_who_waits() -> None:
    """A guess that waits 15 seconds would hold up a restart for as long."""

    async def main() -> None:
        guesses = Guesses()
        await guesses.note("alice@example.com", ("192.0.2.1", ""), None)

        async def attempt() -> None:
            async with guesses.attempt("alice@example.com", "192.0.2.1", is_known=False):
                raise AssertionError("it was let through")

        task = asyncio.create_task(attempt())
        while not guesses.delayed:
            await asyncio.sleep(0)
        guesses.close()
        with pytest.raises(ServiceUnavailable, match="the service ends"):
            await task
        assert guesses.delayed == 0

    asyncio.run(main())

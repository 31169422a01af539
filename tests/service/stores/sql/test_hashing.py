"""Hashes of passwords: what they cost, and how many may wait for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing

import argon2
import pytest

from leaks import assert_no_secret
from msnpauth import LocalProtocolError, Secret, ServiceUnavailable
from msnpauth.service.settings import Argon2
from msnpauth.service.stores.sql import hashing
from msnpauth.service.stores.sql.hashing import Hasher

COST = Argon2(memory=64, passes=1)


@pytest.fixture
def hasher() -> Iterator[Hasher]:
    with closing(Hasher(COST, 1)) as made:
        yield made


@pytest.mark.parametrize("password", ["secret", "päss", "\udc80", "x" * 1_000, "with\0zero", " "])
@pytest.mark.parametrize("is_known", [True, False])
def test_the_right_password(hasher: Hasher, password: str, is_known: bool) -> None:
    hashed = hasher.make(Secret(password))
    assert asyncio.run(hasher.verify(hashed, Secret(password), is_known=is_known)) is True
    wrong = Secret(password + "x")
    assert asyncio.run(hasher.verify(hashed, wrong, is_known=is_known)) is False
    assert not hasher.is_right(hashed, Secret(""))


def test_a_hash_is_argon2id_with_a_salt_of_its_own(hasher: Hasher) -> None:
    first, second = hasher.make(Secret("secret")), hasher.make(Secret("secret"))
    assert first != second
    assert "secret" not in first
    about = argon2.extract_parameters(first)
    assert about.type is argon2.Type.ID
    assert (about.memory_cost, about.time_cost, about.parallelism) == (64, 1, 1)


def test_the_default_cost_is_the_one_of_owasp() -> None:
    assert (Argon2().memory, Argon2().passes, Argon2().lanes) == (19 * 1024, 2, 1)


def test_a_hash_of_another_cost_is_old_and_right(hasher: Hasher) -> None:
    for cost in (Argon2(72, 1), Argon2(64, 2), Argon2(64, 1, 2)):
        with closing(Hasher(cost, 1)) as other:
            hashed = other.make(Secret("secret"))
            assert not other.is_old(hashed)
            assert hasher.is_old(hashed)
            assert hasher.is_right(hashed, Secret("secret"))
    assert not hasher.is_old(hasher.make(Secret("secret")))


def test_a_hash_made_in_a_thread(hasher: Hasher) -> None:
    hashed = asyncio.run(hasher.renewed(Secret("secret")))
    assert hasher.is_right(hashed, Secret("secret"))


@pytest.mark.parametrize("hashed", ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c2Fs$aA"])
def test_what_is_no_hash_lets_nobody_in(hasher: Hasher, hashed: str) -> None:
    assert not hasher.is_right(hashed, Secret("secret"))
    assert not hasher.is_right(hashed, Secret(""))


FOREIGN = "md5$salt$Z6Hgm7H4P1AH3BGcFNZjqg=="  # of the password `password`


@pytest.mark.parametrize(
    ("hashed", "password", "is_checked_again"),
    [
        (FOREIGN, "wrong", True),
        (FOREIGN, "password", False),
        ("$argon2id$v=19$m=72,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "wrong", True),
        ("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2g", "wrong", True),
        ("", "wrong", True),
    ],
)
def test_no_refusal_is_quicker_than_that_of_an_unknown_account(
    hasher: Hasher,
    monkeypatch: pytest.MonkeyPatch,
    hashed: str,
    password: str,
    is_checked_again: bool,
) -> None:
    checked: list[str] = []
    verify = argon2.PasswordHasher.verify

    def noted(self: argon2.PasswordHasher, hashed: str, data: bytes) -> bool:
        checked.append(hashed)
        return verify(self, hashed, data)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", noted)
    hasher.is_right(hashed, Secret(password))
    assert (hasher.nobody in checked) is is_checked_again


def test_a_refusal_is_checked_once_where_the_hash_costs_what_others_do(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed, checked = hasher.make(Secret("secret")), []
    verify = argon2.PasswordHasher.verify

    def noted(self: argon2.PasswordHasher, hashed: str, data: bytes) -> bool:
        checked.append(hashed)
        return verify(self, hashed, data)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", noted)
    for password in ("secret", "wrong"):
        hasher.is_right(hashed, Secret(password))
    assert checked == [hashed, hashed]


@pytest.mark.parametrize("cost", ["m=1048577,t=1,p=1", "m=1048576,t=40,p=1", "m=64,t=1,p=17"])
def test_a_hash_that_costs_too_much_is_not_checked(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch, cost: str
) -> None:
    """By a guess at its account a stranger could hold every thread, or all of the memory."""
    checked: list[str] = []
    monkeypatch.setattr(
        argon2.PasswordHasher, "verify", lambda _self, hashed, _data: checked.append(hashed)
    )
    hashed = f"$argon2id$v=19${cost}$c2FsdHNhbHQ$aGFzaGhhc2g"
    assert not hasher.is_right(hashed, Secret("secret"))
    assert checked == [hasher.nobody]


def test_the_hash_of_nobody_costs_as_much_as_others(hasher: Hasher) -> None:
    assert not hasher.is_old(hasher.nobody)
    assert not hasher.is_right(hasher.nobody, Secret(""))
    with closing(Hasher(COST, 1)) as other:
        assert other.nobody != hasher.nobody


@pytest.mark.parametrize(
    "cost",
    [
        Argon2(memory=1),
        Argon2(passes=0),
        Argon2(lanes=0),
        Argon2(memory=2**40),
        Argon2(memory=1024 * 1024 + 1),
        Argon2(memory=1024 * 1024, passes=5),
        Argon2(lanes=17),
    ],
)
def test_a_cost_that_cannot_be(cost: Argon2) -> None:
    with pytest.raises(LocalProtocolError, match="argon2 does not take") as caught:
        Hasher(cost)
    assert "KiB" in caught.value.hint


def test_each_check_is_told_of() -> None:
    seconds: list[float] = []
    with closing(Hasher(COST, 1, timed=seconds.append)) as hasher:
        hashed = hasher.make(Secret("secret"))
        for password in ("secret", "wrong"):
            asyncio.run(hasher.verify(hashed, Secret(password), is_known=False))
    assert len(seconds) == 2
    assert min(seconds) > 0


def test_strangers_do_not_stand_in_the_way_of_those_who_are_known(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "_MOST_WAITING", 3)
    go_on = threading.Event()
    right = hasher.make(Secret("right"))

    def slow(hashed: str, password: Secret) -> bool:
        if hashed == "slow":
            go_on.wait()
            return False
        return Hasher.is_right(hasher, hashed, password)

    monkeypatch.setattr(hasher, "is_right", slow)

    async def flood() -> None:
        guesses = [
            asyncio.ensure_future(hasher.verify("slow", Secret("guess"), is_known=False))
            for _ in range(3)
        ]
        try:
            while hasher.waiting < 3:
                await asyncio.sleep(0)
            with pytest.raises(ServiceUnavailable, match="too many passwords wait") as caught:
                await hasher.verify("slow", Secret("guess"), is_known=False)
            assert caught.value.code == 600
            assert caught.value.retry_after
            assert_no_secret(caught.value, "guess")
            assert await hasher.verify(right, Secret("right"), is_known=True)
        finally:
            go_on.set()
        assert await asyncio.gather(*guesses) == [False, False, False]
        assert hasher.waiting == 0
        assert await hasher.verify(right, Secret("right"), is_known=False)

    asyncio.run(flood())


def test_it_tells_whether_it_was_busy_since_it_was_asked_last(hasher: Hasher) -> None:
    assert not hasher.was_busy()
    asyncio.run(hasher.verify(hasher.nobody, Secret("x"), is_known=False))
    assert hasher.was_busy()
    assert not hasher.was_busy()
    hashed = hasher.make(Secret("x"))
    asyncio.run(hasher.verify(hashed, Secret("x"), is_known=True))
    assert hasher.was_busy()
    assert not hasher.was_busy()

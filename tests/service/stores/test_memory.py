from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from msnpauth import LocalProtocolError, Secret
from msnpauth.service import Account, Accounts
from msnpauth.service.stores.memory import MemoryState, at_once
from msnpauth.service.stores.protocol import Place, Seat


def test_of_passwords() -> None:
    accounts = Accounts.of({"Alice@example.com": "secret"})
    found = at_once(accounts.find("alice@EXAMPLE.com"))
    assert found is not None
    assert found.passport == "Alice@example.com"
    assert "secret" not in repr(accounts)
    assert at_once(accounts.find("bob@example.com")) is None


def test_of_accounts() -> None:
    account = Account("a@b", Secret("x"), refusal=923)
    assert at_once(Accounts.of([account]).find("a@b")) is account


def test_check() -> None:
    accounts = Accounts.of({"a@b": "päss"})
    assert at_once(accounts.check("A@B", "päss")) is at_once(accounts.find("a@b"))
    for passport, password in (
        ("a@b", "pass"),
        ("a@b", ""),
        ("x@y", "päss"),
        ("x@y", ""),
        ("a@b", "\udc80"),
    ):
        assert at_once(accounts.check(passport, password)) is None


@pytest.mark.parametrize("accounts", [{"alice": "x"}, {"a@b": ""}])
def test_what_is_no_account(accounts: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError):
        Accounts.of(accounts)


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALICE, ELSEWHERE = Place("alice@example.com"), Place("alice@example.com", "{GUID}")


def test_a_token_is_used_up_once() -> None:
    clock = [NOW]
    state = MemoryState(now=lambda: clock[0])
    ends = NOW + timedelta(seconds=90)
    assert at_once(state.use_up("a", ends))
    assert at_once(state.use_up("b", NOW + timedelta(days=1)))
    for seconds in (0, 60, 89, 90):
        clock[0] = NOW + timedelta(seconds=seconds)
        assert not at_once(state.use_up("a", ends))
        assert not at_once(state.use_up("b", ends))
    # It has ended, and nobody could use it: it is remembered no longer.
    clock[0] = NOW + timedelta(seconds=180)
    assert at_once(state.use_up("a", ends))
    assert not at_once(state.use_up("b", ends))


def test_who_holds_a_place() -> None:
    state = MemoryState()
    first, second, other = Seat("one", 1), Seat("two", 1), Seat("one", 2)
    assert at_once(state.enter(ALICE, first)) is None
    assert at_once(state.enter(ELSEWHERE, other)) is None
    assert at_once(state.enter(ALICE, second)) == first
    assert at_once(state.seats("alice@example.com")) == [second, other]
    at_once(state.leave(ALICE, first))  # which holds it no longer
    assert at_once(state.seats("alice@example.com")) == [second, other]
    at_once(state.leave(ALICE, second))
    at_once(state.leave(ELSEWHERE, other))
    at_once(state.leave(ELSEWHERE, other))
    assert at_once(state.seats("alice@example.com")) == []


def test_words_for_another_process() -> None:
    state = MemoryState()
    heard: list[str] = []
    at_once(state.tell("one", "nobody listens yet"))
    at_once(state.listen("one", heard.append))
    at_once(state.tell("one", "7 OTH"))
    at_once(state.tell("two", "8 OTH"))
    assert heard == ["7 OTH"]


def test_what_waits_needs_a_loop() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="without an event loop"):
        at_once(waits())


def test_an_account_shows_no_password_whatever_it_was_given() -> None:
    account = Account("a@b", "hunter2")
    assert "hunter2" not in repr(account)
    assert account.password == Secret("hunter2")


@pytest.mark.parametrize("password", [chr(0xD800) + "x", chr(0xDCE9) + "x"])
def test_a_password_that_is_no_utf_8(password: str) -> None:
    accounts = Accounts.of([Account("a@b", "another")])
    assert at_once(accounts.check("a@b", password)) is None
    with pytest.raises(LocalProtocolError, match="cannot be written as UTF-8") as caught:
        Account("a@b", Secret(password))
    assert password not in str(caught.value)

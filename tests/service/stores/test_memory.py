from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from msnpauth import LocalProtocolError, Secret
from msnpauth.core.tickets.proof import md5_answer
from msnpauth.core.wire.dialects import Scheme
from msnpauth.service import Account, Accounts
from msnpauth.service.stores.memory import MemoryState, at_once
from msnpauth.service.stores.protocol import MOST_PLACES, Place, Presence, Principal, Proof, Seat


def test_of_passwords() -> None:
    accounts = Accounts.of({"Alice@example.com": "secret"})
    found = at_once(accounts.find("alice@EXAMPLE.com"))
    assert found is not None
    assert found.passport == "Alice@example.com"
    assert "secret" not in repr(accounts)
    assert at_once(accounts.find("bob@example.com")) is None


def test_of_accounts() -> None:
    account = Account("a@b", Secret("x"), "Al", verified=False, restricted=True, refusal=923)
    found = at_once(Accounts.of([account]).find("a@b"))
    assert found == account.principal
    assert found == Principal("a@b", "Al", verified=False, restricted=True, refusal=923)


def checked(
    accounts: Accounts, passport: str, password: str, scheme: Scheme = Scheme.TWN
) -> Proof | None:
    return at_once(accounts.check(passport, Secret(password), scheme))


def stamp_of(accounts: Accounts, passport: str, password: str) -> str:
    found = checked(accounts, passport, password)
    assert found is not None
    return found.stamp


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("is_known", [False, True])
def test_check(scheme: Scheme, is_known: bool) -> None:
    accounts = Accounts.of({"a@b": "päss"})
    found = at_once(accounts.check("A@B", Secret("päss"), scheme, is_known=is_known))
    assert found is not None
    assert found.principal == at_once(accounts.find("a@b"))
    assert found.method == "password"
    assert found.stamp
    assert "päss" not in repr(found)
    for passport, password in (
        ("a@b", "pass"),
        ("a@b", ""),
        ("x@y", "päss"),
        ("x@y", ""),
        ("a@b", "\udc80"),
    ):
        wrong = accounts.check(passport, Secret(password), scheme, is_known=is_known)
        assert at_once(wrong) is None


def answered(accounts: Accounts, passport: str, password: str) -> Proof | None:
    """Answer a challenge of MD5 by a password."""
    answer = md5_answer("1013928519.693957190", Secret(password))
    return at_once(accounts.check_md5(passport, "1013928519.693957190", answer))


def test_check_md5() -> None:
    accounts = Accounts.of([Account("a@b", "päss", allow_md5=True), Account("c@d", "päss")])
    found = answered(accounts, "A@B", "päss")
    assert found is not None
    assert found.principal == at_once(accounts.find("a@b"))
    assert found.stamp == stamp_of(accounts, "a@b", "päss")
    # What is compared for those who may not is the answer of an empty password: it lets nobody in.
    for passport in ("a@b", "c@d", "x@y"):
        assert answered(accounts, passport, "pass") is None
        assert answered(accounts, passport, "") is None
    assert answered(accounts, "c@d", "päss") is None
    assert answered(accounts, "x@y", "päss") is None
    right = md5_answer("1", Secret("päss"))
    assert at_once(accounts.check_md5("a@b", "1", right)) == found
    assert at_once(accounts.check_md5("a@b", "2", right)) is None
    assert at_once(accounts.check_md5("a@b", "1", "")) is None
    assert at_once(accounts.check_md5("a@b", "1", "\udc80ä")) is None


def test_a_stamp_lives_as_long_as_its_password() -> None:
    accounts = Accounts.of({"a@b": "old", "c@d": "old"})
    stamp = stamp_of(accounts, "a@b", "old")
    assert "old" not in stamp
    assert at_once(accounts.is_live("A@B", stamp))
    accounts.add(Account("A@B", "old", display_name="Al"))
    assert at_once(accounts.is_live("a@b", stamp))
    assert stamp_of(accounts, "a@b", "old") == stamp
    accounts.add(Account("a@b", "new"))
    assert not at_once(accounts.is_live("a@b", stamp))
    assert at_once(accounts.is_live("a@b", stamp_of(accounts, "a@b", "new")))
    # The old password once more is a new one: nobody brings an old ticket to life.
    accounts.add(Account("a@b", "old"))
    assert not at_once(accounts.is_live("a@b", stamp))


def test_a_stamp_is_of_its_account() -> None:
    accounts = Accounts.of({"a@b": "same", "c@d": "same"})
    stamp = stamp_of(accounts, "a@b", "same")
    assert not at_once(accounts.is_live("c@d", stamp))
    assert not at_once(accounts.is_live("x@y", stamp))
    assert not at_once(accounts.is_live("a@b", "x"))


def test_no_stamp_lives_while_the_account_exists() -> None:
    accounts = Accounts.of({"a@b": "old"})
    assert at_once(accounts.is_live("A@B", ""))
    accounts.add(Account("a@b", "new"))
    assert at_once(accounts.is_live("a@b", ""))
    assert not at_once(accounts.is_live("x@y", ""))


def test_where_an_account_has_signed_in() -> None:
    accounts = Accounts.of({"a@b": "x", "c@d": "x"})
    found = checked(accounts, "a@b", "x")
    assert found is not None
    assert not at_once(accounts.knows("a@b", "192.0.2.1")), "a password alone is no sign-in"
    at_once(accounts.signed_in(found, "192.0.2.1", Scheme.TWN))
    at_once(accounts.signed_in(found, "192.0.2.1", Scheme.SSO))
    at_once(accounts.signed_in(found, "192.0.2.2", Scheme.MD5))
    assert at_once(accounts.knows("A@B", "192.0.2.1"))
    assert at_once(accounts.knows("a@b", "192.0.2.2"))
    assert not at_once(accounts.knows("a@b", "192.0.2.3"))
    assert not at_once(accounts.knows("c@d", "192.0.2.1"))
    assert not at_once(accounts.knows("x@y", "192.0.2.1"))


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
    assert at_once(state.use_up("a", ends, made=NOW))
    assert at_once(state.use_up("b", NOW + timedelta(days=1), made=NOW))
    for seconds in (0, 60, 89, 90):
        clock[0] = NOW + timedelta(seconds=seconds)
        assert not at_once(state.use_up("a", ends, made=NOW))
        assert not at_once(state.use_up("b", ends, made=NOW))
    # It has ended, and nobody could use it: it is remembered no longer.
    clock[0] = NOW + timedelta(seconds=180)
    assert at_once(state.use_up("a", ends, made=NOW))
    assert not at_once(state.use_up("b", ends, made=NOW))


def test_who_holds_a_place() -> None:
    state = MemoryState()
    first, second, other = Seat("one", 1), Seat("two", 1), Seat("one", 2)
    assert at_once(state.enter(ALICE, first)) == []
    assert at_once(state.enter(ELSEWHERE, other)) == []
    assert at_once(state.enter(ALICE, second)) == [first]
    assert at_once(state.seats("alice@example.com")) == [other, second]
    at_once(state.leave(ALICE, first))  # which holds it no longer
    assert at_once(state.seats("alice@example.com")) == [other, second]
    at_once(state.leave(ALICE, second))
    at_once(state.leave(ELSEWHERE, other))
    at_once(state.leave(ELSEWHERE, other))
    assert at_once(state.seats("alice@example.com")) == []


def test_an_account_has_so_many_places_and_no_more() -> None:
    state = MemoryState()
    places = [Place("a@b", f"guid {number}") for number in range(MOST_PLACES + 2)]
    going = [
        at_once(state.enter(place, Seat("one", number))) for number, place in enumerate(places)
    ]
    assert going == [[]] * MOST_PLACES + [[Seat("one", 0)], [Seat("one", 1)]]
    # Who comes back to a place is the newest there, and not the next to go.
    assert at_once(state.enter(places[2], Seat("two", 1))) == [Seat("one", 2)]
    assert at_once(state.enter(places[0], Seat("two", 2))) == [Seat("one", 3)]
    assert len(at_once(state.seats("a@b"))) == MOST_PLACES


class NodeListener:
    """A process that hears."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def heard(self, word: str) -> None:
        self.words.append(word)

    def displaced(self, connection: int) -> None:
        raise AssertionError("a store in memory forgets nothing")

    async def put_out_seats(self, seats: Sequence[Seat]) -> None:
        raise AssertionError(seats)

    async def changed(self, passport: str, presence: Presence | None) -> None:
        raise AssertionError("its processes do not die")


def test_words_for_another_process() -> None:
    state, listener = MemoryState(), NodeListener()
    at_once(state.tell({"one": ["nobody listens yet"]}))
    at_once(state.listen("one", listener))
    at_once(state.tell({"one": ["7 OTH", "8 OTH"], "two": ["9 OTH"]}))
    assert listener.words == ["7 OTH", "8 OTH"]
    at_once(state.close())


def test_how_an_account_is_seen() -> None:
    state = MemoryState()
    home, work = Seat("one", 1), Seat("two", 1)
    busy, away = Presence("BSY", "A"), Presence("AWY", "A")
    assert at_once(state.show(home, "a@b", busy)) == (None, busy)
    assert at_once(state.show(work, "a@b", away)) == (busy, away), "the last word counts"
    assert at_once(state.shown("a@b", "nobody")) == {"a@b": away}
    assert at_once(state.show(work, "a@b", None)) == (away, busy)
    assert at_once(state.show(home, "a@b", None)) == (busy, None)
    assert at_once(state.shown("a@b")) == {}


def test_the_connections_of_several_accounts() -> None:
    state = MemoryState()
    at_once(state.enter(ALICE, Seat("one", 1)))
    at_once(state.enter(Place("bob@example.com"), Seat("two", 1)))
    found = at_once(state.seats("bob@example.com", "nobody", "alice@example.com"))
    assert found == [Seat("two", 1), Seat("one", 1)]
    assert at_once(state.seats()) == []


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
    assert checked(accounts, "a@b", password) is None
    with pytest.raises(LocalProtocolError, match="cannot be written as UTF-8") as caught:
        Account("a@b", Secret(password))
    assert password not in str(caught.value)

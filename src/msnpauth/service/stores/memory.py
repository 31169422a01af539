"""The stores in memory, whose content lasts as long as the process."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ...core.people.contact import ListName
from ...core.secrets import Secret
from ...core.tickets.proof import md5_answer
from ...core.tickets.ticket import utc_now
from .listing import new_group, put_on
from .protocol import (
    MOST_PLACES,
    Account,
    LeftMessage,
    Lists,
    NodeListener,
    Place,
    Presence,
    Principal,
    Proof,
    Purpose,
    Seat,
    Shown,
    Stores,
)

__all__ = ["Accounts", "MemoryLeft", "MemoryLists", "MemoryState", "at_once", "in_memory"]

_T = TypeVar("_T")

_GENERATION = timedelta(seconds=60)


def at_once(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that never waits, without an event loop, and return its result.

    A role over stores in memory is such a coroutine.

    Raises:
        RuntimeError: the coroutine waits, which means that one of its stores is not in memory.
    """
    try:
        work.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    work.close()
    raise RuntimeError("a store that waits cannot be asked without an event loop")


@dataclass
class Accounts:
    """An `AccountStore` in memory. Accounts may be added while the service runs."""

    _by_passport: dict[str, Account] = field(default_factory=dict)
    _stamps: dict[str, str] = field(default_factory=dict)
    _places: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, accounts: Mapping[str, str] | Iterable[Account]) -> Accounts:
        """Build a store from a mapping of passports to passwords, or from `Account`s.

        Raises:
            LocalProtocolError: a passport or a password is not valid.
        """
        made = cls()
        if isinstance(accounts, Mapping):
            accounts = [Account(passport, password) for passport, password in accounts.items()]
        for account in accounts:
            made.add(account)
        return made

    def add(self, account: Account) -> None:
        """Add an account, or replace the account that has the same passport."""
        key = account.passport.casefold()
        before = self._by_passport.get(key)
        if before is None or before.secret != account.secret:
            self._stamps[key] = secrets.token_hex(4)
        self._by_passport[key] = account

    def all(self) -> list[Account]:
        """Return every account."""
        return list(self._by_passport.values())

    def get(self, passport: str) -> Account | None:
        """Return the account of that passport, in any letter case, or None."""
        return self._by_passport.get(passport.casefold())

    async def find(self, passport: str) -> Principal | None:
        """As `AccountStore.find`."""
        account = self.get(passport)
        return None if account is None else account.principal

    async def check(
        self, passport: str, password: Secret, scheme: Purpose, *, is_known: bool = False
    ) -> Proof | None:
        """As `AccountStore.check`."""
        account = self.get(passport)
        expected = account.secret if account else Secret("")
        right = expected == password  # in constant time
        return self._proof(account) if right and account else None

    async def check_md5(self, passport: str, salt: str, answer: str) -> Proof | None:
        """As `AccountStore.check_md5`."""
        account = self.get(passport)
        known = account.secret if account and account.allow_md5 else Secret("")
        right = hmac.compare_digest(
            md5_answer(salt, known).encode(), answer.encode("utf-8", "replace")
        )
        return self._proof(account) if right and account and known else None

    async def is_live(self, passport: str, stamp: str) -> bool:
        """As `AccountStore.is_live`."""
        present = self._stamps.get(passport.casefold())
        return present is not None and stamp in ("", present)

    async def rename(self, passport: str, name: str) -> None:
        """As `AccountStore.rename`."""
        account = self.get(passport)
        if account is not None:
            self._by_passport[passport.casefold()] = replace(account, display_name=name)

    async def knows(self, passport: str, network: str) -> bool:
        """As `AccountStore.knows`."""
        return network in self._places.get(passport.casefold(), ())

    async def signed_in(self, proof: Proof, network: str, scheme: Purpose) -> None:
        """As `AccountStore.signed_in`."""
        self._places.setdefault(proof.principal.passport.casefold(), set()).add(network)

    def _proof(self, account: Account) -> Proof:
        return Proof(account.principal, self._stamps[account.passport.casefold()])


class MemoryLists:
    """A `ListStore` in memory. It begins with the contacts of each `Account`.

    Args:
        accounts: the accounts whose lists the store keeps.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._lists: dict[str, Lists] = {}
        for account in accounts.all():
            self._begun(account.passport)

    async def lists(self, passport: str) -> Lists:
        """As `ListStore.lists`."""
        return self._begun(passport)

    async def change(self, passport: str, change: Callable[[Lists], _T]) -> _T:
        """As `ListStore.change`."""
        return change(self._begun(passport))

    def _begun(self, passport: str) -> Lists:
        """Return an account's lists. New lists begin with the contacts of the `Account`."""
        key = passport.casefold()
        found = self._lists.get(key)
        if found is not None:
            return found
        lists = self._lists[key] = Lists()
        account = self._accounts.get(key)
        if account is None:
            return lists
        by_group = account.contacts if isinstance(account.contacts, Mapping) else {}
        for group, contacts in by_group.items():
            group_id = new_group(lists, group)
            for contact in contacts:
                entry = put_on(lists, contact, ListName.FORWARD)
                entry.group_ids = (*entry.group_ids, group_id)
        people = [contact for contacts in by_group.values() for contact in contacts]
        for contact in people or account.contacts:
            for list_name in (ListName.FORWARD, ListName.ALLOW):
                put_on(lists, contact, list_name)
            put_on(self._begun(contact), account.passport, ListName.REVERSE)
        lists.serial = 1
        return lists


class MemoryLeft:
    """A `LeftStore` in memory.

    Args:
        limit: the largest number of messages that an account may have.
    """

    def __init__(self, limit: int = 200) -> None:
        self._limit = limit
        self._left: dict[str, dict[str, LeftMessage]] = {}

    async def leave(self, passport: str, message: LeftMessage) -> bool:
        """As `LeftStore.leave`."""
        kept = self._left.setdefault(passport.casefold(), {})
        if len(kept) >= self._limit:
            return False
        kept[message.id] = message
        return True

    async def left(self, passport: str) -> list[LeftMessage]:
        """As `LeftStore.left`."""
        return list(self._left.get(passport.casefold(), {}).values())

    async def remove(self, passport: str, ids: Iterable[str]) -> None:
        """As `LeftStore.remove`."""
        kept = self._left.get(passport.casefold(), {})
        for name in ids:
            kept.pop(name, None)


class MemoryState:
    """A `SharedState` for one process, or for several services in one process.

    Args:
        now: returns the present time, in UTC.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        # Used tickets are grouped by the minute in which they end, so that all tickets of a minute
        # are forgotten at once. Looking at each of ten thousand used tickets at every sign-in would
        # cost more than the sign-in itself.
        self._used: dict[int, set[str]] = {}
        self._seats: dict[str, dict[Place, Seat]] = {}
        self._shown: dict[str, dict[Seat, Presence]] = {}
        self._listening: dict[str, NodeListener] = {}

    async def use_up(self, token: str, until: datetime, *, made: datetime) -> bool:
        """As `SharedState.use_up`."""
        present = _minute(self._now())
        for minute in [minute for minute in self._used if minute < present]:
            del self._used[minute]
        if any(token in used for used in self._used.values()):
            return False
        self._used.setdefault(_minute(until), set()).add(token)
        return True

    async def enter(self, place: Place, seat: Seat) -> list[Seat]:
        """As `SharedState.enter`."""
        places = self._seats.setdefault(place.passport, {})
        going = [places.pop(place)] if place in places else []
        places[place] = seat  # the newest place is the last one
        while len(places) > MOST_PLACES:
            going.append(places.pop(next(iter(places))))
        return going

    async def leave(self, place: Place, seat: Seat) -> None:
        """As `SharedState.leave`."""
        places = self._seats.get(place.passport, {})
        if places.get(place) == seat:
            del places[place]
        if not places:
            self._seats.pop(place.passport, None)

    async def seats(self, *passports: str) -> list[Seat]:
        """As `SharedState.seats`."""
        return [seat for one in passports for seat in self._seats.get(one, {}).values()]

    async def show(self, seat: Seat, passport: str, presence: Presence | None) -> Shown:
        """As `SharedState.show`."""
        before = self._seen(passport)
        shown = self._shown.setdefault(passport, {})
        shown.pop(seat, None)
        if presence is not None:
            shown[seat] = presence  # the newest presence is the last one
        if not shown:
            del self._shown[passport]
        return before, self._seen(passport)

    async def shown(self, *passports: str) -> dict[str, Presence]:
        """As `SharedState.shown`."""
        found = {one: self._seen(one) for one in passports}
        return {one: presence for one, presence in found.items() if presence is not None}

    def _seen(self, passport: str) -> Presence | None:
        return next(reversed(self._shown.get(passport, {}).values()), None)

    async def tell(self, words: Mapping[str, Sequence[str]]) -> None:
        """As `SharedState.tell`."""
        for node, said in words.items():
            listener = self._listening.get(node)
            if listener is not None:
                for word in said:
                    listener.heard(word)

    async def listen(self, node: str, listener: NodeListener) -> None:
        """As `SharedState.listen`."""
        self._listening[node] = listener

    async def close(self) -> None:
        """As `SharedState.close`."""


def _minute(time: datetime) -> int:
    return int(time.timestamp() // _GENERATION.total_seconds())


def in_memory(accounts: Accounts, *, now: Callable[[], datetime] = utc_now) -> Stores:
    """Return stores whose content lasts as long as the process.

    Args:
        accounts: the accounts that may sign in.
        now: returns the present time, in UTC.
    """
    return Stores(accounts, MemoryLists(accounts), MemoryLeft(), MemoryState(now=now))

"""Changes of the contact lists, and presence between accounts.

A change of a list concerns two accounts. If A puts B on the forward list, then A is put on B's
reverse list, and B is notified. If A blocks B, then B sees A go offline.
"""

from __future__ import annotations

from ...core.people.contact import Entry, ListName
from ..stores.listing import MOST_GROUPS, new_group, put_on, shortened, take_off
from ..stores.protocol import Lists, Presence, Principal, Seat
from .news import Listed, Seen
from .office import Office

__all__ = ["INVISIBLE", "People"]

INVISIBLE = "HDN"
"""The status of an account that is online, but that everybody else sees as offline."""

_MAX_CONTACTS = 1000  # the latest limit; earlier 150 and 600 (hypothetic.org; MSNPiki)


class People:
    """Changes lists and presences, for the MSNP commands and for the calls of the contacts host."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def lists(self, passport: str) -> Lists:
        """Return an account's lists, which the caller must not change."""
        return await self._office.lists.lists(passport)

    # --- lists -----------------------------------------------------------------------------------

    async def put(
        self, account: Principal, passport: str, list_name: ListName, name: str = ""
    ) -> int | None:
        """Put a person on a list of the account; return None, or the error code if refused."""
        other = await self._office.accounts.find(passport)
        spelt = passport if other is None else other.passport
        if not await self._may_put(account, spelt, list_name):
            return 201
        shown_name = shortened(name or (other.display_name if other else ""))

        def put(mine: Lists) -> int | None:
            # The check belongs to the change, because another session of the account may change
            # the lists at the same time.
            code = _why_not(mine, passport, list_name, exists=other is not None)
            if code is None:
                put_on(mine, spelt, list_name, shown_name)
            return code

        refused = await self._office.lists.change(account.passport, put)
        if refused is not None:
            return refused
        if list_name is ListName.FORWARD:
            await self._reverse(account, spelt, is_on=True)
        if list_name is ListName.BLOCK:
            await self._office.tell_all([spelt], Seen(account.passport, None))
        if list_name is ListName.ALLOW:
            await self._show_to(account, spelt)
        return None

    async def _may_put(self, account: Principal, passport: str, list_name: ListName) -> bool:
        """Return whether a client may put a person on a list at all.

        The people on the reverse list receive the presence of the account. So a person belongs on
        it only if that person has the account on the forward list, and the pending list follows
        from the reverse list. A client of MSNP11 and later moves a person from one to the other.
        """
        if list_name is ListName.REVERSE:
            entry = (await self.lists(passport)).book.find(account.passport)
            return entry is not None and entry.is_on(ListName.FORWARD)
        return list_name is not ListName.PENDING

    async def add_group(self, account: Principal, name: str) -> str | int:
        """Make a group; return its id, or the error code if refused."""

        def add(mine: Lists) -> str | int:
            if name in mine.book.groups.values():
                return 228
            return 223 if len(mine.book.groups) >= MOST_GROUPS else new_group(mine, name)

        return await self._office.lists.change(account.passport, add)

    async def take_off(self, account: Principal, passport: str, list_name: ListName) -> int | None:
        """Take a person off a list of the account; return None, or the error code if refused."""
        was_on = await self._office.lists.change(
            account.passport, lambda mine: take_off(mine, passport, list_name)
        )
        if not was_on:
            return 216
        if list_name is ListName.FORWARD:
            await self._reverse(account, passport, is_on=False)
        if list_name is ListName.BLOCK:
            await self._show_to(account, passport)
        return None

    async def _reverse(self, account: Principal, passport: str, *, is_on: bool) -> None:
        """Change the reverse list of the other account to match, and notify the other account."""
        mine, name = account.passport, account.display_name or account.passport

        def change(theirs: Lists) -> bool:
            entry = theirs.book.find(mine)
            # The other account has answered if it has put this one on its allow or block list.
            answered = entry is not None and bool(entry.bits & 6)
            if not is_on:
                take_off(theirs, mine, ListName.REVERSE)
                take_off(theirs, mine, ListName.PENDING)
            elif answered:
                put_on(theirs, mine, ListName.REVERSE, name)
            else:
                put_on(theirs, mine, ListName.PENDING, name)
                put_on(theirs, mine, ListName.REVERSE, name)
            return answered

        await self._office.lists.change(passport, change)
        await self._office.tell_all([passport], Listed(mine, name, is_on))

    # --- presence --------------------------------------------------------------------------------

    async def show(self, account: Principal, seat: Seat, presence: Presence | None) -> None:
        """Record the presence of an account, and report a change to everybody who may see it."""
        shown = await self._office.state.show(seat, account.passport.casefold(), presence)
        before, after = map(_as_seen, shown)
        if before != after:
            await self.announce(account.passport, after)

    async def announce(self, passport: str, presence: Presence | None) -> None:
        """Report the presence of an account to everybody who may see it."""
        lists = await self.lists(passport)
        viewers = [
            entry.passport
            for entry in lists.book.entries.values()
            if entry.is_on(ListName.REVERSE) and lists.shows_to(entry.passport)
        ]
        account = await self._office.accounts.find(passport)
        spelt = passport if account is None else account.passport
        await self._office.tell_all(viewers, Seen(spelt, _as_seen(presence)))

    async def seen_by(self, account: Principal) -> list[tuple[str, Presence]]:
        """Return the people on the forward list whom the account can see online, with presences."""
        lists = await self.lists(account.passport)
        wanted = [e for e in lists.book.entries.values() if e.is_on(ListName.FORWARD)]
        return await self._seen(account, wanted)

    async def seen_of(self, account: Principal, entry: Entry) -> Presence | None:
        """Return the presence of a person as the account sees it; None means offline."""
        wanted = [entry] if entry.is_on(ListName.FORWARD) else []
        return next((presence for _, presence in await self._seen(account, wanted)), None)

    async def _seen(self, account: Principal, entries: list[Entry]) -> list[tuple[str, Presence]]:
        keys = [entry.passport.casefold() for entry in entries]
        shown = await self._office.state.shown(*keys) if keys else {}
        found = []
        for entry, key in zip(entries, keys, strict=True):
            presence = _as_seen(shown.get(key))
            if presence is None:
                continue
            theirs = await self.lists(entry.passport)
            if theirs.shows_to(account.passport):
                found.append((entry.passport, presence))
        return found

    async def _shown(self, passport: str) -> Presence | None:
        key = passport.casefold()
        return _as_seen((await self._office.state.shown(key)).get(key))

    async def may_call(self, account: Principal, passport: str) -> int | None:
        """Return None if the account may call a person into a chat, or otherwise the error code."""
        if await self._shown(passport) is None:
            return 217
        theirs = await self.lists(passport)
        return None if theirs.shows_to(account.passport) else 216

    async def _show_to(self, account: Principal, passport: str) -> None:
        """Report the account's presence to a person who may see it from now on.

        This is only for a person who has the account on the forward list.
        """
        theirs = await self.lists(passport)
        entry = theirs.book.find(account.passport)
        presence = await self._shown(account.passport)
        if entry is not None and entry.is_on(ListName.FORWARD) and presence is not None:
            await self._office.tell_all([passport], Seen(account.passport, presence))


def _why_not(lists: Lists, passport: str, list_name: ListName, *, exists: bool) -> int | None:
    """Return the error code if a person cannot be put on a list; otherwise None."""
    known = lists.book.find(passport)
    if known is None:
        if not exists:
            return 205  # no such account
        return 210 if len(lists.book.entries) >= _MAX_CONTACTS else None
    if known.is_on(list_name):
        return 215
    opposite = _OPPOSITE.get(list_name)
    # Nobody may be on the allow list and the block list at once.
    return 219 if opposite is not None and known.is_on(opposite) else None


_OPPOSITE = {ListName.ALLOW: ListName.BLOCK, ListName.BLOCK: ListName.ALLOW}


def _as_seen(presence: Presence | None) -> Presence | None:
    return None if presence is None or presence.status == INVISIBLE else presence

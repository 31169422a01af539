"""Changes of the contact lists, and presence between accounts.

A change of a list concerns two accounts. If A puts B on the forward list, then A is put on B's
reverse list, and B is notified. If A blocks B, then B sees A go offline.
"""

from __future__ import annotations

from ...core.people.contact import Entry, ListName
from ..stores.listing import put_on, take_off
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
        lists, stores = await self.lists(account.passport), self._office.lists
        known = lists.book.find(passport)
        other = await self._office.accounts.find(passport)
        if other is None and known is None:
            return 205  # no such account
        if known is not None and known.is_on(list_name):
            return 215
        opposite = _OPPOSITE.get(list_name)
        if known is not None and opposite is not None and known.is_on(opposite):
            return 219  # nobody may be on the allow list and the block list at once
        if len(lists.book.entries) >= _MAX_CONTACTS:
            return 210
        spelt = passport if other is None else other.passport
        shown_name = name or (other.display_name if other else "")
        await stores.change(
            account.passport, lambda mine: put_on(mine, spelt, list_name, shown_name)
        )
        if list_name is ListName.FORWARD:
            await self._reverse(account, spelt, is_on=True)
        if list_name is ListName.BLOCK:
            await self._office.tell_all([spelt], Seen(account.passport, None))
        if list_name is ListName.ALLOW:
            await self._show_to(account, spelt)
        return None

    async def take_off(self, account: Principal, passport: str, list_name: ListName) -> int | None:
        """Take a person off a list of the account; return None, or the error code if refused."""
        lists = await self.lists(account.passport)
        known = lists.book.find(passport)
        if known is None or not known.is_on(list_name):
            return 216
        await self._office.lists.change(
            account.passport, lambda mine: take_off(mine, passport, list_name)
        )
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


_OPPOSITE = {ListName.ALLOW: ListName.BLOCK, ListName.BLOCK: ListName.ALLOW}


def _as_seen(presence: Presence | None) -> Presence | None:
    return None if presence is None or presence.status == INVISIBLE else presence

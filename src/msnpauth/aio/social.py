"""The methods of `Session` for presence, contacts and chats, on asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar, Unpack

from ..core.errors import SessionEnded

if TYPE_CHECKING:
    from ..core.client.engine import Engine
    from ..core.client.events import Event
    from ..core.client.society import Society
    from ..core.client.waiting import Outcome
    from ..core.people.contact import Contact
    from ..core.wire.messages import LooksOptions
    from ..core.wire.status import Status
    from .chat import Chat
    from .pump import Pump

__all__ = ["Social"]

T = TypeVar("T")


class Social:
    """The part of `Session` for presence, contacts and chats; see `msnpauth.Session`."""

    _engine: Engine
    _pump: Pump
    _timeout: float

    def _check_process(self) -> None:
        raise NotImplementedError

    # --- being there -----------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """The account's own status; offline before `go_online`."""
        from ..core.wire.status import Status

        if not self._engine.has_society:
            return Status.OFFLINE
        return self._engine.society.presence.status or Status.OFFLINE

    async def go_online(
        self,
        status: Status | str = "online",
        *,
        name: str | None = None,
        personal_message: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """As `msnpauth.Session.go_online`."""
        from ..core.wire.status import status_named  # imported only when it is used

        wanted = status_named(status)
        await self._do(
            lambda society: society.presence.go_online(wanted, name, personal_message),
            "presence",
            timeout,
        )

    async def set_status(self, status: Status | str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.set_status`."""
        await self.go_online(status, timeout=timeout)

    async def set_name(self, name: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.set_name`."""
        await self._do(lambda society: society.presence.set_name(name), "reply", timeout)

    async def set_personal_message(self, text: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.set_personal_message`."""
        await self._do(
            lambda society: society.presence.set_personal_message(text), "reply", timeout
        )

    # --- contacts --------------------------------------------------------------------------------

    async def contacts(self, *, timeout: float | None = None) -> list[Contact]:
        """As `msnpauth.Session.contacts`."""
        return await self._do(lambda society: society.presence.contacts(), "contact list", timeout)

    async def add_contact(
        self, passport: str, *, group: str | None = None, timeout: float | None = None
    ) -> None:
        """As `msnpauth.Session.add_contact`."""
        await self._do(lambda society: society.lists.add(passport, group), "reply", timeout)

    async def remove_contact(self, passport: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.remove_contact`."""
        await self._do(lambda society: society.lists.remove(passport), "reply", timeout)

    async def allow(self, passport: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.allow`."""
        await self._do(lambda society: society.lists.allow(passport), "reply", timeout)

    async def block(self, passport: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.block`."""
        await self._do(lambda society: society.lists.block(passport), "reply", timeout)

    async def add_group(self, name: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.add_group`."""
        await self._do(lambda society: society.lists.add_group(name), "reply", timeout)

    async def remove_group(self, name: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.remove_group`."""
        await self._do(lambda society: society.lists.remove_group(name), "reply", timeout)

    async def rename_group(self, name: str, new_name: str, *, timeout: float | None = None) -> None:
        """As `msnpauth.Session.rename_group`."""
        await self._do(lambda society: society.lists.rename_group(name, new_name), "reply", timeout)

    async def add_to_group(
        self, passport: str, group: str, *, timeout: float | None = None
    ) -> None:
        """As `msnpauth.Session.add_to_group`."""
        await self._do(
            lambda society: society.lists.put_into_group(passport, group), "reply", timeout
        )

    async def remove_from_group(
        self, passport: str, group: str, *, timeout: float | None = None
    ) -> None:
        """As `msnpauth.Session.remove_from_group`."""
        await self._do(
            lambda society: society.lists.take_out_of_group(passport, group), "reply", timeout
        )

    # --- talking ---------------------------------------------------------------------------------

    async def send_message(
        self,
        to: str | Iterable[str],
        text: str,
        *,
        timeout: float | None = None,
        **looks: Unpack[LooksOptions],
    ) -> None:
        """As `msnpauth.Session.send_message`."""
        from ..core.wire.messages import Looks

        people = [to] if isinstance(to, str) else list(to)
        shown, patience = Looks(**looks), self._patience(timeout)
        await self._do(
            lambda society: society.chats.send_message(people, text, shown, patience),
            "receipt",
            timeout,
        )

    async def open_chat(self, *passports: str, timeout: float | None = None) -> Chat:
        """As `msnpauth.Session.open_chat`."""
        patience = self._patience(timeout)
        board = await self._do(
            lambda society: society.chats.open(passports, patience), "sign of them", timeout
        )
        chat: Chat = board.face
        return chat

    # --- what happens ----------------------------------------------------------------------------

    async def next_event(self, timeout: float | None = None) -> Event[Chat]:
        """As `msnpauth.Session.next_event`."""
        self._check_process()
        taken: list[Event[Chat]] = []

        def take() -> bool:
            if (event := self._engine.take_event()) is not None:
                taken.append(event)
            if self._engine.has_actions:
                self._pump.look()
            return bool(taken)

        if not await self._pump.wait(take, timeout):
            raise self._engine.too_late("event", timeout or 0.0)
        return taken[0]

    async def events(self) -> AsyncIterator[Event[Chat]]:
        """As `msnpauth.Session.events`."""
        while True:
            try:
                event = await self.next_event()
            except SessionEnded:
                return
            yield event

    # --- inside ----------------------------------------------------------------------------------

    def _patience(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else timeout

    async def _do(
        self, begin: Callable[[Society], Outcome[T]], what: str, timeout: float | None
    ) -> T:
        self._check_process()
        return await self._pump.carry_out(begin, self._patience(timeout), what)

"""The methods of `Session` for presence, contacts and chats, on blocking sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
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
    """The part of `Session` for presence, contacts and chats; any thread may use it.

    Every method raises `ConnectionFailed` while the session is away, the reason for its end once it
    has ended, `CommandRefused` when the server refuses the request, and `SignInTimeout` when the
    answer did not come in time. `timeout` is in seconds; by default it is the sign-in's.
    """

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

    def go_online(
        self,
        status: Status | str = "online",
        *,
        name: str | None = None,
        personal_message: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Show the account's status to the contacts, and receive theirs.

        All commands that the dialect needs are sent. The contact list is read first, because a
        server sends no presence of contacts before the list was requested. After a reconnect of
        the session this is repeated automatically.

        Args:
            status: a `Status`, or its name: `"online"`, `"away"`, `"invisible"` …
            name: the display name to have from now on.
            personal_message: the text beside the name; MSNP11 and later.
            timeout: seconds.

        Raises:
            LocalProtocolError: there is no such status, or the dialect has no personal messages.
        """
        from ..core.wire.status import status_named  # imported only when it is used

        wanted = status_named(status)
        self._do(
            lambda society: society.presence.go_online(wanted, name, personal_message),
            "presence",
            timeout,
        )

    def set_status(self, status: Status | str, *, timeout: float | None = None) -> None:
        """Change the account's status; goes online if it is not.

        Raises:
            LocalProtocolError: there is no such status.
        """
        self.go_online(status, timeout=timeout)

    def set_name(self, name: str, *, timeout: float | None = None) -> None:
        """Change the account's display name.

        Raises:
            LocalProtocolError: it is empty, or needs more than 387 bytes on the wire.
        """
        self._do(lambda society: society.presence.set_name(name), "reply", timeout)

    def set_personal_message(self, text: str, *, timeout: float | None = None) -> None:
        """Change the account's personal message; "" removes it.

        Raises:
            LocalProtocolError: the dialect has no personal messages; MSNP11 and later have them.
        """
        self._do(lambda society: society.presence.set_personal_message(text), "reply", timeout)

    # --- contacts --------------------------------------------------------------------------------

    def contacts(self, *, timeout: float | None = None) -> list[Contact]:
        """Return everybody on the account's lists, in their present state.

        The server is asked only the first time. After that the server's messages keep the list
        up to date, so that calling this again costs nothing.

        Raises:
            LocalProtocolError: from MSNP13 on, when the network's contacts host is not known.
        """
        return self._do(lambda society: society.presence.contacts(), "contact list", timeout)

    def add_contact(
        self, passport: str, *, group: str | None = None, timeout: float | None = None
    ) -> None:
        """Add a person to the contact list, and to a group if one is given, and `allow` them.

        Raises:
            LocalProtocolError: it is not a passport, or there is no such group.
        """
        self._do(lambda society: society.lists.add(passport, group), "reply", timeout)

    def remove_contact(self, passport: str, *, timeout: float | None = None) -> None:
        """Remove a person from the contact list. They still see the account until `block`.

        Raises:
            LocalProtocolError: the person is not on the contact list.
        """
        self._do(lambda society: society.lists.remove(passport), "reply", timeout)

    def allow(self, passport: str, *, timeout: float | None = None) -> None:
        """Let a person see the account and send to it; also the answer to a `ContactRequest`."""
        self._do(lambda society: society.lists.allow(passport), "reply", timeout)

    def block(self, passport: str, *, timeout: float | None = None) -> None:
        """Appear offline to a person from now on; `allow` reverses it."""
        self._do(lambda society: society.lists.block(passport), "reply", timeout)

    def add_group(self, name: str, *, timeout: float | None = None) -> None:
        """Make a group of contacts; MSNP7 and later.

        Raises:
            LocalProtocolError: it is not a valid name, or the dialect has no groups.
        """
        self._do(lambda society: society.lists.add_group(name), "reply", timeout)

    def remove_group(self, name: str, *, timeout: float | None = None) -> None:
        """Delete a group; its members stay on the contact list.

        Raises:
            LocalProtocolError: there is no such group.
        """
        self._do(lambda society: society.lists.remove_group(name), "reply", timeout)

    def rename_group(self, name: str, new_name: str, *, timeout: float | None = None) -> None:
        """Give a group another name.

        Raises:
            LocalProtocolError: there is no such group, or the new name is not valid.
        """
        self._do(lambda society: society.lists.rename_group(name, new_name), "reply", timeout)

    def add_to_group(self, passport: str, group: str, *, timeout: float | None = None) -> None:
        """Add a contact to a group; the contact stays in its other groups.

        Raises:
            LocalProtocolError: there is no such contact, or no such group.
        """
        self._do(lambda society: society.lists.put_into_group(passport, group), "reply", timeout)

    def remove_from_group(self, passport: str, group: str, *, timeout: float | None = None) -> None:
        """Remove a contact from a group.

        Raises:
            LocalProtocolError: there is no such contact, or no such group.
        """
        self._do(lambda society: society.lists.take_out_of_group(passport, group), "reply", timeout)

    # --- talking ---------------------------------------------------------------------------------

    def send_message(
        self,
        to: str | Iterable[str],
        text: str,
        *,
        timeout: float | None = None,
        **looks: Unpack[LooksOptions],
    ) -> None:
        """Send a text to a person, or to several in one chat; return when all have received it.

        The chat stays open for a minute, for the next message to the same people. A person who
        leaves it before the message is delivered is invited again, once.

        Args:
            to: a passport, or several.
            text: the text; a long text is sent as several messages.
            timeout: seconds.
            looks: as for `Chat.send`.

        Raises:
            ContactOffline: a person is offline, or does not accept chats. Nothing was sent.
            NotOnline: the account itself is offline; call `go_online` first.
            TooManyChats: the server's limit of eight new chats a minute does not allow sending it
                within `timeout`; `retry_after` has the seconds after which it does.
            MessageNotDelivered: the server could not deliver it to everybody.
        """
        from ..core.wire.messages import Looks

        people = [to] if isinstance(to, str) else list(to)
        shown, patience = Looks(**looks), self._patience(timeout)
        self._do(
            lambda society: society.chats.send_message(people, text, shown, patience),
            "receipt",
            timeout,
        )

    def open_chat(self, *passports: str, timeout: float | None = None) -> Chat:
        """Open a chat with these people, and return it when all of them have joined.

        Raises:
            ContactOffline, NotOnline, TooManyChats: as `send_message`.
        """
        patience = self._patience(timeout)
        board = self._do(
            lambda society: society.chats.open(passports, patience), "sign of them", timeout
        )
        chat: Chat = board.face
        return chat

    # --- what happens ----------------------------------------------------------------------------

    def next_event(self, timeout: float | None = None) -> Event[Chat]:
        """Return the next event; wait `timeout` seconds for it, or without end.

        Raises:
            SignInTimeout: there was no event in time.
            LocalProtocolError: the session was signed in with `receive=False`.
        """
        self._check_process()
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._pump.lock:
            while (event := self._engine.take_event()) is None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise self._engine.too_late("event", timeout or 0.0)
                self._look()
                self._pump.lock.wait(left)
            self._look()
            return event

    def _look(self) -> None:
        """Make the pump perform the actions that reading events has caused."""
        if self._engine.has_actions:
            self._pump.ring()

    def events(self) -> Iterator[Event[Chat]]:
        """Yield events until the session ends: see `msnpauth.Event`.

        `receive` returns commands, and this yields events; a program that uses one of the two does
        not fill the memory with the other.

        Raises:
            ConnectionFailed, RemoteProtocolError: the session did not end by OUT or `close`.
        """
        while True:
            try:
                event = self.next_event()
            except SessionEnded:
                return
            yield event

    # --- inside ----------------------------------------------------------------------------------

    def _patience(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else timeout

    def _do(self, begin: Callable[[Society], Outcome[T]], what: str, timeout: float | None) -> T:
        self._check_process()
        return self._pump.carry_out(begin, self._patience(timeout), what)

"""The switchboard role, without I/O: one connection, which is one person in one chat.

Every handler begins with the line that it answers (hypothetic.org; MSNPiki, MSN Switchboard).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...core.errors import ServiceUnavailable
from ...core.wire.commands import Command, passport_word, unescape
from ...core.wire.dialects import Dialect
from ...core.wire.messages import MAX_PAYLOAD
from ..stores.protocol import Principal
from .chats import ChatRoom, Chats, Guest, Invitation, heard, joined_words, left_words
from .faults import Faults

__all__ = ["SwitchboardRole"]

_BEFORE = frozenset({"USR", "ANS", "OUT"})
_UNAVAILABLE = 601
_NOBODY = Principal("nobody@example.com")


class SwitchboardRole:
    """The role on one connection to the switchboard.

    The host of the connection passes commands to `receive`, sends the commands in `out`, and closes
    the connection when `closing` is set. The role calls `wake` when there are commands to send
    although no command has arrived.
    """

    sign_in_seconds = 60.0
    idle_seconds = 900.0

    def __init__(
        self,
        chats: Chats,
        *,
        faults: Faults,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.account = _NOBODY
        self.guid = ""
        self.capabilities = "0"
        self.out: list[Command] = []
        self.closing = False
        self._chats = chats
        self._faults = faults
        self._wake = wake
        self._room: ChatRoom | None = None
        self._dialect: Dialect | None = None
        self._is_idle = False

    @property
    def is_signed_in(self) -> bool:
        """Whether the client has entered a chat with a valid key."""
        return self._room is not None

    async def receive(self, command: Command) -> None:
        """Handle a command of the client. The host must wait for it before the next command."""
        if self.closing:
            return
        handler = _HANDLERS.get(command.verb)
        if handler is None or (self._room is None and command.verb not in _BEFORE):
            self.closing = True
        elif await self._faults.strike(self, command):
            return
        else:
            try:
                await handler(self, command)
            except ServiceUnavailable as why:
                self._say(str(why.code or _UNAVAILABLE), command.trid)
                self.closing = self.closing or self._room is None

    def timed_out(self) -> None:
        """Record that the client was silent for too long; BYE then reports this to the others."""
        self._is_idle = True

    async def gone(self) -> None:
        """Leave the chat, because the connection is closed."""
        if self._room is not None:
            self._room.leave(self, idle=self._is_idle)

    # --- as a Guest ------------------------------------------------------------------------------

    def sees_join(self, other: Guest) -> None:
        for words in joined_words(self._spoken, other):
            self._say("JOI", None, *words)
        self._wake()

    def sees_leave(self, other: Guest, *, idle: bool) -> None:
        # 1 means that the other guest was silent for too long (hypothetic.org).
        for account in left_words(self._spoken, other):
            self._say("BYE", None, account, *(["1"] if idle else []))
        self._wake()

    def hears(self, sender: Guest, payload: bytes) -> None:
        self.out.append(heard(sender, payload))
        self._wake()

    def close(self) -> None:
        self.closing = True
        self._wake()

    # --- handlers --------------------------------------------------------------------------------

    async def _on_usr(self, command: Command) -> None:
        # C: USR 1 me key | USR 1 me;{guid} key  S: USR 1 OK me Me
        invitation = self._redeemed(command, 2)
        if invitation is None or invitation.room is not None:
            self._refuse(command, 911)
            return
        room = ChatRoom(self._chats)
        self._chats.rooms.add(room)
        await self._take(invitation, room)
        name = self.account.display_name or self.account.passport
        self._say("USR", command.trid, "OK", command.args[0], passport_word(name))
        room.enter(self)

    async def _on_ans(self, command: Command) -> None:
        # C: ANS 1 me key session  S: IRO 1 1 1 friend Friend, ANS 1 OK
        invitation = self._redeemed(command, 3)
        room = invitation.room if invitation else None
        if invitation is None or room is None or room.session != command.args[2]:
            self._refuse(command, 911)
            return
        await self._take(invitation, room)
        others = list(room.guests)
        lines = [words for guest in others for words in joined_words(self._spoken, guest)]
        for place, words in enumerate(lines, 1):
            self._say("IRO", command.trid, str(place), str(len(lines)), *words)
        self._say("ANS", command.trid, "OK")
        # Last, because a guest that is already in the chat may have kept messages for the next
        # guest, and sends them now.
        room.enter(self)

    def _redeemed(self, command: Command, words: int) -> Invitation | None:
        if self._room is not None or len(command.args) != words:
            return None
        return self._chats.redeem(command.args[1], unescape(command.args[0]))

    async def _take(self, invitation: Invitation, room: ChatRoom) -> None:
        self.account, self.guid = invitation.account, invitation.guid
        self._dialect, self._room = invitation.dialect, room
        key = self.account.passport.casefold()
        shown = (await self._chats.office.state.shown(key)).get(key)
        self.capabilities = shown.capabilities if shown is not None else "0"

    async def _on_cal(self, command: Command) -> None:
        # C: CAL 2 friend  S: CAL 2 RINGING session
        assert self._room is not None  # receive() has checked it
        passport = unescape(command.args[0]) if command.args else ""
        if "@" not in passport:
            self._say("208", command.trid)
            return
        if passport.casefold() == self.account.passport.casefold():
            # papyon and the official client of 2009 call themselves first, and wait until JOI
            # reports that they have joined.
            self._say("CAL", command.trid, "RINGING", self._room.session)
            for words in joined_words(self._spoken, self)[-1:]:
                self._say("JOI", None, *words)
            return
        if self._room.is_in(passport) or passport.casefold() in self._room.called:
            self._say("215", command.trid)
            return
        code = await self._chats.people.may_call(self.account, passport)
        if code is not None:
            self._say(str(code), command.trid)
            return
        self._say("CAL", command.trid, "RINGING", self._room.session)
        await self._room.call(self.account, passport)

    async def _on_msg(self, command: Command) -> None:
        # C: MSG 3 A 133 …  S: ACK 3 | NAK 3
        assert self._room is not None  # receive() has checked it
        flag = command.args[0] if command.args else ""
        payload = command.payload or b""
        if flag not in ("U", "N", "A", "D") or len(payload) > MAX_PAYLOAD:
            self.closing = True
            return
        is_heard = self._room.say(self, payload)
        if is_heard and flag in ("A", "D"):
            self._say("ACK", command.trid)
        elif not is_heard and flag in ("A", "N"):
            self._say("NAK", command.trid)
        elif not is_heard and flag == "D":
            # D is the flag of P2P messages, and 282 is their error (hypothetic.org; msnp-sharp).
            self._say("282", command.trid)

    async def _on_out(self, command: Command) -> None:
        self.closing = True

    # --- helpers ---------------------------------------------------------------------------------

    @property
    def _spoken(self) -> Dialect:
        assert self._dialect is not None  # nobody is in a room without a key
        return self._dialect

    def _say(self, verb: str, trid: int | None, *args: str) -> None:
        self.out.append(Command(verb, trid, args))

    def _refuse(self, command: Command, code: int) -> None:
        self._say(str(code), command.trid)
        self.closing = True


_Handler = Callable[[SwitchboardRole, Command], Awaitable[None]]

_HANDLERS: dict[str, _Handler] = {
    "USR": SwitchboardRole._on_usr,
    "ANS": SwitchboardRole._on_ans,
    "CAL": SwitchboardRole._on_cal,
    "MSG": SwitchboardRole._on_msg,
    "OUT": SwitchboardRole._on_out,
}

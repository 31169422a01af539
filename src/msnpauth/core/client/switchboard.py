"""One conversation on a switchboard, without I/O: its members, messages and deliveries.

    C: USR 1 me key            C: ANS 1 me key session      (called by RNG)
    S: USR 1 OK me Me          S: IRO 1 1 1 friend Friend
    C: CAL 2 friend            S: ANS 1 OK
    S: CAL 2 RINGING session
    S: JOI friend Friend
    C: MSG 3 A 133 …           S: MSG friend Friend 133 …
    S: ACK 3

Sources: hypothetic.org, MSNPiki (MSN Switchboard). `Switchboard.receive` never raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ChatEnded, CommandRefused, MessageNotDelivered, RemoteProtocolError, Step
from ..secrets import printable
from ..wire.commands import Command, Role, unescape
from ..wire.lines import LineReader, NeedData
from ..wire.messages import parse_message
from .board import Board
from .events import Event, JoinedChat, LeftChat
from .waiting import Outcome, Reply

__all__ = ["Switchboard"]

# Messages have at most 1,664 bytes. Some servers accept more, but no known server accepts as much
# as this.
_MAX_PAYLOAD = 64 * 1024


class Switchboard(Board):
    """One connection to a switchboard, and the conversation on it.

    Args:
        number: the number by which the session identifies the connection.
        server: `host:port`, for errors.
        own: the account's passport, whose other places are not members of the chat.
        tell: is called with each event, in their order.
        observe: is called with each command of the server.
    """

    is_asleep = False

    def __init__(
        self,
        number: int,
        server: str,
        own: str,
        tell: Callable[[Event[Any]], None],
        observe: Callable[[Command], None] | None = None,
    ) -> None:
        super().__init__(number, server, tell)
        self._own = own.casefold()
        self._reader = LineReader(Role.SERVER, max_payload=_MAX_PAYLOAD, observe=observe)
        self._members: dict[str, set[str]] = {}
        """The places (`passport;{guid}`) of each person, by case-folded passport."""
        self._calls: dict[str, Outcome[None]] = {}
        self._replies: dict[int, Reply] = {}
        self._messages: dict[int, Outcome[None]] = {}
        """Sent messages that wait for ACK or NAK, by transaction id."""
        self._next_trid = 1

    # --- state -----------------------------------------------------------------------------------

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self.party[key] for key in self._members)

    def has(self, passport: str) -> bool:
        return passport.casefold() in self._members

    # --- commands to send ------------------------------------------------------------------------

    def enter(self, verb: str, *words: str) -> Reply:
        """Identify the account: USR for a chat that it opens, ANS for a chat it was called into."""
        reply = Reply(verb, self._say(verb, *words), self.server, Step.CHAT)
        self._replies[reply.trid] = reply
        return reply

    def call(self, passport: str, word: str) -> Outcome[None]:
        key = passport.casefold()
        if key in self._calls:
            return self._calls[key]
        joined: Outcome[None] = Outcome()
        if key in self._members:
            joined.settle(None)
            return joined
        self._calls[key] = joined
        self.party.setdefault(key, passport)
        reply = Reply("CAL", self._say("CAL", word), self.server, Step.CHAT)
        self._replies[reply.trid] = reply
        reply.then(lambda: self._called(key, passport, reply))
        return joined

    def message(self, payload: bytes, *, acknowledged: bool) -> Outcome[None]:
        delivered: Outcome[None] = Outcome()
        trid = self._say("MSG", "A" if acknowledged else "U", payload=payload)
        if acknowledged:
            self._messages[trid] = delivered
        else:
            delivered.settle(None)
        return delivered

    def leave(self) -> None:
        """Leave the chat. OUT is in `to_send`."""
        if self.ended is None and self.connected.is_there:
            self.to_send.append(Command("OUT"))
        self.end("this side has left the chat")

    # --- received data ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes of the server; b"" means that it closed the connection."""
        if self.ended is not None:
            return
        self._reader.feed(data)
        while self.ended is None:
            command = self._reader.next_command()
            if isinstance(command, NeedData):
                break
            if isinstance(command, RemoteProtocolError):
                self.end(command.text)
            else:
                self._take(command)
        if not data:
            self.end("the switchboard closed the connection")

    def _fail_all(self, why: ChatEnded) -> None:
        self._members.clear()
        waiting: list[Outcome[Any]] = [
            *self._replies.values(),
            *self._messages.values(),
            *self._calls.values(),
        ]
        self._replies.clear()
        self._messages.clear()
        self._calls.clear()
        for outcome in waiting:
            outcome.fail(why)

    # --- inside ----------------------------------------------------------------------------------

    def _say(self, verb: str, *words: str, payload: bytes | None = None) -> int:
        trid, self._next_trid = self._next_trid, self._next_trid + 1
        command = Command(verb, trid, words, payload)
        if payload is None:
            # `encode` raises here, and not in the driver, for a word that cannot be sent. Words in
            # front of a payload never come from a caller.
            command.encode()
        self.to_send.append(command)
        return trid

    def _take(self, command: Command) -> None:
        match command:
            case Command("IRO", args=(_, _, account, *rest)):
                # S: IRO 1 1 1 friend Friend [capabilities]; from MSNP16 on one line for each place.
                # IRO lists people who were in the chat already, so that it is no `JoinedChat`.
                self._joined(account, rest, is_news=False)
            case Command("JOI", args=(account, *rest)):
                self._joined(account, rest, is_news=True)
            case Command("BYE", args=(account, *_)):
                self._left(account)
            case Command("MSG", args=(account, name, *_), payload=bytes() as payload):
                sender, body = unescape(account.partition(";")[0]), parse_message(payload)
                self.hear(sender, unescape(name), body)
            case Command("NAK", trid=int() as trid) if trid in self._messages:
                text = "not everybody in the chat has got the message"
                error = MessageNotDelivered(text, step=Step.CHAT, server=self.server)
                self._messages.pop(trid).fail(error)
            case Command("ACK", trid=int() as trid) if trid in self._messages:
                self._messages.pop(trid).settle(None)
            case Command("OUT"):
                self.end("the switchboard has ended the chat")
            case Command("USR" | "ANS" | "CAL", trid=int() as trid) if trid in self._replies:
                self._replied(trid, command)
            case Command(trid=int() as trid) if command.code is not None:
                self._replied(trid, command)
            case _:
                pass  # nothing that this side needs

    def _replied(self, trid: int, command: Command) -> None:
        """Take the reply to a request, or the error code for a message."""
        reply, delivered = self._replies.pop(trid, None), self._messages.pop(trid, None)
        if reply is not None:
            reply.settle(command)
        elif delivered is not None:
            # S: 282 5: a message that the server did not accept at all
            text = "the server did not take the message"
            delivered.fail(
                MessageNotDelivered(
                    text, step=Step.CHAT, server=self.server, code=command.code, hint=""
                )
            )

    def _called(self, key: str, passport: str, reply: Reply) -> None:
        """Take the answer to CAL: the person is being called, or cannot be called."""
        try:
            reply.result()
        except CommandRefused as error:
            if error.code == 215 and key != self._own:
                return  # already called, or in the chat from another place: JOI comes or has come
            error.text = f"{printable(passport, 80)}: {error.text}"
            joined = self._calls.pop(key, None)
            if joined is not None:
                joined.fail(error)
        except ChatEnded:
            pass  # `end` makes all outcomes fail

    def _joined(self, account: str, rest: list[str], *, is_news: bool) -> None:
        passport = unescape(account.partition(";")[0])
        key = passport.casefold()
        if key == self._own and key not in self._calls:
            return  # another place of the account (MSNP16 and on), which nobody has called
        is_new = key not in self._members
        self._members.setdefault(key, set()).add(account)
        self.party[key] = passport
        joined = self._calls.pop(key, None)
        if joined is not None:
            joined.settle(None)
        if is_new and is_news:
            self._tell(JoinedChat(self.face, passport, unescape(rest[0]) if rest else ""))

    def _left(self, account: str) -> None:
        # S: BYE friend | BYE friend 1 (idle) | BYE friend;{guid}
        # With a GUID one place of several has left; without a GUID the person has left altogether.
        passport = unescape(account.partition(";")[0])
        key = passport.casefold()
        places = self._members.get(key)
        if places is None:
            return
        places.discard(account)
        # IRO and JOI name a person with several places without a GUID as well, and not every
        # server sends a BYE for that.
        if account.partition(";")[2] and any(";" in place for place in places):
            return
        del self._members[key]
        self._tell(LeftChat(self.face, self.party[key]))

"""All conversations of a session: opens, finds, answers and ends them.

A new chat takes five round trips: XFR at the notification server, the connection, USR, CAL, and the
message itself. A message into an open chat takes one round trip.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..credentials import check_passport
from ..errors import (
    ChatEnded,
    LocalProtocolError,
    MessageNotDelivered,
    RemoteProtocolError,
    SignInError,
    Step,
    TooManyChats,
)
from ..secrets import Secret
from ..urls import Address, BadAddress
from ..wire.commands import Command, passport_word, unescape
from ..wire.messages import (
    NUDGE,
    Looks,
    parse_message,
    split_text,
    text_payload,
    typing_payload,
)
from ..wire.routed import as_message, parse_routed
from .board import Board
from .datagrams import PairChat
from .desk import Desk
from .events import ChatOpened, Event
from .session_actions import Drop, Open
from .switchboard import Switchboard
from .waiting import Outcome, Steps, Work

__all__ = ["LINGER", "Chats"]

LINGER = 60.0
"""Seconds that a chat which `send_message` has opened stays open for the next message."""

_MOST_NEW = 8
_WINDOW = 60.0
"""A server accepts eight new chats in a minute, and answers 800 to the ninth (users of sendMsg)."""


class Chats:
    """The conversations of one session.

    Args:
        desk: the state that the parts of the session share.
        observe: is called with a switchboard's `host:port` and each command that it sends.
        make_face: makes the driver's object for a chat.
        name_of: returns the display name of a passport; a message of MSNP21 does not contain it.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        observe: Callable[[str, Command], None] | None = None,
        make_face: Callable[[Any], Any] = lambda board: board,
        name_of: Callable[[str], str] = lambda passport: passport,
    ) -> None:
        self._make_face = make_face
        self._name_of = name_of
        self._desk = desk
        self._observe = observe
        self._boards: dict[int, Board] = {}
        self._entering: dict[int, Callable[[], None]] = {}
        self._openings: deque[float] = deque(maxlen=_MOST_NEW)
        self._last_words: dict[int, list[Command]] = {}
        self._quiet_since: dict[int, float] = {}

    # --- requests of the caller ------------------------------------------------------------------

    def open(self, passports: Iterable[str], patience: float) -> Work[Board]:
        """Open a chat with these people; the outcome is there when all of them have joined.

        Args:
            passports: the people to call.
            patience: how many seconds to wait at most where the server limits new chats.

        Raises:
            LocalProtocolError: there is nobody to call.
        """
        return Work(self._open(_checked(passports), patience))

    def send_message(
        self, passports: Iterable[str], text: str, looks: Looks, patience: float
    ) -> Work[None]:
        """Write to these people, in the open chat with exactly these members, or in a new chat.

        Raises:
            LocalProtocolError: there is nobody to write to, or no text.
        """
        payloads = [text_payload(part, looks) for part in split_text(text)]
        return Work(self._send_message(_checked(passports), payloads, patience))

    def asleep(self, passport: str) -> Any:
        """Return a chat that opens when the user writes into it, to answer an offline message.

        Args:
            passport: the sender of the offline message.
        """
        board = Board(self._desk.next_number(), self._desk.connection.server, self._tell)
        board.party[passport.casefold()] = passport
        board.face = self._make_face(board)
        return board.face

    def say(self, board: Board, text: str, looks: Looks, patience: float = 0.0) -> Work[None]:
        """Write into a chat; a person who has left the chat is called again.

        Args:
            board: the chat.
            text: the text to send.
            looks: font and colour of the text.
            patience: how many seconds to wait at most where the server limits new chats, and the
                chat has still to be opened.

        Raises:
            LocalProtocolError: there is no text.
        """
        payloads = [text_payload(part, looks) for part in split_text(text)]
        return Work(self._say(board, payloads, patience))

    def nudge(self, board: Board, patience: float = 0.0) -> Work[None]:
        """Send a nudge.

        Raises:
            LocalProtocolError: the dialect has no nudges.
        """
        if not self._desk.connection.dialect.nudges:
            dialect = self._desk.connection.dialect.name
            raise LocalProtocolError(
                f"{dialect} has no nudges", hint="MSNP11 and later versions have them"
            )
        return Work(self._say(board, [NUDGE], patience))

    def typing(self, board: Board) -> Outcome[None]:
        """Send the notice that the account is typing; nobody acknowledges it.

        Raises:
            ChatEnded: the chat is over.
        """
        self._check(board)
        if board.is_asleep:
            unseen: Outcome[None] = Outcome()
            unseen.settle(None)  # nobody is there to see it
            return unseen
        payload = typing_payload(self._desk.connection.passport)
        return board.message(payload, acknowledged=False)

    def invite(self, board: Board, passport: str) -> Outcome[None]:
        """Call a person into a chat; the outcome is there when the person has joined.

        Raises:
            ChatEnded: the chat is over.
            LocalProtocolError: this is not a valid passport.
        """
        self._check(board)
        if board.is_asleep:
            raise LocalProtocolError(
                "this chat belongs to a message that was left, and nobody is in it",
                hint="open_chat() opens one with several people",
            )
        return board.call(check_passport(passport), passport_word(passport))

    def leave(self, board: Board) -> None:
        """Leave a chat; it does no harm to leave a chat twice."""
        board.leave()
        self._let_go(board)

    def _check(self, board: Board) -> None:
        if board.ended is not None:
            raise copy.copy(board.ended)

    # --- the steps -------------------------------------------------------------------------------

    def _open(self, passports: Sequence[str], patience: float) -> Steps[Board]:
        if self._desk.connection.dialect.routed:
            return self._opened_pair(passports)
        yield from self._wait_for_turn(patience)
        reply = self._desk.ask("XFR", "SB")
        yield reply
        # S: XFR 6 SB 127.0.0.1:1864 CKI 17262740.1050826919.32308 [U messenger.msn.com [1]]
        args = reply.result().args
        board = self._new_board(_place(args[1:4], self._desk.connection.server))
        is_ready = False
        try:
            yield board.connected
            board.connected.result()
            entered = board.enter("USR", self._own_word(), args[3])
            yield entered
            entered.result()
            yield from self._call(board, passports)
            is_ready = True
        finally:
            if not is_ready:
                self.leave(board)
        return board

    def _opened_pair(self, passports: Sequence[str]) -> Board:
        if len(passports) != 1:
            raise LocalProtocolError(
                f"a chat of {self._desk.connection.dialect.name} has two people here",
                hint="write to each of them, or sign in by MSNP18 or an earlier version",
            )
        return self._open_with(passports) or self._new_pair(passports[0])

    def _new_pair(self, passport: str) -> Board:
        board = PairChat(self._desk, passport, self._tell)
        board.face = self._make_face(board)
        self._boards[board.number] = board
        return board

    def _wait_for_turn(self, patience: float) -> Steps[None]:
        """Wait until the server accepts another new chat."""
        timers = self._desk.timers
        if len(self._openings) == _MOST_NEW:
            wait = self._openings[0] + _WINDOW - timers.now
            if wait > patience:
                text = f"{_MOST_NEW} chats were opened within a minute"
                server = self._desk.connection.server
                raise TooManyChats(text, retry_after=wait, step=Step.CHAT, server=server)
            if wait > 0:
                # The opening is noted before the wait, so that later chats get a later turn.
                self._openings.append(timers.now + wait)
                yield timers.after(wait)
                return
        self._openings.append(timers.now)

    def _call(self, board: Board, passports: Sequence[str]) -> Steps[None]:
        """Call everybody at once, and wait for each of them."""
        calls = [board.call(passport, passport_word(passport)) for passport in passports]
        for call in calls:
            yield call
            call.result()

    def _send_message(
        self, passports: Sequence[str], payloads: Sequence[bytes], patience: float
    ) -> Steps[None]:
        board = self._open_with(passports)
        if board is None:
            board = yield from self._open(passports, patience)
            self._quiet_since[board.number] = self._desk.timers.now
        try:
            yield from self._say(board, payloads)
        finally:
            self._linger(board)

    def _open_with(self, passports: Iterable[str]) -> Board | None:
        """Return the chat that is open with just these people."""
        wanted = {passport.casefold() for passport in passports}
        for board in self._boards.values():
            if board.ended is None and board.connected.is_there and board.party.keys() == wanted:
                return board
        return None

    def _say(self, board: Board, payloads: Sequence[bytes], patience: float = 0.0) -> Steps[None]:
        self._check(board)
        if board.is_asleep:
            yield from self._send_message(_checked(board.party.values()), payloads, patience)
            return
        away = [passport for passport in board.party.values() if not board.has(passport)]
        yield from self._call(board, away)
        unheard = list(payloads)
        try:
            yield from self._hand_over(board, unheard)
        except MessageNotDelivered:
            if board.ended is not None or len(board.party) > 1 or board.members:
                raise
            # The only other person closed the window while the message was on its way, and nobody
            # received the message. This person is called again, as for any later message.
            yield from self._call(board, list(board.party.values()))
            yield from self._hand_over(board, unheard)

    def _hand_over(self, board: Board, unheard: list[bytes]) -> Steps[None]:
        """Send these messages; delivered messages are removed from the list `unheard`.

        Raises:
            MessageNotDelivered: some messages were not delivered, and are still in the list.
            ChatEnded: the chat is over.
        """
        self._check(board)
        # All parts are sent before the first part is acknowledged, so that a long text takes one
        # round trip, like a short text.
        sent = [(payload, board.message(payload, acknowledged=True)) for payload in unheard]
        for _, outcome in sent:
            yield outcome
        unheard.clear()
        refusal: MessageNotDelivered | None = None
        for payload, outcome in sent:
            try:
                outcome.result()
            except MessageNotDelivered as error:
                unheard.append(payload)
                refusal = error
        if refusal is not None:
            raise refusal

    def _linger(self, board: Board) -> None:
        """Leave the chat after `LINGER` seconds in which `send_message` has sent nothing."""
        if board.number not in self._quiet_since:
            return  # `send_message` did not open this chat: the caller or a peer ends it
        self._quiet_since[board.number] = self._desk.timers.now
        self._desk.timers.after(LINGER).then(lambda: self._leave_if_quiet(board))

    def _leave_if_quiet(self, board: Board) -> None:
        since = self._quiet_since.get(board.number)
        if since is not None and self._desk.timers.now - since >= LINGER:
            self.leave(board)

    # --- commands and connections ----------------------------------------------------------------

    def take(self, command: Command) -> None:
        """Take a command of the notification server: a call (RNG), which is answered, or SDG."""
        match command:
            case Command("RNG", args=(session, where, "CKI", key, caller, *_)):
                # S: RNG 11752013 207.46.108.38:1863 CKI 849102291.52 friend@example.com Friend
                self._answer(session, where, key, unescape(caller))
            case Command("SDG", payload=bytes() as payload):
                self._hear(payload)
            case _:
                pass

    def _hear(self, payload: bytes) -> None:
        """Take a message of MSNP21; the first message of a person opens the chat."""
        routed = parse_routed(payload)
        said = None if routed is None else as_message(routed)
        if routed is None or said is None:
            return  # an answer to our own SDG, a file, a picture: no message of a person
        board = self._open_with([routed.sender])
        if board is None:
            board = self._new_pair(routed.sender)
            self._tell(ChatOpened(board.face, board.members))
        board.hear(routed.sender, self._name_of(routed.sender), parse_message(said))

    def _answer(self, session: str, where: str, key: str, caller: str) -> None:
        server = self._desk.connection.server
        try:
            board = self._new_board(_place((where, "CKI", key), server))
        except SignInError:
            return  # the call names no address: the caller will see that nobody joins
        board.party[caller.casefold()] = caller
        Work(self._enter(board, Secret(key), session))

    def _enter(self, board: Switchboard, key: Secret, session: str) -> Steps[None]:
        try:
            yield board.connected
            board.connected.result()
            entered = board.enter("ANS", self._own_word(), key.reveal(), session)
            yield entered
            entered.result()
        except SignInError:
            self.leave(board)
            return
        self._tell(ChatOpened(board.face, board.members))

    def opened(self, number: int) -> bool:
        """Note that a connection was made; return False when it is no longer needed."""
        board = self._boards.get(number)
        if board is None or board.ended is not None:
            return False
        board.connected.settle(None)
        return True

    def open_failed(self, number: int, error: SignInError) -> None:
        """Note that a connection could not be made."""
        board = self._boards.get(number)
        if board is not None:
            board.connected.fail(error)
            self.lost(number, error)
            # The steps that waited for the connection have left the chat by OUT, which nothing
            # can carry.
            self._last_words.pop(number, None)

    def receive_data(self, number: int, data: bytes) -> None:
        """Take bytes of a switchboard; b"" means that it closed the connection."""
        board = self._boards.get(number)
        if board is not None:
            board.receive(data)
            if board.ended is not None:
                self._let_go(board)

    def lost(self, number: int, error: SignInError) -> None:
        """Note that a connection broke."""
        board = self._boards.get(number)
        if board is not None:
            board.end(error.text)
            board.to_send = []  # there is no connection any more that could carry it
            self._let_go(board)

    def end_all(self, text: str) -> None:
        """End every chat, because the session is over or away."""
        for board in list(self._boards.values()):
            board.end(text)
            self._let_go(board)

    def numbers(self) -> list[int]:
        """Return the numbers of the connections that have something to write."""
        waiting = [number for number, board in self._boards.items() if board.to_send]
        return [*waiting, *self._last_words]

    def take_output(self, number: int) -> list[Command]:
        """Return the commands to write to a connection now, each of them once."""
        if number in self._last_words:
            return self._last_words.pop(number)
        board = self._boards.get(number)
        if board is None:
            return []
        commands, board.to_send = board.to_send, []
        return commands

    def ended(self, number: int) -> ChatEnded | None:
        """Return why the chat over this connection is over, or None."""
        board = self._boards.get(number)
        return None if board is None else board.ended

    # --- inside ----------------------------------------------------------------------------------

    def _new_board(self, address: Address) -> Switchboard:
        number, server = self._desk.next_number(), str(address)
        observe = self._observe
        board = Switchboard(
            number,
            server,
            self._desk.connection.passport,
            self._tell,
            observe and (lambda command: observe(server, command)),
        )
        board.face = self._make_face(board)
        self._boards[number] = board
        self._desk.actions.append(Open(number, address))
        return board

    def _tell(self, event: Event[Any]) -> None:
        self._desk.happened.append(event)

    def _let_go(self, board: Board) -> None:
        """Have the connection closed once its last commands are written."""
        if self._boards.pop(board.number, None) is None:
            return
        self._quiet_since.pop(board.number, None)
        if board.to_send:
            self._last_words[board.number] = board.to_send
        self._desk.actions.append(Drop(board.number))

    def _own_word(self) -> str:
        # From MSNP16 on the GUID tells the places of an account apart, on switchboards as well.
        # Escargot compares it in any letter case; papyon writes the GUID in lower case.
        connection = self._desk.connection
        word = passport_word(connection.passport)
        return f"{word};{connection.guid.lower()}" if connection.guid else word


def _checked(passports: Iterable[str]) -> list[str]:
    """Return the passports, each of them once.

    Raises:
        LocalProtocolError: there is no passport, or one of them is not valid.
    """
    given = [passports] if isinstance(passports, str) else list(passports)
    found = {check_passport(passport).casefold(): passport for passport in given}
    if not found:
        raise LocalProtocolError("there is nobody to write to", hint="name a passport")
    return list(found.values())


def _place(words: Sequence[str], server: str) -> Address:
    """Return the switchboard's address from the words `host:port CKI key`.

    Raises:
        RemoteProtocolError: the words do not have this form.
    """
    try:
        if len(words) == 3 and words[1] == "CKI":
            return Address.parse(words[0])
    except BadAddress:
        pass
    raise RemoteProtocolError(
        "the server named no switchboard to go to", step=Step.CHAT, server=server
    )

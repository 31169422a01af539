"""A conversation of two people in MSNP21: each message is an SDG on the notification connection.

    C: SDG 9 300   Message-Type: Text …
    S: SDG 9 OK 0
    S: SDG 0 290   Message-Type: Text …

There is no call, and no connection of its own (msnp-sharp, NSMessageHandler.MSNP21.cs). Chats of
several people use PUT to a temporary group in MSNP21. They are not supported, because no example
from the wire is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import (
    CommandRefused,
    ContactOffline,
    LocalProtocolError,
    MessageNotDelivered,
    NotOnline,
    SignInError,
    Step,
)
from ..wire.routed import as_datagram, routed_payload
from .board import Board
from .desk import Desk
from .events import Event
from .waiting import Outcome, Reply

__all__ = ["PairChat"]

_PATIENCE = 2.0
"""Seconds to wait for the answer to an SDG. No source says that every server sends an answer: after
this time the message counts as delivered, and later messages of the chat do not wait any more.
"""


class PairChat(Board):
    """A conversation with one person.

    Args:
        desk: the state that the parts of the session share.
        passport: the other person.
        tell: is called with each event, in their order.
    """

    is_asleep = False

    def __init__(self, desk: Desk, passport: str, tell: Callable[[Event[Any]], None]) -> None:
        super().__init__(desk.next_number(), desk.connection.server, tell)
        self.party[passport.casefold()] = passport
        self.connected.settle(None)
        self._desk = desk
        self._passport = passport
        self._is_answered = True
        self._waiting: dict[int, Outcome[None]] = {}

    @property
    def members(self) -> tuple[str, ...]:
        return (self._passport,) if self.ended is None else ()

    def call(self, passport: str, word: str) -> Outcome[None]:
        joined: Outcome[None] = Outcome()
        if self.has(passport):
            joined.settle(None)
        else:
            dialect = self._desk.connection.dialect.name
            joined.fail(LocalProtocolError(f"a chat of {dialect} has two people here"))
        return joined

    def message(self, payload: bytes, *, acknowledged: bool) -> Outcome[None]:
        content = as_datagram(payload)
        assert content is not None  # a text, a nudge, or a typing notice
        connection = self._desk.connection
        data = routed_payload(
            self._passport,
            connection.passport,
            connection.guid,
            *content,
            routing=(("Service-Channel", "IM/Online"),) if acknowledged else (),
        )
        reply, delivered = self._desk.ask("SDG", payload=data), Outcome[None]()
        self._waiting[reply.trid] = delivered
        reply.then(lambda: self._answered(reply))
        if acknowledged and self._is_answered:
            self._desk.timers.after(_PATIENCE).then(lambda: self._unanswered(reply))
        else:
            delivered.settle(None)
        return delivered

    def _answered(self, reply: Reply) -> None:
        delivered = self._waiting.pop(reply.trid, None)
        if delivered is None:
            return
        try:
            reply.result()
        except (ContactOffline, NotOnline) as error:
            delivered.fail(error)
        except CommandRefused as error:
            text = "the server did not take the message"
            delivered.fail(
                MessageNotDelivered(
                    text, step=Step.CHAT, server=self.server, code=error.code, hint=""
                )
            )
        except SignInError as error:
            delivered.fail(error)
        else:
            delivered.settle(None)

    def _unanswered(self, reply: Reply) -> None:
        delivered = self._waiting.pop(reply.trid, None)
        if delivered is not None:
            self._is_answered = False
            self._desk.forget(reply)
            delivered.settle(None)

    def _fail_all(self, why: SignInError) -> None:
        waiting, self._waiting = self._waiting, {}
        for delivered in waiting.values():
            delivered.fail(why)

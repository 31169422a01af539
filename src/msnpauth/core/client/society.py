"""What a session is for: presence, the contact list, chats. It is made when somebody asks for it.

A session that only carries commands, for people who speak MSNP themselves, has no society: nothing
reads along, and no call is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import SessionEnded, SignInError, SignInTimeout, Step
from ..wire.commands import Command
from .chats import Chats
from .desk import Desk
from .events import CameBack, SignedInElsewhere
from .left_messages import LeftMessages
from .lists import Lists
from .presence import Presence
from .roster import Roster

__all__ = ["Society"]

_RESTORE_PATIENCE = 60.0
"""Seconds that setting up presence again may take before the connection counts as lost."""


class Society:
    """See the module.

    Args:
        desk: the session's.
        observe: is shown every command of a switchboard, and which one's it is.
        make_face: makes the driver's object for a chat.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        observe: Callable[[str, Command], None] | None,
        make_face: Callable[[Any], Any],
    ) -> None:
        self._desk = desk
        roster = Roster()
        self.presence = Presence(desk, roster)
        self.lists = Lists(desk, roster, self.presence)
        self.chats = Chats(desk, observe=observe, make_face=make_face, name_of=roster.name_of)
        self.left_messages = LeftMessages(desk, self.chats.asleep)

    def take(self, command: Command) -> None:
        """Take a command of the notification server."""
        self.presence.take(command)
        self.chats.take(command)
        self.left_messages.take(command)

    def let_go(self, why: SignInError) -> None:
        """The notification connection is over. Chats would live on, but nobody could call us."""
        self.chats.end_all(why.text)
        self.presence.lost()

    def over(self, why: SignInError) -> None:
        """The session is over for good."""
        if isinstance(why, SessionEnded) and why.reason == "OTH":
            self._desk.happened.append(SignedInElsewhere(why))

    def restore(self) -> None:
        """Set up on a new connection what was there, and tell that the session came back.

        A bot that nobody sees is a dead bot: when the server refuses, or does not answer, the
        connection counts as lost, and another one may do better.
        """
        connection = self._desk.connection
        work = self.presence.restored()

        def done() -> None:
            try:
                work.result()
            except SignInError as error:
                connection.end(error)
            else:
                self._desk.happened.append(CameBack(connection.server))

        def too_late() -> None:
            text = f"presence could not be set up within {_RESTORE_PATIENCE:g} seconds"
            work.fail(SignInTimeout(text, step=Step.SESSION, server=connection.server, hint=""))

        work.then(done)
        if not work.is_there:
            self._desk.timers.after(_RESTORE_PATIENCE).then(too_late)

"""Presence, the contact list and chats of a session. They are made when they are first used.

A session that only carries commands, for callers who speak MSNP directly, has no society: then the
commands are not read for presence or chats, and no call is answered.
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
    """Presence, the contact list, chats and offline messages of one session.

    Args:
        desk: the state that the parts of the session share.
        observe: is called with a switchboard's `host:port` and each command that it sends.
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
        """End chats and presence with the notification connection.

        Chats have their own connections, but nobody could call this account any more.
        """
        self.chats.end_all(why.text)
        self.presence.lost()

    def over(self, why: SignInError) -> None:
        """Report `SignedInElsewhere`, if that is why the session is over for good."""
        if isinstance(why, SessionEnded) and why.reason == "OTH":
            self._desk.happened.append(SignedInElsewhere(why))

    def restore(self) -> None:
        """Set up the earlier presence on a new connection, and report that the session came back.

        A session without presence is useless to a bot: when the server refuses, or does not answer,
        the connection counts as lost, and the session signs in again.
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

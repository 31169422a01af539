"""Invitations: codes that an operator gives to people, who then sign up at the pages.

Only a hash of a code is kept, so that a person who reads the database cannot use the invitations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from ....core.errors import LocalProtocolError
from ....core.secrets import Secret
from ....core.tickets.ticket import utc_now
from .database import Database
from .kept import moment_of, random_letters
from .tables import invitations

__all__ = ["Invitation", "Invitations", "MadeInvitation", "find_invitation", "use_invitation"]

_LENGTH, _GROUP = 16, 4
_ID_LENGTH = 12
_MOST_USES = 100_000
_MOST_DAYS = 3650
_LONGEST_NOTE = 200


@dataclass(frozen=True)
class Invitation:
    """The description of an invitation, without its code.

    Attributes:
        id: identifies the invitation for `revoke` and in the audit. It does not reveal the code.
        note: the note that the operator has written about the invitation.
        uses_left: the number of accounts that may still be made with the invitation.
        created: when the invitation was made, in UTC.
        until: when the invitation expires, in UTC.
    """

    id: str
    note: str
    uses_left: int
    created: datetime
    until: datetime


class MadeInvitation(NamedTuple):
    """An invitation that was just made. This is the only time that its code can be read.

    Attributes:
        about: the description of the invitation, which is kept.
        code: the code, which is not kept.
    """

    about: Invitation
    code: Secret


class Invitations:
    """The invitations of a network, as an operator makes and revokes them.

    Args:
        database: the database that has the invitations.
        now: returns the present time, in UTC.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def add(self, *, uses: int = 1, days: int = 14, note: str = "") -> MadeInvitation:
        """Make an invitation.

        Args:
            uses: the number of accounts that may be made with the invitation.
            days: the number of days for which the invitation is valid.
            note: a note, such as the name of the invited person; only the operator sees it.

        Raises:
            LocalProtocolError: one of the arguments is out of its range.
            ServiceUnavailable: the database failed; nothing was changed.
        """
        if not 1 <= uses <= _MOST_USES or not 1 <= days <= _MOST_DAYS:
            raise LocalProtocolError(
                f"an invitation has 1 to {_MOST_USES} uses, and is good for 1 to {_MOST_DAYS} days"
            )
        if len(note) > _LONGEST_NOTE or (note and not note.isprintable()):
            raise LocalProtocolError(f"a note has at most {_LONGEST_NOTE} printable characters")
        # The code is written in groups, because people type it from paper.
        code = Secret("-".join(random_letters(_GROUP) for _ in range(_LENGTH // _GROUP)))
        now = self._now()
        row = {
            "digest": _digest(code),
            "note": note,
            "uses_left": uses,
            "created": now.timestamp(),
            "until": (now + timedelta(days=days)).timestamp(),
        }

        def add(connection: Connection) -> Invitation:
            connection.execute(insert(invitations).values(row))
            return _invitation(
                connection.execute(
                    select(invitations).where(invitations.c.digest == row["digest"])
                ).one()
            )

        return MadeInvitation(self._database.call(add), code)

    def all(self) -> list[Invitation]:
        """Return the invitations that can still be used, the oldest first."""
        good = (invitations.c.uses_left > 0) & (invitations.c.until > self._now().timestamp())
        asked = select(invitations).where(good).order_by(invitations.c.created)
        return self._database.call(
            lambda connection: [_invitation(row) for row in connection.execute(asked)]
        )

    def revoke(self, invitation_id: str) -> None:
        """Revoke an invitation. Accounts that were made with it stay.

        Raises:
            LocalProtocolError: there is no invitation with that id.
        """

        def revoke(connection: Connection) -> None:
            rows = connection.execute(select(invitations.c.digest)).scalars()
            found = [digest for digest in rows if digest[:_ID_LENGTH] == invitation_id]
            if not found:
                raise LocalProtocolError(
                    f"there is no invitation {invitation_id}",
                    hint="`invitations` lists them with their ids",
                )
            connection.execute(delete(invitations).where(invitations.c.digest.in_(found)))

        self._database.call(revoke)


def find_invitation(connection: Connection, code: Secret, now: datetime) -> Invitation | None:
    """Return the invitation of a code; None when no valid invitation has that code."""
    row = connection.execute(select(invitations).where(_good(code, now))).one_or_none()
    return None if row is None else _invitation(row)


def use_invitation(connection: Connection, code: Secret, now: datetime) -> bool:
    """Use an invitation once, within the transaction that makes the account.

    Returns:
        False when the invitation has expired, or when other people have used it up.
    """
    one_less = update(invitations).where(_good(code, now))
    done = connection.execute(one_less.values(uses_left=invitations.c.uses_left - 1))
    # Nobody needs an invitation that is used up or has expired.
    connection.execute(
        delete(invitations).where(
            (invitations.c.uses_left <= 0) | (invitations.c.until <= now.timestamp())
        )
    )
    return done.rowcount == 1


def _good(code: Secret, now: datetime) -> Any:
    return (
        (invitations.c.digest == _digest(code))
        & (invitations.c.uses_left > 0)
        & (invitations.c.until > now.timestamp())
    )


def _digest(code: Secret) -> str:
    """Return the hash that is kept of a code.

    The hash is the same when a person types the code in capital letters, or with blanks in place of
    hyphens. A code has 79 random bits, so that nobody can find it from its hash by trying codes.
    """
    typed = "".join(char for char in code.reveal().casefold() if char not in " -\t\u2010\u2011")
    return hashlib.sha256(typed.encode("utf-8", "surrogatepass")).hexdigest()


def _invitation(row: Any) -> Invitation:
    return Invitation(
        row.digest[:_ID_LENGTH],
        row.note,
        row.uses_left,
        created=moment_of(row.created),
        until=moment_of(row.until),
    )

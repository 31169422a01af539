"""The states of presence: their names, and their codes on the wire."""

from __future__ import annotations

import enum

from ..errors import LocalProtocolError

__all__ = ["Status", "status_named", "status_of_code"]


class Status(enum.StrEnum):
    """A state of presence (hypothetic.org, status; MSNPiki). `code` is its code on the wire."""

    ONLINE = "online"
    BUSY = "busy"
    IDLE = "idle"
    BE_RIGHT_BACK = "be right back"
    AWAY = "away"
    ON_THE_PHONE = "on the phone"
    OUT_TO_LUNCH = "out to lunch"
    INVISIBLE = "invisible"
    """The account is signed in, and appears offline to everybody else."""
    OFFLINE = "offline"

    @property
    def code(self) -> str:
        """The three letters of the status in CHG, ILN and NLN."""
        return _CODES[self]


_CODES = {
    Status.ONLINE: "NLN",
    Status.BUSY: "BSY",
    Status.IDLE: "IDL",
    Status.BE_RIGHT_BACK: "BRB",
    Status.AWAY: "AWY",
    Status.ON_THE_PHONE: "PHN",
    Status.OUT_TO_LUNCH: "LUN",
    Status.INVISIBLE: "HDN",
    Status.OFFLINE: "FLN",
}
_BY_CODE = {code: status for status, code in _CODES.items()}


def status_of_code(code: str) -> Status | None:
    """Return the state with this code, in any letter case; None for an unknown code."""
    return _BY_CODE.get(code) or _BY_CODE.get(code.upper())


def status_named(word: str) -> Status:
    """Return the state with that name, as a status that an account can set.

    Raises:
        LocalProtocolError: there is no such state, or it is `OFFLINE`, which cannot be set.
    """
    wanted = word.lower().replace("_", " ").strip() if isinstance(word, str) else ""
    found = next((status for status in Status if status == wanted), None)
    if found is None or found is Status.OFFLINE:
        names = ", ".join(status for status in Status if status is not Status.OFFLINE)
        raise LocalProtocolError(f"{word!r} is no status to have", hint=f"choose one of {names}")
    return found

"""What follows when a connection of a session ends: nothing, a move, or another sign-in."""

from __future__ import annotations

from typing import TypeGuard

from .errors import (
    CertificateRejected,
    ConnectionFailed,
    RemoteProtocolError,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    SignInTimeout,
    Step,
    TooManyRedirects,
)

__all__ = ["comes_back", "is_move", "pause_before_again"]

# OTH is not among them: whoever came back would throw the other place out, and it would come back.
_PASSING = frozenset({"XFR", "RCT", "SSD", "MIG", ""})


def is_move(error: SignInError) -> TypeGuard[SessionEnded]:
    """Tell whether the server sent the session on to another one, by `XFR n NS`."""
    return isinstance(error, SessionEnded) and error.reason == "XFR"


def comes_back(lost: SignInError, *, reconnect: bool) -> bool:
    """Tell whether another sign-in follows: a move always, after a loss only with `reconnect`."""
    return is_move(lost) or (reconnect and pause_before_again(lost) is not None)


def pause_before_again(error: SignInError) -> float | None:
    """Return the seconds to let pass before the same sign-in may succeed; None when it will not.

    A password does not get right by being sent again, nor a certificate by being looked at.
    """
    match error:
        case SessionEnded():
            if error.reason not in _PASSING:
                return None
            return 60.0 * (error.minutes or 0)
        case ServiceUnavailable():
            return error.retry_after or 0.0
        case CertificateRejected():
            return None
        case ConnectionFailed() | SignInTimeout():
            return 0.0
        case RemoteProtocolError(step=Step.SESSION) | TooManyRedirects(step=Step.SESSION):
            return 0.0  # another connection may fare better; the pauses grow
        case _:
            return None

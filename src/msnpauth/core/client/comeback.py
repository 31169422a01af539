"""Decides whether and when to sign in again, after a lost connection or a failed sign-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self, TypeGuard

from ..errors import (
    AccountBlocked,
    CertificateRejected,
    LocalProtocolError,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    WrongCredentials,
)

__all__ = [
    "BAD_CERTIFICATE_SECONDS",
    "Comeback",
    "Reconnect",
    "check_reconnect",
    "is_move",
    "uniform",
]

BAD_CERTIFICATE_SECONDS = 24 * 3600.0
"""How long a certificate may stay bad. Networks of volunteers may renew theirs a few hours late."""

# OTH: a client that came back would throw the other place out, and the other place would come back
# too. TOU: the owner has to accept the terms of use first (ywiki out). This side itself has caused
# the other two.
_FOR_GOOD = frozenset({"OTH", "TOU", "closed", "detached"})

_LONGEST_EXPONENT = 64
"""The largest exponent of two in a pause: `2.0 ** 1024` would raise OverflowError."""


def uniform(low: float, high: float) -> float:
    """Return a random number between two others."""
    import random  # the import takes time, and most sessions are never lost

    return random.uniform(low, high)  # noqa: S311 - it spreads attempts; nobody gains by guessing


class _Policy(NamedTuple):
    """The fields of a `Reconnect`."""

    attempts: int | None
    first: float
    longest: float
    longest_wish: float
    from_start: bool


class Reconnect(_Policy):
    """Sign in again when the connection is lost, with growing, random pauses between attempts.

    The pause before attempt n is a random time up to `first` · 2ⁿ⁻¹ seconds and never above
    `longest`, so that the users of a restarted server do not all come back at once. The time that
    a server asks for (`OUT RCT 5`, Retry-After) is added to the pause, up to `longest_wish`.

    Only four things end a session that has a policy: the account signed in elsewhere (`OUT OTH`),
    the password is wrong, the account may not sign in (blocked, or terms of use to accept), and a
    certificate that stays bad for a whole day. Every other failure may be temporary, and the
    sign-in is tried again.

    Attributes:
        attempts: how many attempts in a row may fail; None for no limit.
        first: the upper limit of the first pause, in seconds.
        longest: the upper limit of every pause, in seconds.
        longest_wish: the upper limit of the time that a server may ask for, in seconds.
        from_start: whether a failed first sign-in is tried again as well.

    Raises:
        LocalProtocolError: a number is not in its range.
    """

    __slots__ = ()

    def __new__(
        cls,
        attempts: int | None = None,
        first: float = 1.0,
        longest: float = 300.0,
        longest_wish: float = 3600.0,
        from_start: bool = False,
    ) -> Self:
        if attempts is not None and not attempts >= 1:
            raise LocalProtocolError("attempts must be 1 or more, or None")
        if not 0 <= first <= longest < float("inf"):
            raise LocalProtocolError("pauses are seconds: 0 <= first <= longest")
        if not 0 <= longest_wish < float("inf"):
            raise LocalProtocolError("longest_wish is a number of seconds")
        return super().__new__(cls, attempts, first, longest, longest_wish, from_start)


def check_reconnect(given: Reconnect | bool | None) -> Reconnect | None:
    """Return the policy for the argument `reconnect`: True means the default policy.

    Raises:
        LocalProtocolError: the argument is neither a policy nor a bool nor None.
    """
    if given is None or isinstance(given, bool):
        return Reconnect() if given else None
    if not isinstance(given, Reconnect):
        raise LocalProtocolError("reconnect= is no policy", hint="as in reconnect=Reconnect()")
    return given


def is_move(error: SignInError) -> TypeGuard[SessionEnded]:
    """Tell whether the server sent the session on to another one, by `XFR n NS`."""
    return isinstance(error, SessionEnded) and error.reason == "XFR"


class Comeback:
    """Counts the failed attempts, and computes how long to wait before the next attempt.

    Args:
        policy: the caller's policy; without a policy nothing is tried again.
        uniform: returns a random number between two others.
    """

    def __init__(
        self,
        policy: Reconnect | None,
        *,
        uniform: Callable[[float, float], float] = uniform,
    ) -> None:
        self._policy = policy
        self._uniform = uniform
        self._failed = 0
        self._certificate_bad_since: float | None = None

    def succeeded(self) -> None:
        """Note that a sign-in succeeded: the counting begins anew."""
        self._failed = 0
        self._certificate_bad_since = None

    def after_loss(self, lost: SignInError, now: float, short_lives: int) -> float | None:
        """Return the seconds to wait after a connection was lost; None to give up.

        Args:
            lost: why the connection was lost.
            now: the time, in seconds of any clock.
            short_lives: how many connections in a row, this one included, lasted less than a
                minute. So the pauses go on growing where a server accepts a sign-in and soon drops
                the connection.
        """
        return self._pause(lost, now, max(short_lives - 1, 0))

    def after_failure(self, error: SignInError, now: float, short_lives: int = 0) -> float | None:
        """Return the seconds to wait after an attempt failed; None to give up."""
        self._failed += 1
        allowed = self._policy.attempts if self._policy else 0
        if allowed is not None and self._failed >= allowed:
            return None
        return self._pause(error, now, self._failed + max(short_lives - 1, 0))

    def _pause(self, error: SignInError, now: float, doublings: int) -> float | None:
        if self._policy is None or self._is_for_good(error, now):
            return None
        doubled = self._policy.first * 2.0 ** min(doublings, _LONGEST_EXPONENT)
        wish = min(_wish(error), self._policy.longest_wish)
        return wish + self._uniform(0.0, min(doubled, self._policy.longest))

    def _is_for_good(self, error: SignInError, now: float) -> bool:
        """Tell whether no later attempt could succeed.

        A wrong password stays wrong. All other failures have been seen to be temporary: a page of
        HTML or a 404 while a web server is being changed, a load balancer without its back end, a
        moment without free descriptors, a file of certificates that is just being written.
        """
        if isinstance(error, CertificateRejected):
            if self._certificate_bad_since is None:
                self._certificate_bad_since = now
            return now - self._certificate_bad_since >= BAD_CERTIFICATE_SECONDS
        self._certificate_bad_since = None
        if isinstance(error, SessionEnded):
            return error.reason in _FOR_GOOD
        return isinstance(error, WrongCredentials | AccountBlocked)


def _wish(error: SignInError) -> float:
    """Return how many seconds the server itself asked to wait."""
    if isinstance(error, SessionEnded):
        return 60.0 * (error.minutes or 0)
    if isinstance(error, ServiceUnavailable):
        return max(error.retry_after or 0.0, 0.0)
    return 0.0

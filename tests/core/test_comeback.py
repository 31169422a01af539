from __future__ import annotations

import pytest

from msnpauth.core.comeback import comes_back, is_move, pause_before_again
from msnpauth.core.errors import (
    AccountBlocked,
    CertificateRejected,
    ConnectionFailed,
    LocalProtocolError,
    NoCommonDialect,
    RemoteProtocolError,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    SignInTimeout,
    Step,
    TooManyRedirects,
    UntrustedRedirect,
    WrongCredentials,
)

PAUSES: list[tuple[SignInError, float | None]] = [
    (ConnectionFailed("lost"), 0),
    (SignInTimeout("late"), 0),
    (RemoteProtocolError("no MSNP", step=Step.SESSION), 0),
    (TooManyRedirects("to and fro", step=Step.SESSION), 0),
    (ServiceUnavailable("busy"), 0),
    (ServiceUnavailable("busy", retry_after=90), 90),
    (SessionEnded("", reason=""), 0),
    (SessionEnded("", reason="SSD"), 0),
    (SessionEnded("", reason="MIG"), 0),
    (SessionEnded("", reason="XFR"), 0),
    (SessionEnded("", reason="RCT"), 0),
    (SessionEnded("", reason="RCT", minutes=6), 360),
    (SessionEnded("", reason="OTH"), None),
    (SessionEnded("", reason="TOU"), None),
    (SessionEnded("", reason="closed"), None),
    (SessionEnded("", reason="detached"), None),
    (CertificateRejected("self-signed"), None),
    (RemoteProtocolError("no MSNP", step=Step.NOTIFICATION), None),
    (WrongCredentials("no"), None),
    (AccountBlocked("no"), None),
    (NoCommonDialect("no"), None),
    (UntrustedRedirect("no"), None),
    (TooManyRedirects("no"), None),
    (LocalProtocolError("no"), None),
]


@pytest.mark.parametrize(("lost", "pause"), PAUSES, ids=lambda value: repr(value)[:60])
def test_what_another_sign_in_can_mend(lost: SignInError, pause: float | None) -> None:
    assert pause_before_again(lost) == pause
    assert comes_back(lost, reconnect=True) == (pause is not None)
    assert comes_back(lost, reconnect=False) == is_move(lost)


def test_only_xfr_is_a_move() -> None:
    moves = [lost for lost, _ in PAUSES if is_move(lost)]
    assert [lost.reason for lost in moves if isinstance(lost, SessionEnded)] == ["XFR"]
    assert len(moves) == 1

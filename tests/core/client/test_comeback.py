from __future__ import annotations

from typing import Any

import pytest

from msnpauth import Reconnect
from msnpauth.core.client.comeback import (
    BAD_CERTIFICATE_SECONDS,
    Comeback,
    check_reconnect,
    is_move,
)
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

LOST = ConnectionFailed("lost")

WISHES: list[tuple[SignInError, float | None]] = [
    (ConnectionFailed("lost"), 0),
    (SignInTimeout("late"), 0),
    (RemoteProtocolError("no MSNP", step=Step.SESSION), 0),
    (RemoteProtocolError("no MSNP", step=Step.NOTIFICATION), 0),
    (RemoteProtocolError("404", step=Step.LOGIN, code=404), 0),
    (RemoteProtocolError("signed in already", code=207), 0),
    (TooManyRedirects("to and fro", step=Step.SESSION), 0),
    (TooManyRedirects("no"), 0),
    (UntrustedRedirect("a page of somebody else's"), 0),
    (NoCommonDialect("no"), 0),
    (LocalProtocolError("ca_file cannot be used"), 0),
    (CertificateRejected("self-signed"), 0),
    (ServiceUnavailable("busy"), 0),
    (ServiceUnavailable("busy", retry_after=90), 90),
    (ServiceUnavailable("busy", retry_after=-5), 0),
    (ServiceUnavailable("busy", retry_after=999_999_999), 3600),
    (SessionEnded("", reason=""), 0),
    (SessionEnded("", reason="SSD"), 0),
    (SessionEnded("", reason="MIG"), 0),
    (SessionEnded("", reason="XFR"), 0),
    (SessionEnded("", reason="NEW"), 0),
    (SessionEnded("", reason="RCT"), 0),
    (SessionEnded("", reason="RCT", minutes=6), 360),
    (SessionEnded("", reason="RCT", minutes=999_999), 3600),
    (SessionEnded("", reason="OTH"), None),
    (SessionEnded("", reason="TOU"), None),
    (SessionEnded("", reason="closed"), None),
    (SessionEnded("", reason="detached"), None),
    (WrongCredentials("no"), None),
    (AccountBlocked("no"), None),
]


def highest(_low: float, high: float) -> float:
    return high


def lowest(low: float, _high: float) -> float:
    return low


@pytest.mark.parametrize(("error", "wish"), WISHES, ids=lambda value: repr(value)[:60])
def test_what_another_sign_in_may_mend(error: SignInError, wish: float | None) -> None:
    assert Comeback(Reconnect(), uniform=lowest).after_loss(error, 0.0, 0) == wish
    assert Comeback(Reconnect(), uniform=lowest).after_failure(error, 0.0) == wish
    assert Comeback(None).after_loss(error, 0.0, 0) is None
    assert Comeback(None).after_failure(error, 0.0) is None


def test_only_xfr_is_a_move() -> None:
    moves = [error for error, _ in WISHES if is_move(error)]
    assert [error.reason for error in moves if isinstance(error, SessionEnded)] == ["XFR"]
    assert len(moves) == 1


def test_how_long_a_wish_is_obeyed_is_the_callers_choice() -> None:
    later = SessionEnded("later", reason="RCT", minutes=5)
    assert Comeback(Reconnect(longest_wish=60), uniform=lowest).after_loss(later, 0.0, 0) == 60
    assert Comeback(Reconnect(), uniform=highest).after_loss(later, 0.0, 0) == 301


def test_pauses_grow_up_to_the_longest() -> None:
    comeback = Comeback(Reconnect(first=2, longest=30), uniform=highest)
    pauses = [comeback.after_loss(LOST, 0.0, 0)]
    pauses += [comeback.after_failure(LOST, 0.0) for _ in range(5)]
    assert pauses == [2, 4, 8, 16, 30, 30]
    comeback.succeeded()
    assert comeback.after_loss(LOST, 0.0, 0) == 2


@pytest.mark.parametrize(
    ("short_lives", "expected"),
    [(0, [2, 4]), (1, [2, 4]), (2, [4, 8]), (4, [16, 30]), (9, [30, 30]), (9999, [30, 30])],
)
def test_pauses_go_on_growing_where_every_connection_is_dropped(
    short_lives: int, expected: list[float]
) -> None:
    comeback = Comeback(Reconnect(first=2, longest=30), uniform=highest)
    found = [comeback.after_loss(LOST, 0.0, short_lives)]
    found.append(comeback.after_failure(LOST, 0.0, short_lives))
    assert found == expected


def test_pauses_are_random() -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return 0.5

    comeback = Comeback(Reconnect(), uniform=uniform)
    assert [comeback.after_loss(LOST, 0.0, 0), comeback.after_failure(LOST, 0.0)] == [0.5, 0.5]
    assert asked == [(0, 1), (0, 2)]


def test_it_gives_up_after_so_many_attempts() -> None:
    comeback = Comeback(Reconnect(attempts=3), uniform=lowest)
    comeback.after_loss(LOST, 0.0, 0)
    assert [comeback.after_failure(LOST, 0.0) for _ in range(3)] == [0, 0, None]
    comeback.succeeded()
    assert [comeback.after_failure(LOST, 0.0) for _ in range(3)] == [0, 0, None]


def test_a_certificate_may_be_bad_for_a_day() -> None:
    bad = CertificateRejected("expired")
    comeback = Comeback(Reconnect(), uniform=lowest)
    assert comeback.after_failure(bad, 1000.0) == 0
    assert comeback.after_failure(bad, 1000.0 + BAD_CERTIFICATE_SECONDS - 1) == 0
    assert comeback.after_failure(bad, 1000.0 + BAD_CERTIFICATE_SECONDS) is None


@pytest.mark.parametrize("meanwhile", ["another error", "success"])
def test_the_day_of_a_certificate_begins_anew(meanwhile: str) -> None:
    bad = CertificateRejected("expired")
    comeback = Comeback(Reconnect(), uniform=lowest)
    comeback.after_failure(bad, 0.0)
    if meanwhile == "success":
        comeback.succeeded()
    else:
        comeback.after_failure(LOST, 10.0)
    assert comeback.after_failure(bad, BAD_CERTIFICATE_SECONDS + 5) == 0


@pytest.mark.parametrize(
    "numbers",
    [
        {"attempts": 0},
        {"first": -1},
        {"first": 10, "longest": 5},
        {"longest": float("inf")},
        {"first": float("nan")},
        {"longest_wish": -1},
        {"longest_wish": float("inf")},
        {"longest_wish": float("nan")},
    ],
)
def test_what_is_no_policy(numbers: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        Reconnect(**numbers)


def test_what_stands_for_a_policy() -> None:
    policy = Reconnect(first=0, longest=0)
    assert check_reconnect(True) == Reconnect()
    assert check_reconnect(None) is check_reconnect(False) is None
    assert check_reconnect(policy) is policy
    with pytest.raises(LocalProtocolError, match="no policy"):
        check_reconnect(5)  # type: ignore[arg-type]

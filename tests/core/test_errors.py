from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from msnpauth.core import errors
from msnpauth.core.codes import error_for_code, refusal_for_code
from msnpauth.core.errors import (
    AccountBlocked,
    CertificateRejected,
    ChatEnded,
    CommandRefused,
    ConnectionFailed,
    ContactOffline,
    LocalProtocolError,
    MessageNotDelivered,
    NoCommonDialect,
    NotOnline,
    RemoteProtocolError,
    ServiceUnavailable,
    SessionEnded,
    SignInError,
    SignInTimeout,
    Step,
    TooManyChats,
    TooManyRedirects,
    UntrustedRedirect,
    WrongCredentials,
)
from msnpauth.core.urls import Address


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SignInError("it broke"), "it broke"),
        (
            WrongCredentials("refused", step=Step.LOGIN, server="https://x", code="failed"),
            "login at https://x: refused (failed); check the passport and the password, and that"
            " the account is of this network",
        ),
        (
            WrongCredentials("refused", code=911, server_text="No\nway", hint="h"),
            "refused (911): “No way”; h",
        ),
        (AccountBlocked("b"), "b; sign in at the network's web site to see what it wants"),
        (ServiceUnavailable("busy"), "busy; try again later"),
        (ServiceUnavailable("busy", retry_after=90), "busy; try again in 90 seconds"),
        (
            NoCommonDialect("none"),
            "none; offer other versions with dialects=; one that signs in by MD5 alone needs scheme='MD5'",
        ),
        (
            UntrustedRedirect("to y", step=Step.NEXUS),
            "nexus: to y; a hotspot does that: open a web page in a browser; if that host is the network's, name it in Servers(trusted_hosts=…)",
        ),
        (
            TooManyRedirects("six"),
            "six; the network is misconfigured; try again later or tell its owners",
        ),
        (SignInTimeout("late"), "late; try again, or allow more time with timeout="),
        (ConnectionFailed("refused"), "refused; check the address and the network"),
        (
            CertificateRejected("expired"),
            "expired; if the network has its own certificate authority, name it with ca_file=",
        ),
        (
            RemoteProtocolError("what", server="h:1"),
            "h:1: what; check that the address is the right one for this role",
        ),
        (LocalProtocolError("no", hint="do"), "no; do"),
        (SessionEnded("over", reason="OTH", server="h:1"), "session at h:1: over"),
    ],
)
def test_message(error: SignInError, message: str) -> None:
    assert str(error) == message


def test_every_error_is_one_of_ours() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, Exception):
            assert issubclass(kind, SignInError)
    assert issubclass(SignInTimeout, TimeoutError)
    assert issubclass(ConnectionFailed, OSError)
    assert issubclass(CertificateRejected, ConnectionFailed)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (200, RemoteProtocolError),
        (205, WrongCredentials),
        (208, WrongCredentials),
        (420, AccountBlocked),
        (499, RemoteProtocolError),
        (500, ServiceUnavailable),
        (503, ServiceUnavailable),
        (540, RemoteProtocolError),
        (600, ServiceUnavailable),
        (601, ServiceUnavailable),
        (666, ServiceUnavailable),
        (715, RemoteProtocolError),
        (910, ServiceUnavailable),
        (911, WrongCredentials),
        (921, ServiceUnavailable),
        (923, AccountBlocked),
        (924, AccountBlocked),
        (927, AccountBlocked),
        (928, WrongCredentials),
        (999, ServiceUnavailable),
    ],
)
def test_codes(code: int, kind: type[SignInError]) -> None:
    error = error_for_code(code, server="ns:1863")
    assert type(error) is kind
    assert error.code == code
    assert error.step is Step.NOTIFICATION
    assert f"({code})" in str(error)
    assert error.hint


def test_every_code_has_an_answer() -> None:
    for code in range(100, 1000):
        assert isinstance(error_for_code(code), SignInError)


def test_refusal_within_a_session() -> None:
    error = refusal_for_code(201, "CHG", server="ns:1863")
    assert type(error) is CommandRefused
    assert (
        str(error)
        == "session at ns:1863: CHG was refused: the server did not like a parameter (201)"
    )


def test_text_and_code_are_safe_to_print() -> None:
    error = RemoteProtocolError("two\r\nlines", code="bad\x1bcode")
    assert str(error).startswith("two lines (bad code);")


def every_error() -> list[SignInError]:
    """Return one of each kind, with everything that it can say."""
    given: dict[str, Any] = {"step": Step.LOGIN, "server": "x", "code": 5, "hint": "do"}
    plain = [
        SignInError,
        LocalProtocolError,
        RemoteProtocolError,
        WrongCredentials,
        AccountBlocked,
        NoCommonDialect,
        UntrustedRedirect,
        TooManyRedirects,
        SignInTimeout,
        ConnectionFailed,
        CertificateRejected,
        CommandRefused,
        ContactOffline,
        NotOnline,
        ChatEnded,
        MessageNotDelivered,
    ]
    return [
        *(kind("text", server_text="words", **given) for kind in plain),
        ServiceUnavailable("text", retry_after=3.5, **given),
        TooManyChats("text", retry_after=3.5, step=Step.CHAT, server="x", code=800),
        SessionEnded(
            "text", reason="RCT", minutes=6, moved_to=Address("ns", 1863), server="ns:1863"
        ),
    ]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_errors_can_be_pickled_and_copied(
    error: SignInError, again: Callable[[SignInError], SignInError]
) -> None:
    try:
        raise error
    except SignInError as raised:
        made = again(raised)
    assert made is not error
    assert type(made) is type(error)
    assert (str(made), made.args, made.__dict__) == (str(error), error.args, error.__dict__)
    assert (made.__traceback__, made.__context__, made.__cause__) == (None, None, None)


def test_the_kinds_of_errors_are_all_there() -> None:
    assert {type(error).__name__ for error in every_error()} == {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, SignInError)
    }


def codes() -> list[tuple[int, str, str]]:
    """Return every code from 100 to 999 with the kind and the whole text of its error."""
    rows = []
    for line in (Path(__file__).parent.parent / "data" / "codes.txt").read_text().splitlines():
        numbers, kind, text = line.split(" ", 2)
        first, _, last = numbers.partition("-")
        rows += [(code, kind, text) for code in range(int(first), int(last or first) + 1)]
    return rows


def test_every_code() -> None:
    assert [code for code, _, _ in codes()] == list(range(100, 1000))
    for code, kind, text in codes():
        error = error_for_code(code)
        assert (type(error).__name__, error.code) == (kind, code)
        assert str(error).replace(f" ({code})", "") == text

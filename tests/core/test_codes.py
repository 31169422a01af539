"""What a code means that answers a command of a session; those of a sign-in are in test_errors."""

from __future__ import annotations

import pytest

from msnpauth import (
    AccountBlocked,
    CommandRefused,
    ContactOffline,
    NotOnline,
    RemoteProtocolError,
    ServiceUnavailable,
    SignInError,
    TooManyChats,
    WrongCredentials,
)
from msnpauth.core.codes import KNOWN_CODES, error_for_code, meaning_of, refusal_for_code
from msnpauth.core.errors import Step
from msnpauth.core.findings import section_of


@pytest.mark.parametrize(
    ("verb", "code", "kind", "text"),
    [
        ("CAL", 215, CommandRefused, "they are in the chat already"),
        ("CAL", 216, ContactOffline, "the person does not let the account call them"),
        ("CAL", 217, ContactOffline, "the person is not there"),
        ("SDG", 216, ContactOffline, "the person does not let the account call them"),
        ("SDG", 217, ContactOffline, "the person is not there"),
        ("XFR", 913, NotOnline, "the account is offline to others, and may not chat"),
        ("SDG", 913, NotOnline, "the account is offline to others, and may not chat"),
        ("XFR", 800, TooManyChats, "the server takes no more new chats for a while"),
    ],
)
def test_chats_have_errors_of_their_own(
    verb: str, code: int, kind: type[SignInError], text: str
) -> None:
    error = refusal_for_code(code, verb, server="sb:1864", step=Step.SESSION)
    assert type(error) is kind
    assert (error.text, error.code) == (text, code)
    assert (error.step, error.server) == (Step.CHAT, "sb:1864"), "wherever it was asked"


@pytest.mark.parametrize(
    ("verb", "code", "text"),
    [
        # The same numbers say something else of a list.
        ("ADD", 215, "ADD was refused: the person is on the list already"),
        ("REM", 216, "REM was refused: the person is not on the list"),
        ("BLP", 218, "BLP was refused: it is set so already"),
        ("PRP", 209, "PRP was refused: the display name is not allowed, or the account's address"),
        ("PRP", 800, "PRP was refused: too many changes in a row"),
        ("CHG", 913, "CHG was refused: not allowed while offline"),
        ("CAL", 208, "CAL was refused: that is not a valid account name"),
        ("UUM", 509, "UUM was refused: the server answered by an error"),
        ("XFR", 601, "XFR was refused: the server is unavailable"),
        ("XFR", 699, "XFR was refused: the server is unavailable"),
    ],
)
def test_any_other_command_is_named_beside_what_the_code_means(
    verb: str, code: int, text: str
) -> None:
    error = refusal_for_code(code, verb, server="ns:1863")
    assert type(error) is CommandRefused
    assert error.text.startswith(text)
    assert (error.step, error.server, error.code) == (Step.SESSION, "ns:1863", code)
    assert refusal_for_code(code, verb, step=Step.CHAT).step is Step.CHAT


def test_when_a_new_chat_may_be_tried_again() -> None:
    error = refusal_for_code(800, "XFR")
    assert isinstance(error, TooManyChats)
    assert (error.retry_after, error.hint) == (60.0, "try again in 60 seconds")


@pytest.mark.parametrize("verb", ["CHG", "CAL", "XFR", "SDG", "ADC"])
def test_every_code_is_a_refusal_within_a_session(verb: str) -> None:
    """A wrong password is an end of the sign-in: nothing in a session is one."""
    for code in range(100, 1000):
        error = refusal_for_code(code, verb)
        assert isinstance(error, CommandRefused)
        assert error.code == code


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (217, CommandRefused, "the command was refused: the person is not there"),
        (215, CommandRefused, "the command was refused: the person is on the list already"),
        (911, WrongCredentials, "the server refused the sign-in"),
        (800, ServiceUnavailable, "too many changes in a row"),
        (913, RemoteProtocolError, "not allowed while offline"),
        (927, AccountBlocked, "the account is suspended"),
        (499, RemoteProtocolError, "the server answered by an error"),
    ],
)
def test_a_code_of_which_nothing_else_is_known(
    code: int, kind: type[SignInError], text: str
) -> None:
    error = meaning_of(code)
    assert (type(error), error.text, error.code) == (kind, text, code)


def test_every_code_that_is_known_says_more_than_that_it_is_an_error() -> None:
    assert list(KNOWN_CODES) == sorted(set(KNOWN_CODES))
    for code in KNOWN_CODES:
        assert "the server answered by an error" not in meaning_of(code).text
    # Those that end a sign-in, those of a session, and those of whole families.
    assert {200, 217, 282, 503, 540, 731, 801, 911, 928} <= set(KNOWN_CODES)
    assert not {199, 242, 499, 666} & set(KNOWN_CODES)


@pytest.mark.parametrize("code", [205, 420, 540, 500, 601, 911, 923, 928])
def test_each_is_explained(code: int) -> None:
    error = error_for_code(code)
    assert error.explain() == section_of(error.finding).text()


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        (205, "MA-ACC-03"),
        (928, "MA-ACC-04"),
        (911, "MA-ACC-01"),
        (924, "MA-ACC-05"),
        (200, "MA-MSN-04"),
        (502, "MA-MSN-05"),
        (540, "MA-MSN-06"),
        (601, "MA-WEB-04"),
    ],
)
def test_what_is_found_is_told_apart(code: int, finding: str) -> None:
    assert error_for_code(code).finding == finding

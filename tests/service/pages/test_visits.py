"""Whose a request is, and whether a form may be taken: what other sites and other people try."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from browsing import ALICE, BOB, COOKIE, PASSWORD, Browser
from msnpauth import Secret
from msnpauth.service import Service
from msnpauth.service.pages.tokens import make_token
from msnpauth.service.stores.sql.directory import AccountDirectory

FORMS: dict[str, dict[str, str]] = {
    "/sign-out": {},
    "/sessions/end": {"session": "x"},
    "/sessions/end-all": {},
    "/browsers/end": {"browser": "x"},
    "/tickets/end": {},
    "/password": {"current": PASSWORD, "password": "another pw", "again": "another pw"},
    "/app-passwords": {"name": "old laptop", "scheme": "SSO"},
    "/app-passwords/revoke": {"id": "x"},
}
"""Every form of somebody who is signed in."""


@pytest.fixture
def other(service: Service) -> Iterator[Browser]:
    """Return a browser of Bob's."""
    with Browser(service) as browser:
        browser.sign_in(BOB, PASSWORD)
        browser.at("/")
        yield browser


def is_as_before(accounts: AccountDirectory, stamp: str) -> bool:
    account = accounts.get(ALICE)
    return account.stamp == stamp and not account.app_passwords


@pytest.mark.parametrize("path", FORMS)
def test_each_form_wants_its_token(
    path: str, alice: Browser, other: Browser, accounts: AccountDirectory
) -> None:
    stamp = accounts.get(ALICE).stamp
    old = make_token(Secret(alice.word or ""), datetime.now(UTC) - timedelta(hours=13))
    for token in ("", "x", other.page.tokens[0], old, alice.page.tokens[0][:-1] + "x"):
        answer = alice.send(path, token=token, **FORMS[path])
        assert answer.status == 403, token
        assert "set-cookie" not in answer.headers, "the session is not lost by it"
    assert is_as_before(accounts, stamp)
    alice.at("/")


@pytest.mark.parametrize("path", FORMS)
def test_a_form_from_another_site(path: str, alice: Browser, accounts: AccountDirectory) -> None:
    stamp = accounts.get(ALICE).stamp
    for name, value in (
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ):
        assert alice.send(path, headers={name: value}, **FORMS[path]).status == 403, value
    assert is_as_before(accounts, stamp)
    alice.at("/")


@pytest.mark.parametrize("path", FORMS)
def test_without_a_cookie_no_form_is_taken(path: str, alice: Browser) -> None:
    token = alice.page.tokens[0]
    alice.client.cookies.clear()
    assert alice.send(path, token=token, **FORMS[path]).status == 403


@pytest.mark.parametrize("path", [path for path in FORMS if path != "/sign-out"])
def test_after_the_session_a_form_changes_nothing(
    path: str, alice: Browser, accounts: AccountDirectory
) -> None:
    accounts.end_tickets(ALICE)
    stamp = accounts.get(ALICE).stamp
    assert alice.send(path, **FORMS[path]).goes_to == "/sign-in?notice=ended"
    assert is_as_before(accounts, stamp)
    assert "has ended" in alice.at("/sign-in?notice=ended").text


@pytest.mark.parametrize("path", ["/", "/password", "/app-passwords"])
def test_pages_of_somebody_who_is_signed_in(path: str, browser: Browser) -> None:
    assert (browser.look(path).goes_to or "").startswith("/sign-in")
    browser.sign_in(ALICE, PASSWORD)
    browser.at(path)


def test_a_word_that_somebody_else_has_put_there(browser: Browser, service: Service) -> None:
    """Session fixation: signing in makes another word."""
    with Browser(service) as stranger:
        stranger.at("/sign-in")
        planted = stranger.word or ""
        browser.word = planted
        browser.sign_in(ALICE, PASSWORD)
        assert browser.word != planted
        assert stranger.look("/").goes_to == "/sign-in"
        browser.at("/")


def test_a_word_of_ones_own_choice(browser: Browser) -> None:
    for word in ("a" * 43, "short", "a" * 1000):
        browser.word = word
        assert browser.look("/").goes_to == "/sign-in"


def test_signing_in_again_ends_what_was_there(alice: Browser, service: Service) -> None:
    before = alice.word or ""
    token = alice.page.tokens[0]
    answer = alice.send("/sign-in", token=token, address=BOB, password=PASSWORD)
    assert answer.goes_to == "/"
    assert BOB in alice.at("/").text
    alice.word = before
    assert alice.look("/").goes_to == "/sign-in"


def test_a_stranger_cannot_sign_somebody_in(browser: Browser, service: Service) -> None:
    """Login CSRF: by the stranger's own page, with a token of the stranger's own."""
    with Browser(service) as stranger:
        token = stranger.at("/sign-in").tokens[0]
    browser.at("/sign-in")
    answer = browser.send("/sign-in", token=token, address=BOB, password=PASSWORD)
    assert answer.status == 403
    assert browser.look("/").goes_to == "/sign-in"


def test_the_cookie(browser: Browser) -> None:
    for answer in (browser.look("/sign-in"), browser.sign_in(ALICE, PASSWORD)):
        words = [word.strip().lower() for word in answer.headers["set-cookie"].split(";")]
        assert words[0].startswith(f"{COOKIE.lower()}=")
        assert set(words[1:]) == {"path=/", "secure", "httponly", "samesite=lax"}
    assert "set-cookie" not in browser.look("/").headers


def test_each_browser_has_a_session_of_its_own(alice: Browser, other: Browser) -> None:
    assert ALICE in alice.at("/").text
    assert BOB in other.at("/").text
    assert ALICE not in other.page.text
    alice.word, other.word = other.word or "", alice.word or ""
    assert BOB in alice.at("/").text


def test_a_text_browser_that_says_nothing_of_itself(service: Service) -> None:
    with Browser(service) as lynx:
        token = lynx.at("/sign-in").tokens[0]
        fields = {"token": token, "address": ALICE, "password": PASSWORD}
        assert lynx.client.post("/sign-in", data=fields).status_code == 303


@pytest.mark.parametrize("notice", ["x", "<script>", "%0d%0aSet-Cookie:+a=b", "password%00"])
def test_a_notice_that_nobody_knows(notice: str, browser: Browser) -> None:
    page = browser.at(f"/sign-in?notice={notice}")
    assert "✓" not in page.text
    assert "script>" not in page.html
